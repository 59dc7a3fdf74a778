"""Tables of what a simulated subject holds: its lesions, and what looks like them."""

import numpy as np
import pandas as pd

from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.small_sources import LocalSource
from deepmir_bids.simulation.veins import Vein

#: Columns of both tables, and what their sidecar says of them.
COLUMNS = {
    'class': 'CMB, iron, calcification or vein',
    'place': 'Where it was put',
    'x': 'Right, in mm of the SWI',
    'y': 'Anterior, in mm of the SWI',
    'z': 'Superior, in mm of the SWI',
    'diameter_mm': 'Diameter of the sphere of the volume that the SWI shows',
    'source_diameter_mm': 'Diameter of the iron, calcification or vein itself',
    'chi_ppm': 'Susceptibility against the tissue around it, in ppm',
    'chi_mm3': 'Susceptibility summed over its volume, in ppm mm^3',
    'visible': 'Whether the SWI shows it',
}


def lesion_table(
    lesions: list[LocalSource], counts: np.ndarray, acquisition: Acquisition
) -> pd.DataFrame:
    """Return a row per lesion, its diameter that of the sphere of the volume outlined."""
    voxel_mm3 = float(np.prod(acquisition.voxel_mm))
    rows = []
    for lesion, count in zip(lesions, counts, strict=True):
        row = _row(lesion, acquisition)
        row['diameter_mm'] = round(float(np.cbrt(6 / np.pi * count * voxel_mm3)), 2)
        row['visible'] = bool(count)
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def mimic_table(
    local: list[LocalSource], veins: list[Vein], acquisition: Acquisition
) -> pd.DataFrame:
    """Return a row per calcification and per vein, a vein's place being its kind."""
    rows = [_row(s, acquisition) for s in local if not s.source.is_lesion]
    for vein in veins:
        x, y, z = acquisition.to_world(vein.path[len(vein.path) // 2])
        width = 2 * float(vein.radius.mean())
        values = ('vein', vein.kind, x, y, z, width, width, vein.chi_ppm, np.nan, True)
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return pd.DataFrame(rows, columns=list(COLUMNS)).round(3)


def _row(local: LocalSource, acquisition: Acquisition) -> dict:
    """Return a source's row of a table."""
    source = local.source
    x, y, z = acquisition.to_world(source.centre_mm)
    size = source.diameter_mm
    values = (source.kind, source.place, x, y, z, size, size, source.chi_ppm, local.chi_mm3, True)
    return {
        name: round(v, 3) if isinstance(v, float) else v
        for name, v in zip(COLUMNS, values, strict=True)
    }
