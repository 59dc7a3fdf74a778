"""How an image is stored is no property of the head."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.simulation.simulated_dataset import create_dataset, write_subject
from deepmir_bids.simulation.simulated_subject import reorient

pytestmark = pytest.mark.slow


def test_storage_order_does_not_matter(subject, tmp_path, deepmir):
    """The same head stored LPI and RAS gives the same lesions in the world."""
    root = tmp_path / 'bids'
    create_dataset(root)
    write_subject(root, 'ras', subject(11))
    write_subject(root, 'lpi', subject(11))
    for path in (root / 'sub-lpi' / 'anat').glob('*.nii.gz'):
        image = reorient(nib.load(path), 'LPI')
        nib.save(nib.Nifti1Image(np.asarray(image.dataobj), image.affine), path)
    done = deepmir(root, tmp_path / 'run', '--sloppy')
    assert done.status == 0, done.said
    tables = [
        read_tsv(
            done.out_dir
            / f'sub-{label}/anat/sub-{label}_space-SWI_seg-deepmir_desc-lesions_dseg.tsv'
        )
        for label in ('ras', 'lpi')
    ]
    ras, lpi = (table[table['class'] == 'CMB'] for table in tables)
    assert len(ras) == pytest.approx(len(lpi), abs=2)
    # One at the threshold may come and go: the registration is not the same to the last digit.
    for one, other in ((ras, lpi), (lpi, ras)):
        sure = one[one['probability'] > 0.95]
        assert len(sure) > 3
        places = [table[['x', 'y', 'z']].to_numpy(float) for table in (sure, other)]
        apart = np.linalg.norm(places[0][:, None] - places[1][None], axis=-1).min(axis=1)
        assert (apart < 2).all()
