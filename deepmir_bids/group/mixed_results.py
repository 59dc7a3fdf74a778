"""Results that were not made in the same way do not belong in one summary."""

from __future__ import annotations

import pandas as pd

#: What has to be the same in all units, and what it is called.
SAME = {
    'template': 'template',
    'atlas': 'atlas',
    'model': 'model',
    'model_sha256': 'weights (sha256)',
    'version': 'version of deepmir',
    'operating_point': 'operating point',
    'threshold_cmb': 'threshold of CMB',
    'threshold_iron': 'threshold of iron',
    'outline_cmb': 'outline of CMB',
    'outline_iron': 'outline of iron',
    'min_volume_mm3': 'smallest volume (mm³)',
}
#: ... of the same inputs: a model has its own for each combination of them.
BY_INPUTS = ('threshold_cmb', 'threshold_iron', 'outline_cmb', 'outline_iron')
UNKNOWN = 'not recorded'


def find_mixtures(units: pd.DataFrame) -> list[str]:
    """Say of each thing that differs which kinds there are, and how many units of each."""
    done = units[units['status'] == 'done']
    by_inputs = list(done.groupby('inputs_used', dropna=False))
    return [
        f'{name}: {kinds}'
        for column, name in SAME.items()
        for _, some in (by_inputs if column in BY_INPUTS else [(None, done)])
        if (kinds := _kinds(some[column]))
    ]


def _kinds(values: pd.Series) -> str:
    """Which kinds there are and how many of each, or nothing if there is only one."""
    counts = values.astype(object).where(values.notna(), UNKNOWN).value_counts()
    kinds = (f'{_short(kind)} ({n} unit{"s"[: n != 1]})' for kind, n in counts.items())
    return ', '.join(kinds) if len(counts) > 1 else ''


def _short(kind) -> str:
    """A hash is known by its first letters."""
    text = str(kind)
    return text[:12] if len(text) == 64 else text
