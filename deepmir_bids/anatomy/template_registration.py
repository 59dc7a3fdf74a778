"""Register a head to the template: the best of several affine starts, then SyN."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np

from deepmir_bids.anatomy.affine_starts import (
    LEAST_MI,
    LEAST_OUTLINE,
    PLAUSIBLE_ML,
    AffineCandidate,
    RegistrationError,
    affines_to_template,
    clip_intensity,
    crop_to_brain,
    resample_to_spacing,
)
from deepmir_bids.anatomy.ants_images import load_ants, read_ants, to_ants
from deepmir_bids.anatomy.apply_transforms import apply_transform

if TYPE_CHECKING:
    from deepmir_bids.anatomy.template_choice import Anatomy

SYN_MM = 2.0
SYN_ITERATIONS = (40, 20, 3)
#: How far around the template's brain SyN looks.
SYN_RIM_MM = 4.0
#: What is said of a head that the template does not fit.
NO_FIT = 'does not register to the template'


@dataclass(frozen=True)
class TemplateRegistration:
    """Transforms between a head and the template, and how well they fit.

    ``from_image`` resamples images of the subject into template space, ``to_image`` images of the
    template into the subject's (ITK composite transforms). ``brain_ml`` is the volume of the brain
    mask. ``start`` names the affine start that SyN went on from, ``mutual_information`` (nats) is
    that start's; ``candidates`` holds the mutual information of all starts, best first.
    """

    from_image: Path
    to_image: Path
    brain_ml: float
    start: str
    mutual_information: float
    candidates: dict[str, float]


def register_template(
    image, anatomy: Anatomy, out_dir: Path, brain_mask=None, sloppy: bool = False
) -> TemplateRegistration:
    """Register a head, with or without its skull, to the template.

    Parameters
    ----------
    image
        nibabel image of the head, 3D, of any grid: T2w (in the SWI's world) or SWI. N4 before.
    anatomy
        What `find_anatomy` gives.
    out_dir
        Folder for ``from-image_to-template_xfm.h5`` and ``from-template_to-image_xfm.h5``.
    brain_mask
        nibabel image of the subject's brain mask, in the same world. Without it the mask is the
        template's, through the transform.
    sloppy
        Fewer starts and iterations, for tests of the workflow.

    Returns
    -------
    registration
        See `TemplateRegistration`.

    Raises
    ------
    RegistrationError
        When no start gives a plausible brain that resembles the template's.

    """
    given = None
    array = clip_intensity(np.squeeze(image.get_fdata(dtype=np.float32)))
    if brain_mask is not None:
        given = apply_transform(brain_mask, None, array.shape, image.affine, 'nearest') > 0.5
        array = np.where(given, array, 0)
    moving = resample_to_spacing(to_ants(array, image.affine), SYN_MM)
    del array  # it may be large
    template_mask = read_ants(anatomy.brain_mask)
    template_brain = read_ants(anatomy.template_brain)
    extents = ('brain',) if given is not None else ('head', 'brain')
    fixed = {f'{f.contrast} {f.extent}': f.path for f in anatomy.fixed if f.extent in extents}
    chosen = dict(list(fixed.items())[:2]) if sloppy else fixed
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix='deepmir-affine-') as folder:
        candidates = affines_to_template(
            moving,
            chosen,
            template_brain,
            template_mask,
            Path(folder),
            sloppy,
        )
        best = candidates[0]
        _check(best, image)
        from_image, to_image = _syn(
            moving, template_brain, template_mask, best.transform, out_dir, sloppy
        )
    if given is None:
        brain_ml = _brain_ml(anatomy, to_image, image)
    else:
        brain_ml = _millilitres(given, image.affine)
    return TemplateRegistration(
        from_image,
        to_image,
        brain_ml,
        best.start,
        best.mutual_information,
        {one.start: one.mutual_information for one in candidates},
    )


def _brain_ml(anatomy: Anatomy, to_image: Path, image) -> float:
    """Volume of the template's brain in the image; voxels of some `SYN_MM` do for that."""
    step = np.maximum(1, SYN_MM / nib.affines.voxel_sizes(image.affine))
    affine = image.affine @ np.diag([*step, 1])
    shape = tuple(np.ceil(image.shape[:3] / step).astype(int))
    mask = apply_transform(anatomy.brain_mask, to_image, shape, affine) > 0.5
    return _millilitres(mask, affine)


def _millilitres(mask: np.ndarray, affine: np.ndarray) -> float:
    return float(mask.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000)


def _check(best: AffineCandidate, image) -> None:
    if best.recognised:
        return
    name = Path(image.get_filename() or 'the image').name
    low, high = PLAUSIBLE_ML
    raise RegistrationError(
        f'{name} {NO_FIT}: the best of all starts has a mutual '
        f'information of {best.mutual_information:.2f} (at least {LEAST_MI:.2f} is needed), '
        f'{best.outline:.2f} with the outline of the brain (or {LEAST_OUTLINE:.2f}), and a brain '
        f'of {best.brain_ml:.0f} mL ({low:.0f} to {high:.0f} mL are looked for); check the image, '
        'or give a brain mask with --brain-mask-from.'
    )


def _syn(moving, template_brain, template_mask, affine: str, out_dir: Path, sloppy: bool):
    """SyN from an affine, with the brain and a rim around it; paths of the two composites."""
    rim_mask, fixed = crop_to_brain(template_mask, template_brain, SYN_RIM_MM)
    result = load_ants().registration(
        fixed,
        moving,
        type_of_transform='SyNOnly',
        initial_transform=affine,
        mask=rim_mask,
        mask_all_stages=True,
        syn_metric='mattes',
        syn_sampling=32,
        reg_iterations=(10, 0) if sloppy else SYN_ITERATIONS,
        outprefix=str(out_dir / 'syn_'),
        write_composite_transform=True,
    )
    from_image = out_dir / 'from-image_to-template_xfm.h5'
    to_image = out_dir / 'from-template_to-image_xfm.h5'
    Path(result['fwdtransforms']).replace(from_image)
    Path(result['invtransforms']).replace(to_image)
    return from_image, to_image
