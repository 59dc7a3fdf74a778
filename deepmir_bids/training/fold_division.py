"""Who trains, who chooses the thresholds, and who is held out; written down before it begins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from deepmir_bids.bids.schema import OBJECT, TEXT, fault
from deepmir_bids.bids.text_files import read_json
from deepmir_bids.bids.whole_files import write_whole
from deepmir_bids.errors import UsageError

#: The part that trains on everybody, and whose model is the one to use.
FINAL = 'final'


@dataclass(frozen=True)
class Part:
    """One training: a fold, or the final one. Participants by label, with all their sessions."""

    name: str
    training: list[str]
    validation: list[str]
    held_out: list[str]


def divide(lesions: Mapping[str, int], folds: int, share: float, seed: int) -> list[Part]:
    """Divide participants into folds (none, or at least 2), and for the final training.

    Every participant is held out once. Within each part a ``share`` of the others, at least one,
    validates. Participants with many and with few lesions are spread evenly over the folds and
    over training and validation.

    Parameters
    ----------
    lesions
        Participant → number of labelled lesions, in all sessions.
    folds
        0 for the final training alone.
    share
        Of the participants who are not held out.
    seed
        Of the division.

    Raises
    ------
    UsageError
        If there are too few participants.

    """
    if len(lesions) < folds:
        raise UsageError(f'{len(lesions)} labelled participants do not make {folds} folds.')
    groups = _deal(lesions, folds, np.random.default_rng((seed, 0))) if folds else []
    names = [f'fold-{i}' for i in range(1, folds + 1)]
    parts = []
    for i, (name, held_out) in enumerate(zip([*names, FINAL], [*groups, []], strict=True)):
        others = {label: n for label, n in lesions.items() if label not in held_out}
        if len(others) < 2:
            raise UsageError(
                'Too few labelled participants: besides those that are held out, training takes '
                'two at least, one of which validates.'
            )
        validation = _choose(others, share, np.random.default_rng((seed, 1, i)))
        training = sorted(set(others) - set(validation))
        parts.append(Part(name, training, validation, sorted(held_out)))
    return parts


def recorded_parts(path: Path, options: dict[str, Any], parts: list[Part]) -> list[Part]:
    """Write down how participants were divided; if that was done before, return what is written.

    Raises
    ------
    UsageError
        If the earlier training had other options or other participants.

    """
    if not path.is_file():
        content = {'options': options, 'parts': [asdict(part) for part in parts]}
        write_whole(path, json.dumps(content, indent=2) + '\n')
        return parts
    recorded = _recorded(path)
    advice = f'go on with the same, or choose another output folder than {path.parent}'
    for name, value in options.items():
        before = recorded['options'].get(name)
        if before != value:
            raise UsageError(
                f'The training in {path.parent} was begun with --{name} {_said(before)}, '
                f'not {_said(value)}: {advice}.'
            )
    earlier = [Part(**part) for part in recorded['parts']]
    if changed := _everybody(earlier) ^ _everybody(parts):
        raise UsageError(
            f'The training in {path.parent} was begun with or without '
            f'{", ".join(f"sub-{label}" for label in sorted(changed))}: {advice}.'
        )
    return earlier


def _recorded(path: Path) -> dict[str, Any]:
    cure = 'choose another output folder'
    content = read_json(path, cure, UsageError)
    names = [field.name for field in fields(Part)]
    kind = {'options': OBJECT, 'parts': [{'name': TEXT, '*': [TEXT]}]}
    wrong = fault(content, kind)
    if wrong or set(kind) - set(content) or any(set(p) != set(names) for p in content['parts']):
        raise UsageError(
            f'{path} is no division of participants ({wrong or "it lacks some"}): {cure}.'
        )
    return content


def _deal(lesions, count: int, rng) -> list[list[str]]:
    """Deal participants, those with fewest lesions first, round by round to ``count`` groups."""
    order = _by_lesions(lesions, rng)
    groups: list[list[str]] = [[] for _ in range(count)]
    for start in range(0, len(order), count):
        taken = order[start : start + count]
        for group, label in zip(rng.permutation(count)[: len(taken)], taken, strict=True):
            groups[group].append(label)
    return groups


def _choose(lesions, share: float, rng) -> list[str]:
    """Choose one of each of as many strata, by number of lesions, as ``share`` asks for."""
    count = min(len(lesions) - 1, max(1, round(share * len(lesions))))
    strata = np.array_split(np.array(_by_lesions(lesions, rng)), count)
    return sorted(str(rng.choice(stratum)) for stratum in strata)


def _by_lesions(lesions, rng) -> list[str]:
    shuffled = [str(label) for label in rng.permutation(sorted(lesions))]
    return sorted(shuffled, key=lambda label: lesions[label])


def _everybody(parts: Iterable[Part]) -> set[str]:
    return {
        label for part in parts for label in (*part.training, *part.validation, *part.held_out)
    }


def _said(value: Any) -> str:
    return ' '.join(map(str, value)) if isinstance(value, list) else str(value)
