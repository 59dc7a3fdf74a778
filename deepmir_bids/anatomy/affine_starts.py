"""Affine registration that does not rely on one start: others are tried, the best is kept.

A start goes wrong now and then (the brain-only template stretches over the scalp, the whole-head
template collapses on a brain without visible skull), and its own cost does not tell. The mutual
information of one and the same brain with each result does, inside that brain's mask; and where
the image hardly has contrast within the brain, as an early echo, inside the mask and a rim around
it, which is all outline. A second pass that looks at the brain and a rim around it only then
brings all sound starts to one place.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepmir_bids.anatomy.ants_images import load_ants, read_ants, read_linear
from deepmir_bids.imaging.large_volumes import slabwise

START_MM, REFINE_MM = 4.0, 3.0
#: Of a start, from coarse to fine, and of the second pass: with twice as many, places differ by
#: the fraction of a millimetre that SyN makes up for.
START_ITERATIONS, REFINE_ITERATIONS = (30, 15), (20,)
#: A sloppy registration looks at this share of the voxels that another one looks at.
SLOPPY_SHARE = 0.25
#: How far around the brain the second pass looks: CSF and the inner table of the skull.
RIM_MM = 6.0
#: How far around the brain its outline is judged.
OUTLINE_MM = 8.0
#: No head has a brain (with its CSF) smaller or larger than this.
PLAUSIBLE_ML = (800.0, 2300.0)
#: Mutual information (nats) of a start that needs no other beside it: the second pass brought all
#: such starts of a head to one place, and those that went wrong had 0.10 and less.
SOUND_MI = 0.2
#: The same for mutual information with the rim. Right places had 0.42 to 0.58 (magnitudes and SWI
#: with 0.06 to 0.17 inside the brain), wrong ones of real heads (turned, cut, mirrored) 0.27 and
#: less, ellipsoids with shells up to 0.36.
SOUND_OUTLINE = 0.45
#: A place is believed in with so much mutual information, or with such an outline and
#: some contrast.
LEAST_MI, LEAST_OUTLINE, LEAST_CONTRAST = 0.10, 0.39, 0.05


class RegistrationError(ValueError):
    """A registration that cannot be trusted: the message names file, measure and cure."""


@dataclass(frozen=True)
class AffineCandidate:
    """An affine registration: the start it came from, its file, and how good its brain is.

    ``mutual_information`` (nats) is the template brain's with the registered image, ``outline``
    the same with a rim around the brain, and ``brain_ml`` the volume that the template's brain
    mask has in the image.
    """

    start: str
    transform: str
    mutual_information: float
    outline: float
    brain_ml: float

    @property
    def plausible(self) -> bool:
        """Whether the brain has a volume that a head may have."""
        return PLAUSIBLE_ML[0] <= self.brain_ml <= PLAUSIBLE_ML[1]

    @property
    def sound(self) -> bool:
        """Whether this is the place beyond doubt."""
        clear = self.mutual_information >= SOUND_MI or self.outline >= SOUND_OUTLINE
        return clear and self.recognised

    @property
    def recognised(self) -> bool:
        """Whether a brain was recognised there at all."""
        outlined = self.outline >= LEAST_OUTLINE and self.mutual_information >= LEAST_CONTRAST
        return self.plausible and (self.mutual_information >= LEAST_MI or outlined)


def mutual_information(a: np.ndarray, b: np.ndarray, mask: np.ndarray, bins: int = 32) -> float:
    """Mutual information (nats) of two arrays inside a mask, from a joint histogram."""
    codes = []
    for values in (a[mask], b[mask]):
        low, high = values.min(), np.percentile(values, 99.5)
        scaled = (values - low) / max(high - low, np.finfo(np.float32).tiny)
        codes.append(np.minimum((scaled * bins).astype(int), bins - 1))
    joint = np.bincount(codes[0] * bins + codes[1], minlength=bins**2).reshape(bins, bins)
    joint = joint / joint.sum()
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    occupied = joint > 0
    return float((joint[occupied] * np.log(joint[occupied] / independent[occupied])).sum())


def clip_intensity(array: np.ndarray) -> np.ndarray:
    """From 0 at the darkest to the 99th percentile of the head: eyes and fat outshine no brain."""
    array = np.nan_to_num(np.asarray(array, np.float32))
    low, high = np.percentile(array, 0.5), array.max()
    head = array[array > low + 0.02 * (high - low)]
    high = np.percentile(head, 99) if head.size else high
    return slabwise(lambda values: np.clip(values, low, high) - low, array)


def resample_to_spacing(image, spacing_mm: float):
    """An ANTs image at a cubic spacing, smoothed first where that is coarser than its own."""
    from scipy import ndimage

    spacing = np.asarray(image.spacing)
    fwhm = np.sqrt(np.clip(spacing_mm**2 - spacing**2, 0, None))
    smooth = ndimage.gaussian_filter(image.numpy(), fwhm / 2.355 / spacing)
    linear = 0
    return load_ants().resample_image(
        image.new_image_like(smooth), (spacing_mm,) * 3, False, linear
    )


def affines_to_template(
    image,
    fixed: Mapping[str, Path],
    template_brain,
    brain_mask,
    folder: Path,
    sloppy: bool = False,
) -> list[AffineCandidate]:
    """Affine registrations of a head to the template, best first.

    One start is tried after the other, until one is sound beyond doubt.

    Parameters
    ----------
    image
        ANTs image of the subject, intensities clipped.
    fixed
        Name → image of the template to start from, the likeliest first.
    template_brain
        The template's brain without skull, of the same contrast where there is one: every
        registration is scored with it, and the second pass is done with it.
    brain_mask
        The template's brain mask on the grid of ``template_brain``.
    folder
        For the transforms.
    sloppy
        Only the best start takes the second pass, not two where none is sound; and fewer voxels
        are looked at.

    Returns
    -------
    candidates
        First the refined ones, named ``'<start>, refined'``, then the others that were tried; the
        best of each first.

    """
    fine = resample_to_spacing(image, REFINE_MM)
    coarse = resample_to_spacing(fine, START_MM)
    coarse_brain = resample_to_spacing(template_brain, START_MM)
    inside = _mask_on_grid(brain_mask, coarse_brain)
    with_rim = _with_rim(inside, coarse_brain.spacing, OUTLINE_MM)
    rim_mask, fine_brain = crop_to_brain(
        brain_mask, resample_to_spacing(template_brain, REFINE_MM), RIM_MM
    )
    mask_ml = float((brain_mask.numpy() > 0.5).sum() * np.prod(brain_mask.spacing) / 1000)

    def score(name, transform):
        registered = load_ants().apply_transforms(coarse_brain, coarse, [transform]).numpy()
        similarity, outline = (
            mutual_information(coarse_brain.numpy(), registered, mask)
            for mask in (inside, with_rim)
        )
        scale = np.linalg.det(read_linear(transform)[:3, :3])
        return AffineCandidate(name, transform, similarity, outline, mask_ml * float(scale))

    def best_first(candidates):
        return sorted(candidates, key=lambda c: (not c.plausible, -c.mutual_information))

    def start(name, path):
        target = resample_to_spacing(read_ants(path), START_MM)
        return score(
            name,
            register_linear(
                'Affine', target, coarse, START_ITERATIONS, 0.3, folder, sloppy=sloppy
            ),
        )

    def refine(one):
        transform = register_linear(
            'Affine',
            fine_brain,
            fine,
            REFINE_ITERATIONS,
            0.4,
            folder,
            one.transform,
            rim_mask,
            sloppy=sloppy,
        )
        return score(f'{one.start}, refined', transform)

    first: list[AffineCandidate] = []
    for name, path in fixed.items():
        first.append(start(name, path))
        if first[-1].sound:
            break
    first = best_first(first)
    refined = best_first(refine(one) for one in first[: 1 if sloppy or first[0].sound else 2])
    return refined + first


def register_linear(
    kind: str,
    fixed,
    moving,
    iterations,
    sampling: float,
    folder: Path,
    initial=None,
    mask=None,
    *,
    sloppy: bool = False,
) -> str:
    """Rigid or affine registration by mutual information; path of the transform.

    Parameters
    ----------
    kind
        ``'Rigid'`` or ``'Affine'``.
    fixed, moving
        ANTs images.
    iterations
        At most so many at each level, the coarsest first; the last is at full resolution.
    sampling
        Share of the voxels that are looked at.
    folder
        Where the transform is written, under a name of its own.
    initial
        Path of a transform, ``'Identity'``, or None for the centres of mass.
    mask
        ANTs image on the grid of ``fixed``: nothing counts outside.
    sloppy
        Look at `SLOPPY_SHARE` of these voxels only.

    """
    levels = range(len(iterations) - 1, -1, -1)
    result = load_ants().registration(
        fixed,
        moving,
        type_of_transform=kind,
        initial_transform=initial,
        mask=mask,
        mask_all_stages=mask is not None,
        aff_metric='mattes',
        aff_sampling=32,
        aff_random_sampling_rate=sampling * (SLOPPY_SHARE if sloppy else 1),
        aff_iterations=iterations,
        aff_shrink_factors=tuple(2**level for level in levels),
        aff_smoothing_sigmas=tuple(levels),
        outprefix=f'{tempfile.mkdtemp(prefix="linear-", dir=folder)}/',
    )
    return result['fwdtransforms'][0]


def crop_to_brain(brain_mask, image, rim_mm: float):
    """The brain and a rim as a mask on the image's grid, and the image, both cut to its box."""
    ants = load_ants()
    near = _with_rim(_mask_on_grid(brain_mask, image), image.spacing, rim_mm)
    voxels = np.argwhere(near)
    box = voxels.min(0).tolist(), (voxels.max(0) + 1).tolist()
    mask = image.new_image_like(near.astype(np.float32))
    return ants.crop_indices(mask, *box), ants.crop_indices(image, *box)


def _with_rim(mask: np.ndarray, spacing, rim_mm: float) -> np.ndarray:
    from scipy import ndimage

    return ndimage.distance_transform_edt(~mask, sampling=spacing) <= rim_mm


def _mask_on_grid(mask, like) -> np.ndarray:
    return load_ants().resample_image_to_target(mask, like, interp_type='linear').numpy() > 0.5
