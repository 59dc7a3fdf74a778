"""A run of the app whose steps are a moment's work, to be stopped and killed.

``python fake_run.py FOLDER UNITS PROCESSES``: each unit reads, computes and publishes. A file
``FOLDER/<unit>.<step>`` says what its step does: ``wait`` while the file is there, or an
expression. Each step leaves its process in ``FOLDER/<unit>.<step>.pid``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.cli import deepmir
from deepmir_bids.running import participant_level, preflight

STEPS = ('load_swi', 'predict', 'publish')


def step(folder, unit, name, results, before=None):
    """Carry out a step of a unit; the last one brings its results, if it has any."""
    import os
    import time
    from pathlib import Path

    beside = Path(folder, f'{unit}.{name}')
    Path(folder, f'{unit}.{name}.pid').write_text(str(os.getpid()))
    task = beside.read_text() if beside.exists() else '0'
    if task == 'ants':
        from deepmir_bids.anatomy.ants_process import run_in_ants_process

        run_in_ants_process(time.sleep, 600)
    while task == 'wait' and beside.exists():
        time.sleep(0.05)
    if task != 'wait':
        eval(task)
    if results and name == 'publish':
        from faults.fake_results import bring

        bring(*results)
    return 1


def graph(folder: Path, units: list[Unit], work: str, tag: str, run: str) -> pe.Workflow:
    """Three steps for each unit, the last one in the main process."""
    whole = pe.Workflow(name='deepmir_wf', base_dir=str(folder / work))
    for unit in units:
        workflow = pe.Workflow(name=unit.workflow_name)
        before = None
        for name in STEPS:
            interface = niu.Function(function=step, output_names=['after'])
            interface._always_run = name == 'publish'
            node = pe.Node(interface, name=name, run_without_submitting=name == 'publish')
            results = [str(folder / 'out'), unit.label, tag, run if name == 'publish' else '']
            node.inputs.trait_set(
                folder=str(folder), unit=unit.label, name=name, results=results if tag else []
            )
            if before:
                workflow.connect(before, 'after', node, 'before')
            before = node
        whole.add_nodes([workflow])
    return whole


def main(
    folder: Path, labels: Sequence[str], processes: int, work: str = 'work', tag: str = ''
) -> int:
    """Run the command with these steps; with a tag, units have results (`fake_results`)."""
    units = [Unit(label, swi=Path('swi')) for label in labels]
    participant_level.collect_units = lambda _: units
    participant_level.choose_anatomy = lambda *_: Mock(note='')
    if not tag:
        participant_level.start_output = lambda _: None
    participant_level.prepare_run = lambda *given: (
        {},
        graph(folder, given[2], work, tag, given[3]),
    )
    preflight.check_settings = lambda _: None
    command = [str(folder), str(folder / 'out'), 'participant', '--nprocs', str(processes)]
    return deepmir.main([*command, '--work-dir', str(folder / work)])


def numbered(count: int) -> list[str]:
    """Labels of units."""
    return [f'{n:02d}' for n in range(1, count + 1)]


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1]), numbered(int(sys.argv[2])), int(sys.argv[3])))
