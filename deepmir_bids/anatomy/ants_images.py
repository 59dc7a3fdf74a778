"""Between arrays with a RAS+ affine, as nibabel has them, and ITK's LPS images and transforms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

#: RAS+ to LPS+ millimetres, and back.
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
SEED = 20210713


def load_ants():
    """Import ants so that the same input gives the same result.

    ANTs ignores a seed given to ``ants.registration`` and sums in any order on several threads;
    unseeded, one and the same T2w gave a right and a collapsed brain in turn. So it is seeded, and
    the app runs it on one thread (`run_in_ants_process`).
    """
    import ants

    state = np.random.get_state()  # noqa: NPY002 (ants seeds numpy's global generator as well)
    ants.config.set_ants_deterministic(on=True, seed_value=SEED)
    np.random.set_state(state)  # noqa: NPY002
    return ants


def to_ants(array: np.ndarray, affine: np.ndarray):
    """ANTs image of a 3D array and its 4x4 RAS+ affine; any orientation, oblique too."""
    from nibabel.affines import voxel_sizes

    ants = load_ants()
    lps = LPS @ affine
    spacing = voxel_sizes(lps)
    return ants.from_numpy(
        np.ascontiguousarray(array, np.float32),
        origin=tuple(lps[:3, 3]),
        spacing=tuple(spacing),
        direction=lps[:3, :3] / spacing,
    )


def read_ants(path: str | Path):
    """ANTs image of a 3D image file."""
    import nibabel as nib

    image: Any = nib.load(path)
    return to_ants(np.squeeze(image.get_fdata(dtype=np.float32)), image.affine)


def read_linear(transform_file: str | Path) -> np.ndarray:
    """The 4x4 RAS+ matrix of a linear ITK transform: takes points of fixed to moving."""
    transform = load_ants().read_transform(str(transform_file))
    matrix = np.asarray(transform.parameters[:9]).reshape(3, 3)
    centre = np.asarray(transform.fixed_parameters[:3])
    lps = np.eye(4)
    lps[:3, :3] = matrix
    lps[:3, 3] = np.asarray(transform.parameters[9:12]) + centre - matrix @ centre
    return LPS @ lps @ LPS
