"""How many lesions of each kind the units have, as found and as reviewed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.atlas_structures import REGIONS

#: Diameters (mm) as the Brain Observer MicroBleed Scale divides microbleeds: below 5 mm, and from
#: 5 to 10 mm (Cordonnier et al., Stroke 2009;40:94).
SIZES = {'below_5mm': (0.0, 5.0), 'from_5mm': (5.0, np.inf)}
SOURCES = ('found', 'reviewed')


def lesions_of(lesions: pd.DataFrame, source: str) -> pd.DataFrame:
    """Return the lesions that count, ``class`` being the one they count as.

    Parameters
    ----------
    lesions
        Of a :class:`deepmir_bids.group.read_cohort.Cohort`.
    source
        found, or reviewed: what readers left of them, and as found what nobody looked at.

    """
    if source == 'found':
        return lesions[lesions['found_as'] == 'lesion']
    kept = lesions[lesions['final_class'].notna()]
    return kept.assign(**{'class': kept['final_class']})


def count_by_region(
    lesions: pd.DataFrame, labels: list[str]
) -> dict[tuple[str, str], pd.DataFrame]:
    """Count one source's lesions by class and region in each unit.

    Returns
    -------
    dict
        By class and region (``all`` and those of `REGIONS`): ``n`` and ``volume_mm3`` by label,
        0 where a unit has none. A lesion outside every region is counted in ``all`` alone.

    """
    counts = {}
    for name in CLASSES:
        own = lesions[lesions['class'] == name]
        for region in ('all', *REGIONS):
            inside = own if region == 'all' else own[own['region'] == region]
            totals = inside.groupby('label')['volume_mm3'].agg(['size', 'sum'])
            totals = totals.reindex(labels, fill_value=0).set_axis(['n', 'volume_mm3'], axis=1)
            counts[name, region] = totals
    return counts


def count_units(lesions: pd.DataFrame, labels: list[str]) -> pd.DataFrame:
    """Count all lesions of the units, as their tables show them.

    Returns
    -------
    DataFrame
        By label: ``n_cmb``, by region and by size, ``cmb_volume_mm3``, ``n_iron`` and
        ``iron_volume_mm3``, as found; then all of them again as reviewed.

    """
    return pd.concat(
        [_columns(lesions_of(lesions, source), labels, source) for source in SOURCES], axis=1
    )


def _columns(lesions: pd.DataFrame, labels: list[str], source: str) -> pd.DataFrame:
    totals = count_by_region(lesions, labels)
    columns = {'n_cmb': totals['CMB', 'all']['n']}
    columns |= {f'n_cmb_{region}': totals['CMB', region]['n'] for region in REGIONS}
    cmb = lesions[lesions['class'] == 'CMB']
    for size, (low, high) in SIZES.items():
        own = cmb.loc[(cmb['diameter_mm'] >= low) & (cmb['diameter_mm'] < high), 'label']
        columns[f'n_cmb_{size}'] = own.value_counts().reindex(labels, fill_value=0)
    columns['cmb_volume_mm3'] = totals['CMB', 'all']['volume_mm3']
    columns['n_iron'] = totals['iron', 'all']['n']
    columns['iron_volume_mm3'] = totals['iron', 'all']['volume_mm3']
    prefix = '' if source == 'found' else f'{source}_'
    return pd.DataFrame({f'{prefix}{name}': column for name, column in columns.items()})
