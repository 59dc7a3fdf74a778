"""Every participant is held out once, and the folds are the same ever after."""

import pytest

from deepmir_bids.errors import UsageError
from deepmir_bids.training.fold_division import divide, recorded_parts

LESIONS = {f'{i:02d}': n for i, n in enumerate([0, 0, 0, 1, 2, 3, 40, 0, 5, 1, 0])}


@pytest.mark.parametrize('folds', [2, 3, len(LESIONS)])
def test_everybody_is_held_out_once_and_never_seen_by_that_fold(folds):
    parts = divide(LESIONS, folds, 0.2, seed=1)
    assert [part.name for part in parts] == [*(f'fold-{i + 1}' for i in range(folds)), 'final']
    assert sorted(label for part in parts for label in part.held_out) == sorted(LESIONS)
    sizes = {len(part.held_out) for part in parts[:-1]}
    assert max(sizes) - min(sizes) <= 1
    for part in parts:
        assert sorted(part.training + part.validation + part.held_out) == sorted(LESIONS)
        assert part.training
        assert part.validation
    assert parts[-1].held_out == []


def test_lesions_are_spread_over_the_folds_and_over_validation():
    lesions = {f'{i:02d}': 10 * (i % 2) for i in range(20)}
    for seed in range(5):
        for part in divide(lesions, 5, 0.25, seed):
            assert sum(lesions[label] > 0 for label in part.held_out) in (0, 2)
            assert 0 < sum(lesions[label] > 0 for label in part.validation) < len(part.validation)


def test_the_seed_decides():
    assert divide(LESIONS, 3, 0.2, 1) == divide(dict(reversed(LESIONS.items())), 3, 0.2, 1)
    assert divide(LESIONS, 3, 0.2, 1) != divide(LESIONS, 3, 0.2, 2)


@pytest.mark.parametrize(('count', 'folds'), [(1, 0), (2, 2), (3, 4)])
def test_too_few_participants(count, folds):
    with pytest.raises(UsageError, match=r'labelled participants'):
        divide(dict.fromkeys(map(str, range(count)), 1), folds, 0.2, 0)


def test_what_was_written_down_holds(tmp_path):
    path = tmp_path / 'out' / 'folds.json'
    options = {'folds': '3', 'seed': 1, 'inputs': ['swi']}
    first = divide(LESIONS, 3, 0.2, 1)
    assert recorded_parts(path, options, first) == first
    # Corrected labels may change what would be drawn now.
    other = divide(LESIONS | {'00': 100}, 3, 0.2, 1)
    assert other != first
    assert recorded_parts(path, options, other) == first


def test_another_training_is_not_continued(tmp_path):
    path = tmp_path / 'folds.json'
    options = {'folds': '3', 'seed': 1, 'inputs': ['swi']}
    recorded_parts(path, options, divide(LESIONS, 3, 0.2, 1))
    with pytest.raises(UsageError, match=r'begun with --inputs swi, not swi qsm: go on with'):
        recorded_parts(path, options | {'inputs': ['swi', 'qsm']}, [])
    with pytest.raises(UsageError, match='begun with or without sub-99: '):
        recorded_parts(path, options, divide(LESIONS | {'99': 1}, 3, 0.2, 1))
