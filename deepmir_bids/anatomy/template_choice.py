"""The template that a run uses: TemplateFlow's, or the built-in one where there is no other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import deepmir_bids
from deepmir_bids.anatomy import builtin_head
from deepmir_bids.anatomy.atlas_structures import Structure, read_structures
from deepmir_bids.anatomy.brain_regions import (
    brain_structures,
    draw_structures,
    regions_of,
    structures_at,
)
from deepmir_bids.anatomy.complete_atlas import complete_atlas
from deepmir_bids.anatomy.deep_nuclei import nuclei
from deepmir_bids.anatomy.ellipsoids import grid_points
from deepmir_bids.anatomy.templateflow_files import REQUIRED, template_files
from deepmir_bids.bids.whole_files import make_once
from deepmir_bids.data import load

#: The atlas drawn from this project's own shapes.
BUILTIN_ATLAS = 'builtin'
#: Atlases that are known by name.
ATLASES = ('HOSPA', BUILTIN_ATLAS)


@dataclass(frozen=True)
class FixedImage:
    """An image of the template that a registration may start from."""

    contrast: str
    extent: str  # 'head' or 'brain'
    path: Path


@dataclass(frozen=True)
class Anatomy:
    """A template with its atlas. All images share one world (the space ``name``).

    ``judge`` is the brain, without skull and T2w-like, that registrations are refined to and
    judged by. ``labels`` gives every brain voxel, and a rim around, one of ``structures``;
    ``regions`` has the values of `structures.REGIONS`. ``note`` says in one sentence what was not
    to be had; else it is empty.
    """

    name: str
    atlas: str
    fixed: tuple[FixedImage, ...]
    judge: Path
    brain_mask: Path
    labels: Path
    structures: tuple[Structure, ...]
    regions: Path
    source: str  # 'templateflow', 'builtin' or 'user' (the atlas is the user's)
    note: str = ''


def find_anatomy(
    template: str,
    atlas: str,
    cache_dir: Path,
    *,
    atlas_file: Path | None = None,
    atlas_labels: Path | None = None,
) -> Anatomy:
    """Find a template and its atlas, or fall back to the built-in ones; never needs the network.

    Parameters
    ----------
    template
        Name of a space in TemplateFlow, such as ``'MNI152NLin2009cAsym'``, or the built-in
        ``'MNI152NLin2009aSym'``.
    atlas
        ``'HOSPA'``, or ``'builtin'`` for the built-in shapes; with ``atlas_file`` only a name.
    cache_dir
        Folder for images that are made from these files: made once, then found again.
    atlas_file, atlas_labels
        Another atlas in the template's space, on any grid, and its table (`read_structures`).

    Raises
    ------
    ValueError
        When the user's atlas or its table cannot be used.
    """
    files: dict[str, Path] = {}
    note = ''
    if template != builtin_head.SPACE:
        wanted = (*REQUIRED, 'HOSPA') if atlas == 'HOSPA' and not atlas_file else REQUIRED
        files, lacking = template_files(template, wanted)
        if not set(REQUIRED) <= set(files):
            files = {}
            note = f'{lacking}: the built-in {builtin_head.SPACE} is used instead of {template}'
            template = builtin_head.SPACE
    if (
        atlas_file is None
        and atlas != BUILTIN_ATLAS
        and (atlas != 'HOSPA' or 'HOSPA' not in files)
    ):
        note = note or f'{template} has no atlas {atlas} here: {BUILTIN_ATLAS} is used'
        atlas = BUILTIN_ATLAS
    if atlas == 'HOSPA' and atlas_file is None:
        atlas_file, atlas_labels = files['HOSPA'], load('atlases', 'atlas-HOSPA_dseg.tsv')
        source = 'templateflow'
    else:
        source = 'user' if atlas_file else 'templateflow' if files else 'builtin'
    folder = _made_once(cache_dir, template, atlas, files, atlas_file, atlas_labels)
    fixed = {
        ('t2w', 'brain'): folder / 'desc-brain_T2w.nii.gz',
        ('t1w', 'head'): files.get('t1w head', folder / 'T1w.nii.gz'),
        ('t1w', 'brain'): files.get('t1w brain', folder / 'desc-brain_T1w.nii.gz'),
        ('t2w', 'head'): files.get('t2w head', folder / 'T2w.nii.gz'),
    }
    return Anatomy(
        name=template,
        atlas=atlas,
        fixed=tuple(FixedImage(*what, path) for what, path in fixed.items()),
        judge=fixed['t2w', 'brain'],
        brain_mask=files.get('brain mask', folder / 'desc-brain_mask.nii.gz'),
        labels=folder / 'dseg.nii.gz',
        structures=read_structures(folder / 'dseg.tsv'),
        regions=folder / 'regions.nii.gz',
        source=source,
        note=note,
    )


def _made_once(cache_dir, template, atlas, files, atlas_file, atlas_labels) -> Path:
    """The folder of made images; its name changes with everything that they are made from."""
    digest = hashlib.sha256(deepmir_bids.__version__.encode())
    own = [load('atlases', name) for name in ('nuclei.tsv', 'regions.tsv')]
    for path in (*own, *files.values(), *filter(None, (atlas_file, atlas_labels))):
        digest.update(Path(path).read_bytes())
    folder = Path(cache_dir) / f'tpl-{template}_atlas-{atlas}_{digest.hexdigest()[:12]}'
    return make_once(folder, lambda empty: _make(empty, files, atlas_file, atlas_labels))


def _make(folder: Path, files, atlas_file, atlas_labels) -> None:
    """Write fixed images, brain mask, labels with their table, and regions into a folder."""
    import nibabel as nib
    from nibabel.processing import resample_from_to

    maps = builtin_head.tissue_maps(2)
    head = builtin_head.grow_head(maps)
    like: Any = nib.load(files['brain mask']) if files else maps['brain_mask']
    made = {
        'desc-brain_T2w': builtin_head.contrast_image(maps, 't2w'),
        'T2w': builtin_head.contrast_image(head, 't2w'),
        'desc-brain_T1w': builtin_head.contrast_image(maps, 't1w'),
        'T1w': builtin_head.contrast_image(head, 't1w'),
    }
    for name, image in made.items():
        nib.save(resample_from_to(image, like, order=1), folder / f'{name}.nii.gz')
    mask = nib.Nifti1Image((like.get_fdata() > 0.5).astype(np.uint8), like.affine)
    nib.save(mask, folder / 'desc-brain_mask.nii.gz')

    if atlas_file is None:
        structures = brain_structures()
        labels, affine = _draw_finely(mask)
    else:
        labels, affine, structures = _read_atlas(atlas_file, atlas_labels, mask)
    nib.save(nib.Nifti1Image(labels.astype(np.uint16), affine), folder / 'dseg.nii.gz')
    regions = regions_of(labels, structures)
    nib.save(nib.Nifti1Image(regions, affine), folder / 'regions.nii.gz')
    rows = [f'{s.index}\t{s.name}\t{s.region}' for s in structures]
    (folder / 'dseg.tsv').write_text('\n'.join(['index\tname\tregion', *rows]) + '\n')


def _draw_finely(mask, spacing_mm: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """The built-in structures over the mask's field of view at 1 mm: labels and their affine.

    Drawn on the mask's own grid first, and anew at 1 mm only in and near the nuclei.
    """
    import nibabel as nib
    from nibabel.affines import rescale_affine
    from nibabel.processing import resample_from_to
    from scipy import ndimage

    zooms = np.asarray(mask.header.get_zooms()[:3])
    shape = tuple(np.ceil(mask.shape * zooms / spacing_mm).astype(int))
    affine = rescale_affine(mask.affine, mask.shape, spacing_mm, shape)
    coarse = draw_structures(mask.shape, mask.affine, _with_rim(mask, (mask.shape, mask.affine)))
    image = nib.Nifti1Image(coarse, mask.affine)
    labels = np.asarray(resample_from_to(image, (shape, affine), order=0).dataobj)
    nucleus = (labels > 0) & (labels <= len(nuclei()))
    near = ndimage.binary_dilation(nucleus, iterations=2) & (labels > 0)
    labels[near] = structures_at(grid_points(shape, affine, near))
    return labels, affine


def _with_rim(mask, grid, rim_mm: float = 6.0) -> np.ndarray:
    """The brain mask on a grid, widened: a subject's brain may reach beyond the template's."""
    from nibabel.processing import resample_from_to
    from scipy import ndimage

    outside = mask.get_fdata() == 0
    distance = ndimage.distance_transform_edt(outside, sampling=mask.header.get_zooms()[:3])
    wide = type(mask)((distance <= rim_mm).astype(np.uint8), mask.affine)
    return resample_from_to(wide, grid, order=0).get_fdata() > 0


def _read_atlas(atlas_file, atlas_labels, mask):
    """Labels, affine and structures of an atlas, completed within the brain mask."""
    import nibabel as nib

    image: Any = nib.load(atlas_file)
    labels = np.squeeze(np.asanyarray(image.dataobj))
    name = Path(atlas_file).name
    if labels.ndim != 3:
        raise ValueError(f'{name} is not a 3D label image')
    if atlas_labels is None:
        raise ValueError(f'{name} needs a table of its labels: --atlas-labels')
    structures = read_structures(atlas_labels)
    if not np.isin([s.index for s in structures], labels).any():
        raise ValueError(f'{name} holds none of the labels in {Path(atlas_labels).name}')
    inside = _with_rim(mask, (labels.shape, image.affine))
    labels, structures = complete_atlas(np.rint(labels), image.affine, structures, inside)
    return labels, image.affine, structures
