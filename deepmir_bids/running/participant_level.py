"""The participant level: from units to finished results, with a word on each that failed."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from deepmir_bids import __version__
from deepmir_bids.bids.cluster_job import this_task
from deepmir_bids.bids.dataset_description import describe_dataset, describe_review
from deepmir_bids.bids.finished_results import has_results, read_results, run_of_results
from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.bids.publishing import HIDDEN, finish_all
from deepmir_bids.bids.run_records import (
    Record,
    keep_participants,
    make_run_folder,
    write_records,
)
from deepmir_bids.bids.unit_locks import WAIT_S, LockedError, UnitLocks
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.bids.whole_files import sweep, write_whole
from deepmir_bids.data import load as load_data
from deepmir_bids.errors import InputError, is_full, no_room
from deepmir_bids.model.model_registry import find_model, read_card
from deepmir_bids.reports.citations import with_references
from deepmir_bids.reports.participant_page import failure_page
from deepmir_bids.running.crash_files import find_crashes
from deepmir_bids.running.disk_room import check_room
from deepmir_bids.running.nipype_plugins import LOCAL, Plugin, choose_plugin, share_threads
from deepmir_bids.running.nipype_run import configure_nipype, execute
from deepmir_bids.running.preflight import check_device
from deepmir_bids.running.units_to_run import choose_anatomy, unsuited
from deepmir_bids.settings import Settings

if TYPE_CHECKING:
    from deepmir_bids.anatomy.template_choice import Anatomy


#: Why images alone do not go where lesions are.
SUPERSEDED = (
    'out_dir has its lesions and what they were found on, which images alone would replace: '
    'give --reconstruct-only another out_dir.'
)


def run_participants(settings: Settings) -> int:
    """Run every unit; return the exit status: 0, or 1 if some failed or were skipped.

    Raises
    ------
    UsageError
        Before anything was written, if the run cannot be started.

    """
    begin = time.monotonic()
    plugin = choose_plugin(settings)
    if plugin.name in LOCAL:
        check_device(settings)
    units = collect_units(settings)
    if not settings.reports_only:
        check_room(settings, [unit for unit in units if not unit.skipped])
    clear_away(settings)
    with UnitLocks(settings.work_dir / HIDDEN) as locks:
        locks.sweep()
        ready = [unit for unit in units if not unit.skipped]
        busy = take_units(locks, ready, settings.work_dir)
        free = [unit for unit in units if unit.label not in busy]
        failed = run_units(settings, plugin, free) if free else {}
    skipped = busy | {unit.label: unit.skipped for unit in free if unit.skipped}
    done = len(units) - len(skipped) - len(failed)
    minutes, seconds = divmod(int(time.monotonic() - begin), 60)
    what = 'submitted' if plugin.submits else 'done'
    say(f'{done} of {len(units)} units {what} in {minutes}:{seconds:02d}: {settings.out_dir}')
    for kind, reasons in (('skipped', skipped), ('failed', failed)):
        for label, why in reasons.items():
            say(f'{kind}: {label}: {why}')
    return 1 if failed or skipped else 0


def say(text: str) -> None:
    """Print a line as it is."""
    Console(highlight=False, soft_wrap=True).print(escape(text))


def clear_away(settings: Settings) -> None:
    """Finish and remove what runs left that were killed."""
    finish_all(settings.out_dir)
    sweep(settings.out_dir)
    sweep(settings.work_dir / 'anatomy')
    sweep(Path(tempfile.gettempdir()), 'deepmir-*')


def take_units(locks: UnitLocks, units: list[Unit], work_dir: Path) -> dict[str, str]:
    """Take the work folders of units; return those that another run has, and which run that is.

    They are not this run's: it keeps no record of them, which the other one writes.
    """
    busy = {}
    deadline = time.monotonic() + WAIT_S
    for unit in units:
        try:
            locks.take(unit.label, max(0, deadline - time.monotonic()))
        except LockedError as error:
            busy[unit.label] = (
                f'{error} is at work on it in {work_dir}: wait for it, or give another --work-dir.'
            )
    return busy


def run_units(settings: Settings, plugin: Plugin, units: list[Unit]) -> dict[str, str]:
    """Run units that nobody else works on; return those that failed, and why."""
    ready = [unit for unit in units if not unit.skipped]
    anatomy, before = None, {}
    if not settings.reports_only:
        anatomy = choose_anatomy(settings, settings.work_dir / 'anatomy')
    log_dir = make_run_folder(settings.out_dir / 'logs')
    write_whole(log_dir / 'settings.toml', settings.to_toml())
    say(f'deepmir {__version__}: {len(units)} units, log in {log_dir}')
    for unit in units:
        for note in unit.notes:
            say(f'  {unit.label}: {note}')
    configure_nipype(settings, plugin, log_dir, settings.verbose)
    for unit in units:
        for candidate in unit.candidates:
            logging.getLogger('nipype.workflow').info('%s: %s', unit.label, candidate)
    if anatomy and anatomy.note:
        say(f'  {anatomy.note}')
    recorded = anatomy is not None and not settings.reconstruct_only
    if recorded:
        keep_participants(log_dir, settings.bids_dir, {unit.subject for unit in units})
        before = {unit.label: run_of_results(settings.out_dir, unit.label) for unit in units}
        record(log_dir, units, 'started', before=before)
    try:
        failed = carry_out(settings, plugin, anatomy, ready, log_dir)
    except OSError as error:
        if not is_full(error):
            raise
        failed = {unit.label: no_room(error.filename or log_dir) for unit in ready}
    if recorded:
        record(log_dir, units, 'started' if plugin.submits else 'done', failed, before)
    leave_failure_pages(settings, ready, failed, log_dir)
    return failed


def carry_out(
    settings: Settings, plugin: Plugin, anatomy: Anatomy | None, units: list[Unit], log_dir: Path
) -> dict[str, str]:
    """Run units, or make their pages again where no anatomy is given; which failed, and why."""
    if anatomy is None:
        failed, workflow = prepare_reports(settings, units, log_dir)
    else:
        start_output(settings)
        shared = share_threads(settings, plugin, len(units))
        failed, workflow = prepare_run(shared, anatomy, units, log_dir.name)
    if workflow is not None:
        wanted = [unit for unit in units if unit.label not in failed]
        failed |= execute(workflow, settings, plugin, wanted, log_dir)
    return failed


def prepare_run(settings: Settings, anatomy: Anatomy, units: list[Unit], run: str):
    """Return units that cannot run, with the reason, and the graph of the others.

    ``run`` is the name of the run, which its results bear.
    """
    from deepmir_bids.workflows.whole_app import init_deepmir_wf

    if settings.reconstruct_only:
        failed = {u.label: SUPERSEDED for u in units if has_results(settings.out_dir, u.label)}
    else:
        failed = unsuited(settings, units)
    units = [unit for unit in units if unit.label not in failed]
    return failed, init_deepmir_wf(settings, anatomy, units, run) if units else None


def prepare_reports(settings: Settings, units: list[Unit], log_dir: Path):
    """Return units without complete results, with the reason, and the graph of the pages.

    Where the settings say what counts as a lesion, masks and tables are part of it. Reviews are
    written anew then, so the earlier ones are kept in ``log_dir``.
    """
    from deepmir_bids.workflows.refinding import init_refinding_wf
    from deepmir_bids.workflows.whole_app import init_page_wf, init_reports_wf

    pages, failed = [], {}
    model = find_model(settings.model)
    card = read_card(model)
    for unit in units:
        try:
            results = read_results(settings.out_dir, unit.label)
            if settings.anew:
                page = init_refinding_wf(settings, unit, results, model, card, log_dir.name)
            else:
                page = init_page_wf(settings, unit, results)
        except (InputError, OSError) as error:
            failed[unit.label] = str(error)
            continue
        except KeyError as error:
            lacking = error.args[0]
            failed[unit.label] = f'its sidecars do not say its {lacking}: run deepmir on it again'
            continue
        pages.append(page)
        if review := results.review:
            describe_review(review)
            if settings.anew:
                shutil.copy(review, log_dir)
    return failed, init_reports_wf(settings, pages) if pages else None


def record(
    log_dir: Path,
    units: list[Unit],
    status: str,
    failed: Mapping[str, str] | None = None,
    before: Mapping[str, str | None] | None = None,
) -> None:
    """Record the units that failed or were skipped as such, and the others by a status.

    ``before`` names the run whose results a unit had before this one.
    """

    def of(unit: Unit) -> Record:
        found = before.get(unit.label) if before else None
        if unit.skipped:
            return Record.of(unit.label, 'skipped', unit.skipped, found, job)
        if failed and unit.label in failed:
            return Record.of(unit.label, 'failed', failed[unit.label], found, job)
        results = log_dir.name if status == 'done' else found
        return Record.of(unit.label, status, None, results, job)

    job = this_task()
    write_records(log_dir, map(of, units))


def leave_failure_pages(
    settings: Settings, units: list[Unit], failed: Mapping[str, str], log_dir: Path
) -> None:
    """Write a page on each unit that failed and has no results of an earlier run to show."""
    crashes = find_crashes(log_dir, {unit.workflow_name: unit.label for unit in units})
    for unit in units:
        if unit.label not in failed or has_results(settings.out_dir, unit.label):
            continue
        crash = crashes.get(unit.label)
        text = crash.read_text(errors='replace') if crash else ''
        page = failure_page(unit.label, failed[unit.label], text)
        write_whole(settings.out_dir / f'{unit.label}.html', page)


def start_output(settings: Settings) -> None:
    """Describe the output dataset."""
    citation = load_data('citation.md').read_text(encoding='utf-8')
    describe_dataset(
        settings.out_dir,
        settings.datasets,
        citation=with_references(citation.format(version=__version__)),
        container=os.environ.get('APPTAINER_CONTAINER') or os.environ.get('SINGULARITY_CONTAINER'),
    )
