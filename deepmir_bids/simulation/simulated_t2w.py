"""The T2w of a head: another grid than the SWI's, and another position of the head."""

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.image_grid import smooth_noise
from deepmir_bids.simulation.random_head import Head
from deepmir_bids.simulation.small_sources import Source
from deepmir_bids.simulation.tissue_properties import contrast_map, spin_echo_levels

#: How much darker a T2w gets where a source fills a voxel.
DARKENING = {'CMB': 0.45, 'iron': 0.35, 'calcification': 0.5}


def simulate_t2w(
    head: Head,
    iron: np.ndarray,
    damage: np.ndarray,
    sources: list[Source],
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Simulate the T2w of a head.

    Parameters
    ----------
    head
        The head.
    iron
        Susceptibility of its deep nuclei in ppm, on the head's grid.
    damage
        Share of each voxel's white matter that is hyperintense, on the head's grid.
    sources
        Lesions and calcifications.
    acquisition
        The scan.
    rng
        Draws contrast, motion, shading and noise.

    Returns
    -------
    t2w
        The image (X, Y, Z), float32.
    affine
        4x4 from its voxels to world mm.
    motion
        4x4 from a world point of the T2w to its place in the SWI.

    """
    contrast = contrast_map(head, spin_echo_levels(rng), 0.06, rng)
    contrast *= np.exp(-np.float32(rng.uniform(1, 3)) * iron)
    contrast += np.float32(rng.uniform(0.2, 0.4)) * damage
    contrast = weight_lesions(contrast, head, sources)
    motion = random_motion(rng)
    t2w, affine = acquire_t2w(contrast, head, acquisition, motion, rng)
    return t2w, affine, motion


def random_motion(rng: np.random.Generator) -> np.ndarray:
    """Draw the 4x4 motion in world mm that takes a point of the T2w to its place in the SWI."""
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_euler('xyz', rng.normal(0, 1, 3), degrees=True).as_matrix()
    motion[:3, 3] = rng.normal(0, 1, 3)
    return motion


def t2w_affine(acquisition: Acquisition) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return a whole-head T2w's affine and shape: along the scanner's axes."""
    voxel = np.asarray(acquisition.t2w_voxel_mm)
    shape = np.ceil(np.array([190, 230, 200]) / voxel).astype(int)
    affine = np.diag([*voxel, 1.0])
    affine[:3, 3] = np.array([0, -14, -2]) - voxel * (shape - 1) / 2
    return affine, tuple(int(n) for n in shape)


def weight_lesions(contrast: np.ndarray, head: Head, sources: list[Source]) -> np.ndarray:
    """Return the contrast darkened by sources, on the head's grid."""
    contrast = contrast.copy()
    for source in sources:
        box = head.grid.box_around(source.centre_mm, source.diameter_mm + 2)
        filled = source.occupancy(head.grid.crop(box), head)
        contrast[box] *= 1 - np.float32(DARKENING[source.kind]) * filled
    return contrast


def acquire_t2w(
    contrast: np.ndarray,
    head: Head,
    acquisition: Acquisition,
    motion: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a T2w (X, Y, Z), float32, and its affine: moved, shaded, with noise."""
    affine, shape = t2w_affine(acquisition)
    rotation, centre = acquisition.rotation, np.asarray(acquisition.centre_mm)
    # From T2w voxels to SWI world, to image mm, to indices of the head's grid.
    matrix = motion @ affine
    matrix = np.vstack(
        [
            np.column_stack([rotation.T @ matrix[:3, :3], rotation.T @ (matrix[:3, 3] - centre)]),
            [0, 0, 0, 1],
        ]
    )
    scale = np.asarray(head.grid.spacing)
    linear = matrix[:3, :3] / scale[:, None]
    offset = (matrix[:3, 3] - head.grid.origin) / scale
    # A voxel averages over its size; the head's grid has averaged a part of that already.
    blur = np.sqrt(np.maximum(np.asarray(acquisition.t2w_voxel_mm) ** 2 / 12 - scale**2 / 12, 0))
    blurred = ndimage.gaussian_filter(contrast, blur / scale)
    image = ndimage.affine_transform(blurred, linear, offset, output_shape=shape, order=1)
    shading = np.exp(rng.uniform(0.05, 0.25) * smooth_noise(shape, 70 / affine[0, 0], rng))
    noise = rng.standard_normal((2, *shape), dtype=np.float32) * np.float32(
        rng.uniform(0.01, 0.03)
    )
    image = np.hypot(image * shading + noise[0], noise[1])
    return (1000 * image).astype(np.float32), affine
