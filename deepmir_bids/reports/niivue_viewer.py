"""The whole SWI and QSM inside a page, small enough to be sent around (drawn by NiiVue)."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.imaging.large_volumes import box_of
from deepmir_bids.reports.html_pieces import data_uri, render, to_bytes, web_text
from deepmir_bids.reports.lesion_tiles import QSM_LIMITS_PPM, Images

NIIVUE = 'vendor/niivue-0.69.0.umd.js'
#: Space that is left around the brain.
MARGIN_MM = 4.0
#: More voxels than this are halved in plane: a page with both images then stays below 15 MB.
MOST_VOXELS = 3_500_000
#: Value of a candidate in the labels, after those of the classes.
CANDIDATE = 1 + max(CLASSES.values())


def viewer_html(images: Images, brain: np.ndarray, lesions: pd.DataFrame) -> str:
    """Put 8-bit copies of SWI and QSM, and the labels, into a page.

    Parameters
    ----------
    images
        Of the unit, in canonical order.
    brain
        Its brain mask, shape (X, Y, Z): what lies outside is left out.
    lesions
        Lesions and candidates (:func:`deepmir_bids.lesions.reader_review.read_reviewed_lesions`).

    """
    from scipy.ndimage import binary_dilation

    # Value of each index in the labels, 0 for none.
    found_classes = lesions['class'].map(CLASSES)
    values = found_classes.where(lesions['found_as'] == 'lesion', CANDIDATE)
    classes = np.array([0, *values], dtype=np.uint8)

    near = binary_dilation(brain, iterations=2)
    box = box_of(brain, np.ceil(MARGIN_MM / images.zooms).astype(int))
    swi_limits = (0.0, float(np.percentile(images.swi[brain], 99.5)))
    pictures = {'SWI': to_bytes(images.swi[box], swi_limits)}
    if images.qsm is not None:
        pictures['QSM'] = to_bytes(images.qsm[box], QSM_LIMITS_PPM)
    near = near[box]
    step = 1 if near.size <= MOST_VOXELS else 2
    volumes = {
        name: _encode(np.where(near, picture, 0)[::step, ::step], images, box, step)
        for name, picture in pictures.items()
    }
    volumes['labels'] = _encode(classes[images.labels[box]], images, box, 1)
    return render(
        'viewer.html.j2',
        volumes=volumes,
        niivue=data_uri(gzip.compress(web_text(NIIVUE).encode(), mtime=0), 'application/gzip'),
        script=web_text('viewer.js'),
    )


def _encode(values: np.ndarray, images: Images, box: tuple[slice, ...], step: int) -> str:
    """Address of a compressed NIfTI with these values (uint8), a part of the images' grid."""
    corner = [side.start for side in box]
    affine = images.affine @ nib.affines.from_matvec(np.diag([step, step, 1]), corner)
    image = nib.Nifti1Image(values, affine)
    return data_uri(gzip.compress(image.to_bytes(), mtime=0), 'application/gzip')
