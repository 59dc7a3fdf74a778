"""What is measured of each structure of a head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from deepmir_bids.anatomy.atlas_structures import Structure


def measure_structures(
    labels: np.ndarray,
    structures: Sequence[Structure],
    affine: np.ndarray,
    qsm: np.ndarray | None,
) -> pd.DataFrame:
    """Volume and susceptibility of every structure.

    Parameters
    ----------
    labels
        One value for each structure, shape (X, Y, Z).
    structures
        What the values mean.
    affine
        Of the grid, to RAS+ world mm.
    qsm
        On the same grid, in ppm with 0 where not measured; None if there is none.

    Returns
    -------
    DataFrame
        ``index name kind region volume_mm3 chi_mean_ppm chi_sd_ppm``, a row for each structure.
        A kind that is not known is missing, and so is susceptibility that was not measured.

    """
    voxel_mm3 = abs(np.linalg.det(affine[:3, :3]))
    labels = np.asarray(labels)
    chi_ppm = np.broadcast_to(np.float32(0), labels.shape) if qsm is None else qsm
    measured = np.isfinite(chi_ppm) & (chi_ppm != 0)
    rows = []
    for structure in structures:
        inside = labels == structure.index
        chi = chi_ppm[inside & measured]
        rows.append(
            {
                'index': structure.index,
                'name': structure.name,
                'kind': structure.kind or None,
                'region': structure.region,
                'volume_mm3': float(inside.sum() * voxel_mm3),
                'chi_mean_ppm': float(chi.mean()) if chi.size else np.nan,
                'chi_sd_ppm': float(chi.std()) if chi.size else np.nan,
            }
        )
    return pd.DataFrame(rows)
