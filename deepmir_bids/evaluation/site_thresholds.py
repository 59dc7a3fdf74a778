"""The threshold that suits a site, from findings that somebody judged there.

A model ranks findings well at any site; which probability a lesion reaches there differs. So one
number is chosen for each class: by how much, in logits, all of a model's thresholds of the class
move. Operating points stay in their order, and combinations of inputs that the site does not have
move alike. More than one number a few dozen lesions do not tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import ndtr

from deepmir_bids.evaluation.bootstrap_statistics import BOOTSTRAP_SAMPLES, LEVEL, SEED, ratio

#: Standard deviation between sites of the best threshold, in logits of chances.
PRIOR_SD = 2.5
#: What is believed before any review: so many lesions whose peaks lie around so far above the
#: model's threshold, with `PRIOR_SD`, in logits. Of these the model's threshold finds 88 %, about
#: what it finds in simulated participants. So false findings alone raise a threshold, and no
#: lesion that happens to be the strongest takes it to itself. The numbers are those that came
#: nearest to the best thresholds of both styles of ``docs/site_thresholds.md``.
PRIOR_LESIONS, PRIOR_EXCESS = 6, 3.0
#: How much a single lesion leaves open, in logits: what the bootstrap of a few participants that
#: happen to agree cannot know.
LESION_SD = 2.0
#: With fewer reviewed participants, or fewer lesions and false findings of a class, nothing is
#: chosen.
LEAST_PARTICIPANTS, LEAST_FINDINGS = 2, 3
#: Tables give probabilities with four decimals, so nothing is nearer to 0 or 1.
RESOLUTION = 1e-4
#: No two shifts are nearer than this, in logits, however many findings there are.
STEP = 0.05
MEASURES = ('precision', 'sensitivity', 'F1')


@dataclass(frozen=True)
class Judged:
    """What somebody made of one participant's findings of one class.

    Attributes
    ----------
    participant
        Label; several sessions of a participant may have one each.
    excess
        Of each judged finding: how far its peak lies above the model's threshold, in logits (n,).
    true
        Whether it is a lesion of the class, bool (n,).
    floor
        Down to this excess every finding was judged.
    missed
        Number of true lesions that no threshold finds: drawn by hand, or found as another class.

    """

    participant: str
    excess: np.ndarray
    true: np.ndarray
    floor: float
    missed: int = 0

    @property
    def lesions(self) -> int:
        """Number of true lesions, found or not."""
        return int(self.true.sum()) + self.missed

    @property
    def false(self) -> int:
        """Number of judged findings that are no lesion."""
        return int((~self.true).sum())


class Suggestion(NamedTuple):
    """By how much the thresholds of a class should move, in logits, and what that rests on.

    ``low`` and ``high`` are the 95 % interval of ``shift``; ``weight`` is the share of the shift
    that the site's own best threshold has, the rest being the model's own. ``at_floor``: the best
    may lie lower still, where nobody judged.
    """

    shift: float
    low: float
    high: float
    weight: float
    participants: int
    lesions: int
    false: int
    at_floor: bool


def logit(probability: np.ndarray | float) -> np.ndarray:
    """Log odds of a probability, which is taken as no nearer to 0 or 1 than tables tell."""
    p = np.clip(probability, RESOLUTION, 1 - RESOLUTION)
    return np.log(p) - np.log1p(-p)


def moved(threshold: float, shift: float) -> float:
    """Move a threshold by a number of logits.

    Examples
    --------
    >>> moved(0.5, 0.0), moved(0.9, 2.0), moved(0.9, -2.0)
    (0.5, 0.9852, 0.5491)

    """
    p = 1 / (1 + np.exp(-(float(logit(threshold)) + shift)))
    return round(float(np.clip(p, RESOLUTION, 1 - RESOLUTION)), 4)


def curve(judged: Sequence[Judged]) -> pd.DataFrame:
    """Precision, sensitivity and F1 against the shift, each with its 95 % interval.

    Sensitivity is relative to the lesions that are known: those confirmed by the reader, and, with
    masks, those drawn. Findings that only some participants' readers judged stand for those of the
    others, too; the curve ends where fewer than half of the participants were judged.

    Returns
    -------
    DataFrame
        ``shift``, ``findings``, and each of :data:`MEASURES` with ``_low`` and ``_high``, a row
        for each shift that changes something; none without any judged finding.

    """
    counts = _Counts.of(judged)
    table = {'shift': counts.shifts}
    everybody = np.ones((1, counts.participants))
    found = counts.pooled(everybody)
    table['findings'] = (found['TP'] + found['FP'])[0]
    drawn = counts.pooled(_draws(counts.participants))
    for name in MEASURES:
        values = figure(drawn, name)
        there = ~np.isnan(values).all(axis=0)
        low, high = np.full((2, len(counts.shifts)), np.nan)
        if counts.participants > 1 and there.any():
            tail = (1 - LEVEL) / 2
            low[there], high[there] = np.nanquantile(values[:, there], [tail, 1 - tail], axis=0)
        table |= {name: figure(found, name)[0], f'{name}_low': low, f'{name}_high': high}
    return pd.DataFrame(table)


def at_shift(table: pd.DataFrame, shift: float) -> pd.Series:
    """The row of a :func:`curve` that holds at a shift: the nearest one, if it lies outside."""
    return table.iloc[max(int(np.searchsorted(table['shift'], shift + 1e-9)) - 1, 0)]


def suggest(judged: Sequence[Judged]) -> Suggestion | None:
    """Choose the shift of highest F1, and shrink it towards the model's own threshold.

    The best shift is sought in each of the bootstrap's samples of the participants, to which
    :data:`PRIOR_LESIONS` are added: its mean is what the site says, its variance how sure that
    is. The model's own threshold (shift 0) is the mean of a normal prior of standard deviation
    :data:`PRIOR_SD`, what is known of other sites. The result is the mean of the posterior: the
    site's shift times ``PRIOR_SD² / (PRIOR_SD² + variance)``, where the variance is never taken
    as less than that of the mean of as many draws as there are lesions, those of the prior among
    them. With few lesions, or with participants that contradict each other, little moves; with
    many, the prior is forgotten.

    Returns
    -------
    Suggestion or None
        None with fewer than :data:`LEAST_PARTICIPANTS` or :data:`LEAST_FINDINGS`.

    """
    lesions = sum(one.lesions for one in judged)
    false = sum(one.false for one in judged)
    people = len({one.participant for one in judged})
    if people < LEAST_PARTICIPANTS or lesions + false < LEAST_FINDINGS:
        return None
    counts = _Counts.of(judged)
    if not len(counts.shifts):
        return None
    pooled = counts.pooled(_draws(counts.participants))
    # Only a lesion that somebody saw there is a reason to go down.
    raised = np.maximum(counts.shifts, 0)
    pooled['TP'] = pooled['TP'] + PRIOR_LESIONS * ndtr((PRIOR_EXCESS - raised) / PRIOR_SD)
    pooled['true'] = pooled['true'] + PRIOR_LESIONS
    f1 = figure(pooled, 'F1')
    best = f1 >= f1.max(axis=1, keepdims=True) - 1e-9
    # Of several that are as good: the nearest to the model's own.
    shifts = counts.shifts[np.where(best, np.abs(counts.shifts), np.inf).argmin(axis=1)]
    variance = max(float(shifts.var()), LESION_SD**2 / (lesions + PRIOR_LESIONS))
    weight = PRIOR_SD**2 / (PRIOR_SD**2 + variance)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(weight * shifts, [tail, 1 - tail])
    return Suggestion(
        shift=float(weight * shifts.mean()),
        low=float(low),
        high=float(high),
        weight=float(weight),
        participants=people,
        lesions=lesions,
        false=false,
        at_floor=bool(best[:, 0].mean() > 0.5 and shifts.mean() < 0),
    )


def figure(pooled: dict[str, np.ndarray], name: str) -> np.ndarray:
    """One of :data:`MEASURES`, from pooled counts of any shape."""
    tp, fp, true = pooled['TP'], pooled['FP'], pooled['true']
    if name == 'precision':
        return ratio(tp, tp + fp)
    if name == 'sensitivity':
        return ratio(tp, true)
    return ratio(2 * tp, tp + fp + true)


@dataclass(frozen=True)
class _Counts:
    """True and false findings of each participant between one shift and the next.

    ``tp`` and ``fp`` are (participants, shifts); ``seen`` says whether a participant was judged
    there; ``unseen`` are true lesions (participants,) that no shift reaches.
    """

    shifts: np.ndarray
    tp: np.ndarray
    fp: np.ndarray
    seen: np.ndarray
    unseen: np.ndarray

    @property
    def participants(self) -> int:
        return len(self.unseen)

    @classmethod
    def of(cls, judged: Sequence[Judged]) -> _Counts:
        row_of = {
            name: row for row, name in enumerate(sorted({one.participant for one in judged}))
        }
        floors = np.full(len(row_of), -np.inf)
        for one in judged:
            row = row_of[one.participant]
            floors[row] = max(floors[row], one.floor)
        # The lowest that half of the participants were judged down to.
        lowest = np.sort(floors)[(len(floors) - 1) // 2] if len(floors) else 0.0
        excess = np.unique(np.concatenate([np.empty(0), *(one.excess for one in judged)]))
        excess = excess[excess >= lowest]
        # No shift is always among them: it is chosen where nothing is better. The last lies above
        # every finding.
        ends = np.r_[excess, excess[-1:] + 2 * STEP]
        between = np.r_[0.0, np.round((ends[1:] + ends[:-1]) / 2 / STEP) * STEP]
        shifts = np.unique(np.r_[lowest, between[between > lowest]]) if len(excess) else excess
        tp, fp = np.zeros((2, len(row_of), len(shifts)))
        unseen = np.zeros(len(row_of))
        seen = shifts[None] >= floors[:, None] - 1e-9
        for one in judged:
            row = row_of[one.participant]
            place = np.searchsorted(shifts, one.excess + 1e-9) - 1
            counted = (place >= 0) & (one.excess >= floors[row] - 1e-9)
            # A bin that reaches below a participant's floor counts as not seen: go up to the next.
            first = int(np.argmax(seen[row])) if seen[row].any() else len(shifts)
            counted &= place >= first
            for into, own in ((tp, one.true), (fp, ~one.true)):
                np.add.at(into[row], place[counted & own], 1)
            unseen[row] += one.missed + int((one.true & ~counted).sum())
        return cls(shifts, tp, fp, seen, unseen)

    def pooled(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Pooled counts (samples, shifts), from how often a sample has each participant."""
        share = weights @ self.seen / weights.sum(axis=1, keepdims=True)
        bins = {
            name: np.nan_to_num(ratio(weights @ own, share))
            for name, own in (('TP', self.tp), ('FP', self.fp))
        }
        above = {name: own[:, ::-1].cumsum(axis=1)[:, ::-1] for name, own in bins.items()}
        true = bins['TP'].sum(axis=1, keepdims=True) + weights @ self.unseen[:, None]
        return {**above, 'true': np.broadcast_to(true, above['TP'].shape)}


def _draws(participants: int) -> np.ndarray:
    """How often each sample of the bootstrap has each participant, (samples, participants)."""
    rng = np.random.default_rng(SEED)
    share = np.full(participants, 1 / max(participants, 1))
    return rng.multinomial(participants, share, BOOTSTRAP_SAMPLES).astype(float)
