"""The acceptance test of a site, from a BIDS dataset to tables and a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepmir_bids import CLASSES
from deepmir_bids.acceptance.acceptance_tables import (
    list_findings,
    list_implants,
    reading_table,
    sensitivity_table,
    suggestions_of,
    threshold_table,
    trait_rows,
)
from deepmir_bids.acceptance.implanted_head import HeadResult, examine
from deepmir_bids.acceptance.prepared_head import finished_head, head_without_anatomy
from deepmir_bids.acceptance.site_traits import compare_traits, learned_traits
from deepmir_bids.anatomy.template_registration import NO_FIT
from deepmir_bids.bids.finished_results import read_results
from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.bids.run_records import read_records
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.errors import InputError
from deepmir_bids.model.model_registry import ModelCard, find_model, read_card
from deepmir_bids.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from deepmir_bids.model.prediction import Model
    from deepmir_bids.simulation.implanted_dataset import ImplantPlan

#: Folder of the run on the images as they are, below that of the test.
RUN = 'deepmir'


@dataclass(frozen=True)
class Acceptance:
    """An acceptance test: tables by the name of their file, and what they rest on.

    ``results`` has the heads that were tested, ``left_out`` the other units and why.
    """

    settings: Settings
    card: ModelCard
    tables: dict[str, pd.DataFrame]
    results: list[HeadResult]
    left_out: dict[str, str]


def run_acceptance(
    settings: Settings, plan: ImplantPlan, show: Callable[[str], None]
) -> Acceptance:
    """Run the app on a site's images, put lesions into them, look for these, and sum up.

    What an earlier call of the same model has finished is not run again.

    Parameters
    ----------
    settings
        Of the run on the images as they are; its ``out_dir`` is this run's alone.
    plan
        What is put in.
    show
        Takes a sentence on each unit as it is done.

    Raises
    ------
    UsageError, InputError
        If the run cannot be started, or no unit can be tested.

    """
    from deepmir_bids.model import load_model
    from deepmir_bids.model.prediction import find_device
    from deepmir_bids.running.preflight import check_settings

    check_settings(settings)
    card = read_card(find_model(settings.model))
    units = collect_units(settings)
    _run_app(settings, units, card)
    model, device = load_model(settings.model), find_device(settings.device)
    results, left_out = [], {}
    for unit in units:
        try:
            results.append(_examine(unit, settings, plan, model, device))
            show(f'{unit.label}: {len(results[-1].implants)} lesions put in that can be seen.')
        except InputError as error:
            left_out[unit.label] = str(error)
            show(f'{unit.label} left out: {error}')
    if not results:
        reasons = '; '.join(f'{label}: {why}' for label, why in left_out.items())
        raise InputError(f'Nobody of {settings.bids_dir} could be tested ({reasons}).')
    tables = acceptance_tables(results, card) | {'units': _unit_table(results, left_out)}
    return Acceptance(settings, card, tables, results, left_out)


def acceptance_tables(results: Sequence[HeadResult], card: ModelCard) -> dict[str, pd.DataFrame]:
    """Tables of a test, by the name of their file."""
    implants, findings = list_implants(results), list_findings(results)
    inputs = dict.fromkeys('+'.join(one.inputs) for one in results)
    traits = trait_rows(results)
    return {
        'sensitivity': sensitivity_table(implants),
        'reading': reading_table(findings, results),
        'thresholds': threshold_table(suggestions_of(results), card, list(inputs)),
        'traits': compare_traits(traits, learned_traits()),
        'implants': implants,
        'findings': findings,
    }


def _run_app(settings: Settings, units: Sequence[Unit], card: ModelCard) -> None:
    """Run the app on the participants that it has not done with these weights."""
    from deepmir_bids.running.participant_level import run_participants

    waiting = {
        unit.subject for unit in units if not unit.skipped and not _is_done(unit, settings, card)
    }
    if waiting:
        run_participants(replace(settings, participant_label=tuple(sorted(waiting))))


def _is_done(unit: Unit, settings: Settings, card: ModelCard) -> bool:
    try:
        results = read_results(settings.out_dir, unit.label)
    except (InputError, OSError):
        return False
    return results.detection.get('ModelSHA256') == card.sha256


def _examine(
    unit: Unit, settings: Settings, plan: ImplantPlan, model: Model, device: str
) -> HeadResult:
    if unit.skipped:
        raise InputError(f'{unit.skipped}.')
    if _is_done(unit, settings, model.card):
        head = finished_head(unit, settings)
    else:
        why = _why_not_done(unit, settings.out_dir)
        if NO_FIT not in why:  # whatever is wrong with the images, they are no test
            raise InputError(why)
        head = head_without_anatomy(unit, why, settings, model, device)
    return examine(head, settings, plan, model, device)


def _why_not_done(unit: Unit, out_dir: Path) -> str:
    records = read_records(out_dir).get(unit.label, [])
    reason = records[-1].reason if records else None
    return reason or 'the run did not finish it.'


def _unit_table(results: Sequence[HeadResult], left_out: dict[str, str]) -> pd.DataFrame:
    import pandas as pd

    rows: list[dict[str, Any]] = [
        {
            'unit': one.label,
            'status': 'tested' if one.whole else 'without nuclei',
            'inputs': '+'.join(one.inputs),
            **{name: sum(row['class'] == name for row in one.implants) for name in CLASSES},
            **one.traits,
            'note': one.note or None,
        }
        for one in results
    ]
    rows += [{'unit': label, 'status': 'left out', 'note': why} for label, why in left_out.items()]
    return pd.DataFrame(rows)
