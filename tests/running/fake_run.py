"""A run of the app whose steps are a moment's work, to be stopped and killed.

``python fake_run.py FOLDER UNITS PROCESSES``: each unit reads, computes and publishes. A file
``FOLDER/<unit>.<step>`` says what its step does: ``wait`` while the file is there, or an
expression. Each step leaves its process in ``FOLDER/<unit>.<step>.pid``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from unittest.mock import Mock

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.cli import deepmir
from deepmir_bids.running import participant_level, preflight


def step(folder, unit, name, before=None):
    """Carry out a step of a unit."""
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
    return 1


def graph(folder: Path, units: list[Unit]) -> pe.Workflow:
    """Three steps for each unit, the last one in the main process."""
    whole = pe.Workflow(name='deepmir_wf', base_dir=str(folder / 'work'))
    for unit in units:
        workflow = pe.Workflow(name=unit.workflow_name)
        before = None
        for name in ('load_swi', 'predict', 'publish'):
            interface = niu.Function(function=step, output_names=['after'])
            node = pe.Node(interface, name=name, run_without_submitting=name == 'publish')
            node.inputs.trait_set(folder=str(folder), unit=unit.label, name=name)
            if before:
                workflow.connect(before, 'after', node, 'before')
            before = node
        whole.add_nodes([workflow])
    return whole


def main(folder: Path, count: int, processes: str) -> int:
    """Run the command with these steps."""
    units = [Unit(f'{n:02d}', swi=Path('swi')) for n in range(1, count + 1)]
    participant_level.collect_units = lambda _: units
    participant_level.choose_anatomy = lambda *_: Mock(note='')
    participant_level.start_output = lambda _: None
    participant_level.prepare_run = lambda *_: ({}, graph(folder, units))
    preflight.check_settings = lambda _: None
    command = [str(folder), str(folder / 'out'), 'participant', '--nprocs', processes]
    return deepmir.main([*command, '--work-dir', str(folder / 'work')])


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
