"""Units that stand out, and results that do not belong together."""

import pandas as pd
import pytest

from deepmir_bids.group.cohort_qc import outliers, qc_table
from deepmir_bids.group.mixed_results import find_mixtures
from deepmir_bids.group.read_cohort import read_cohort


@pytest.fixture
def noisy(finished, out):
    """Return a function that writes units of given noise, and reads their table."""

    def write(noise):
        for number, value in enumerate(noise):
            finished(f'sub-{number:02d}', anatomy={'Quality': {'SWINoise': value}})
        return qc_table(read_cohort(out).units)

    return write


def test_a_unit_that_stands_out_is_named(noisy):
    table = noisy([0.04, 0.041, 0.042, 0.043, 0.044, 0.045, 0.046, 0.047, 0.048, 0.2])
    assert table['outliers'].tolist() == [None] * 9 + ['swi_noise']
    assert table['participant_id'].tolist()[0] == 'sub-00'


def test_few_units_have_no_outliers(noisy):
    assert noisy([0.04] * 8 + [0.2])['outliers'].isna().all()


def test_the_fences_are_tukeys():
    # Quartiles 3.25 and 7.75: the fences are at -3.5 and 14.5.
    values = [1, 2, 3, 4, 5, 6, 7, 8, 9]
    for last, out_there in ((14.4, False), (16.5, True)):
        table = pd.DataFrame({name: [*values, last] for name in ('swi_noise', 'brain_volume_ml')})
        table = table.reindex(columns=[*table, 'registration_mi', 'alignment_mi',
            'qsm_correlation', *(
            f'chi_{name}_ppm' for name in ('caudate', 'putamen', 'pallidum'))])  # fmt: skip
        found = outliers(table).iloc[-1]
        assert found == ('brain_volume_ml,swi_noise' if out_there else None)


def test_results_of_one_kind_are_no_mixture(cohort_of_four, out):
    assert find_mixtures(read_cohort(out).units) == []


def test_other_inputs_may_have_other_thresholds(finished, out):
    finished('sub-01')
    other = {'InputsUsed': ['swi'], 'Thresholds': {'CMB': 0.5, 'iron': 0.9}}
    finished('sub-02', detection=other)
    assert find_mixtures(read_cohort(out).units) == []


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        ({'anatomy': {'Template': 'Other'}}, 'template: MNI152NLin2009aSym (2 units), Other'),
        ({'atlas': 'HOSPA'}, 'atlas: builtin (2 units), HOSPA (1 unit)'),
        ({'detection': {'Model': 'mine'}}, 'model: default (2 units), mine (1 unit)'),
        ({'detection': {'Version': None}}, '(2 units), not recorded (1 unit)'),
        (
            {'detection': {'OperatingPoint': 'precise'}},
            'operating point: balanced (2 units)',
        ),
        (
            {'detection': {'Thresholds': {'CMB': 0.5, 'iron': 0.9}}},
            'threshold of CMB: 0.9 (2',
        ),
        (
            {'detection': {'ModelSHA256': 'f' * 64}},
            'weights (sha256): 000000000000 (2',
        ),
    ],
)
def test_mixtures_are_named_with_their_numbers(finished, out, change, says):
    finished('sub-01')
    finished('sub-02')
    finished('sub-03', **change)
    (mixture,) = find_mixtures(read_cohort(out).units)
    assert says in mixture
