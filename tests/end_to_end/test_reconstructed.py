"""A participant who has magnitude and phase alone, from them to the page."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.simulation.acquisition import SLOPPY
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject
from deepmir_bids.simulation.simulated_subject import simulate_subject


@pytest.mark.long
def test_a_unit_of_magnitude_and_phase_is_like_any_other(tmp_path, deepmir):
    bids = tmp_path / 'bids'
    create_dataset(bids)
    write_subject(bids, '01', simulate_subject(11, SLOPPY, enriched=True, echoes=3))
    for ready in (*bids.glob('sub-01/anat/*swi_T2starw*'), *bids.glob('sub-01/anat/*Chimap*')):
        ready.unlink()
    done = deepmir(bids, tmp_path / 'run', '--reconstruct', 'auto', '--sloppy', '--nprocs', '2')
    assert done.status == 0, done.said
    anat = done.out_dir / 'sub-01' / 'anat'
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
