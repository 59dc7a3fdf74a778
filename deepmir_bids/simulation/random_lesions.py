"""Microbleeds and iron deposits: how many, how large, where."""

import numpy as np

from deepmir_bids.anatomy.atlas_structures import BASAL_GANGLIA
from deepmir_bids.simulation.image_grid import ImageGrid
from deepmir_bids.simulation.random_head import Head, nucleus_values
from deepmir_bids.simulation.small_sources import Source, random_shape

#: Share of microbleeds by place (public sets, after the table of Sundaresan et al. 2023).
PLACES = {
    'subcortical white matter': 0.39,
    'cortex': 0.38,
    'basal ganglia': 0.12,
    'cerebellum': 0.05,
    'thalamus': 0.04,
    'brainstem': 0.02,
}

#: Share of iron deposits in caudate, putamen and pallidum (working values).
IRON_SHARES = (0.15, 0.35, 0.5)

#: A microbleed looks larger than its iron. Published diameters (median 2.7 to 3.1 mm, 1.2 to 5 mm
#: from the 5th to the 95th percentile) are of what is seen; the iron is about this much smaller.
BLOOMING = 2.0


def place_masks(head: Head) -> dict[str, np.ndarray]:
    """Return where on the head's grid each place of `PLACES` lies."""
    x, y, z = head.mni
    below = z < np.minimum(-14, -10 + 0.3 * (y + 40))
    cerebellum = below & (y < -42) & head.brain
    stem = (np.abs(x) < 15) & (y > -42) & (y < -8) & (z < -8) & head.brain
    ganglia = np.isin(head.nucleus, [v for k in BASAL_GANGLIA for v in nucleus_values(k)])
    thalamus = np.isin(head.nucleus, nucleus_values('thalamus'))
    lobes = head.brain & ~cerebellum & ~stem & (head.nucleus == 0) & (head.csf < 0.4)
    return {
        'subcortical white matter': lobes & (head.wm > 0.6),
        'cortex': lobes & (head.gm > 0.5),
        'basal ganglia': ganglia,
        'cerebellum': cerebellum & (head.csf < 0.4),
        'thalamus': thalamus,
        'brainstem': stem & (head.wm > 0.5),
    }


def microbleed_count(rng: np.random.Generator, enriched: bool) -> int:
    """Draw a person's number: a third have none, half of the others one or two, a few above 30."""
    if enriched:
        return int(rng.integers(15, 41))
    if rng.random() < 1 / 3:
        return 0
    return int(min(83, np.ceil(np.exp(rng.normal(0.6, 1.35)))))


def iron_count(rng: np.random.Generator, enriched: bool) -> int:
    """Draw a person's number of iron deposits."""
    return int(rng.integers(4, 11)) if enriched else int(rng.poisson(rng.gamma(0.9, 2.2)))


def random_lesions(
    head: Head, field_of_view: ImageGrid, rng: np.random.Generator, enriched: bool = False
) -> list[Source]:
    """Draw a person's microbleeds and iron deposits within the field of view."""
    masks = place_masks(head)
    lesions: list[Source] = []
    names, shares = list(PLACES), np.array(list(PLACES.values()))
    for _ in range(microbleed_count(rng, enriched)):
        place = str(rng.choice(names, p=shares / shares.sum()))
        diameter = microbleed_diameter(rng, enriched)
        centre = free_point(masks[place], head.grid, field_of_view, lesions, diameter, rng)
        if centre is not None:
            lesions.append(microbleed(place, centre, diameter, rng))
    for _ in range(iron_count(rng, enriched)):
        nucleus = str(rng.choice(BASAL_GANGLIA, p=IRON_SHARES))
        diameter = iron_diameter(rng)
        mask = np.isin(head.nucleus, nucleus_values(nucleus))
        centre = free_point(mask, head.grid, field_of_view, lesions, diameter, rng)
        if centre is not None:
            lesions.append(iron_deposit(nucleus, centre, diameter, rng))
    return lesions


def free_point(
    mask: np.ndarray,
    grid: ImageGrid,
    field_of_view: ImageGrid,
    others: list[Source],
    diameter_mm: float,
    rng: np.random.Generator,
) -> np.ndarray | None:
    """Return a random point of a mask, in view and clear of other sources, or None."""
    inside = np.flatnonzero(mask)
    if not inside.size:
        return None
    for flat in rng.choice(inside, 40):
        index = np.array(np.unravel_index(flat, mask.shape)) + rng.uniform(-0.5, 0.5, 3)
        point = np.asarray(grid.origin) + index * grid.spacing
        voxel = field_of_view.index(point)
        if (voxel < 3).any() or (voxel > np.asarray(field_of_view.shape) - 4).any():
            continue
        gaps = [
            np.linalg.norm(point - o.centre_mm) - 0.9 * (o.diameter_mm + diameter_mm)
            for o in others
        ]
        if not gaps or min(gaps) > 1.5:
            return point
    return None


def microbleed_diameter(rng: np.random.Generator, enriched: bool = False) -> float:
    """Draw the diameter of a microbleed's iron in mm."""
    median = 2.5 if enriched else 2.9
    apparent = np.exp(rng.normal(np.log(median), 0.43))
    return float(np.clip(apparent, 1.0, 10) / BLOOMING)


def iron_diameter(rng: np.random.Generator) -> float:
    """Draw the diameter of an iron deposit in mm."""
    return float(np.clip(np.exp(rng.normal(np.log(4.5), 0.45)), 2, 12))


def microbleed(
    place: str, centre: np.ndarray, diameter: float, rng: np.random.Generator
) -> Source:
    """Draw a microbleed's shape and susceptibility."""
    stretch, waves = random_shape(rng, 0.12, max(diameter, 1))
    chi = float(np.clip(np.exp(rng.normal(np.log(1.0), 0.5)), 0.3, 3))
    return Source('CMB', place, centre, diameter, chi, stretch, waves, 0.25)


def iron_deposit(
    nucleus: str, centre: np.ndarray, diameter: float, rng: np.random.Generator
) -> Source:
    """Draw an iron deposit's shape and susceptibility, above that of its nucleus."""
    stretch, waves = random_shape(rng, 0.35, diameter / 2, n=8)
    chi = float(rng.uniform(0.15, 0.6))
    return Source('iron', nucleus, centre, diameter, chi, stretch, waves, 1.1, nucleus)
