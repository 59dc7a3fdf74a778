"""A participant who has magnitude and phase alone, from them to the page."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.acceptance.implanted_head import implant
from deepmir_bids.acceptance.prepared_head import finished_head
from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.reconstruction.swi_of_echoes import amounts_to
from deepmir_bids.settings import Settings
from deepmir_bids.simulation.acquisition import SLOPPY
from deepmir_bids.simulation.implanted_dataset import ImplantPlan
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject
from deepmir_bids.simulation.simulated_subject import simulate_subject


@pytest.mark.long
def test_a_unit_of_magnitude_and_phase_is_like_any_other(tmp_path, deepmir):
    bids = tmp_path / 'bids'
    create_dataset(bids)
    write_subject(bids, '01', simulate_subject(11, SLOPPY, enriched=True, echoes=3))
    for ready in (*bids.glob('sub-01/anat/*swi_T2starw*'), *bids.glob('sub-01/anat/*Chimap*')):
        ready.unlink()
    always = ('--reconstruct', 'always', '--reconstruct-only', '--sloppy')
    done = deepmir(bids, tmp_path / 'run', *always)
    assert done.status == 0, done.said
    maps = _check_maps(done.out_dir)
    assert not list(done.out_dir.rglob('units.tsv'))

    done = deepmir(bids, tmp_path / 'run', '--reconstruct', 'auto', '--sloppy', '--nprocs', '2')
    assert done.status == 0, done.said
    anat = done.out_dir / 'sub-01' / 'anat'
    # Images that were there alone give way to those of the lesions, which are the same.
    assert not list(done.out_dir.rglob('*fieldmap*'))
    found = _values(anat / 'sub-01_space-SWI_desc-preproc_Chimap.nii.gz')
    np.testing.assert_array_equal(found, maps['Chimap'])
    again = deepmir(bids, tmp_path / 'run', *always)
    assert again.status == 1
    assert 'give --reconstruct-only another out_dir' in again.said
    detection = json.loads(next(anat.glob('*desc-lesions_dseg.json')).read_text())
    assert detection['InputsMade'] == ['swi', 'qsm']
    for name in ('desc-swi_T2starw', 'desc-minip_T2starw', 'R2starmap'):
        sidecar = json.loads((anat / f'sub-01_space-SWI_{name}.json').read_text())
        assert sidecar['Reconstruction']['EchoTimes'] == pytest.approx([0.008, 0.016, 0.024])
        assert len(sidecar['Sources']) == 6
    chi = nib.load(anat / 'sub-01_space-SWI_desc-preproc_Chimap.nii.gz').get_fdata()
    truth = nib.load(next((bids / 'derivatives' / 'truth').rglob('*Chimap.nii.gz'))).get_fdata()
    tissue = (chi != 0) & (np.abs(truth) < 0.3)
    assert np.corrcoef(chi[tissue], truth[tissue])[0, 1] > 0.3
    pictures = {path.name for path in (done.out_dir / 'sub-01' / 'figures').iterdir()}
    assert {f'sub-01_space-SWI_desc-{n}_T2starw.png' for n in ('field', 'magnitude')} <= pictures
    assert 'Local field from the phase' in (done.out_dir / 'sub-01.html').read_text()
    done = deepmir(bids, tmp_path / 'run', '--reconstruct', 'auto', '--reports-only')
    assert done.status == 0, done.said
    assert 'Local field from the phase' in (done.out_dir / 'sub-01.html').read_text()
    assert pictures == {path.name for path in (done.out_dir / 'sub-01' / 'figures').iterdir()}
    _check_acceptance(Settings(bids, done.out_dir, tmp_path, reconstruct='auto', sloppy=True))


def _check_acceptance(settings) -> None:
    """Lesions of an acceptance test go into the SWI that was made, at the time it amounts to."""
    (unit,) = collect_units(settings)
    head = finished_head(unit, settings)
    made = settings.out_dir / 'sub-01' / 'anat' / 'sub-01_space-SWI_desc-swi_T2starw.nii.gz'
    assert np.allclose(
        np.sort(head.images['swi'].get_fdata().ravel()), np.sort(_values(made).ravel())
    )
    found = implant(head, settings, ImplantPlan(microbleeds=2))
    before, after = (one['swi'].get_fdata() for one in (head.images, found.images))
    truth = np.asarray(found.truth.dataobj) > 0
    assert truth.any()
    assert after[truth].mean() < 0.8 * before[truth].mean()
    assert amounts_to(unit.echoes.echo_times_s) == pytest.approx(0.0187, abs=1e-4)


def _check_maps(out_dir) -> dict[str, np.ndarray]:
    """Look at what a run left that makes images only; return their values by the suffix."""
    files = {path.name for path in out_dir.rglob('sub-01_*')}
    names = ('desc-preproc_Chimap', 'desc-swi_T2starw', 'desc-minip_T2starw', 'R2starmap')
    names = (*names, 'desc-local_fieldmap', 'desc-reliable_mask')
    ends = ('.nii.gz', '.json')
    assert files == {f'sub-01_space-SWI_{name}{end}' for name in names for end in ends}
    maps = {path.name[:-7].split('_')[-1]: _values(path) for path in out_dir.rglob('*.nii.gz')}
    field = out_dir / 'sub-01' / 'fmap' / 'sub-01_space-SWI_desc-local_fieldmap.json'
    sidecar = json.loads(field.read_text())
    assert sidecar['Units'] == 'Hz'
    assert sidecar['Reconstruction']['MagneticFieldStrength'] == 3
    inside = maps['mask'] > 0
    assert not maps['Chimap'][~inside].any()
    # The field of tissue at 3 T is of some Hz: in ppm it would be a hundredth of that.
    assert 1 < maps['fieldmap'][inside].std() < 10
    return maps


def _values(path) -> np.ndarray:
    return nib.load(path).get_fdata()
