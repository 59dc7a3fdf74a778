"""A dataset of somebody's images with lesions put in: files, truth, and untouched inputs."""

import hashlib
import json
import shutil
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.atlas_structures import Structure
from deepmir_bids.errors import UsageError
from deepmir_bids.evaluation.truth_pairs import class_maps
from deepmir_bids.imaging.read_image import read_on_grid
from deepmir_bids.settings import Settings
from deepmir_bids.simulation import implanted_dataset
from deepmir_bids.simulation.implanted_dataset import ImplantPlan, implant_dataset
from deepmir_bids.simulation.implanted_subject import RegisteredHead
from deepmir_bids.simulation.real_scan import ScanOptions
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject

NAMES = (
    Structure(1, 'putamen', 'deep', 'putamen'),
    Structure(2, 'frontal lobe', 'lobar', 'frontal lobe'),
)
SWI, CHI, T2W = (f'sub-01/anat/sub-01_{s}.nii.gz' for s in ('rec-swi_T2starw', 'Chimap', 'T2w'))


@pytest.fixture
def known_head(sloppy, monkeypatch):
    """Spare the registration: brain and nuclei of the simulated head are known."""

    def register(swi, t2w, *_, **__):
        brain, ganglia = (
            nib.as_closest_canonical(image).get_fdata() > 0
            for image in (sloppy.brain_mask, sloppy.basal_ganglia)
        )
        structures = np.where(brain, np.where(ganglia, 1, 2), 0)
        return RegisteredHead(brain, structures, None if t2w is None else sloppy.t2w_to_swi)

    anatomy = SimpleNamespace(structures=NAMES)
    monkeypatch.setattr(implanted_dataset, 'register_head', register)
    monkeypatch.setattr(implanted_dataset, 'find_anatomy', lambda *_: anatomy)


@pytest.fixture
def bids(tmp_path, sloppy):
    """A participant whose voxels are stored obliquely and not as RAS."""
    create_dataset(tmp_path / 'bids')
    write_subject(tmp_path / 'bids', '01', sloppy)
    return tmp_path / 'bids'


def settings_of(bids, **more):
    return Settings(bids_dir=bids, out_dir=bids.parent, work_dir=bids.parent, **more)


def digests(folder):
    files = sorted(path for path in folder.rglob('*') if path.is_file())
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_a_participant(bids, sloppy, known_head):
    before, out = digests(bids), bids.parent / 'out'
    plan = ImplantPlan(microbleeds=6, seed=1)
    (outcome,) = implant_dataset(out, settings_of(bids), plan)
    assert outcome.written
    assert digests(bids) == before
    assert (out / 'participants.tsv').read_text() == (bids / 'participants.tsv').read_text()

    (path,) = class_maps(out / 'derivatives' / 'truth')
    reference = nib.load(out / SWI)
    truth = read_on_grid(path, reference)
    assert set(np.unique(truth)) <= {0, *CLASSES.values()}
    table = pd.read_csv(str(path).replace('truth_dseg.nii.gz', 'lesions_dseg.tsv'), sep='\t')
    assert table['class'].value_counts().to_dict() == {'CMB': 6, 'iron': 2}
    assert table['visible'].sum() >= 4
    sidecar = json.loads((out / SWI.replace('.nii.gz', '.json')).read_text())
    assert sidecar['EchoTime'] == 0.02

    change = {}
    for name in (SWI, CHI, T2W):
        old, new = nib.load(bids / name), nib.load(out / name)
        np.testing.assert_allclose(new.affine, old.affine, atol=1e-5)
        assert nib.aff2axcodes(new.affine) == nib.aff2axcodes(old.affine)
        change[name] = new.get_fdata() - old.get_fdata()
    seen = table[table['visible']]
    voxels = nib.affines.apply_affine(np.linalg.inv(reference.affine), seen[['x', 'y', 'z']])
    for voxel in np.rint(voxels).astype(int):
        around = tuple(slice(max(v - 1, 0), v + 2) for v in voxel)
        assert change[SWI][around].min() < -50
    level = np.median(nib.load(bids / SWI).get_fdata()[sloppy.brain_mask.get_fdata() > 0])
    changed = np.argwhere(np.abs(change[SWI]) > 0.2 * level)
    places = nib.affines.apply_affine(reference.affine, changed)
    apart = np.linalg.norm(places[:, None] - table[['x', 'y', 'z']].to_numpy(), axis=2)
    assert (apart.min(axis=1) < 10).all()
    voxel_mm3 = np.prod(nib.affines.voxel_sizes(nib.load(out / CHI).affine))
    added = change[CHI].sum() * voxel_mm3
    assert 0.6 * table['chi_mm3'].sum() < added < 1.01 * table['chi_mm3'].sum()
    assert change[T2W].min() < 0
    assert change[T2W].max() < 1


@pytest.mark.slow
def test_same_seed_same_lesions_for_a_person_alone(bids, known_head):
    def table(folder, **plan):
        list(implant_dataset(bids.parent / folder, settings_of(bids, inputs=('swi',)),
                             ImplantPlan(microbleeds=3, **plan)))  # fmt: skip
        anat = bids.parent / folder / 'derivatives/truth/sub-01/anat'
        return (anat / 'sub-01_space-SWI_desc-lesions_dseg.tsv').read_text()

    first = table('one', seed=4)
    for part in ('sub-01', 'derivatives/truth/sub-01'):
        shutil.copytree(bids / part, (bids / part).with_name('sub-00'))
    for path in sorted(bids.rglob('sub-00/anat/sub-01*')):
        path.rename(path.with_name(path.name.replace('sub-01', 'sub-00')))
    assert table('two', seed=4) == first
    assert table('three', seed=5) != first


@pytest.mark.slow
def test_a_stand_in_stays_one(bids, known_head):
    for suffix in ('nii.gz', 'json'):
        path = bids / SWI.replace('nii.gz', suffix)
        path.rename(path.with_name(path.name.replace('rec-swi_', '')))
    settings = settings_of(bids, inputs=('swi',))
    plan = ImplantPlan(ScanOptions(echo_time_s=0.01), microbleeds=2)
    list(implant_dataset(bids.parent / 'out', settings, plan))
    assert (bids.parent / 'out/sub-01/anat/sub-01_T2starw.nii.gz').is_file()


def test_what_lacks_is_said_for_each_participant(bids, known_head):
    sidecar = bids / SWI.replace('.nii.gz', '.json')
    sidecar.write_text('{"MagneticFieldStrength": 3}')
    (outcome,) = implant_dataset(bids.parent / 'out', settings_of(bids), ImplantPlan())
    assert not outcome.written
    assert '--echo-time' in outcome.sentence
    assert 'sub-01_rec-swi_T2starw.nii.gz' in outcome.sentence
    assert not list((bids.parent / 'out').iterdir())


@pytest.mark.parametrize('place', ['bids', 'bids/derivatives/new', 'qsm/new', 'full'])
def test_inputs_are_never_written_to(bids, place):
    (bids.parent / 'qsm').mkdir()
    (bids.parent / 'full').mkdir()
    (bids.parent / 'full' / 'mine.txt').write_text('precious')
    before = digests(bids.parent)
    settings = settings_of(bids, derivatives={'qsm': bids.parent / 'qsm'})
    with pytest.raises(UsageError, match=r'not an empty folder|lies inside'):
        next(implant_dataset(bids.parent / place, settings, ImplantPlan()))
    assert digests(bids.parent) == before
