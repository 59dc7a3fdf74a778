"""How an image is stored is no property of the head."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.bids.tables import read_tsv
from deepmir_bids.simulation.dataset import create_dataset, write_subject
from deepmir_bids.simulation.subject import reorient

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
    places = [table.loc[table['class'] == 'CMB', ['x', 'y', 'z']] for table in tables]
    assert len(places[0]) == pytest.approx(len(places[1]), abs=1)
    apart = np.linalg.norm(
        places[0].to_numpy()[:, None] - places[1].to_numpy()[None], axis=-1
    ).min(axis=1)
    assert np.mean(apart < 1.0) > 0.9
