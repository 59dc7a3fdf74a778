"""A model with the thresholds of a site: the same weights, and a card that says why."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from deepmir_bids import CLASSES
from deepmir_bids.errors import UsageError
from deepmir_bids.evaluation.judged_findings import (
    CALIBRATION,
    POINT,
    judged_by_masks,
    judged_in_review,
    original_thresholds,
    own_thresholds,
)
from deepmir_bids.evaluation.site_thresholds import (
    LEAST_FINDINGS,
    LEAST_PARTICIPANTS,
    MEASURES,
    Judged,
    Suggestion,
    at_shift,
    curve,
    moved,
    suggest,
)
from deepmir_bids.evaluation.truth_pairs import Case, find_pairs, read_case
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.model.model_registry import (
    CARD,
    WEIGHTS,
    ModelCard,
    find_model,
    read_card,
    verify,
    write_card,
)


@dataclass(frozen=True)
class Calibration:
    """The new card, and what was chosen for each class that had enough lesions."""

    card: ModelCard
    suggestions: dict[str, Suggestion]


def calibrate_model(
    name: str, results: Path, out: Path, labels: Path | None = None
) -> Calibration:
    """Choose a model's thresholds on a site's judged participants, and write it to a folder.

    Nothing but tables is read, or, with masks, the stored probabilities; the network is not run.

    Parameters
    ----------
    name
        A shipped model, or the folder of one: the one that made the results.
    results
        Output folder of deepmir, with the reviews of readers.
    out
        Folder of the new model.
    labels
        Class maps of the participants' lesions, instead of reviews; then the outline is chosen,
        too.

    Raises
    ------
    UsageError
        There are too few judged participants or lesions, or the results are of other weights, or
        ``out`` holds something else.
    InputError
        A file cannot be read.

    """
    folder = find_model(name)
    card = verify(folder)
    _check_place(out)
    cases: list[tuple[Case, list[str]]] = []
    if labels:
        pairs = find_pairs(labels, results)
        check_weights(card, (pair.results.detection.get('ModelSHA256') for pair in pairs), results)
        judged = []
        for pair in pairs:
            case, inputs = read_case(pair), pair.results.detection['InputsUsed']
            cases.append((case, inputs))
            judged.append(judged_by_masks(case, own_thresholds(card, inputs)))
        readers: set[str] = set()
    else:
        from deepmir_bids.group.read_cohort import read_cohort

        reviews = read_cohort(results).reviews
        check_weights(card, (unit.model_sha256 for unit in reviews), results)
        judged = [judged_in_review(unit, own_thresholds(card, unit.inputs)) for unit in reviews]
        readers = set().union(*(unit.readers for unit in reviews))
    by_class = {name: [of_unit[name] for of_unit in judged] for name in CLASSES}
    suggestions = {n: s for n, own in by_class.items() if (s := suggest(own)) is not None}
    if not suggestions:
        raise UsageError(too_few(results, by_class))
    about = describe(card, by_class, suggestions, 'masks' if labels else 'reviews', readers)
    new = calibrated_card(card, suggestions, about, out.resolve().name)
    if cases:
        new = replace(new, extent=choose_outline(cases, new))
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / WEIGHTS, out / f'{WEIGHTS}.part')
    os.replace(out / f'{WEIGHTS}.part', out / WEIGHTS)
    write_card(new, out)
    return Calibration(new, suggestions)


def check_weights(card: ModelCard, found: Iterable[str | None], results: Path) -> None:
    """Look whether probabilities are those of a model.

    Raises
    ------
    UsageError
        If they are of other weights.

    """
    others = sorted({(sha256 or 'unknown')[:12] for sha256 in found} - {card.sha256[:12]})
    if others:
        raise UsageError(
            f'{results} holds probabilities of other weights (sha256 {", ".join(others)}) than '
            f'those of the model "{card.name}" ({card.sha256[:12]}): give the model that made '
            'them.'
        )


def too_few(results: Path, by_class: Mapping[str, Sequence[Judged]]) -> str:
    """Say why nothing can be chosen."""
    people = len({one.participant for own in by_class.values() for one in own})
    lesions = ' and '.join(
        f'{sum(one.lesions for one in own)} {name}' for name, own in by_class.items()
    )
    false = sum(one.false for own in by_class.values() for one in own)
    return (
        f'{results} has {people} participants whose lesions were all judged, with {lesions} '
        f'and {false} false findings: review more of them, for thresholds take at least '
        f'{LEAST_PARTICIPANTS} participants and {LEAST_FINDINGS} lesions or false findings of a '
        'class.'
    )


def describe(
    card: ModelCard,
    by_class: Mapping[str, Sequence[Judged]],
    suggestions: Mapping[str, Suggestion],
    source: str,
    readers: set[str],
) -> dict[str, Any]:
    """Say for the card on what thresholds were chosen, by whom, and how sure they are."""
    people = sorted({one.participant for own in by_class.values() for one in own})
    return {
        'data': source,
        'participants': people,
        'readers': sorted(readers),
        'own_thresholds': original_thresholds(card),
        'classes': {
            name: {
                'lesions': suggestion.lesions,
                'false_findings': suggestion.false,
                'shift_logits': round(suggestion.shift, 3),
                'shift_interval': [round(suggestion.low, 3), round(suggestion.high, 3)],
                'weight_of_the_site': round(suggestion.weight, 3),
                'on_these_participants': _figures(by_class[name], suggestion.shift),
            }
            for name, suggestion in suggestions.items()
        },
    }


def _figures(judged: Sequence[Judged], shift: float) -> dict[str, list[float | None]]:
    """Value and 95 % interval of each measure, of the participants who chose the threshold."""
    row = at_shift(curve(judged), shift)
    return {
        name: [
            None if np.isnan(row[key]) else round(float(row[key]), 3)
            for key in (name, f'{name}_low', f'{name}_high')
        ]
        for name in MEASURES
    }


def calibrated_card(
    card: ModelCard, suggestions: Mapping[str, Suggestion], about: dict[str, Any], name: str
) -> ModelCard:
    """The card with all thresholds of a class moved alike; figures of others hold no more."""
    original = original_thresholds(card)
    thresholds = deepcopy(card.thresholds or original)
    for inputs, points in original.items():
        for point, kind in itertools.product(points, suggestions):
            shift = suggestions[kind].shift
            thresholds[inputs][point][kind] = moved(points[point][kind], shift)
    return replace(
        card,
        name=name,
        description=f'{card.description} Thresholds chosen for a site.',
        thresholds=thresholds,
        training={**card.training, CALIBRATION: about},
        figures={},
    )


def choose_outline(cases: Sequence[tuple[Case, Sequence[str]]], card: ModelCard) -> float:
    """The outline, of those that calibration tries, that agrees best with the masks."""
    from deepmir_bids.lesions.connected_lesions import find_lesions
    from deepmir_bids.training.threshold_choice import EXTENTS, SubjectCandidates

    dice: dict[float, list[float]] = {extent: [] for extent in EXTENTS}
    for case, inputs in cases:
        for extent, overlaps in dice.items():
            found = find_lesions(
                case.probabilities,
                DetectionCriteria.of_model(replace(card, extent=extent), inputs, POINT),
                case.zooms,
                brain_mask=case.brain_mask,
                iron_mask=case.iron_area,
            )
            overlaps += SubjectCandidates(cast(Any, case), found.labels, found.lesions).overlaps()
    if not any(dice.values()):
        return card.extent
    return max(dice, key=lambda extent: np.mean(dice[extent]))


def _check_place(out: Path) -> None:
    """A model's folder is new, empty, or of an earlier calibration."""
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not (out / CARD).is_file() or CALIBRATION not in read_card(out).training:
        raise UsageError(
            f'--out {out} holds something else than a calibrated model: give a folder that is '
            'new or empty.'
        )
