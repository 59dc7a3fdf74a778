"""A random head: a template's tissues moved, aged and textured on the image's own axes."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from deepmir_bids.anatomy.deep_nuclei import draw_nuclei, nuclei
from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.image_grid import ImageGrid, smooth_noise

#: Values of `Head.outer`, the tissue outside the brain.
OUTER = {'brain': 0, 'air': 1, 'bone': 2, 'marrow': 3, 'fat': 4, 'muscle': 5, 'fluid': 6}

#: Air-filled cavities: centre and half-axes in MNI mm, right side mirrored where x is not 0.
CAVITIES = {
    'sphenoid': ((7, 24, -36), (8, 12, 9)),
    'ethmoid': ((8, 50, -34), (7, 16, 11)),
    'frontal': ((11, 72, -14), (10, 5, 9)),
    'nasal': ((7, 46, -58), (5, 26, 11)),
    'maxillary': ((30, 38, -60), (11, 14, 12)),
    'mastoid': ((56, -36, -42), (8, 10, 11)),
    'ear canal': ((64, -22, -40), (13, 4, 4)),
}


@dataclass(frozen=True)
class Head:
    """A head on a coarse grid in image mm.

    ``gm``, ``wm``, ``csf`` are fractions, ``nucleus`` holds the values of the deep nuclei
    (`deepmir_bids.anatomy.deep_nuclei.nuclei`), ``outer`` those of `OUTER`, ``mni`` (3, X, Y, Z)
    each voxel's place in MNI mm.
    """

    grid: ImageGrid
    gm: np.ndarray
    wm: np.ndarray
    csf: np.ndarray
    nucleus: np.ndarray
    outer: np.ndarray
    mni: np.ndarray
    age: float

    @property
    def brain(self) -> np.ndarray:
        """Mask of the brain with its inner CSF."""
        return self.outer == OUTER['brain']

    @property
    def ventricles(self) -> np.ndarray:
        """Mask of the lateral and third ventricles."""
        x, y, z = self.mni
        return (self.csf > 0.5) & (np.abs(x) < 36) & (y > -55) & (y < 38) & (z > -8) & (z < 34)

    def to_mni(self, points_mm: np.ndarray) -> np.ndarray:
        """Return the MNI mm (n, 3) of points (n, 3) in image mm."""
        index = self.grid.index(points_mm).T
        return np.stack(
            [ndimage.map_coordinates(m, index, order=1, mode='nearest') for m in self.mni], axis=1
        )

    def from_mni(self, points: np.ndarray) -> np.ndarray:
        """Return the image mm (n, 3) of points (n, 3) in MNI mm, by fixed-point iteration."""
        middle = np.array(self.grid.origin) + np.array(self.grid.spacing) * self.grid.shape / 2
        estimate = np.tile(middle, (len(points), 1))
        for _ in range(30):
            estimate = estimate + 0.8 * (points - self.to_mni(estimate))
        return estimate


@lru_cache(maxsize=1)
def _template() -> tuple[np.ndarray, ...]:
    """Return grey, white, depth outside the brain (at 2 mm), nuclei, and the 1 mm affine."""
    from nilearn import datasets

    grey = datasets.load_mni152_gm_template(resolution=1)
    white = datasets.load_mni152_wm_template(resolution=1)
    gm = np.clip(grey.get_fdata(dtype=np.float32), 0, 1)
    wm = np.clip(white.get_fdata(dtype=np.float32), 0, 1)
    brain = datasets.load_mni152_brain_mask(resolution=1).get_fdata() > 0.5
    brain |= gm + wm > 0.5
    # Positive outside, negative inside, so that a threshold grows or shrinks the brain; every
    # other voxel will do for so smooth a map.
    half = brain[::2, ::2, ::2]
    depth = 2 * (ndimage.distance_transform_edt(~half) - ndimage.distance_transform_edt(half))
    labels = draw_nuclei(gm.shape, grey.affine)
    return gm, wm, depth.astype(np.float32), labels, grey.affine


def random_head(acquisition: Acquisition, rng: np.random.Generator) -> Head:
    """Draw a head: pose, size, shape, ventricles, atrophy and the layers around the brain."""
    age = float(rng.uniform(45, 88))
    spacing = acquisition.detail_mm
    centre = acquisition.from_world(np.array([0.0, -14.0, -2.0]))
    shape = np.ceil(np.array([196, 232, 206]) / spacing).astype(int)
    grid = ImageGrid.centred(centre, (spacing,) * 3, shape)
    mni = _random_coordinates(acquisition, grid, age, rng)
    gm, wm, depth, labels, affine = _template()
    index = np.linalg.inv(affine)
    place = [index[a, a] * mni[a] + np.float32(index[a, 3]) for a in range(3)]
    grey, white = (ndimage.map_coordinates(m, place, order=1) for m in (gm, wm))
    half = [p / 2 for p in place]
    outside = ndimage.map_coordinates(depth, half, order=1, mode='nearest')
    outside += (0.5 * smooth_noise(grid.shape, 5 / spacing, rng)).astype(np.float32)
    nucleus = ndimage.map_coordinates(labels, place, order=0)
    outer = _outer_layers(outside, mni, spacing, rng)
    grey, white, fluid = _fractions(grey, white, outer == OUTER['brain'], age, spacing, rng)
    nucleus[outer != OUTER['brain']] = 0
    nucleus[fluid > 0.6] = 0
    return Head(grid, grey, white, fluid, nucleus, outer, mni, age)


def _random_coordinates(
    acquisition: Acquisition, grid: ImageGrid, age: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the MNI mm (3, X, Y, Z) of a grid's voxels: pose, size, ventricles and folds."""
    turn = Rotation.from_euler('xyz', rng.normal(0, [4, 2.5, 3]), degrees=True).as_matrix()
    matrix = turn / rng.normal(0.97, 0.035, 3)[:, None] @ acquisition.rotation
    shift = matrix @ -acquisition.from_world(rng.normal([0, -14, -2], 2)) + [0, -16, 4]
    axes = [grid.coordinates(a).astype(np.float32) for a in range(3)]
    x, y, z = np.meshgrid(*axes, indexing='ij', sparse=True)
    mni = np.empty((3, *grid.shape), dtype=np.float32)
    for a in range(3):
        row = matrix[a].astype(np.float32)
        mni[a] = row[0] * x + row[1] * y + row[2] * z + np.float32(shift[a])
    spacing = grid.spacing[0]
    for scale, size in ((45, 3.0), (20, 1.8), (9, 0.8)):
        for a in range(3):
            mni[a] += np.float32(size) * smooth_noise(grid.shape, scale / spacing, rng)
    # Lateral ventricles widen with age: coordinates shrink towards their middle.
    widening = np.clip(rng.normal((age - 45) / 43 * 0.30, 0.12), -0.1, 0.5)
    for side in (-1, 1):
        offset = [mni[a] - np.float32(c) for a, c in enumerate((side * 14, -8, 18))]
        squared = (offset[0] / 14) ** 2 + (offset[1] / 32) ** 2 + (offset[2] / 16) ** 2
        pull = np.float32(widening) * np.exp(-squared / 2)
        for a in range(3):
            mni[a] -= pull * offset[a]
    return mni


def _fractions(
    gm: np.ndarray,
    wm: np.ndarray,
    brain: np.ndarray,
    age: float,
    spacing: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sharpen blurred template fractions into one subject's, with sulci widened by age."""
    fluid = np.clip(1 - gm - wm, 0, 1)
    atrophy = np.exp(rng.normal((age - 60) / 40, 0.4))
    power = float(rng.uniform(2.5, 4))
    parts = []
    for fraction, bias in ((gm, 1.0), (wm, 1.0), (fluid, atrophy)):
        ripple = 0.5 * smooth_noise(gm.shape, 2.5 / spacing, rng) + 0.5 * smooth_noise(
            gm.shape, 6 / spacing, rng
        )
        parts.append(np.float32(bias) * np.clip(fraction, 0, 1) ** power * np.exp(ripple))
    total = parts[0] + parts[1] + parts[2]
    total[total == 0] = 1
    grey, white, fluid = (np.where(brain, part / total, 0).astype(np.float32) for part in parts)
    return grey, white, fluid


def _outer_layers(
    depth: np.ndarray, mni: np.ndarray, spacing: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the tissue outside the brain: fluid, skull with marrow, scalp, face, neck and air."""
    x, y, z = mni
    thick = 1 + 0.15 * smooth_noise(depth.shape, 30 / spacing, rng)
    fluid, skull, scalp = rng.uniform(1.2, 3), rng.uniform(5, 8), rng.uniform(4, 8)
    bone = fluid + skull * thick
    skin = bone + scalp * thick
    outer = np.full(depth.shape, OUTER['air'], dtype=np.uint8)
    width, length = rng.uniform(66, 76), rng.uniform(88, 98)
    low = (z < -5) & ((x / width) ** 2 + ((y + 8) / length) ** 2 < 1) & (y > -0.9 * z - 150)
    mixed = smooth_noise(depth.shape, 8 / spacing, rng)
    outer[low] = np.where(mixed[low] > 0.5, OUTER['fat'], OUTER['muscle'])
    outer[depth <= skin] = OUTER['fat']
    outer[(depth <= skin) & (z < 10) & (mixed > 0)] = OUTER['muscle']
    outer[depth <= bone] = OUTER['bone']
    diploe = (depth > fluid + 0.35 * skull * thick) & (depth < fluid + 0.7 * skull * thick)
    outer[diploe & (z > -20)] = OUTER['marrow']
    for (cx, cy, cz), half in CAVITIES.values():
        for side in (-1, 1):
            middle = np.array([side * cx, cy, cz]) + rng.normal(0, 1.5, 3)
            a, b, c = np.asarray(half) * rng.uniform(0.6, 1.15, 3)
            level = (
                ((x - middle[0]) / a) ** 2
                + ((y - middle[1]) / b) ** 2
                + ((z - middle[2]) / c) ** 2
            )
            outer[(level < 1) & (depth > 3)] = OUTER['air']
    outer[depth <= fluid] = OUTER['fluid']
    outer[depth <= 0] = OUTER['brain']
    return outer


def nucleus_values(kind: str) -> list[int]:
    """Return the label values of a nucleus: left and right of, say, ``'putamen'``."""
    return [n.index for n in nuclei() if n.kind == kind]
