"""Which thresholds the reviews of a cohort speak for, and how to use them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tomllib

from deepmir_bids import CLASSES
from deepmir_bids.evaluation.judged_findings import (
    ReviewedUnit,
    judged_in_review,
    own_thresholds,
)
from deepmir_bids.evaluation.site_thresholds import (
    MEASURES,
    Judged,
    Suggestion,
    at_shift,
    curve,
    logit,
    moved,
    suggest,
)
from deepmir_bids.group.read_cohort import Cohort
from deepmir_bids.model.model_registry import ModelCard, ModelError, find_model, read_card
from deepmir_bids.settings import DEFAULT_MODEL

COLUMNS = (
    'class', 'inputs', 'threshold', 'point', 'findings',
    *(f'{name}{end}' for name in MEASURES for end in ('', '_low', '_high')),
)  # fmt: skip


@dataclass(frozen=True)
class ClassReview:
    """What the reviews tell of one class; thresholds are those for the commonest inputs.

    ``table`` has the columns :data:`COLUMNS`, by threshold; ``suggested`` and ``suggestion`` are
    None where there is too little to go by.
    """

    name: str
    lesions: int
    present: float
    suggested: float | None
    suggestion: Suggestion | None
    table: pd.DataFrame


@dataclass(frozen=True)
class SiteReview:
    """What the reviews of a cohort tell, and the commands that make use of it."""

    participants: int
    readers: tuple[str, ...]
    inputs: str
    classes: tuple[ClassReview, ...]
    commands: tuple[str, ...]

    @property
    def table(self) -> pd.DataFrame:
        """Precision and sensitivity against threshold, of all classes."""
        tables = [one.table for one in self.classes if len(one.table)]
        return pd.concat(tables) if tables else pd.DataFrame(columns=list(COLUMNS))


def review_site(cohort: Cohort, out_dir: Path, bids_dir: Path) -> SiteReview:
    """Sum up the complete reviews that are of the same weights as most of them."""
    settings = _last_settings(out_dir)
    model = str(settings.get('model', DEFAULT_MODEL))
    weights = Counter(unit.model_sha256 for unit in cohort.reviews).most_common(1)
    sha256 = weights[0][0] if weights else ''
    reviews = [unit for unit in cohort.reviews if unit.model_sha256 == sha256]
    card = _card(model, sha256)
    common = Counter(unit.inputs for unit in reviews).most_common(1)
    inputs = common[0][0] if common else ()
    classes = tuple(_review_class(name, reviews, card, inputs) for name in CLASSES)
    some = card is not None and any(one.suggestion for one in classes)
    return SiteReview(
        len({unit.participant for unit in reviews}),
        tuple(sorted(set().union(*(unit.readers for unit in reviews)))),
        '+'.join(inputs),
        classes,
        commands(model, out_dir, bids_dir, settings) if some else (),
    )


def commands(
    model: str, out_dir: Path, bids_dir: Path, settings: dict[str, Any]
) -> tuple[str, ...]:
    """What to type to choose the thresholds, and to use them in this folder."""
    new = out_dir.with_name(f'{out_dir.name}-model')
    further = [f'{name}={path}' for name, path in settings.get('derivatives', {}).items()]
    words = ['deepmir', str(bids_dir), str(out_dir), 'participant', '--reports-only']
    words += ['--model', str(new), *(['--derivatives', *further] if further else [])]
    if 'bids_filter_file' in settings:
        words += ['--bids-filter-file', str(settings['bids_filter_file'])]
    return (
        shlex.join(['deepmir-model', 'calibrate', model, str(out_dir), '--out', str(new)]),
        shlex.join(words),
    )


def _review_class(
    name: str, reviews: Sequence[ReviewedUnit], card: ModelCard | None, inputs: tuple[str, ...]
) -> ClassReview:
    own, judged = {}, []
    for unit in reviews:
        # Without the model, its thresholds are taken to be those of the run.
        own = own_thresholds(card, unit.inputs) if card else dict(unit.thresholds)
        judged.append(judged_in_review(unit, own)[name])
    of_common = [unit.thresholds[name] for unit in reviews if unit.inputs == inputs]
    present = of_common[0] if of_common else np.nan
    origin = own_thresholds(card, inputs)[name] if card else present
    suggestion = suggest(judged)
    suggested = moved(origin, suggestion.shift) if suggestion else None
    table = _table(name, '+'.join(inputs), judged, origin, present, suggestion)
    lesions = sum(one.lesions for one in judged)
    return ClassReview(name, lesions, present, suggested, suggestion, table)


def _table(
    name: str,
    inputs: str,
    judged: Sequence[Judged],
    origin: float,
    present: float,
    suggestion: Suggestion | None,
) -> pd.DataFrame:
    """The curve of a class by threshold, with the present and the suggested point."""
    whole = curve(judged) if judged else pd.DataFrame()
    if not len(whole):
        return pd.DataFrame(columns=list(COLUMNS))
    points = {'present': float(logit(present) - logit(origin))}
    if suggestion:
        points['suggested'] = suggestion.shift
    rows = [whole.assign(point=None)]
    rows += [at_shift(whole, shift).to_frame().T.assign(shift=shift, point=point)
             for point, shift in points.items()]  # fmt: skip
    table = pd.concat(rows).sort_values('shift', kind='stable')
    table['threshold'] = [moved(origin, float(shift)) for shift in table['shift']]
    table = table.assign(**{'class': name, 'inputs': inputs})[list(COLUMNS)]
    numbers = [column for column in COLUMNS if column not in ('class', 'inputs', 'point')]
    return table.astype(dict.fromkeys(numbers, float)).reset_index(drop=True)


def _card(model: str, sha256: str) -> ModelCard | None:
    """The card of the model that found the lesions, if it is still there."""
    try:
        card = read_card(find_model(model))
    except ModelError:
        return None
    return card if card.sha256 == sha256 else None


def _last_settings(out_dir: Path) -> dict[str, Any]:
    """Settings of the last run of participants, as far as they can be read."""
    for path in sorted(out_dir.glob('logs/*/settings.toml'), reverse=True):
        try:
            return tomllib.loads(path.read_text(encoding='utf-8'))
        except (OSError, ValueError):  # the group level trusts nothing that it finds
            continue
    return {}
