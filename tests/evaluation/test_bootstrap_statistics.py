"""Figures over subjects, and their intervals."""

import math

import numpy as np
import pytest
from scipy import stats

from deepmir_bids.evaluation.bootstrap_statistics import (
    bland_altman,
    bootstrap,
    correlation,
    mean,
    pooled_ratio,
    ratio,
    standard_error,
)


def test_pooled_ratio_weighs_lesions_and_the_mean_subjects():
    part, whole = np.array([1.0, 9]), np.array([1.0, 19])
    assert pooled_ratio(part, whole) == 0.5
    assert mean(ratio(part, whole)) == pytest.approx((1 + 9 / 19) / 2)
    assert math.isnan(pooled_ratio(np.zeros(2), np.zeros(2)))


def test_undefined_subjects_are_left_out_of_mean_and_error():
    values = np.array([0.2, np.nan, 0.6])
    assert mean(values) == pytest.approx(0.4)
    assert standard_error(values) == pytest.approx(stats.sem([0.2, 0.6]))
    assert math.isnan(mean(np.full(3, np.nan)))
    assert math.isnan(standard_error(np.array([0.5, np.nan])))


def test_correlation_has_its_sign_and_is_undefined_for_a_constant():
    rng = np.random.default_rng(1)
    truth = rng.poisson(4, 30).astype(float)
    found = truth + rng.poisson(2, 30)
    assert correlation(truth, found) == pytest.approx(stats.pearsonr(truth, found)[0])
    assert correlation(truth, found) > 0 > correlation(truth, -found)
    assert math.isnan(correlation(truth, np.ones(30)))


def test_bias_is_found_less_true_with_limits_around_it():
    agreement = bland_altman(np.array([1.0, 2, 3, 0]), np.array([3.0, 3, 6, 2]))
    assert agreement.bias == 2
    spread = 1.96 * np.std([2, 1, 3, 2], ddof=1)
    assert agreement.lower == pytest.approx(2 - spread, abs=1e-4)
    assert agreement.upper == pytest.approx(2 + spread, abs=1e-4)
    assert bland_altman(np.array([3.0, 3]), np.array([1.0, 1])).bias == -2
    assert math.isnan(bland_altman(np.array([3.0]), np.array([1.0])).upper)


def test_interval_holds_the_estimate_and_narrows_with_more_subjects():
    rng = np.random.default_rng(2)
    widths = []
    for subjects in (10, 40, 160):
        whole = rng.poisson(5, subjects) + 1.0
        part = rng.binomial(whole.astype(int), 0.7).astype(float)
        low, high = bootstrap(pooled_ratio, part, whole)
        assert low < pooled_ratio(part, whole) < high
        widths.append(high - low)
    assert widths[0] > 1.4 * widths[1] > 1.4 * 1.4 * widths[2]


def test_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    intervals = [bootstrap(mean, rng.normal(0.5, 0.2, 40)) for _ in range(200)]
    covered = np.mean([low <= 0.5 <= high for low, high in intervals])
    assert 0.88 <= covered <= 0.99


def test_interval_keeps_a_subjects_values_together_and_the_seed():
    part = np.random.default_rng(4).random(20)
    assert bootstrap(pooled_ratio, part, 2 * part) == pytest.approx((0.5, 0.5))
    assert bootstrap(mean, part) == bootstrap(mean, part)
    assert bootstrap(mean, part) != bootstrap(mean, part, seed=1)


def test_no_interval_for_one_subject_or_an_undefined_figure():
    assert np.isnan(bootstrap(mean, np.array([1.0]))).all()
    assert np.isnan(bootstrap(pooled_ratio, np.zeros(5), np.zeros(5))).all()
