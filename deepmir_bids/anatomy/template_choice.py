"""The template that a run uses: TemplateFlow's, or the built-in one where there is no other."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import deepmir_bids
from deepmir_bids.anatomy import builtin_head
from deepmir_bids.anatomy.atlas_file import read_atlas
from deepmir_bids.anatomy.atlas_structures import Structure, read_structures
from deepmir_bids.anatomy.brain_regions import brain_structures, draw_structures, structures_at
from deepmir_bids.anatomy.complete_atlas import complete_atlas
from deepmir_bids.anatomy.deep_nuclei import nuclei
from deepmir_bids.anatomy.ellipsoids import grid_points
from deepmir_bids.anatomy.templateflow_files import (
    REQUIRED,
    in_home,
    known_templates,
    template_files,
)
from deepmir_bids.bids.whole_files import make_once
from deepmir_bids.data import load
from deepmir_bids.errors import UsageError

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

    ``template_brain`` is the brain, without skull and T2w-like, that registrations are refined to
    and scored with. ``labels`` gives every brain voxel, and a rim around, one of ``structures``.
    ``note`` says in one sentence what was asked for and not to be had; else it is empty.
    """

    name: str
    atlas: str
    fixed: tuple[FixedImage, ...]
    template_brain: Path
    brain_mask: Path
    labels: Path
    structures: tuple[Structure, ...]
    note: str = ''


def check_template(name: str) -> None:
    """Refuse a template that neither TemplateFlow nor this project has ever heard of.

    Nothing is written, and TemplateFlow is not imported.

    Raises
    ------
    UsageError
        When the name is not known; it gives those that are nearly the same.

    """
    if name == builtin_head.SPACE or in_home(name):
        return
    known = {builtin_head.SPACE, *known_templates()}
    if name not in known:
        if similar := difflib.get_close_matches(name, sorted(known)):
            raise UsageError(
                f'--template {name} is not in TemplateFlow: did you mean {" or ".join(similar)}?'
            )
        raise UsageError(
            f'--template {name} is not in TemplateFlow: the names are {", ".join(sorted(known))}.'
        )


@dataclass(frozen=True)
class AnatomySources:
    """What the images of an anatomy are made from: files of a template, and an atlas.

    ``files`` are TemplateFlow's by `templateflow_files.REQUIRED` and ``'HOSPA'``, none for the
    built-in template; ``atlas_file`` is None for the built-in atlas. ``note`` is as in `Anatomy`.
    """

    template: str
    atlas: str
    files: Mapping[str, Path]
    atlas_file: Path | None
    atlas_labels: Path | None
    note: str

    def anatomy_in(self, folder: Path, structures: tuple[Structure, ...]) -> Anatomy:
        """The anatomy whose images that are made lie in a folder."""
        fixed = {
            ('t2w', 'brain'): folder / 'desc-brain_T2w.nii.gz',
            ('t1w', 'head'): self.files.get('t1w head', folder / 'T1w.nii.gz'),
            ('t1w', 'brain'): self.files.get('t1w brain', folder / 'desc-brain_T1w.nii.gz'),
            ('t2w', 'head'): self.files.get('t2w head', folder / 'T2w.nii.gz'),
        }
        return Anatomy(
            name=self.template,
            atlas=self.atlas,
            fixed=tuple(FixedImage(*what, path) for what, path in fixed.items()),
            template_brain=fixed['t2w', 'brain'],
            brain_mask=self.files.get('brain mask', folder / 'desc-brain_mask.nii.gz'),
            labels=folder / 'dseg.nii.gz',
            structures=structures,
            note=self.note,
        )


def find_sources(
    template: str,
    atlas: str,
    *,
    atlas_file: Path | None = None,
    atlas_labels: Path | None = None,
) -> AnatomySources:
    """Find the files of a template and an atlas, or fall back to the built-in ones.

    Parameters, and errors but those of the atlas's content, are `find_anatomy`'s.
    """
    check_template(template)
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
    return AnatomySources(template, atlas, files, atlas_file, atlas_labels, note)


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
    UsageError
        When the template is not known, or the user's atlas or its table cannot be used.

    """
    sources = find_sources(template, atlas, atlas_file=atlas_file, atlas_labels=atlas_labels)
    folder = _cached_images(cache_dir, sources)
    return sources.anatomy_in(folder, read_structures(folder / 'dseg.tsv'))


def _cached_images(cache_dir: Path, sources: AnatomySources) -> Path:
    """The folder of derived images; its name changes with everything they derive from."""
    digest = hashlib.sha256(deepmir_bids.__version__.encode())
    own = [load('atlases', name) for name in ('nuclei.tsv', 'regions.tsv')]
    atlas = filter(None, (sources.atlas_file, sources.atlas_labels))
    for path in (*own, *sources.files.values(), *atlas):
        digest.update(Path(path).read_bytes())
    name = f'tpl-{sources.template}_atlas-{sources.atlas}_{digest.hexdigest()[:12]}'
    return make_once(Path(cache_dir) / name, lambda empty: _write_images(empty, sources))


# Sums of several threads are rounded otherwise than those of one.
@threadpool_limits.wrap(limits=1, user_api='blas')
def _write_images(folder: Path, sources: AnatomySources) -> None:
    """Write fixed images, brain mask, and labels with their table into a folder."""
    import nibabel as nib
    from nibabel.processing import resample_from_to

    maps = builtin_head.tissue_maps(2)
    head = builtin_head.grow_head(maps)
    files = sources.files
    like: Any = nib.load(files['brain mask']) if files else maps['brain_mask']
    images = {
        'desc-brain_T2w': builtin_head.contrast_image(maps, 't2w'),
        'T2w': builtin_head.contrast_image(head, 't2w'),
        'desc-brain_T1w': builtin_head.contrast_image(maps, 't1w'),
        'T1w': builtin_head.contrast_image(head, 't1w'),
    }
    for name, image in images.items():
        nib.save(resample_from_to(image, like, order=1), folder / f'{name}.nii.gz')
    mask = nib.Nifti1Image((like.get_fdata() > 0.5).astype(np.uint8), like.affine)
    nib.save(mask, folder / 'desc-brain_mask.nii.gz')

    if sources.atlas_file is None:
        structures = brain_structures()
        labels, affine = _draw_finely(mask)
    else:
        labels, affine, structures = read_atlas(sources.atlas_file, sources.atlas_labels)
        inside = _with_rim(mask, (labels.shape, affine))
        labels, structures = complete_atlas(labels, affine, structures, inside)
    nib.save(nib.Nifti1Image(labels.astype(np.uint16), affine), folder / 'dseg.nii.gz')
    rows = [f'{s.index}\t{s.name}\t{s.kind or "n/a"}\t{s.region}' for s in structures]
    table = '\n'.join(['index\tname\tkind\tregion', *rows]) + '\n'
    (folder / 'dseg.tsv').write_text(table, encoding='utf-8')


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
