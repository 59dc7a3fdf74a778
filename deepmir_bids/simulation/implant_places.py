"""Where lesions may be put into a real head: as published, and where nothing else is dark."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from deepmir_bids.anatomy.atlas_structures import BASAL_GANGLIA, Structure
from deepmir_bids.imaging.image_noise import relative_noise
from deepmir_bids.imaging.intensity_normalisation import flatten_shading
from deepmir_bids.simulation.image_grid import ImageGrid
from deepmir_bids.simulation.random_head import nucleus_values
from deepmir_bids.simulation.random_lesions import (
    IRON_SHARES,
    PLACES,
    free_point,
    iron_deposit,
    iron_diameter,
    microbleed,
    microbleed_diameter,
)
from deepmir_bids.simulation.small_sources import Source

#: Cortex and its junction with the white matter reach this far below the brain's surface, in mm.
CORTEX_MM = 8.0
#: What is dark and thinner than this is a vein or a lesion, in mm.
VEIN_MM = 5.0
#: Such a structure is darker than what is around it by this share of the signal, and by so many
#: standard deviations of the noise.
LEAST_DARKNESS, LEAST_NOISES = 0.2, 3.5
#: Tissue between a microbleed, as large as it looks, and the next dark structure, in mm.
MARGIN_MM = 1.0
#: Places that are tried for one lesion.
TRIES = 20


@dataclass(frozen=True)
class RealHead:
    """What lesions may be put into: all arrays (X, Y, Z) on ``grid``, in image mm.

    ``places`` has a mask for each of `random_lesions.PLACES`; ``nucleus`` holds the values of
    `deepmir_bids.anatomy.deep_nuclei.nuclei` where a nucleus that may hold iron lies;
    ``clearance_mm`` is how far the next dark structure, or the rim of the brain, is.
    """

    grid: ImageGrid
    places: dict[str, np.ndarray]
    nucleus: np.ndarray
    clearance_mm: np.ndarray


def real_head(
    swi: np.ndarray,
    grid: ImageGrid,
    brain: np.ndarray,
    structures: np.ndarray,
    names: Collection[Structure],
    t2w: np.ndarray | None = None,
) -> RealHead:
    """Find where in a head lesions may be put.

    Parameters
    ----------
    swi
        SWI or magnitude (X, Y, Z), not negative.
    grid
        Its voxels.
    brain, structures
        Mask, and label image of ``names``, of that shape.
    names
        The structures of the atlas.
    t2w
        On that grid, if there is one: it tells CSF.

    """
    from scipy.ndimage import distance_transform_edt

    free = brain & ~dark_structures(swi, brain, grid.spacing)
    kinds = {kind: np.isin(structures, [n.index for n in names if n.kind == kind])
             for kind in (*BASAL_GANGLIA, 'thalamus', 'cerebellum', 'brainstem',
                          'lateral ventricle')}  # fmt: skip
    regions = {region: np.isin(structures, [n.index for n in names if n.region == region])
               for region in ('lobar', 'deep')}  # fmt: skip
    ganglia = np.any([kinds[kind] for kind in BASAL_GANGLIA], axis=0)
    tissue = brain & ~kinds['lateral ventricle']
    if t2w is not None:
        tissue &= t2w < bright_fluid(t2w, brain)
    depth = distance_transform_edt(brain, sampling=grid.spacing)
    cortex = regions['lobar'] & (depth <= CORTEX_MM)
    white = (regions['lobar'] & ~cortex) | (regions['deep'] & ~ganglia & ~kinds['thalamus'])
    places = {
        'subcortical white matter': white,
        'cortex': cortex,
        'basal ganglia': ganglia,
        **{place: kinds[place] for place in ('cerebellum', 'thalamus', 'brainstem')},
    }
    nucleus = np.zeros(swi.shape, np.uint8)
    for kind in BASAL_GANGLIA:
        nucleus[kinds[kind]] = nucleus_values(kind)[0]
    return RealHead(
        grid,
        {place: mask & tissue for place, mask in places.items()},
        nucleus,
        distance_transform_edt(free, sampling=grid.spacing),
    )


def dark_structures(swi: np.ndarray, brain: np.ndarray, voxel_mm: tuple[float, ...]) -> np.ndarray:
    """Return where an SWI is dark and thin: veins, sulci, lesions; bool (X, Y, Z)."""
    level, hat = darkness(swi, brain, voxel_mm)
    # Noise alone makes a hat, too: its usual height does not count.
    usual = np.median(hat[brain])
    return hat > max(LEAST_DARKNESS, usual + LEAST_NOISES * relative_noise(level, brain))


def darkness(
    swi: np.ndarray, brain: np.ndarray, voxel_mm: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return an SWI without shading, 1 being usual brain, and by how much dark, thin things lack.

    A black top-hat: a closing by a ball of `VEIN_MM` fills what is dark and thinner than that.
    """
    from scipy.ndimage import grey_closing

    level = flatten_shading(np.maximum(swi, 0), brain, voxel_mm)
    level = np.where(brain, level / np.median(level[brain]), 1)
    reach = [max(1, round(VEIN_MM / 2 / side)) for side in voxel_mm]
    offsets = np.meshgrid(*[np.arange(-n, n + 1) / n for n in reach], indexing='ij')
    ball = np.sum(np.square(offsets), axis=0) <= 1
    return level, grey_closing(level, footprint=ball) - level


def bright_fluid(t2w: np.ndarray, brain: np.ndarray) -> float:
    """Return the signal of a T2w above which a voxel of the brain is fluid (Otsu's bound)."""
    from skimage.filters import threshold_otsu

    return float(threshold_otsu(np.minimum(t2w[brain], np.percentile(t2w[brain], 99))))


def random_implants(
    head: RealHead, microbleeds: int, deposits: int, rng: np.random.Generator
) -> list[Source]:
    """Draw microbleeds and iron deposits, of sizes and places as published.

    Where a place has no room another is drawn; a head may have room for fewer than asked.
    """
    lesions: list[Source] = []
    names, shares = list(PLACES), np.array(list(PLACES.values()))
    for _ in range(microbleeds):
        diameter = microbleed_diameter(rng)
        # Its iron is half as wide as it looks.
        clear = head.clearance_mm > diameter + MARGIN_MM
        for place in rng.choice(names, TRIES, p=shares / shares.sum()):
            mask = head.places[place] & clear
            centre = free_point(mask, head.grid, head.grid, lesions, diameter, rng)
            if centre is not None:
                lesions.append(microbleed(str(place), centre, diameter, rng))
                break
    clear = head.clearance_mm > MARGIN_MM
    for _ in range(deposits):
        diameter = iron_diameter(rng)
        for nucleus in rng.choice(BASAL_GANGLIA, TRIES, p=IRON_SHARES):
            mask = np.isin(head.nucleus, nucleus_values(nucleus)) & clear
            centre = free_point(mask, head.grid, head.grid, lesions, diameter, rng)
            if centre is not None:
                lesions.append(iron_deposit(str(nucleus), centre, diameter, rng))
                break
    return lesions
