"""The complex signal of a whole head: its tissues, its veins, its lesions and their mimics."""

import numpy as np

from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.dipole_field import dipole_field
from deepmir_bids.simulation.gradient_echo import (
    Coarse,
    Fine,
    add_source,
    fine_parts,
    local_signal,
    venous_fine,
    volume_signal,
)
from deepmir_bids.simulation.random_head import Head
from deepmir_bids.simulation.small_sources import LocalSource, Source, localise
from deepmir_bids.simulation.tissue_properties import (
    contrast_map,
    gradient_echo_levels,
    relaxation_map,
    susceptibility_map,
)
from deepmir_bids.simulation.veins import Vein, rasterise

#: Longest edge in mm of the grids on which veins, and lesions, are drawn.
VEIN_GRID_MM = (0.55, 0.55, 0.8)
SOURCE_GRID_MM = 0.25


def tissue_maps(
    head: Head,
    iron: np.ndarray,
    damage: np.ndarray,
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> Coarse:
    """Return the field and the signal of a head's tissues, air included, on the head's grid."""
    chi = susceptibility_map(head, iron, rng)
    # Relative to air all round, so that padding with zeros is padding with air.
    above_air = chi - chi[0, 0, -1]
    offset = dipole_field(above_air, head.grid.spacing, acquisition.b0_direction, padding=1.3)
    offset -= np.median(offset[head.brain])
    decay = relaxation_map(head, iron, acquisition.field_t)
    signal = contrast_map(head, gradient_echo_levels(rng), 0.06, rng)
    signal *= 1 + np.float32(rng.uniform(0, 0.12)) * damage
    signal *= np.exp(-np.float32(acquisition.echo_time_s) * decay)
    return Coarse(head.grid, offset, signal, decay, chi)


def vein_maps(head: Head, veins: list[Vein], acquisition: Acquisition) -> Fine:
    """Return the fine maps of the veins in the box around the brain."""
    inside = np.argwhere(head.brain)
    corners = np.asarray(head.grid.origin) + (
        np.array([inside.min(axis=0), inside.max(axis=0)]) * head.grid.spacing
    )
    voxels = acquisition.grid
    low = np.maximum(np.floor(voxels.index(corners[0] - 5)), 0).astype(int)
    high = np.minimum(np.ceil(voxels.index(corners[1] + 5)), voxels.shape).astype(int)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    parts = fine_parts(acquisition.voxel_mm, VEIN_GRID_MM)
    share, chi = rasterise(veins, voxels.crop(box).subdivided(parts))
    return venous_fine(box, parts, share, chi, acquisition)


def add_sources(
    fine: Fine, sources: list[Source], acquisition: Acquisition, head: Head
) -> list[LocalSource]:
    """Add calcifications and lesions to the fine maps; return each on its own grid."""
    local = []
    for source in sources:
        finest = max(SOURCE_GRID_MM, source.diameter_mm / 12)
        finer = fine_parts(fine.grid.spacing, (finest,) * 3)
        a, b, c = (p * q for p, q in zip(fine.parts, finer, strict=True))
        near = localise(
            source, acquisition.grid, fine.box, (a, b, c), acquisition.b0_direction, head
        )
        if near is not None:
            add_source(fine, near, acquisition.field_t)
            local.append(near)
    return local


def head_signal(
    coarse: Coarse, fine: Fine, local: list[LocalSource], acquisition: Acquisition
) -> np.ndarray:
    """Return the noiseless complex image (X, Y, Z) of a head with its lesions."""
    image = volume_signal(coarse, fine, acquisition)
    for source in local:
        image[source.box] = local_signal(coarse, fine, source, acquisition, with_lesions=True)
    return image


def without_lesions(
    image: np.ndarray,
    coarse: Coarse,
    fine: Fine,
    local: list[LocalSource],
    acquisition: Acquisition,
) -> np.ndarray:
    """Return the same image as if the head had no lesions."""
    without = image.copy()
    for source in local:
        without[source.box] = local_signal(coarse, fine, source, acquisition, with_lesions=False)
    return without
