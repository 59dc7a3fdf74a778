"""How a model does on subjects it was not trained on, and thresholds and outline that follow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np
import pandas as pd
from nibabel.affines import voxel_sizes

from deepmir_bids import CLASSES, INPUTS
from deepmir_bids.lesions.connected_lesions import Lesion, find_lesions
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.lesions.truth_matching import Comparison, Match, compare, index_lesions, score
from deepmir_bids.model.chances import Chance
from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.model.prediction import Model, probabilities_of
from deepmir_bids.training.chance_fit import fit_chance
from deepmir_bids.training.training_subjects import CachedSubject
from deepmir_bids.training.untrained_card import known_classes

#: Thresholds that calibration tries: the finer, the nearer to 1, where some networks need them.
GRID = np.unique(np.r_[0.2:0.9:0.005, 1 - np.geomspace(0.1, 1e-4, 200)].round(4))
#: Operating point → share of what is found that has to be right, on validation subjects.
PRECISIONS = {'sensitive': 0.5, 'balanced': 0.8, 'precise': 0.95}
#: Threshold that the probability of a class that was not learnt does not reach.
NEVER = 0.9999
#: Outlines that calibration tries; candidates are sought at the lowest.
EXTENTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
#: Lesions of at least this diameter are also counted on their own.
LARGE_MM = 3.0


@dataclass(frozen=True)
class SubjectCandidates:
    """All candidates in one subject, down to the probability that they were sought at."""

    subject: CachedSubject
    labels: np.ndarray
    lesions: list[Lesion]

    @cached_property
    def comparisons(self) -> dict[str, Comparison]:
        """Every candidate of each class against the truth: done once for all thresholds."""
        return {name: self._compare(name, self._truth(name)) for name in CLASSES}

    def match(self, name: str, threshold: float) -> Match:
        """Compare the lesions of a class that reach ``threshold`` with the truth."""
        kept = [lesion.index for lesion in self.lesions
                if lesion.name == name and lesion.probability >= threshold]  # fmt: skip
        return self.comparisons[name].match(kept)

    def right(self, name: str) -> tuple[list[float], list[bool]]:
        """Peak of each candidate of a class, and whether it is a true lesion."""
        of_class = [lesion for lesion in self.lesions if lesion.name == name]
        matched = {found for _, found in self.match(name, 0.0).pairs}
        return [one.probability for one in of_class], [one.index in matched for one in of_class]

    def as_chances(self, chances: Mapping[str, Chance]) -> SubjectCandidates:
        """The same candidates, their peaks as the chances that a card makes of them."""
        return replace(
            self,
            lesions=[
                replace(one, probability=float(chances[one.name].of(one.probability)))
                if one.name in chances else one
                for one in self.lesions
            ],
        )  # fmt: skip

    def overlaps(self) -> list[float]:
        """Dice coefficient of each pair of a true lesion and a candidate."""
        dice = []
        candidate_size = np.bincount(self.labels.ravel())
        for name in CLASSES:
            truth = self._truth(name)
            true_size = np.bincount(truth.ravel())
            for t, c in self._compare(name, truth).match().pairs:
                both = np.count_nonzero(self.labels[truth == t] == c)
                dice.append(2 * both / (true_size[t] + candidate_size[c]))
        return dice

    def _truth(self, name: str) -> np.ndarray:
        return index_lesions(self.subject.truth == CLASSES[name])

    def _compare(self, name: str, truth: np.ndarray) -> Comparison:
        of_class = [lesion.index for lesion in self.lesions if lesion.name == name]
        candidates = np.where(np.isin(self.labels, of_class), self.labels, 0)
        return compare(truth, candidates, self.subject.affine)


def seek_candidates(
    model: Model,
    subjects: Sequence[CachedSubject],
    inputs: Sequence[str] = INPUTS,
    *,
    mirror: bool = True,
    extent: float = EXTENTS[0],
) -> Iterator[SubjectCandidates]:
    """Find every candidate in ``subjects`` that reaches ``extent``, given some of their inputs.

    The network's output has to reach ``extent``, whatever chance that is.
    """
    outlines = replace(model.card, extent=extent).outlines_for(inputs)
    for subject in subjects:
        maps = probabilities(model, subject, inputs, mirror=mirror)
        yield _outline(model, subject, maps, inputs, outlines, outlines)


def _outline(
    model: Model, subject: CachedSubject, found, inputs, thresholds, outlines
) -> SubjectCandidates:
    chances = model.card.chances_for(inputs)
    candidates = find_lesions(
        found,
        DetectionCriteria(thresholds, dict(outlines), model.card.min_volume_mm3, chances=chances),
        voxel_sizes(subject.affine),
        brain_mask=subject.brain_mask,
        iron_mask=subject.iron_mask,
    )
    # Calibration keeps those of all subjects and inputs: as small a type as will do.
    small = np.min_scalar_type(len(candidates.lesions))
    return SubjectCandidates(subject, candidates.labels.astype(small), candidates.lesions)


def probabilities(
    model: Model, subject: CachedSubject, inputs: Sequence[str], *, mirror: bool = True
) -> np.ndarray:
    """Probabilities (class, X, Y, Z) on the SWI's grid of a subject, given some of its inputs."""
    x = subject.given(model.card, inputs)
    device = str(next(model.network.parameters()).device)
    return probabilities_of(model, replace(subject.prepared, x=x), device, mirror=mirror)


def seek_with_each_combination(
    model: Model, subjects: Sequence[CachedSubject], extent: float = EXTENTS[0]
) -> dict[str, list[SubjectCandidates]]:
    """Find every candidate with each combination of inputs, called ``swi+qsm`` and so on."""
    return {
        '+'.join(inputs): list(seek_candidates(model, subjects, inputs, extent=extent))
        for inputs in model.card.combinations
    }


def choose_extent(model: Model, subjects: Sequence[CachedSubject]) -> float:
    """Choose the outline, of `EXTENTS`, that agrees best with the lesions found in ``subjects``.

    That is the one with the highest mean Dice coefficient of found and true lesion, at the
    balanced operating point with all inputs. None is above a threshold, which would be the outline
    itself. The lowest, if nothing is found.

    """
    inputs = model.card.sees
    thresholds = model.card.thresholds_for(inputs, 'balanced')
    tried = [e for e in EXTENTS if e <= min(thresholds.values())] or [EXTENTS[0]]
    dice: dict[float, list[float]] = {extent: [] for extent in tried}
    for subject in subjects:
        if not subject.truth.any():
            continue
        maps = probabilities(model, subject, inputs)
        for extent, overlaps in dice.items():
            outlines = replace(model.card, extent=extent).outlines_for(inputs)
            overlaps += _outline(model, subject, maps, inputs, thresholds, outlines).overlaps()
    # The first of the highest, and the lowest of all where there is none.
    return max(tried, key=lambda extent: np.mean(dice[extent]) if dice[extent] else 0.0)


def calibrate(
    candidates: Sequence[SubjectCandidates], classes: Collection[str] = tuple(CLASSES)
) -> dict[str, dict[str, float]]:
    """Thresholds of every operating point and class.

    Each is the most sensitive of those whose findings are right often enough (`PRECISIONS`), or,
    where none is, the one of the highest F1. Of several that find as many the middle one is
    taken; without any lesion, 0.5. Of a class that is not in ``classes`` nothing is to be found.

    """
    thresholds: dict[str, dict[str, float]] = {
        point: dict.fromkeys(CLASSES, NEVER) for point in PRECISIONS
    }
    for name in classes:
        counts = pd.DataFrame(
            [score([subject.match(name, t) for subject in candidates]) for t in GRID]
        )
        chosen = [_choose(counts, least) for least in PRECISIONS.values()]
        for point, threshold in zip(PRECISIONS, sorted(chosen), strict=True):
            thresholds[point][name] = threshold
    return thresholds


def _choose(counts: pd.DataFrame, precision: float) -> float:
    """The threshold, of `GRID`, that finds most with at least this ``precision``."""
    if not counts['TP'].any():
        return 0.5
    # NaN, where nothing is found, is not enough.
    enough = counts[counts['precision'] >= precision]
    if not enough['TP'].any():
        enough = counts[counts['F1'] == counts['F1'].max()]
    best = enough.index[enough['TP'] == enough['TP'].max()]
    return float(GRID[best[len(best) // 2]])


def score_classes(
    candidates: Sequence[SubjectCandidates],
    thresholds: dict[str, float],
    classes: Collection[str] = tuple(CLASSES),
) -> dict[str, dict[str, float]]:
    """Pooled figures by class, and for CMB of at least 3 mm, at one operating point."""
    figures = {}
    for name in classes:
        matches = [subject.match(name, thresholds[name]) for subject in candidates]
        figures[name] = score(matches)
        if name == 'CMB':
            figures[f'CMB>={LARGE_MM:g}mm'] = score(matches, LARGE_MM)
    return figures


def calibrated(model: Model, candidates: Mapping[str, list[SubjectCandidates]]) -> Model:
    """Choose a model's thresholds and outline, and learn what its outputs mean.

    Parameters
    ----------
    model
        Whose thresholds, by then, may be any; without chances.
    candidates
        What it found in all subjects, with each combination of inputs (``swi+qsm`` and so on).

    """
    classes = known_classes(model.card)
    thresholds = {
        inputs: calibrate(of_subjects, classes) for inputs, of_subjects in candidates.items()
    }
    model = replace(model, card=replace(model.card, thresholds=thresholds))
    subjects = [of_one.subject for of_one in candidates['+'.join(model.card.sees)]]
    card = replace(model.card, extent=choose_extent(model, subjects))
    chances = {
        inputs: {name: _learn(of_subjects, name) for name in classes}
        for inputs, of_subjects in candidates.items()
    }
    return replace(model, card=with_chances(card, chances))


def _learn(candidates: Sequence[SubjectCandidates], name: str) -> Chance:
    outputs, right = zip(*(one.right(name) for one in candidates), strict=True)
    return fit_chance(list(chain(*outputs)), list(chain(*right)))


def with_chances(card: ModelCard, chances: dict[str, dict[str, Chance]]) -> ModelCard:
    """A card whose network's outputs become chances; its thresholds find the same as before."""
    thresholds = {
        inputs: {
            point: {
                name: round(float(own[name].of(value)), 4) if name in own else value
                for name, value in by_class.items()
            }
            for point, by_class in points.items()
        }
        for inputs, points in card.thresholds.items()
        for own in [chances.get(inputs, {})]
    }
    return replace(card, chances=chances, thresholds=thresholds)
