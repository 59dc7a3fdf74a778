"""How an image is stored is no property of the head."""

from __future__ import annotations

import shutil

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.simulation.simulated_subject import reorient

pytestmark = pytest.mark.slow


def test_storage_order_does_not_matter(one_subject, one_run, tmp_path, deepmir):
    """The same head stored LPI and RAS gives the same lesions in the world."""
    root = tmp_path / 'bids'
    shutil.copytree(one_subject, root)
    for path in root.rglob('*.nii.gz'):
        image = reorient(nib.load(path), 'LPI')
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine), path)
    done = deepmir(root, tmp_path / 'run', '--sloppy')
    assert done.status == one_run.status == 0, done.said
    name = 'sub-01/anat/sub-01_space-SWI_seg-deepmir_desc-lesions_dseg.tsv'
    tables = [read_tsv(run.out_dir / name) for run in (one_run, done)]
    ras, lpi = (table[table['class'] == 'CMB'] for table in tables)
    # Those at the threshold come and go: header coordinates are rounded, so that the registration
    # differs by a tenth of a millimetre.
    assert len(ras) == pytest.approx(len(lpi), rel=0.15)
    for one, other in ((ras, lpi), (lpi, ras)):
        sure = one[one['probability'] > 0.95]
        assert len(sure) > 3
        places = [table[['x', 'y', 'z']].to_numpy(float) for table in (sure, other)]
        apart = np.linalg.norm(places[0][:, None] - places[1][None], axis=-1).min(axis=1)
        assert (apart < 2).all()
