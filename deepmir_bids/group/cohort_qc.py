"""What each unit's result rests on, and which units stand out."""

from __future__ import annotations

import pandas as pd

from deepmir_bids.anatomy.atlas_structures import BASAL_GANGLIA

COLUMNS = (
    'participant_id', 'session_id', 'status', 'reason', 'inputs_used', 'template',
    'template_note', 'atlas', 'model',
    'model_sha256', 'version', 'operating_point', 'threshold_cmb', 'threshold_iron',
    'min_volume_mm3', 'start', 'registration_mi', 'alignment_mi', 'qsm_correlation',
    'qsm_shift_mm', 'brain_volume_ml', 'swi_noise', 'voxel_size_mm',
    *(f'chi_{name}_ppm' for name in BASAL_GANGLIA), 'n_notes', 'flags', 'review_status',
)  # fmt: skip
#: Measures that are looked through for units that stand out.
MEASURES = (
    'registration_mi',
    'alignment_mi',
    'qsm_correlation',
    'brain_volume_ml',
    'swi_noise',
    *(f'chi_{name}_ppm' for name in BASAL_GANGLIA),
)
#: Fewer units than this have no quartiles worth the name.
FEWEST = 10
#: Tukey's fences: this many interquartile ranges beyond the quartiles.
BEYOND = 1.5


def qc_table(units: pd.DataFrame) -> pd.DataFrame:
    """Make ``group_qc.tsv`` of all units (:attr:`deepmir_bids.group.read_cohort.Cohort.units`)."""
    table = units[list(COLUMNS)].copy()
    for name in (*MEASURES, 'qsm_shift_mm', 'n_notes'):
        table[name] = pd.to_numeric(table[name])
    table['n_notes'] = table['n_notes'].astype('Int64')
    return table.assign(outliers=outliers(table))


def outliers(table: pd.DataFrame) -> pd.Series:
    """Name, with commas between, the measures by which each unit stands out; None if none."""
    names = pd.Series('', index=table.index, dtype=object)
    for measure in MEASURES:
        if limits := fences(table[measure]):
            low, high = limits
            names[(table[measure] < low) | (table[measure] > high)] += f',{measure}'
    return names.str.removeprefix(',').replace('', None)


def fences(values: pd.Series) -> tuple[float, float] | None:
    """Values beyond which a unit stands out; None where too few units have the measure."""
    if values.notna().sum() < FEWEST:
        return None
    q1, q3 = values.quantile(0.25), values.quantile(0.75)
    reach = BEYOND * (q3 - q1)
    return float(q1 - reach), float(q3 + reach)
