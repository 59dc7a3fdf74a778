"""The command with steps that are a moment's work, and results that are real but for their images.

``python fake_deepmir.py FOLDER …``: what follows is what `deepmir` takes. The SWI is read, then a
step ``predict`` does what a file ``FOLDER/<unit>.predict`` says (`fake_run`), and results are
published.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from unittest.mock import Mock

from fake_run import step
from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.cli import deepmir
from deepmir_bids.interfaces.imaging import LoadVolume
from deepmir_bids.running import participant_level
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.whole_app import init_deepmir_wf

#: Where jobs that are started by this one find the module that makes results.
BENCH = str(Path(__file__).parents[1])


def put_in_place(out_dir, unit, run, before=None):
    """Publish the results of a unit, whose images have one voxel."""
    from pathlib import Path

    from made_outputs import draw_lesions, write_unit
    from numpy.random import default_rng

    from deepmir_bids.bids.publishing import publish

    staging = Path.cwd() / 'staging'
    lesions = draw_lesions([('CMB', 'lobar', 4.0)], default_rng(0))
    write_unit(staging, unit, lesions, detection={'Run': run})
    publish([path for path in staging.rglob('*') if path.is_file()], Path(out_dir), unit)


def unit_graph(folder: Path, settings: Settings, unit: Unit, run: str) -> pe.Workflow:
    """Three steps, named as those of the real graph are."""
    workflow = pe.Workflow(name=unit.workflow_name)
    load_swi = pe.Node(LoadVolume(in_file=str(unit.swi), role='SWI'), name='load_swi', mem_gb=1)
    predict = pe.Node(
        niu.Function(function=step, output_names=['after']), name='predict', mem_gb=3, n_procs=1
    )
    predict.inputs.trait_set(folder=str(folder), unit=unit.label, name='predict', results=[])
    publish = pe.Node(
        niu.Function(function=put_in_place), name='publish', run_without_submitting=True
    )
    publish.interface._always_run = True
    publish.inputs.trait_set(out_dir=str(settings.out_dir), unit=unit.label, run=run)
    workflow.connect(load_swi, 'out_file', predict, 'before')
    workflow.connect(predict, 'after', publish, 'before')
    return workflow


def main(folder: Path, arguments: list[str]) -> int:
    """Run the command with these steps."""
    sys.path.append(BENCH)
    os.environ['PYTHONPATH'] = f'{os.environ.get("PYTHONPATH", "")}{os.pathsep}{BENCH}'

    def prepare_run(settings, anatomy, units, run):
        workflow = init_deepmir_wf(settings, anatomy, [])
        workflow.add_nodes([unit_graph(folder, settings, unit, run) for unit in units])
        return {}, workflow

    participant_level.choose_anatomy = lambda *_: Mock(note='')
    participant_level.prepare_run = prepare_run
    return deepmir.main(arguments)


if __name__ == '__main__':
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
