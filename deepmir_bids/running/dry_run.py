"""``--dry-run``: what would be run, with which files, and what would come of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from networkx import topological_sort
from rich.console import Console
from rich.markup import escape

from deepmir_bids.bids.input_files import search_datasets
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.imaging.image_summary import ImageSummary
from deepmir_bids.running.audit_table import by, write_audit
from deepmir_bids.running.input_audit import FileAudit, UnitAudit, audit_units
from deepmir_bids.running.units_to_run import foresee_anatomy
from deepmir_bids.settings import Settings


def dry_run(settings: Settings) -> int:
    """Audit every unit, list the steps of one; return 1 if some units are not ready, else 0.

    Nothing is written but the table that --report asks for.
    """
    console = Console(highlight=False, soft_wrap=True)
    audits = []
    for audit in audit_units(settings, search_datasets(settings)):
        show_unit(audit, console)
        audits.append(audit)
    if begun := [audit.unit for audit in audits if not audit.skipped]:
        show_steps(settings, begun[0], console)
    if settings.report:
        write_audit(audits, settings.datasets, settings.report)
    show_sum(audits, console)
    return 1 if any(audit.skipped or audit.failing for audit in audits) else 0


def show_unit(audit: UnitAudit, console: Console) -> None:
    """Say what was found out about a unit."""
    lines = [f'[bold]{escape(audit.unit.label)}[/bold]']
    lines += [f'  {file.candidate.name}: {escape(_describe(file))}' for file in audit.files]
    lines += [f'  note: {escape(note)}' for note in audit.notes]
    if audit.skipped or audit.failing:
        lines.append(f'  {escape(audit.expected)}')
    console.print('\n'.join(lines))  # one call: each takes longer than what it prints


def _describe(file: FileAudit) -> str:
    candidate = file.candidate
    said = str(candidate) if candidate.left_out else str(candidate.path)
    if candidate.left_out and file.fault:
        said += f'; it cannot be read: {file.fault}'
    return f'{said} ({_summarise(file.summary)})' if file.summary else said


def _summarise(summary: ImageSummary) -> str:
    nans = f', {summary.nans:.1%} NaN' if summary.nans else ''
    return (
        f'{summary.orientation}, {by(summary.shape)} voxels of {by(summary.voxel_size)} mm, '
        f'in all {by(summary.field_of_view)} mm; {summary.lowest:.4g} to {summary.highest:.4g}, '
        f'{summary.zeros:.0%} zeros{nans}'
    )


def show_steps(settings: Settings, unit: Unit, console: Console) -> None:
    """List template, atlas and the steps of a unit: those of the others are much the same."""
    from deepmir_bids.workflows.whole_app import init_deepmir_wf

    with TemporaryDirectory() as folder:
        anatomy = foresee_anatomy(settings, Path(folder))
        graph = init_deepmir_wf(settings, anatomy, [unit])._create_flat_graph()
    console.print(f'[bold]anatomy[/bold]: {escape(anatomy.name)}, atlas {anatomy.atlas}')
    if anatomy.note:
        console.print(f'  note: {escape(anatomy.note)}')
    console.print(f'[bold]steps[/bold] of {unit.label} ({len(graph)} nodes per unit)')
    for node in topological_sort(graph):
        console.print(f'  {node.fullname.split(".", maxsplit=2)[2]}')


def show_sum(audits: Sequence[UnitAudit], console: Console) -> None:
    """Count the units by what would become of them, and name those that are not ready."""
    skipped = [audit for audit in audits if audit.skipped]
    failing = [audit for audit in audits if audit.failing]
    noted = sum(bool(audit.notes) for audit in audits)
    console.print(
        f'[bold]{len(audits) - len(skipped) - len(failing)} of {len(audits)} units are ready'
        f'[/bold]; {len(failing)} would fail, {len(skipped)} would be skipped, '
        f'{noted} have notes'
    )
    if absent := sum(not file.fetched for audit in audits for file in audit.files):
        console.print(f'{absent} files are not on this disk')
    for audit in [*skipped, *failing]:
        console.print(f'{audit.unit.label}: {escape(audit.expected)}')
