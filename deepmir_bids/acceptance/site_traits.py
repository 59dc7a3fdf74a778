"""How the images of a site look, in a few numbers, beside those that the network learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deepmir_bids.data import load as load_data

if TYPE_CHECKING:
    import pandas as pd

#: Trait → what a page calls it, with its unit.
TRAITS = {
    'finest_mm': 'Shortest side of a voxel (mm)',
    'coarsest_mm': 'Longest side of a voxel (mm)',
    'noise': 'Noise of the SWI (share of the signal)',
    'vein_contrast': 'Darkness of veins in the SWI (share of the signal)',
    'nuclei_contrast': 'Basal ganglia in the SWI (brain = 1)',
    'qsm_nuclei_ppm': 'Basal ganglia in the QSM (ppm, against the brain)',
    'qsm_spread_ppm': 'Spread of the QSM in the brain (ppm, SD)',
}
#: Share of the brain that is taken for its veins: they fill some 3 % of it.
VEIN_SHARE = 0.02
#: In a normal distribution these percentiles lie one standard deviation from the mean.
ONE_SD = (15.87, 84.13)


def measure_traits(
    swi: np.ndarray,
    qsm: np.ndarray | None,
    brain: np.ndarray,
    nuclei: np.ndarray,
    voxel_mm: tuple[float, ...],
) -> dict[str, float]:
    """Measure one person's images.

    Parameters
    ----------
    swi, qsm
        Images (X, Y, Z), the QSM in ppm.
    brain, nuclei
        Masks of that shape: brain, and caudate, putamen and pallidum; the latter may be empty.
    voxel_mm
        Sides of a voxel.

    Returns
    -------
    dict
        A value for each of :data:`TRAITS`; NaN for what cannot be measured.

    """
    from deepmir_bids.imaging.image_noise import relative_noise
    from deepmir_bids.simulation.implant_places import darkness

    level, hat = darkness(swi, brain, voxel_mm)
    traits = dict.fromkeys(TRAITS, float('nan')) | {
        'finest_mm': min(voxel_mm),
        'coarsest_mm': max(voxel_mm),
        'noise': relative_noise(swi, brain),
        'vein_contrast': np.quantile(hat[brain], 1 - VEIN_SHARE),
    }
    if nuclei.any():
        traits['nuclei_contrast'] = np.median(level[nuclei])
    if qsm is not None:
        low, high = np.percentile(qsm[brain], ONE_SD)
        traits['qsm_spread_ppm'] = (high - low) / 2
        if nuclei.any():
            traits['qsm_nuclei_ppm'] = np.median(qsm[nuclei]) - np.median(qsm[brain])
    return {name: float(value) for name, value in traits.items()}


def compare_traits(site: pd.DataFrame, learned: pd.DataFrame) -> pd.DataFrame:
    """Hold the traits of a site against those of what the network learned from.

    Parameters
    ----------
    site
        ``unit`` and a column for each trait, a row for each unit.
    learned
        As :func:`learned_traits` gives them.

    Returns
    -------
    DataFrame
        ``trait``; ``median``, ``least`` and ``most`` of the site; ``learned_least`` and
        ``learned_most``; ``outside``, how many of its ``units`` lie outside. A trait that no unit
        has is left out.

    """
    import pandas as pd

    rows = []
    for row in learned.to_dict('records'):
        values = site[row['trait']].dropna()
        if values.empty:
            continue
        rows.append(
            {
                'trait': row['trait'],
                'median': values.median(),
                'least': values.min(),
                'most': values.max(),
                'learned_least': row['least'],
                'learned_most': row['most'],
                'outside': int((~values.between(row['least'], row['most'])).sum()),
                'units': len(values),
            }
        )
    return pd.DataFrame(rows)


def learned_traits() -> pd.DataFrame:
    """Least and most of each trait in simulated heads as the network learned from."""
    from deepmir_bids.bids.tsv import read_tsv

    return read_tsv(load_data('learned_traits.tsv'))
