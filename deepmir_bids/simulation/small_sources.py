"""Small sources of susceptibility: microbleeds, iron deposits, calcifications."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from deepmir_bids.simulation.dipole_field import dipole_field
from deepmir_bids.simulation.image_grid import Box, ImageGrid, interpolate
from deepmir_bids.simulation.random_head import nucleus_values


class Nuclei(Protocol):
    """The deep nuclei of a head: ``nucleus`` holds their values on ``grid``, 0 elsewhere."""

    @property
    def grid(self) -> ImageGrid:
        """Voxels in image mm."""

    @property
    def nucleus(self) -> np.ndarray:
        """Values of `deepmir_bids.anatomy.deep_nuclei.nuclei`, (X, Y, Z)."""


@dataclass(frozen=True)
class Source:
    """A small source: its centre in image mm, its diameter in mm and susceptibility in ppm.

    ``stretch`` (3, 3) deforms the sphere, ``waves`` (n, 4) are wave vectors in 1/mm and phases
    that roughen its surface by ``roughness`` of its radius. ``nucleus`` names what confines it, if
    anything does. ``decay_per_s`` is R2* at 3 T that it adds to that of its
    susceptibility.
    """

    kind: str
    place: str
    centre_mm: np.ndarray
    diameter_mm: float
    chi_ppm: float
    stretch: np.ndarray
    waves: np.ndarray
    roughness: float
    nucleus: str | None = None
    decay_per_s: float = 0.0

    @property
    def is_lesion(self) -> bool:
        """Whether it is to be detected: a calcification only looks like a microbleed."""
        return self.kind != 'calcification'

    def occupancy(self, grid: ImageGrid, head: Nuclei | None) -> np.ndarray:
        """Return how much of each voxel the source fills, 0 to 1."""
        reach = (
            self.diameter_mm / 2 * (1 + self.roughness) * np.linalg.norm(self.stretch, -2) ** -1
        )
        box = grid.box_around(self.centre_mm, float(reach) + max(grid.spacing))
        filled = np.zeros(grid.shape, dtype=np.float32)
        filled[box] = self._filled(grid.crop(box), head)
        return filled

    def _filled(self, grid: ImageGrid, head: Nuclei | None) -> np.ndarray:
        axes = [(grid.coordinates(a) - self.centre_mm[a]).astype(np.float32) for a in range(3)]
        offset = np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1)
        distance = np.linalg.norm(offset @ self.stretch.T.astype(np.float32), axis=-1)
        ripple = np.zeros(grid.shape, dtype=np.float32)
        for *vector, phase in self.waves.astype(np.float32):
            ripple += np.sin(offset @ np.array(vector) + phase)
        edge = self.diameter_mm / 2 * (1 + self.roughness * ripple / len(self.waves)) - distance
        filled = np.clip(0.5 + edge / np.float32(np.mean(grid.spacing)), 0, 1)
        if self.nucleus is not None and head is not None:
            inside = np.isin(head.nucleus, nucleus_values(self.nucleus)).astype(np.float32)
            inside = interpolate(inside, head.grid, grid)
            filled *= np.clip(2 * inside - 0.2, 0, 1)
        return filled


@dataclass(frozen=True)
class LocalSource:
    """A source on a fine grid around it: what it fills and the field that it makes, in ppm."""

    source: Source
    box: Box
    grid: ImageGrid
    occupancy: np.ndarray
    field_ppm: np.ndarray

    @property
    def chi_mm3(self) -> float:
        """Total susceptibility in ppm mm^3, which no echo time changes."""
        return float(self.occupancy.sum() * np.prod(self.grid.spacing) * self.source.chi_ppm)


def localise(
    source: Source,
    voxels: ImageGrid,
    limits: Box,
    parts: tuple[int, ...],
    b0_direction: np.ndarray,
    head: Nuclei | None,
    reach_mm: float | None = None,
) -> LocalSource | None:
    """Return a source's field on the voxels around it, each cut into ``parts``.

    The voxels are those of the box ``limits`` within ``reach_mm`` of the centre; None if the
    source lies beyond it.
    """
    radius = source.diameter_mm / 2 * (1 + source.roughness / 2)
    # Beyond this the field of an ordinary microbleed turns the phase by less than 0.1 rad.
    reach = reach_mm or radius + max(
        2.5, 2.5 * source.diameter_mm * min(abs(source.chi_ppm), 1.5) ** (1 / 3)
    )
    box = tuple(
        slice(max(s.start, w.start), min(s.stop, w.stop))
        for s, w in zip(voxels.box_around(source.centre_mm, reach), limits, strict=True)
    )
    if any(s.stop <= s.start for s in box):
        return None
    grid = voxels.crop(box).subdivided(parts)
    occupancy = source.occupancy(grid, head)
    field = dipole_field(source.chi_ppm * occupancy, grid.spacing, b0_direction, padding=1.6)
    return LocalSource(source, box, grid, occupancy, field)


def random_shape(rng: np.random.Generator, elongation: float, scale_mm: float, n: int = 6):
    """Draw a stretch of volume 1 and waves about ``scale_mm`` long."""
    from scipy.spatial.transform import Rotation

    turn = Rotation.random(random_state=rng).as_matrix()
    axes = np.exp(rng.normal(0, elongation, 3))
    axes /= np.prod(axes) ** (1 / 3)
    vectors = rng.standard_normal((n, 3)) * 2 * np.pi / (scale_mm * 1.7)
    waves = np.column_stack([vectors, rng.uniform(0, 2 * np.pi, n)])
    return turn.T @ np.diag(axes) @ turn, waves
