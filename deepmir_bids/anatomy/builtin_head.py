"""The built-in anatomy: nilearn's packaged MNI152 (2009a symmetric) maps and a head around them.

Nothing is downloaded. The maps are nilearn's T1w, grey and white matter of the ICBM 2009a
symmetric average (Fonov et al., NeuroImage 2011;54:313), skull-stripped and scaled to 0..1.
"""

from __future__ import annotations

import numpy as np

from deepmir_bids.anatomy.deep_nuclei import draw_nuclei, nuclei
from deepmir_bids.anatomy.ellipsoids import grid_points

#: The space of everything in this module.
SPACE = 'MNI152NLin2009aSym'

#: Brightness of each tissue, 0..1, as in an average image of that contrast (working values; for
#: T2w and T1w after the HCP's T2w average and ICBM's T1w average).
CONTRASTS = {
    't2w': {'gm': 0.57, 'wm': 0.40, 'csf': 1.00, 'skull': 0.12, 'scalp': 0.55},
    't1w': {'gm': 0.70, 'wm': 0.90, 'csf': 0.27, 'skull': 0.20, 'scalp': 0.60},
    'swi': {'gm': 0.65, 'wm': 0.55, 'csf': 0.60, 'skull': 0.05, 'scalp': 0.35},
}

#: What the iron of a nucleus leaves of its brightness in T2- and T2*-weighted images.
IRON_DARKENING = {
    't2w': {
        'pallidum': 0.70,
        'substantia nigra': 0.75,
        'red nucleus': 0.75,
        'dentate': 0.85,
    },
    'swi': {
        'pallidum': 0.60,
        'substantia nigra': 0.60,
        'red nucleus': 0.65,
        'dentate': 0.70,
        'putamen': 0.85,
        'caudate': 0.90,
    },
    't1w': {},
}


#: Centre and half-axes, MNI mm, of the soft tissue below the skull base.
FACE_AND_NECK = (((0, 40, -60), (62, 52, 55)), ((0, -45, -85), (62, 58, 55)))


def tissue_maps(resolution_mm: int = 1) -> dict:
    """Tissue maps of the built-in anatomy.

    Parameters
    ----------
    resolution_mm
        Voxel size in mm, a whole number. 1 gives a grid of 197x233x189.

    Returns
    -------
    maps
        nibabel images of one grid, RAS+, float32 in 0..1: ``gm``, ``wm``, ``csf`` (which add up
        to 1 in the brain), ``t1w`` (no skull), and ``brain_mask`` (uint8; 1.88 L, with the CSF).

    """
    import nibabel as nib
    from nilearn import datasets

    loaders = {
        'gm': datasets.load_mni152_gm_template,
        'wm': datasets.load_mni152_wm_template,
        't1w': datasets.load_mni152_template,
        'brain_mask': datasets.load_mni152_brain_mask,
    }
    # Every other voxel of the maps of 1 mm is what nilearn would interpolate, in seconds.
    loaded = {
        name: load(resolution=1).slicer[(slice(None, None, resolution_mm),) * 3]
        for name, load in loaders.items()
    }
    affine = loaded['gm'].affine
    arrays = {name: np.clip(image.get_fdata(), 0, 1) for name, image in loaded.items()}
    brain = arrays['brain_mask'] > 0.5
    gm, wm = arrays['gm'] * brain, arrays['wm'] * brain
    total = np.maximum(gm + wm, 1)
    gm, wm = gm / total, wm / total
    maps = {'gm': gm, 'wm': wm, 'csf': brain * (1 - gm - wm), 't1w': arrays['t1w'] * brain}
    images = {name: nib.Nifti1Image(m.astype(np.float32), affine) for name, m in maps.items()}
    images['brain_mask'] = nib.Nifti1Image(brain.astype(np.uint8), affine)
    return images


def grow_head(
    maps: dict, csf_mm: float = 1.5, skull_mm: float = 6.0, scalp_mm: float = 9.0
) -> dict:
    """The tissue maps with a rim of CSF, a skull, a scalp, a face and a neck around the brain.

    Parameters
    ----------
    maps
        What `tissue_maps` gives.
    csf_mm, skull_mm, scalp_mm
        Thickness of each layer: those of the ICBM T1w average, above the skull base. The skull
        follows the brain's smooth outline, not its furrows.

    Returns
    -------
    maps
        The given maps with a wider ``csf`` and, as float32 of the same grid, ``skull`` and
        ``scalp`` (which takes in the soft tissue of face and neck). ``brain_mask`` stays as it
        was.

    """
    import nibabel as nib
    from nibabel.affines import voxel_sizes
    from scipy import ndimage

    affine = maps['brain_mask'].affine
    brain = np.asarray(maps['brain_mask'].dataobj) > 0
    zooms = voxel_sizes(affine)
    # Closing by 10 mm: the skull bridges the fissures and the gap between cerebrum and cerebellum.
    outer = ndimage.distance_transform_edt(~brain, sampling=zooms)
    smooth = ndimage.distance_transform_edt(outer <= 10, sampling=zooms) > 10
    distance = ndimage.distance_transform_edt(~(smooth | brain), sampling=zooms)
    edges = np.cumsum([csf_mm, skull_mm, scalp_mm])
    points = grid_points(brain.shape, affine)
    below = np.any([_in_ellipsoid(points, *part) for part in FACE_AND_NECK], axis=0)
    within = (distance <= edges[2]) | below.reshape(brain.shape)
    layers = {
        'csf': ~brain & (distance <= edges[0]),
        'skull': (distance > edges[0]) & (distance <= edges[1]),
        'scalp': (distance > edges[1]) & within,
    }
    layers = {name: layer.astype(np.float32) for name, layer in layers.items()}
    layers['csf'] += maps['csf'].get_fdata(dtype=np.float32)
    return maps | {name: nib.Nifti1Image(layer, affine) for name, layer in layers.items()}


def _in_ellipsoid(points: np.ndarray, centre, half_axes) -> np.ndarray:
    return (((points - np.float32(centre)) / np.float32(half_axes)) ** 2).sum(axis=1) < 1


def contrast_image(maps: dict, contrast: str):
    """A fixed image of one contrast, from the maps that are given.

    With the maps of `tissue_maps` it is a brain without skull, with those of `grow_head` a whole
    head. ``'t1w'`` keeps the real average T1w inside the brain.

    Parameters
    ----------
    maps
        Tissue maps of one grid.
    contrast
        ``'t2w'``, ``'t1w'`` or ``'swi'`` (magnitude weighted by T2*).

    Returns
    -------
    image
        nibabel image, float32, about 0..1.

    """
    import nibabel as nib

    affine, shape = maps['gm'].affine, maps['gm'].shape
    brightness = CONTRASTS[contrast]
    image = np.zeros(shape, np.float32)
    for tissue, value in brightness.items():
        if tissue in maps:
            image += value * np.asarray(maps[tissue].dataobj, np.float32)
    labels = draw_nuclei(shape, affine)
    for nucleus in nuclei():
        if nucleus.kind in IRON_DARKENING[contrast]:
            image[labels == nucleus.index] *= IRON_DARKENING[contrast][nucleus.kind]
    if contrast == 't1w':
        brain = np.asarray(maps['brain_mask'].dataobj) > 0
        image[brain] = np.asarray(maps['t1w'].dataobj)[brain]
    return nib.Nifti1Image(image, affine)
