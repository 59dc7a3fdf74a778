"""The participant level: from units to finished results, with a word on each that failed."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from networkx import topological_sort
from rich.console import Console
from rich.markup import escape

from deepmir_bids import __version__
from deepmir_bids.bids.description import describe_dataset
from deepmir_bids.bids.layout import collect_units
from deepmir_bids.bids.publish import write_whole
from deepmir_bids.bids.units import Unit
from deepmir_bids.cli.failures import read_failures
from deepmir_bids.cli.progress import RunProgress
from deepmir_bids.errors import UsageError
from deepmir_bids.model.registry import find_model, read_card
from deepmir_bids.reports.methods import methods_text
from deepmir_bids.settings import Settings

if TYPE_CHECKING:
    from deepmir_bids.anatomy.templates import Anatomy


def dry_run(settings: Settings) -> int:
    """List units, inputs and steps, without running anything or writing to the outputs."""
    from deepmir_bids.workflows.base import init_deepmir_wf

    console = Console(highlight=False, soft_wrap=True)
    units = collect_units(settings)
    for unit in units:
        console.print(f'[bold]{escape(unit.label)}[/bold]')
        for name in unit.inputs:
            console.print(f'  {name}: {escape(str(getattr(unit, name)))}')
        for note in unit.notes:
            console.print(f'  note: {escape(note)}')
        if unit.skipped:
            console.print(f'  skipped: {unit.skipped}')
    ready = [unit for unit in units if not unit.skipped]
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
    run_id = f'{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{os.getpid()}'
    log_dir = settings.out_dir / 'logs' / run_id
    anatomy = choose_anatomy(settings, settings.work_dir / 'anatomy')
    start_output(settings, anatomy, log_dir)

    console.print(f'deepmir {__version__}: {len(units)} units, log in {escape(str(log_dir))}')
    if anatomy.note:
        console.print(f'  {escape(anatomy.note)}')
    for unit in units:
        for note in unit.notes:
            console.print(f'  {escape(unit.label)}: {escape(note)}')
    failed = _run(settings, anatomy, ready, log_dir, verbose) if ready else {}
    skipped = {unit.label: unit.skipped for unit in units if unit.skipped}
    done = len(ready) - len(failed)
    minutes, seconds = divmod(int(time.monotonic() - begin), 60)
    console.print(
        f'{done} of {len(units)} units done in {minutes}:{seconds:02d}: '
        f'{escape(str(settings.out_dir))}'
    )
    for kind, reasons in (('skipped', skipped), ('failed', failed)):
        for label, why in reasons.items():
            console.print(f'{kind}: {escape(label)}: {escape(str(why))}')
    return 1 if failed or skipped else 0


def choose_anatomy(settings: Settings, cache_dir: Path) -> Anatomy:
    """Template and atlas of the run: as asked for, or built in where they cannot be had."""
    from deepmir_bids.anatomy.templates import find_anatomy

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


def start_output(settings: Settings, anatomy: Anatomy, log_dir: Path) -> None:
    """Describe the output dataset, and keep the settings of this run."""
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
    write_whole(log_dir / 'settings.toml', settings.to_toml())


def _run(
    settings: Settings, anatomy: Anatomy, units: list[Unit], log_dir: Path, verbose: int
) -> dict[str, str]:
    """Run the graph; return the units that failed, with the reason."""
    labels = {unit.workflow_name: unit.label for unit in units}
    configure_nipype(settings, log_dir, verbose)
    from deepmir_bids.workflows.base import init_deepmir_wf

    started = time.time()
    broken = ''
    with RunProgress(labels) as progress:
        workflow = init_deepmir_wf(settings, anatomy, units)
        try:
            workflow.run(**plugin_arguments(settings, progress))
        except Exception as error:
            # Nipype ends a run with failed nodes in an exception; the crash files have the causes.
            logging.getLogger('nipype.workflow').debug('The run ended early.', exc_info=True)
            broken = str(error).strip().splitlines()[-1] if str(error).strip() else repr(error)
    failed = read_failures(log_dir, labels)
    for unit in units:
        if unit.label not in failed and not _published_since(settings.out_dir, unit, started):
            failed[unit.label] = f'was not finished ({broken or "no reason given"}).'
    return failed


def _published_since(out_dir: Path, unit: Unit, started: float) -> bool:
    page = out_dir / f'{unit.label}.html'
    # Whole seconds: some file systems keep no finer time.
    return page.is_file() and page.stat().st_mtime >= int(started)


def configure_nipype(settings: Settings, log_dir: Path, verbose: int) -> None:
    """Tell Nipype where to work and to log; the terminal belongs to the progress display."""
    os.environ.setdefault('NIPYPE_NO_ET', '1')
    os.environ.setdefault('NO_ET', '1')
    from nipype import config
    from nipype import logging as nipype_logging

    config.update_config(
        {
            'execution': {
                'crashdump_dir': str(log_dir),
                'crashfile_format': 'txt',
                'hash_method': 'content',
                'poll_sleep_duration': 0.02,
                'stop_on_first_crash': settings.stop_on_first_crash,
                'check_version': False,
                'remove_unnecessary_outputs': False,
            },
            'logging': {'log_to_file': False},
        }
    )
    nipype_logging.update_logging(config)
    to_file = logging.FileHandler(log_dir / 'deepmir.log', encoding='utf-8')
    to_file.setFormatter(logging.Formatter('%(asctime)s %(levelname)s %(name)s: %(message)s'))
    root = logging.getLogger()
    root.addHandler(to_file)
    logging.captureWarnings(True)
    for name in ('nipype', 'nipype.workflow', 'nipype.interface', 'nipype.utils'):
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG if verbose > 1 else logging.INFO)
        logger.propagate = True
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
    if verbose:
        root.addHandler(logging.StreamHandler(sys.stderr))


def plugin_arguments(settings: Settings, progress: RunProgress) -> dict[str, Any]:
    """How Nipype is to run the graph: as asked, in one process, or in several."""
    if settings.use_plugin is not None:
        import yaml

        plugin = yaml.safe_load(settings.use_plugin.read_text())
        plugin.setdefault('plugin_args', {})['status_callback'] = progress.on_status
        return plugin
    arguments: dict[str, Any] = {'status_callback': progress.on_status}
    if settings.nprocs == 1:
        return {'plugin': 'Linear', 'plugin_args': arguments}
    arguments |= {'n_procs': settings.nprocs, 'raise_insufficient': False}
    if settings.mem_gb:
        arguments['memory_gb'] = settings.mem_gb
    return {'plugin': 'MultiProc', 'plugin_args': arguments}
