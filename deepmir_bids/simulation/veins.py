"""The veins of a brain: the commonest thing on an SWI that is dark and is no microbleed."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from deepmir_bids.simulation.image_grid import ImageGrid
from deepmir_bids.simulation.random_head import OUTER, Head

#: Deep veins and sinuses: way points in MNI mm (mirrored if off the midline), calibre in mm.
DEEP_VEINS = {
    'internal cerebral': ([(3, 3, 13), (3, -12, 16), (3, -28, 12), (1, -38, 6)], 1.8),
    'thalamostriate': ([(3, 3, 13), (12, -2, 18), (19, -14, 22), (24, -28, 22)], 1.3),
    'septal': ([(3, 3, 13), (4, 14, 12), (8, 24, 12), (16, 32, 12)], 1.1),
    'atrial': ([(3, -28, 12), (14, -36, 14), (22, -40, 12)], 1.1),
    'basal': ([(12, 6, -18), (17, -8, -14), (18, -22, -8), (12, -34, -2), (1, -39, 5)], 1.7),
    'Galen': ([(0, -38, 5), (0, -43, 4), (0, -47, 2)], 3.5),
    'straight sinus': ([(0, -47, 2), (0, -62, -4), (0, -78, -12), (0, -92, -16)], 4.0),
    'inferior sagittal': ([(0, 26, 28), (0, 5, 34), (0, -20, 30), (0, -40, 8)], 1.6),
    'superior sagittal': (
        [
            (0, 70, 2),
            (0, 56, 44),
            (0, 28, 66),
            (0, -6, 79),
            (0, -44, 78),
            (0, -78, 52),
            (0, -100, 14),
            (0, -98, -14),
        ],
        6.0,
    ),
    'transverse': ([(2, -96, -16), (24, -90, -22), (44, -72, -26), (54, -50, -34)], 5.5),
}


@dataclass(frozen=True)
class Vein:
    """A vein: path (n, 3) in image mm, radius (n,) in mm along it, and susceptibility."""

    kind: str
    path: np.ndarray
    radius: np.ndarray
    chi_ppm: float


def random_veins(head: Head, rng: np.random.Generator) -> list[Vein]:
    """Draw a brain's veins: medullary, superficial, sulcal, their branches, and the deep ones."""
    chi = rng.uniform(0.22, 0.40)
    density = float(np.exp(rng.normal(0, 0.3)))
    veins = _deep(head, chi, rng)
    veins += _medullary(head, chi, density, rng)
    veins += _superficial(head, chi, density, rng)
    sulcal = _sulcal(head, chi, density, rng)
    return veins + sulcal


def rasterise(veins: list[Vein], grid: ImageGrid) -> tuple[np.ndarray, np.ndarray]:
    """Return each voxel's share of venous blood and the susceptibility that it brings in ppm.

    Every stretch of vein spreads its volume over points of its cross-section, so that veins
    thinner than a voxel keep their total susceptibility.
    """
    share = np.zeros(grid.shape, dtype=np.float32)
    chi = np.zeros(grid.shape, dtype=np.float32)
    voxel_mm3 = float(np.prod(grid.spacing))
    for vein in veins:
        points, volume = _fill(vein)
        index = np.rint(grid.index(points)).astype(int)
        inside = ((index >= 0) & (index < grid.shape)).all(axis=1)
        flat = np.ravel_multi_index(tuple(index[inside].T), grid.shape)
        part = (volume[inside] / voxel_mm3).astype(np.float32)
        np.add.at(share.reshape(-1), flat, part)
        np.add.at(chi.reshape(-1), flat, part * np.float32(vein.chi_ppm))
    full = share > 1
    chi[full] /= share[full]
    share[full] = 1
    return share, chi


def _fill(vein: Vein, step_mm: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Return points (n, 3) that fill a vein and the volume in mm^3 that each stands for."""
    lengths = np.linalg.norm(np.diff(vein.path, axis=0), axis=1)
    along = np.concatenate([[0], np.cumsum(lengths)])
    n = max(2, int(along[-1] / step_mm))
    at = (np.arange(n) + 0.5) * along[-1] / n
    centre = np.stack([np.interp(at, along, vein.path[:, a]) for a in range(3)], axis=1)
    radius = np.interp(at, along, vein.radius)
    tangent = np.gradient(centre, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    helper = np.where(np.abs(tangent[:, :1]) < 0.8, [[1.0, 0, 0]], [[0, 1.0, 0]])
    first = np.cross(tangent, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(tangent, first)
    k = int(np.clip(np.pi * radius.max() ** 2 / 0.04, 3, 600))
    # A sunflower's seeds spread evenly over a disc; turning them from step to step fills the gaps.
    seeds = np.arange(k) + 0.5
    angle = 2.399963 * (seeds + k * np.arange(n)[:, None])
    reach = radius[:, None] * np.sqrt(seeds / k)
    points = (
        centre[:, None]
        + (reach * np.cos(angle))[..., None] * first[:, None]
        + (reach * np.sin(angle))[..., None] * second[:, None]
    )
    volume = np.pi * radius**2 * (along[-1] / n) / k
    return points.reshape(-1, 3), np.repeat(volume, k)


def _grow(
    start: np.ndarray,
    direction: np.ndarray,
    steer: Callable[[np.ndarray], np.ndarray],
    steps: int,
    rng: np.random.Generator,
    wander: float = 0.25,
    step_mm: float = 0.7,
) -> np.ndarray:
    """Return paths (n, steps, 3) that keep their course, follow ``steer`` and wander a little."""
    paths = np.empty((len(start), steps, 3))
    point, course = start.copy(), direction
    for i in range(steps):
        paths[:, i] = point
        course = course + steer(point) + wander * rng.standard_normal(point.shape)
        course /= np.linalg.norm(course, axis=1, keepdims=True) + 1e-9
        point = point + step_mm * course
    return paths


class _VectorField:
    """The gradient of a smoothed map, sampled at points in image mm."""

    def __init__(self, image: np.ndarray, grid: ImageGrid, smooth_mm: float):
        smoothed = ndimage.gaussian_filter(image, smooth_mm / grid.spacing[0])
        self.grid = grid
        self.parts = np.gradient(smoothed, *grid.spacing)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        index = np.rint(self.grid.index(points)).astype(int)
        index = np.clip(index, 0, np.asarray(self.grid.shape) - 1)
        return np.stack([p[tuple(index.T)] for p in self.parts], axis=1)


def _random_points(
    mask: np.ndarray, grid: ImageGrid, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Return n random points (n, 3) in image mm within a mask."""
    inside = np.flatnonzero(mask)
    if not inside.size:
        return np.zeros((0, 3))
    index = np.stack(np.unravel_index(rng.choice(inside, n), mask.shape), axis=1)
    return np.asarray(grid.origin) + (index + rng.uniform(-0.5, 0.5, index.shape)) * grid.spacing


def _veins_from(
    kind: str,
    paths: np.ndarray,
    calibre: tuple[float, float],
    chi: float,
    rng: np.random.Generator,
    shortest: int = 8,
) -> list[Vein]:
    """Cut paths to random lengths and give each a tapering calibre in mm and a susceptibility."""
    veins = []
    for path in paths:
        n = int(rng.integers(shortest, paths.shape[1] + 1))
        # Thin veins are far commoner than thick ones.
        low, high = np.log(calibre[0]), np.log(calibre[1])
        diameter = np.exp(low + (high - low) * rng.beta(1.2, 2.2))
        taper = np.linspace(1, rng.uniform(0.4, 0.9), n)
        value = chi * float(np.exp(rng.normal(0, 0.12)))
        veins.append(Vein(kind, path[:n], diameter / 2 * taper, value))
    return veins


def _branches(parents: list[Vein], share: float, rng: np.random.Generator) -> list[Vein]:
    """Return side branches of some veins, thinner and at an angle."""
    branches = []
    for parent in parents:
        if rng.random() > share or len(parent.path) < 10:
            continue
        i = int(rng.integers(2, len(parent.path) - 4))
        course = parent.path[i + 1] - parent.path[i - 1]
        course = course / np.linalg.norm(course) + 0.9 * rng.standard_normal(3)
        n = int(rng.integers(8, 22))
        path = _grow(parent.path[i : i + 1], course[None], np.zeros_like, n, rng, wander=0.2)[0]
        radius = parent.radius[i] * rng.uniform(0.5, 0.85) * np.linspace(1, 0.6, n)
        branches.append(Vein(parent.kind, path, radius, parent.chi_ppm))
    return branches


def _medullary(head: Head, chi: float, density: float, rng: np.random.Generator) -> list[Vein]:
    """Deep medullary veins: from the lateral ventricles' walls outward through white matter."""
    ventricle, z = head.ventricles, head.mni[2]
    distance = ndimage.distance_transform_edt(~ventricle, sampling=head.grid.spacing)
    outward = _VectorField(np.minimum(distance, 45).astype(np.float32), head.grid, 3)
    near = (distance > 1) & (distance < 12) & (head.wm > 0.6) & (head.nucleus == 0) & (z > 0)
    start = _random_points(near, head.grid, int(380 * density), rng)
    paths = _grow(start, outward(start), lambda p: 0.5 * outward(p), 48, rng, wander=0.18)
    veins = _veins_from('medullary', paths, (0.3, 1.0), chi, rng, shortest=12)
    return veins + _branches(veins, 0.6, rng)


def _superficial(head: Head, chi: float, density: float, rng: np.random.Generator) -> list[Vein]:
    """Veins that cross the cortex into the white matter beneath it."""
    inward = _VectorField(head.wm, head.grid, 1.5)
    cortex = (head.gm > 0.5) & (head.nucleus == 0)
    start = _random_points(cortex, head.grid, int(1300 * density), rng)
    paths = _grow(start, inward(start), lambda p: 0.8 * inward(p), 22, rng, wander=0.2)
    return _veins_from('superficial', paths, (0.25, 0.7), chi, rng, shortest=6)


def _sulcal(head: Head, chi: float, density: float, rng: np.random.Generator) -> list[Vein]:
    """Veins of the sulci and of the brain's surface, which keep to the fluid."""
    fluid = head.csf + (head.outer == OUTER['fluid'])
    towards = _VectorField(fluid.astype(np.float32), head.grid, 1.2)
    surface = _VectorField(head.brain.astype(np.float32), head.grid, 2)
    sulci = (head.csf > 0.35) & head.brain & ~head.ventricles
    start = _random_points(sulci, head.grid, int(1000 * density), rng)
    paths = _grow(
        start,
        rng.standard_normal(start.shape),
        lambda p: 1.2 * towards(p) + 1.5 * surface(p),
        56,
        rng,
        wander=0.22,
    )
    veins = _veins_from('sulcal', paths, (0.4, 2.5), chi, rng, shortest=14)
    return veins + _branches(veins, 0.5, rng)


def _deep(head: Head, chi: float, rng: np.random.Generator) -> list[Vein]:
    """The named veins of `DEEP_VEINS`, each a smooth curve through its displaced way points."""
    from scipy.interpolate import make_interp_spline

    veins = []
    for name, (points, calibre) in DEEP_VEINS.items():
        sides = (1,) if all(p[0] == 0 for p in points) else (1, -1)
        for side in sides:
            way = np.array(points, dtype=float) * (side, 1, 1)
            way[1:-1] += rng.normal(0, 1.2, way[1:-1].shape)
            knots = head.from_mni(way)
            curve = make_interp_spline(np.arange(len(knots)), knots, k=min(3, len(knots) - 1))
            path = curve(np.linspace(0, len(knots) - 1, 60))
            radius = calibre / 2 * rng.uniform(0.6, 1.15) * np.linspace(1, rng.uniform(0.6, 1), 60)
            veins.append(Vein(name, path, radius, chi * float(np.exp(rng.normal(0, 0.06)))))
    veins += _branches(veins, 0.9, rng)
    return veins
