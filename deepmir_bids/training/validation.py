"""How a model does on subjects it was not trained on, and the thresholds that follow."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from deepmir_bids import CLASSES, INPUTS
from deepmir_bids.lesions.components import Lesion, find_lesions
from deepmir_bids.lesions.matching import Comparison, Match, compare, index_lesions, score
from deepmir_bids.model.inputs import restore
from deepmir_bids.model.predict import Model, predict
from deepmir_bids.model.registry import ModelCard
from deepmir_bids.training.recipe import known_classes
from deepmir_bids.training.subjects import CachedSubject

#: What a unit may bring along.
COMBINATIONS = (('swi',), ('swi', 'qsm'), ('swi', 't2w'), ('swi', 'qsm', 't2w'))
#: Thresholds that calibration tries.
GRID = np.array(
    [*np.arange(0.2, 0.85, 0.05), *np.arange(0.85, 0.98, 0.01), 0.98, 0.985, 0.99]
).round(3)
#: Operating point → beta of the F-score that its threshold maximises (van Rijsbergen 1979).
BETAS = {'sensitive': 2.0, 'balanced': 1.0, 'precise': 0.5}
#: Thresholds whose F1 is so little below the best do equally well: a handful of validation
#: subjects does not tell them apart.
ALIKE = 0.03
#: Threshold that the probability of a class that was not learnt does not reach.
NEVER = 0.999
#: Lesions of at least this diameter are also counted on their own.
LARGE_MM = 3.0


@dataclass(frozen=True)
class Finding:
    """All candidates in one subject, down to the outline's own probability."""

    subject: CachedSubject
    labels: np.ndarray
    lesions: list[Lesion]

    @cached_property
    def comparisons(self) -> dict[str, Comparison]:
        """Every candidate of each class against the truth: done once for all thresholds."""
        return {name: self._compare(name, value) for name, value in CLASSES.items()}

    def match(self, name: str, threshold: float) -> Match:
        """Compare the lesions of a class that reach ``threshold`` with the truth."""
        kept = [one.index for one in self.lesions
                if one.name == name and one.probability >= threshold]  # fmt: skip
        return self.comparisons[name].match(kept)

    def _compare(self, name: str, value: int) -> Comparison:
        own = [one.index for one in self.lesions if one.name == name]
        found = np.where(np.isin(self.labels, own), self.labels, 0)
        truth = index_lesions(self.subject.truth == value)
        return compare(truth, found, self.subject.affine)


def find(
    model: Model,
    subjects: Sequence[CachedSubject],
    inputs: Sequence[str] = INPUTS,
    *,
    mirror: bool = True,
) -> Iterator[Finding]:
    """Find every candidate in ``subjects``, given some of their inputs."""
    for subject in subjects:
        labels, lesions = find_lesions(
            probabilities(model, subject, inputs, mirror=mirror),
            dict.fromkeys(CLASSES, model.card.extent),
            np.linalg.norm(subject.affine[:3, :3], axis=0),
            brain_mask=subject.brain_mask,
            iron_mask=subject.iron_mask,
            min_volume_mm3=model.card.min_volume_mm3,
            extent=model.card.extent,
        )
        yield Finding(subject, labels, lesions)


def probabilities(
    model: Model, subject: CachedSubject, inputs: Sequence[str], *, mirror: bool = True
) -> np.ndarray:
    """Probabilities (class, X, Y, Z) on the SWI's grid of a subject, given some of its inputs."""
    x = subject.prepared.x.astype(np.float32)
    x[[channel for channel, name in enumerate(model.card.inputs) if name not in inputs]] = np.nan
    device = str(next(model.network.parameters()).device)
    return restore(predict(model, x, device=device, mirror=mirror), subject.prepared.grid)


def find_all(model: Model, subjects: Sequence[CachedSubject]) -> dict[str, list[Finding]]:
    """Find every candidate with each combination of inputs, called ``swi+qsm`` and so on."""
    return {
        '+'.join(inputs): list(find(model, subjects, inputs))
        for inputs in combinations(model.card)
    }


def combinations(card: ModelCard) -> list[tuple[str, ...]]:
    """What a unit may bring along of the inputs that a model makes use of."""
    seen, needed = set(card.sees), set(card.needs)
    return [inputs for inputs in COMBINATIONS if needed <= set(inputs) <= seen]


def calibrate(
    findings: Sequence[Finding], classes: Collection[str] = tuple(CLASSES)
) -> dict[str, dict[str, float]]:
    """Thresholds of every operating point and class: each maximises its F-beta on ``findings``.

    The ``balanced`` one is the most sensitive of those that do equally well (:data:`ALIKE`), for
    a reader can reject what was found, but not find what was left out. Of several that are the
    same the middle one is taken; without any lesion, 0.5. Of a class that is not in ``classes``
    nothing is to be found.

    """
    thresholds: dict[str, dict[str, float]] = {
        point: dict.fromkeys(CLASSES, NEVER) for point in BETAS
    }
    for name in classes:
        curve = [score([one.match(name, t) for one in findings]) for t in GRID]
        chosen = []
        true = np.array([counts['TP'] for counts in curve])
        for point, beta in BETAS.items():
            f = np.array([f_beta(counts, beta) for counts in curve])
            alike = f >= f.max() - (ALIKE if point == 'balanced' else 0)
            alike &= true == true[alike].max()
            best = GRID[alike & (f >= f[alike].max() - 1e-9)]
            chosen.append(float(best[len(best) // 2]) if f.max() > 0 else 0.5)
        for point, threshold in zip(BETAS, sorted(chosen), strict=True):
            thresholds[point][name] = threshold
    return thresholds


def f_beta(counts: dict[str, float], beta: float) -> float:
    """F-beta of pooled counts: sensitivity weighs ``beta`` times as much as precision."""
    weighted = (1 + beta**2) * counts['TP']
    whole = weighted + beta**2 * counts['FN'] + counts['FP']
    return weighted / whole if whole else 0.0


def summarise(
    findings: Sequence[Finding],
    thresholds: dict[str, float],
    classes: Collection[str] = tuple(CLASSES),
) -> dict[str, dict[str, float]]:
    """Pooled figures by class, and for CMB of at least 3 mm, at one operating point."""
    figures = {}
    for name in classes:
        matches = [one.match(name, thresholds[name]) for one in findings]
        figures[name] = score(matches)
        if name == 'CMB':
            figures[f'CMB>={LARGE_MM:g}mm'] = score(matches, LARGE_MM)
    return figures


def calibrate_all(model: Model, found: Mapping[str, list[Finding]]) -> dict[str, dict[str, float]]:
    """Thresholds that suit every combination of inputs alike: all are pooled."""
    return calibrate([one for some in found.values() for one in some], known_classes(model.card))
