"""The threshold of a site: best where there is evidence, the model's own where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from deepmir_bids.evaluation.site_thresholds import (
    Judged,
    at_shift,
    curve,
    logit,
    moved,
    suggest,
)


def people(number, true, false, floor=0.0, seed=0):
    """Participants with these means of the excess of two true and six false findings each."""
    rng = np.random.default_rng(seed)
    for i in range(number):
        excess = np.r_[rng.normal(true, 0.5, 2), rng.normal(false, 0.5, 6)]
        kept = excess >= floor
        yield Judged(f'sub-{i:02d}', excess[kept], (np.arange(8) < 2)[kept], floor)


def test_counts_of_the_curve():
    judged = [
        Judged('sub-01', np.array([1.0, 2.0, 3.0]), np.array([False, True, True]), 0.0, missed=1),
        Judged('sub-02', np.array([1.5]), np.array([False]), 0.0),
    ]
    table = curve(judged)
    whole, high = at_shift(table, 0.0), at_shift(table, 2.0)
    assert (whole['findings'], whole['precision']) == (4, 0.5)
    assert whole['sensitivity'] == pytest.approx(2 / 3)
    assert (high['precision'], high['sensitivity']) == (1, pytest.approx(2 / 3))
    assert high['F1'] == pytest.approx(0.8)
    assert at_shift(table, 2.9)['sensitivity'] == pytest.approx(1 / 3)
    assert at_shift(table, -5)['findings'] == 4


def test_the_shift_goes_between_the_true_and_the_false():
    chosen = suggest(list(people(10, true=4, false=1)))
    assert 1.8 < chosen.shift < 3.5
    assert chosen.low <= chosen.shift <= chosen.high
    assert (chosen.participants, chosen.lesions) == (10, 20)
    assert not chosen.at_floor


def test_few_lesions_move_little():
    few, many = suggest(list(people(2, 4, 1))), suggest(list(people(20, 4, 1)))
    assert 0 < few.weight < many.weight < 1
    assert few.shift < many.shift
    # What two participants disagree on, less still.
    apart = [*people(1, 6, 4.5), *people(1, 3, 0)]
    apart = [Judged(f'sub-{i}', one.excess, one.true, 0.0) for i, one in enumerate(apart)]
    assert suggest(apart).weight < few.weight


def test_too_few_choose_nothing():
    assert suggest([]) is None
    assert suggest(list(people(1, 4, 1))) is None
    one_each = [Judged(f'sub-{i}', np.array([1.0]), np.array([True]), 0.0) for i in range(3)]
    assert suggest(one_each[:2]) is None
    assert suggest(one_each) is not None


def test_false_findings_alone_raise_it_but_not_beyond_most_lesions():
    def site(excess, each):
        return [
            Judged(f'sub-{i}', np.full(each, excess), np.zeros(each, bool), 0.0) for i in range(5)
        ]

    chosen = suggest(site(1.5, each=10))
    assert 0.5 < chosen.shift < 1.6
    assert chosen.lesions == 0
    # What lies above nearly all lesions of other sites is not worth losing them.
    assert suggest(site(6.0, each=1)).shift == 0


def test_one_strong_lesion_does_not_take_the_threshold_to_itself():
    judged = [
        Judged('sub-01', np.array([7.0, 1.0]), np.array([True, False]), 0.0),
        Judged('sub-02', np.array([1.2, 2.0]), np.array([False, False]), 0.0),
    ]
    assert suggest(judged).shift < 2.5


def test_candidates_let_it_go_down_and_no_further_than_they_were_judged():
    # All lesions lie below the model's threshold, and all but one of ten readers looked there.
    judged = [*people(9, true=-1, false=-4, floor=-2), *people(1, -1, -4, floor=0, seed=1)]
    judged[-1] = Judged('sub-99', judged[-1].excess, judged[-1].true, 0.0, missed=2)
    chosen = suggest(judged)
    assert -2 <= chosen.shift < -1
    assert chosen.at_floor
    # Where nobody looked below it, nothing tells to go there.
    above = [Judged(f'sub-{i}', np.array([1.0, 2.0]), np.ones(2, bool), 0.0) for i in range(5)]
    assert suggest(above).shift == 0
    # Nor where it makes no difference.
    without = [Judged(f'sub-{i}', np.array([2.0]), np.ones(1, bool), -2.0) for i in range(5)]
    assert suggest(without)[:3] == (0, 0, 0)
    assert not suggest(without).at_floor


def test_what_some_judged_stands_for_the_others():
    half = [
        Judged('sub-01', np.array([1.0, -1.0]), np.array([True, False]), -2.0),
        Judged('sub-02', np.array([1.0]), np.array([True]), 0.0),
    ]
    below = at_shift(curve(half), -1.5)
    assert below['findings'] == 4  # two false ones: one of either
    assert below['precision'] == 0.5


def test_thresholds_stay_in_their_order_and_within_reach():
    moved_all = [moved(p, 6.0) for p in (0.5, 0.9, 0.98)]
    assert moved_all == sorted(moved_all)
    assert moved_all[-1] < 1
    assert moved(0.8915, 0.0) == 0.8915
    assert np.isfinite(logit(1.0))
