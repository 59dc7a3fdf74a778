"""The group level does not trust the folder that it sums up."""

from __future__ import annotations

import json
import os

import pytest
from made_outputs import draw_lesions, write_unit

from deepmir_bids.bids.run_records import keep_participants, read_participants, read_records
from deepmir_bids.group.cohort_tables import make_tables
from deepmir_bids.group.read_cohort import read_cohort
from deepmir_bids.group.write_group import write_group


def statuses(out):
    units = read_cohort(out).units
    return dict(zip(units['label'], units['status'], strict=True)), units.set_index('label')


def test_nothing_is_written_outside_whatever_a_record_says(out, recorded, finished):
    finished('sub-01')
    log_dir = recorded(**{'sub-01': 'done'})
    for name in ('../../evil', 'sub-x/../../../evil', '/tmp/evil', '..'):
        with (log_dir / 'units.tsv').open('a') as file:
            file.write(f'{name}\tses-1\tfailed\tn/a\n{name}\tses-2\tfailed\tn/a\n')
    assert list(read_records(out)) == ['sub-01']
    before = {path for path in out.parent.rglob('*') if out not in path.parents}
    write_group(make_tables(read_cohort(out)), out)
    assert {path for path in out.parent.rglob('*') if out not in path.parents} == before


@pytest.mark.parametrize(
    ('anatomy', 'says'),
    [
        ({'Template': '../../evil'}, 'Template is "../../evil", where letters and digits'),
        ({'Quality': {'BrainVolume': 'large'}}, 'Quality.BrainVolume is "large", where a number'),
        ({'Quality': {'QSMShift': 'far'}}, 'Quality.QSMShift is "far", where a number'),
        ({'Quality': 3}, 'Quality is 3'),
        ({'Registration': {'MutualInformation': [1]}}, 'MutualInformation is [1]'),
    ],
)
def test_a_sidecar_of_another_kind_costs_its_unit_alone(out, finished, anatomy, says):
    finished('sub-01', anatomy=anatomy)
    finished('sub-02')
    found, units = statuses(out)
    assert found == {'sub-01': 'failed', 'sub-02': 'done'}
    assert says in units.loc['sub-01', 'reason']
    assert 'brain_mask.json' in units.loc['sub-01', 'reason']


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ('', 'has no column index'),
        ('index\tname\n', 'has no column class'),
        ('index\tname\tclass\tx\ty\tz\n1\ta\tflair\t0\t0\t0\n', 'unknown class "flair"'),
        ('index\tname\tclass\tx\ty\tz\n1\ta\tCMB\tleft\t0\t0\n', '"left" where a number'),
        ('index\tname\tclass\tx\ty\tz\n1\ta\tCMB\tinf\t0\t0\n', '"inf" where a number'),
        ('\t' * 5000 + '\n1' * 5000, 'has no column'),
    ],
)
def test_a_lesion_table_that_is_none_is_not_taken_for_no_lesions(out, text, says):
    folder = write_unit(out, 'sub-01', draw_lesions([], None))
    (table,) = folder.glob('*desc-lesions_dseg.tsv')
    table.write_text(text)
    found, units = statuses(out)
    assert found == {'sub-01': 'failed'}
    assert says in units.loc['sub-01', 'reason']


def test_a_table_of_participants_without_any_is_passed_over(out, tmp_path):
    log_dir = out / 'logs' / 'x'
    log_dir.mkdir(parents=True)
    (log_dir / 'participants.tsv').write_text('name\tage\nsub-01\t60\n')
    (log_dir / 'participants.json').write_text('[' * 100_000)
    assert read_participants(out).rows == {}
    (tmp_path / 'participants.tsv').write_text('\t' * 5000 + '\n' * 5000)
    (tmp_path / 'participants.json').write_text('{}')
    keep_participants(log_dir, tmp_path, ['01'])


def test_links_in_a_circle_and_pipes_are_no_results(out, finished):
    folder = finished('sub-01')
    (out / 'sub-02').symlink_to('sub-02')
    (sidecar,) = folder.glob('*desc-brain_mask.json')
    sidecar.unlink()
    os.mkfifo(sidecar)
    found, units = statuses(out)
    assert found == {'sub-01': 'failed'}
    assert 'it is not a file' in units.loc['sub-01', 'reason']


def test_half_a_letter_is_refused_where_it_is_read(out, finished):
    folder = finished('sub-01')
    (sidecar,) = folder.glob('*desc-brain_mask.json')
    content = json.loads(sidecar.read_text()) | {'TemplateNote': '\ud800'}
    sidecar.write_text(json.dumps(content))
    assert statuses(out)[0] == {'sub-01': 'failed'}
