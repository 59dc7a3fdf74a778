"""The step that puts the results of a unit in their place."""

from __future__ import annotations

from nipype.pipeline import engine as pe

from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.data import load as load_data
from deepmir_bids.interfaces.bids import Publish
from deepmir_bids.settings import Settings


def init_publish(settings: Settings, unit: Unit, run: str, template: str, atlas: str) -> pe.Node:
    """Return the last step of a unit; ``run`` names its log, and results are its inputs."""
    return pe.Node(
        Publish(
            out_dir=str(settings.out_dir),
            unit=unit.label,
            run=run,
            source_file=str(unit.swi),
            template=template,
            atlas=atlas,
            class_table=str(load_data('classes_dseg.tsv')),
        ),
        name='publish',
        run_without_submitting=True,
    )
