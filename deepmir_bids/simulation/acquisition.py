"""What was acquired and how: every choice of a simulated scan."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from deepmir_bids.simulation.image_grid import ImageGrid

QSM_METHODS = ('tkd', 'l2', 'weighted')


@dataclass(frozen=True)
class Acquisition:
    """A gradient echo, the SWI and QSM made from it, and the T2w beside it.

    Lengths are in mm, times in s, angles in degrees. ``tilt_deg`` turns the image's axes about the
    scanner's x, y and z. ``paramagnetic_sign`` is the sign that the scanner's phase has where the
    field is higher. ``mask_power`` is how often the phase mask multiplies the magnitude: 0 leaves
    the magnitude, as a T2*w that stands in for an SWI. ``sampled_share`` of the in-plane k-space
    was measured, the rest filled with zeros, as scanners interpolate. ``axes`` is the order in
    which the voxels are stored. ``detail_mm`` is the spacing of the grid that the head is drawn
    on: coarser is faster.
    """

    field_t: float = 3.0
    echo_time_s: float = 0.020
    voxel_mm: tuple[float, float, float] = (0.8, 0.8, 1.5)
    shape: tuple[int, int, int] = (256, 288, 88)
    centre_mm: tuple[float, float, float] = (0.0, -18.0, 8.0)
    tilt_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    paramagnetic_sign: int = 1
    highpass_width: int = 64
    mask_power: int = 4
    sampled_share: float = 1.0
    qsm_method: str = 'weighted'
    snr: float = 25.0
    t2w_voxel_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    axes: str = 'RAS'
    detail_mm: float = 1.0

    @property
    def rotation(self) -> np.ndarray:
        """Rotation (3, 3) from image axes to world axes."""
        return Rotation.from_euler('xyz', self.tilt_deg, degrees=True).as_matrix()

    @property
    def b0_direction(self) -> np.ndarray:
        """The main field's direction in the image's axes: the scanner's z seen from the image."""
        return self.rotation.T @ np.array([0.0, 0.0, 1.0])

    @property
    def grid(self) -> ImageGrid:
        """The voxels in image mm."""
        return ImageGrid.centred((0, 0, 0), self.voxel_mm, self.shape)

    @property
    def affine(self) -> np.ndarray:
        """4x4 from voxel indices to world mm, for voxels in the simulation's own order."""
        return self.affine_of(self.grid)

    def affine_of(self, grid: ImageGrid) -> np.ndarray:
        """4x4 from a grid's voxel indices to world mm."""
        affine = np.eye(4)
        affine[:3, :3] = self.rotation * np.asarray(grid.spacing)
        affine[:3, 3] = self.to_world(np.asarray(grid.origin))
        return affine

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Turn points (..., 3) in image mm into world mm."""
        return np.asarray(points) @ self.rotation.T + np.asarray(self.centre_mm)

    def from_world(self, points: np.ndarray) -> np.ndarray:
        """Turn points (..., 3) in world mm into image mm."""
        return (np.asarray(points) - np.asarray(self.centre_mm)) @ self.rotation


#: A coarse scan of a coarse head, for tests: seconds instead of half a minute.
SLOPPY = Acquisition(
    voxel_mm=(1.6, 1.6, 2.4),
    shape=(112, 132, 60),
    highpass_width=32,
    qsm_method='tkd',
    snr=40,
    t2w_voxel_mm=(2.0, 2.0, 2.0),
    detail_mm=2.0,
)


def random_acquisition(rng: np.random.Generator) -> Acquisition:
    """Draw a scan as cohorts have them: 1.5 to 7 T, TE 9 to 40 ms, slices of 0.6 to 3 mm.

    The echo time follows the field strength, as protocols do, for alike phase per ppm.
    """
    field_t = float(rng.choice([1.5, 3.0, 7.0], p=[0.25, 0.65, 0.10]))
    low, high = {1.5: (25, 40), 3.0: (14, 30), 7.0: (9, 16)}[field_t]
    in_plane = round(float(rng.uniform(0.55, 1.0)), 2)
    slice_mm = float(
        rng.choice(
            [0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 2.4, 3.0],
            p=[0.02, 0.06, 0.12, 0.14, 0.24, 0.28, 0.08, 0.06],
        )
    )
    extent = np.array([rng.uniform(165, 220), rng.uniform(205, 240), rng.uniform(118, 160)])
    voxel = np.array([in_plane, in_plane, slice_mm])
    nx, ny, nz = (2 * int(n) for n in np.ceil(extent / voxel / 2))
    flat = rng.random() < 0.35
    t2w_slice = float(rng.choice([2.0, 3.0, 4.0]))
    return Acquisition(
        field_t=field_t,
        echo_time_s=round(float(rng.uniform(low, high)), 1) / 1000,
        voxel_mm=(in_plane, in_plane, slice_mm),
        shape=(nx, ny, nz),
        centre_mm=tuple((np.array([0, -18, 8]) + rng.normal(0, [2, 3, 4])).tolist()),
        tilt_deg=tuple(rng.normal([-5, 0, 0], [7, 2, 2]).tolist()),
        paramagnetic_sign=int(rng.choice([-1, 1])),
        highpass_width=int(rng.choice([32, 48, 64, 64, 96])),
        qsm_method=str(rng.choice(QSM_METHODS)),
        snr=float(np.exp(rng.uniform(np.log(14), np.log(45)))),
        t2w_voxel_mm=(0.7, 0.7, t2w_slice) if flat else (1.0, 1.0, 1.0),
        axes=str(rng.choice(['RAS', 'LAS', 'LPS', 'LPI'], p=[0.4, 0.3, 0.2, 0.1])),
        mask_power=int(rng.choice([0, 3, 4, 5], p=[0.12, 0.14, 0.6, 0.14])),
        sampled_share=float(rng.choice([1.0, rng.uniform(0.7, 1.0)])),
    )
