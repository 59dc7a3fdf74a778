"""``--dry-run``: what would be run, and with which files, without writing anything."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from networkx import topological_sort
from rich.console import Console
from rich.markup import escape

from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.running.units_to_run import choose_anatomy, unsuited
from deepmir_bids.settings import Settings


def dry_run(settings: Settings) -> int:
    """List units, inputs, anatomy and steps; return 1 if some units would be skipped, else 0."""
    from deepmir_bids.workflows.whole_app import init_deepmir_wf

    console = Console(highlight=False, soft_wrap=True)
    units = collect_units(settings)
    lacking = unsuited(settings, [unit for unit in units if not unit.skipped])
    for unit in units:
        console.print(f'[bold]{escape(unit.label)}[/bold]')
        for name in unit.inputs:
            console.print(f'  {name}: {escape(str(getattr(unit, name)))}')
        for candidate in unit.candidates:
            if candidate.left_out:
                console.print(f'  {candidate.name}: {escape(str(candidate))}')
        for note in unit.notes:
            console.print(f'  note: {escape(note)}')
        if why := unit.skipped or lacking.get(unit.label):
            console.print(f'  skipped: {escape(why)}')
    ready = [unit for unit in units if not unit.skipped and unit.label not in lacking]
    if ready:
        with TemporaryDirectory() as folder:
            anatomy = choose_anatomy(settings, Path(folder))
            graph = init_deepmir_wf(settings, anatomy, ready)._create_flat_graph()
        console.print(f'[bold]anatomy[/bold]: {escape(anatomy.name)}, atlas {anatomy.atlas}')
        if anatomy.note:
            console.print(f'  note: {escape(anatomy.note)}')
        steps = [node.fullname.split('.', maxsplit=2)[1:] for node in topological_sort(graph)]
        console.print(f'[bold]steps[/bold] of {ready[0].label} ({len(steps)} nodes in all)')
        for name in (name for unit, name in steps if unit == ready[0].workflow_name):
            console.print(f'  {name}')
    return 1 if len(ready) < len(units) else 0
