"""Calcifications: dark on an SWI as microbleeds are, but diamagnetic.

The other mimics are the iron that every nucleus has (`tissue_properties.iron_map`), the veins
(`veins`) and the borders of air and tissue (`random_head`).
"""

import numpy as np

from deepmir_bids.simulation.image_grid import ImageGrid
from deepmir_bids.simulation.random_head import Head, nucleus_values
from deepmir_bids.simulation.random_lesions import free_point
from deepmir_bids.simulation.small_sources import Source, random_shape


def random_calcifications(
    head: Head,
    field_of_view: ImageGrid,
    lesions: list[Source],
    rng: np.random.Generator,
    enriched: bool = False,
) -> list[Source]:
    """Draw calcifications of pineal, choroid plexus, falx, pallidum and elsewhere."""
    x, y, z = head.mni
    plexus = head.csf > 0.5
    plexus &= (np.abs(x) > 10) & (np.abs(x) < 36) & (y < -18) & (y > -48) & (z > -6) & (z < 22)
    pineal = (np.abs(x) < 2.5) & (y < -27) & (y > -34) & (z > -3) & (z < 5)
    falx = (np.abs(x) < 2) & (z > 35) & (head.csf > 0.4)
    pallidum = np.isin(head.nucleus, nucleus_values('pallidum'))
    anywhere = head.brain & (head.csf < 0.4)
    many = 5 if enriched else 1
    plan = (
        ('pineal', pineal, int(rng.random() < 0.7), (2, 6)),
        ('choroid plexus', plexus, int(rng.integers(0, 5)), (1.5, 5)),
        ('falx', falx, int(rng.random() < 0.3), (1.5, 5)),
        ('pallidum', pallidum, int(rng.poisson(0.5 * many)), (1.2, 5)),
        ('brain', anywhere, int(rng.poisson(0.7 * many)), (0.8, 3)),
    )
    drawn: list[Source] = []
    for place, mask, count, (low, high) in plan:
        for _ in range(count):
            diameter = float(np.exp(rng.uniform(np.log(low), np.log(high))))
            taken = lesions + drawn
            centre = free_point(mask, head.grid, field_of_view, taken, diameter, rng)
            if centre is not None:
                drawn.append(_calcification(place, centre, diameter, rng))
    return drawn


def _calcification(
    place: str, centre: np.ndarray, diameter: float, rng: np.random.Generator
) -> Source:
    stretch, waves = random_shape(rng, 0.25, max(diameter / 1.5, 0.8))
    chi = -float(np.clip(np.exp(rng.normal(np.log(1.0), 0.6)), 0.3, 3))
    return Source(
        'calcification', place, centre, diameter, chi, stretch, waves, 0.6, decay_per_s=60.0
    )
