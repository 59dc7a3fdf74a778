"""One participant whose folder cannot be looked through is skipped, and says why."""

from __future__ import annotations

import os

import pytest

from deepmir_bids.bids import dataset_index, near_misses
from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.bids.near_misses import unreadable_part
from deepmir_bids.settings import Settings


@pytest.fixture
def raw(tmp_path):
    root = tmp_path / 'raw'
    for label in ('sound', 'bad'):
        (root / f'sub-{label}' / 'anat').mkdir(parents=True)
    (root / 'sub-sound/anat/sub-sound_swi.nii.gz').touch()
    (root / 'dataset_description.json').write_text('{"Name": "x", "BIDSVersion": "1.9.0"}')
    return root


def link_to_nowhere(root):
    (root / 'sub-bad/anat').rmdir()
    (root / 'sub-bad/anat').symlink_to('nowhere')


def whole_folder_in_a_circle(root):
    (root / 'sub-bad/anat').rmdir()
    (root / 'sub-bad').rmdir()
    (root / 'sub-bad').symlink_to('sub-bad')


def name_that_is_no_text(root):
    with open(os.fsencode(root / 'sub-bad/anat') + b'/sub-bad_\xff_swi.nii.gz', 'w'):
        pass


def label_that_is_no_text(root):
    os.rename(root / 'sub-bad', os.fsencode(root / 'sub-bad') + b'\xff')


def rules_of_its_own(root):
    (root / 'sub-bad/anat/layout_config.json').mkdir()


def circles_within(root):
    for name in 'xyz':
        (root / f'sub-bad/anat/{name}').symlink_to('.')


@pytest.mark.parametrize(
    ('spoil', 'says'),
    [
        (link_to_nowhere, 'leads nowhere'),
        (whole_folder_in_a_circle, 'leads nowhere'),
        (name_that_is_no_text, 'no text'),
        (label_that_is_no_text, 'no label that BIDS allows'),
        (rules_of_its_own, 'no SWI found'),
        (circles_within, 'no SWI found'),
    ],
)
def test_a_folder_that_is_spoilt_costs_its_participant_alone(raw, tmp_path, spoil, says):
    spoil(raw)
    bad, sound = collect_units(Settings(raw, tmp_path / 'out', tmp_path / 'work'))
    assert says in bad.skipped
    assert bad.label.isprintable()
    assert sound.swi is not None
    assert sound.skipped is None


def test_a_folder_without_permission_costs_its_participant_alone(raw, tmp_path, monkeypatch):
    def may_enter(folder):
        return 'bad' not in str(folder)

    # Root may look into every folder.
    monkeypatch.setattr(dataset_index, 'may_enter', may_enter)
    monkeypatch.setattr(near_misses, 'may_enter', may_enter)
    (raw / 'sub-bad/anat/sub-bad_swi.nii.gz').touch()
    bad, sound = collect_units(Settings(raw, tmp_path / 'out', tmp_path / 'work'))
    assert bad.skipped == f'{raw}/sub-bad cannot be looked into: see to its permissions'
    assert sound.swi is not None


def test_a_sound_folder_has_nothing_that_cannot_be_read(raw):
    assert unreadable_part(raw / 'sub-sound') == ''


def test_a_file_that_was_not_fetched_is_no_participant(raw, tmp_path):
    (raw / 'sub-03.html').symlink_to('.git/annex/objects/x')
    (raw / 'sub-sound/ses-1_scans.tsv').symlink_to('../.git/annex/objects/x')
    labels = [unit.label for unit in collect_units(Settings(raw, tmp_path / 'o', tmp_path / 'w'))]
    assert labels == ['sub-bad', 'sub-sound']
