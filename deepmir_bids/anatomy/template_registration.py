"""Register a head to the template: the best of several affine starts, then SyN."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepmir_bids.anatomy.affine_starts import (
    RegistrationError,
    Start,
    around,
    at_spacing,
    clip_intensity,
    linear_to_template,
)
from deepmir_bids.anatomy.ants_images import load_ants, read_ants, to_canonical_ants
from deepmir_bids.anatomy.apply_transforms import carry_to_grid

if TYPE_CHECKING:
    from deepmir_bids.anatomy.template_choice import Anatomy

SYN_MM = 2.0
SYN_ITERATIONS = (40, 20, 5)
#: How far around the template's brain SyN looks.
SYN_RIM_MM = 4.0
#: Mutual information (nats) of a brain with the template's below which nothing was recognised.
#: Sound heads gave 0.18 and more, wrong starts and things that are no head 0.10 and less.
LEAST_TEMPLATE_MI = 0.10


@dataclass(frozen=True)
class TemplateRegistration:
    """What `register_template` found.

    ``from_image`` resamples images of the subject into template space, ``to_image`` images of the
    template into the subject's (ITK composite transforms). ``brain_mask`` is a uint8 array on the
    image's grid.
    """

    from_image: Path
    to_image: Path
    brain_mask: np.ndarray
    brain_ml: float
    mutual_information: float
    starts: tuple[Start, ...]


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
        template's, carried over.
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
        given = carry_to_grid(brain_mask, None, array.shape, image.affine, 'nearest') > 0.5
        array = np.where(given, array, 0)
    moving = to_canonical_ants(array, image.affine)
    template_mask = read_ants(anatomy.brain_mask)
    brain = read_ants(anatomy.judge)
    extents = ('brain',) if given is not None else ('head', 'brain')
    fixed = {f'{f.contrast} {f.extent}': f.path for f in anatomy.fixed if f.extent in extents}
    chosen = dict(list(fixed.items())[:2]) if sloppy else fixed
    starts = linear_to_template(
        moving,
        {name: read_ants(path) for name, path in chosen.items()},
        brain,
        template_mask,
        n_refined=1 if sloppy else 2,
    )
    _check(starts[0], image)
    out_dir.mkdir(parents=True, exist_ok=True)
    from_image, to_image = _syn(moving, brain, template_mask, starts[0].transform, out_dir, sloppy)
    carried = carry_to_grid(_as_nibabel(anatomy.brain_mask), to_image, array.shape, image.affine)
    mask = carried > 0.5 if given is None else given
    millilitres = float(mask.sum() * abs(np.linalg.det(image.affine[:3, :3])) / 1000)
    return TemplateRegistration(
        from_image,
        to_image,
        mask.astype(np.uint8),
        millilitres,
        starts[0].mutual_information,
        tuple(starts),
    )


def _check(start: Start, image) -> None:
    if start.plausible and start.mutual_information >= LEAST_TEMPLATE_MI:
        return
    name = Path(image.get_filename() or 'the image').name
    raise RegistrationError(
        f'{name} does not register to the template: the best of all starts has a mutual '
        f'information of {start.mutual_information:.2f} (at least {LEAST_TEMPLATE_MI:.2f} is '
        f'needed) and a brain of {start.brain_ml:.0f} mL; check the image, or give a brain mask '
        f'with --brain-mask-from.'
    )


def _as_nibabel(path):
    import nibabel as nib

    return nib.load(path)


def _syn(moving, brain, template_mask, affine: str, out_dir: Path, sloppy: bool):
    """SyN from an affine, with the brain and a rim around it; paths of the two composites."""
    near, brain = around(template_mask, brain, SYN_RIM_MM)
    result = load_ants().registration(
        brain,
        at_spacing(moving, SYN_MM),
        type_of_transform='SyNOnly',
        initial_transform=affine,
        mask=near,
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
