"""What is known of a unit's findings: from a reader's review, or from masks of its lesions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import MISSING
from deepmir_bids.evaluation.froc import compare_candidates
from deepmir_bids.evaluation.site_thresholds import Judged, logit
from deepmir_bids.lesions.connected_lesions import (
    MOST_CANDIDATES,
    NEAR,
    FoundLesions,
    find_lesions,
)
from deepmir_bids.lesions.truth_matching import index_lesions
from deepmir_bids.model.model_registry import OPERATING_POINTS, ModelCard

if TYPE_CHECKING:
    from deepmir_bids.evaluation.truth_pairs import Case

#: Where a card says what its thresholds were chosen on.
CALIBRATION = 'calibration'
#: The operating point that follows from the site; the others move along.
POINT = 'balanced'
#: With masks every finding is known that reaches this probability.
LEAST = 0.005


def original_thresholds(card: ModelCard) -> dict[str, dict[str, dict[str, float]]]:
    """Thresholds before any calibration: a second one must not start from the first."""
    known = card.training.get(CALIBRATION, {}).get('own_thresholds', card.thresholds)
    return known or {
        '+'.join(inputs): {point: card.thresholds_for(inputs, point) for point in OPERATING_POINTS}
        for inputs in card.combinations
    }


def own_thresholds(card: ModelCard, inputs: Iterable[str]) -> dict[str, float]:
    """Original threshold of each class at the balanced point, for a unit that has ``inputs``."""
    return replace(card, thresholds=original_thresholds(card)).thresholds_for(inputs, POINT)


class ReviewedUnit(NamedTuple):
    """A unit whose lesions a reader has all judged.

    ``rows`` are its lesions and candidates (:func:`deepmir_bids.lesions.reader_review.\
reviewed_rows`), ``thresholds`` those of the run that found them.
    """

    participant: str
    inputs: tuple[str, ...]
    thresholds: Mapping[str, float]
    model_sha256: str
    rows: Sequence[Mapping[str, Any]]

    @property
    def readers(self) -> set[str]:
        """Names that the verdicts bear."""
        return {row['reader'] for row in self.rows if row['reader']}


def judged_in_review(unit: ReviewedUnit, own: Mapping[str, float]) -> dict[str, Judged]:
    """Read from a review what its reader made of the findings of each class.

    A finding counts for the class that it was found as: one that the reader calls something else,
    be it the other class, was false. As the other class it is a lesion that no threshold of that
    class finds. What was accepted below a finding that nobody judged is a lesion out of reach.

    Parameters
    ----------
    unit
        Its review.
    own
        Thresholds of the model, from which the excess is measured.

    """
    rows, used = unit.rows, unit.thresholds
    candidates = [row for row in rows if row['found_as'] == 'candidate']
    level = _listed_down_to(candidates, used)
    judged = {}
    for name in CLASSES:
        found = [row for row in rows if row['class'] == name and row['probability'] != MISSING]
        peak = np.array([float(row['probability']) for row in found])
        seen = np.array([row['verdict'] is not None for row in found], dtype=bool)
        true = np.array([row['final_class'] == name for row in found], dtype=bool) & seen
        excess = logit(peak) - logit(own[name])
        unseen = excess[~seen]
        floor = float(logit(level * used[name]) - logit(own[name]))
        if len(unseen):
            # Just above the highest that nobody judged.
            floor = max(floor, float(np.nextafter(unseen.max(), np.inf)) + 1e-6)
        elsewhere = sum(row['class'] != name and row['final_class'] == name for row in rows)
        judged[name] = Judged(unit.participant, excess[seen], true[seen], floor, elsewhere)
    return judged


def _listed_down_to(candidates: Sequence[Mapping[str, Any]], used: Mapping[str, float]) -> float:
    """Share of its threshold that everything reaches that is listed: the rest was too much."""
    shares = sorted(
        (float(row['probability']) / used[row['class']] for row in candidates
         if row['probability'] != MISSING), reverse=True,
    )  # fmt: skip
    return shares[MOST_CANDIDATES - 1] if len(shares) >= MOST_CANDIDATES else NEAR


def judged_by_masks(
    case: Case, own: Mapping[str, float], participant: str = ''
) -> dict[str, Judged]:
    """Compare all findings of a unit, down to :data:`LEAST`, with masks of its lesions."""
    found = find_all(case)
    labels = found.labels + found.candidate_labels
    judged = {}
    for name in CLASSES:
        peaks, detected = compare_candidates(
            case, name, labels, [*found.lesions, *found.candidates]
        )
        # The finding at whose peak a true lesion is first found stands for it.
        true = Counter(detected.values())
        false = Counter(peaks.values()) - true
        excess = logit(np.array([*true.elements(), *false.elements()])) - logit(own[name])
        judged[name] = Judged(
            participant or case.label.split('_')[0],
            excess,
            np.arange(len(excess)) < len(detected),
            float(logit(LEAST) - logit(own[name])),
            int(index_lesions(case.truth == CLASSES[name]).max()) - len(detected),
        )
    return judged


def find_all(case: Case) -> FoundLesions:
    """Find everything that reaches :data:`LEAST`, outlined as at the thresholds of the run."""
    near = LEAST / max(case.criteria.thresholds.values())
    found = find_lesions(
        case.probabilities,
        case.criteria,
        case.zooms,
        brain_mask=case.brain_mask,
        iron_mask=case.iron_area,
        near=min(near, 1.0),
        most=None,
    )
    kept = [one for one in found.candidates if one.probability >= LEAST]
    return replace(found, candidates=kept)
