"""The participant level: from units to finished results, with a word on each that failed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from networkx import topological_sort
from rich.console import Console
from rich.markup import escape

from deepmir_bids import __version__
from deepmir_bids.bids.dataset_description import describe_dataset, describe_review
from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.bids.publishing import write_whole
from deepmir_bids.bids.read_results import has_results, read_results
from deepmir_bids.bids.run_records import Record, keep_participants, make_run_folder, write_records
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.errors import InputError, UsageError
from deepmir_bids.model.model_registry import ModelError, find_model, read_card
from deepmir_bids.reports.methods import methods_text
from deepmir_bids.reports.participant_page import failure_page
from deepmir_bids.running.crash_files import find_crashes
from deepmir_bids.running.nipype_plugins import choose_plugin
from deepmir_bids.running.nipype_run import configure_nipype, execute
from deepmir_bids.settings import Settings

if TYPE_CHECKING:
    from deepmir_bids.anatomy.template_choice import Anatomy


def dry_run(settings: Settings) -> int:
    """List units, inputs and steps, without running anything or writing to the outputs."""
    from deepmir_bids.workflows.whole_app import init_deepmir_wf

    console = Console(highlight=False, soft_wrap=True)
    units = collect_units(settings)
    lacking = unsuited(settings, [unit for unit in units if not unit.skipped])
    for unit in units:
        console.print(f'[bold]{escape(unit.label)}[/bold]')
        for name in unit.inputs:
            console.print(f'  {name}: {escape(str(getattr(unit, name)))}')
        for note in unit.notes:
            console.print(f'  note: {escape(note)}')
        if why := unit.skipped or lacking.get(unit.label):
            console.print(f'  skipped: {escape(why)}')
    ready = [unit for unit in units if not unit.skipped and unit.label not in lacking]
    if ready:
        with TemporaryDirectory() as folder:
            anatomy = choose_anatomy(settings, Path(folder))
            graph = init_deepmir_wf(settings, anatomy, ready)._create_flat_graph()
        steps = [node.fullname.split('.', maxsplit=2)[1:] for node in topological_sort(graph)]
        console.print(f'[bold]steps[/bold] of {ready[0].label} ({len(steps)} nodes in all)')
        for name in (name for unit, name in steps if unit == ready[0].workflow_name):
            console.print(f'  {name}')
    return 1 if len(ready) < len(units) else 0


def run_participants(settings: Settings, verbose: int = 0) -> int:
    """Run every unit; return the exit status."""
    console = Console(highlight=False, soft_wrap=True)
    begin = time.monotonic()
    units = collect_units(settings)
    ready = [unit for unit in units if not unit.skipped]
    log_dir = make_run_folder(settings.out_dir / 'logs')

    def say(text: str) -> None:
        console.print(escape(text))

    write_whole(log_dir / 'settings.toml', settings.to_toml())
    say(f'deepmir {__version__}: {len(units)} units, log in {log_dir}')
    for unit in units:
        for note in unit.notes:
            say(f'  {unit.label}: {note}')
    plugin = choose_plugin(settings)
    configure_nipype(settings, plugin, log_dir, verbose)
    if not settings.reports_only:
        keep_participants(log_dir, settings.bids_dir, {unit.subject for unit in units})
        record(log_dir, units, 'started')
    failed, workflow = prepare_run(settings, ready, say)
    if workflow is not None:
        wanted = [unit for unit in ready if unit.label not in failed]
        failed |= execute(workflow, settings, plugin, wanted, log_dir)
    if not settings.reports_only:
        record(log_dir, units, 'started' if plugin.submits else 'done', failed)
    leave_failure_pages(settings, ready, failed, log_dir)
    skipped = {unit.label: unit.skipped for unit in units if unit.skipped}
    done = len(ready) - len(failed)
    minutes, seconds = divmod(int(time.monotonic() - begin), 60)
    what = 'submitted' if plugin.submits else 'done'
    say(f'{done} of {len(units)} units {what} in {minutes}:{seconds:02d}: {settings.out_dir}')
    for kind, reasons in (('skipped', skipped), ('failed', failed)):
        for label, why in reasons.items():
            say(f'{kind}: {label}: {why}')
    return 1 if failed or skipped else 0


def record(
    log_dir: Path, units: list[Unit], status: str, failed: Mapping[str, str] | None = None
) -> None:
    """Record the units that failed or were skipped as such, and the others by a status."""

    def of(unit: Unit) -> Record:
        if unit.skipped:
            return Record.of(unit.label, 'skipped', unit.skipped)
        if failed and unit.label in failed:
            return Record.of(unit.label, 'failed', failed[unit.label])
        return Record.of(unit.label, status)

    write_records(log_dir, map(of, units))


def leave_failure_pages(
    settings: Settings, units: list[Unit], failed: Mapping[str, str], log_dir: Path
) -> None:
    """Write a page on each unit that failed and has no results of an earlier run to show."""
    crashes = find_crashes(log_dir, {unit.workflow_name: unit.label for unit in units})
    for unit in units:
        if unit.label not in failed or has_results(settings.out_dir, unit):
            continue
        crash = crashes.get(unit.label)
        text = crash.read_text(errors='replace') if crash else ''
        page = failure_page(unit.label, failed[unit.label], text)
        write_whole(settings.out_dir / f'{unit.label}.html', page)


def prepare_run(settings: Settings, units: list[Unit], say: Callable[[str], None]):
    """Return units that cannot run, with the reason, and the graph of the others."""
    from deepmir_bids.workflows.whole_app import init_deepmir_wf, init_reports_wf

    if settings.reports_only:
        results, failed = {}, {}
        for unit in units:
            try:
                results[unit] = read_results(settings.out_dir, unit)
                if review := results[unit].files.get('review'):
                    describe_review(review)
            except InputError as error:
                failed[unit.label] = str(error)
        return failed, init_reports_wf(settings, results) if results else None
    anatomy = choose_anatomy(settings, settings.work_dir / 'anatomy')
    if anatomy.note:
        say(f'  {anatomy.note}')
    start_output(settings, anatomy)
    failed = unsuited(settings, units)
    units = [unit for unit in units if unit.label not in failed]
    return failed, init_deepmir_wf(settings, anatomy, units) if units else None


def unsuited(settings: Settings, units: list[Unit]) -> dict[str, str]:
    """Units that lack an image which the model needs, and what it is."""
    card = read_card(find_model(settings.model))
    lacking = {}
    for unit in units:
        try:
            card.check_inputs(unit.inputs)
        except ModelError as error:
            lacking[unit.label] = str(error)
    return lacking


def choose_anatomy(settings: Settings, cache_dir: Path) -> Anatomy:
    """Template and atlas of the run: as asked for, or built in where they cannot be had."""
    from deepmir_bids.anatomy.template_choice import find_anatomy

    file = Path(settings.atlas) if settings.atlas_labels else None
    try:
        return find_anatomy(
            settings.template,
            atlas_label(file) if file else settings.atlas,
            cache_dir,
            atlas_file=file,
            atlas_labels=settings.atlas_labels,
        )
    except ValueError as error:
        raise UsageError(f'--atlas {settings.atlas} cannot be used: {error}.') from error


def atlas_label(file: Path) -> str:
    """Return an atlas's name as BIDS takes it: the file's ``atlas-`` entity, or its own name."""
    entity = re.search(r'(?:atlas|seg)-([A-Za-z0-9]+)', file.name)
    return entity.group(1) if entity else re.sub(r'[^A-Za-z0-9]', '', file.name.split('.')[0])


def start_output(settings: Settings, anatomy: Anatomy) -> None:
    """Describe the output dataset."""
    card = read_card(find_model(settings.model))
    sources = {
        'raw': settings.bids_dir,
        **settings.derivatives,
        **settings.brain_mask_from,
    }
    describe_dataset(
        settings.out_dir,
        sources,
        methods=methods_text(card, anatomy.name, anatomy.atlas, settings.operating_point),
        container=os.environ.get('APPTAINER_CONTAINER') or os.environ.get('SINGULARITY_CONTAINER'),
    )
