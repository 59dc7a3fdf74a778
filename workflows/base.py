"""The app as a graph: units side by side, each from images to published results."""

from __future__ import annotations

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids import __version__
from deepmir_bids.anatomy.templates import Anatomy
from deepmir_bids.bids.units import Unit
from deepmir_bids.interfaces.bids import Publish
from deepmir_bids.model.registry import find_model, read_card
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.anatomy import init_anatomy_wf
from deepmir_bids.workflows.lesions import init_lesions_wf
from deepmir_bids.workflows.outputs import init_outputs_wf
from deepmir_bids.workflows.report import init_report_wf


def init_deepmir_wf(settings: Settings, anatomy: Anatomy, units: list[Unit]) -> pe.Workflow:
    """Return the graph of a whole run; results of another version are never taken up."""
    base_dir = settings.work_dir / f'deepmir-{__version__}'
    workflow = pe.Workflow(name='deepmir_wf', base_dir=str(base_dir))
    workflow.add_nodes([init_unit_wf(settings, anatomy, unit) for unit in units])
    return workflow


def init_unit_wf(settings: Settings, anatomy: Anatomy, unit: Unit) -> pe.Workflow:
    """Return the graph of one unit."""
    workflow = pe.Workflow(name=unit.workflow_name)
    model = find_model(settings.model)
    card = read_card(model)
    anatomy_wf = init_anatomy_wf(settings, unit, anatomy)
    lesions_wf = init_lesions_wf(settings, unit, model, card)
    outputs_wf = init_outputs_wf(settings, unit, anatomy, card)
    report_wf = init_report_wf(settings, unit, anatomy, card)
    notes = pe.Node(niu.Merge(2, in1=list(unit.notes)), name='notes', run_without_submitting=True)
    collect = pe.Node(niu.Merge(3), name='collect', run_without_submitting=True)
    publish = pe.Node(
        Publish(out_dir=str(settings.out_dir), unit=unit.label),
        name='publish',
        run_without_submitting=True,
    )

    shared = ['brain_mask', 'structures', *unit.inputs]
    found = ['cmb_mask', 'iron_mask', 'cmb_probseg', 'iron_probseg', 'classes']
    anatomical = ['structures_tsv', 'to_template', 'from_template', 'registration']
    workflow.connect([
        (anatomy_wf, notes, [('outputnode.notes', 'in2')]),
        (anatomy_wf, lesions_wf, _along(
            shared, 'structures_tsv', 'iron_area', 'from_template'
        )),
        (anatomy_wf, outputs_wf, _along(
            [field for field in shared if field != 'swi'],
            *anatomical,
            *(['chi_meta'] if unit.qsm else []),
        )),
        (lesions_wf, outputs_wf, _along(found, 'lesions', 'table')),
        (notes, outputs_wf, [('out', 'inputnode.notes')]),
        (anatomy_wf, report_wf, _along(shared)),
        (lesions_wf, report_wf, _along(['lesions', 'table'])),
        (notes, report_wf, [('out', 'inputnode.notes')]),
        (outputs_wf, collect, [('outputnode.out_files', 'in1')]),
        (report_wf, collect, [('outputnode.figures', 'in2'), ('outputnode.page', 'in3')]),
        (collect, publish, [('out', 'in_files')]),
    ])  # fmt: skip
    return workflow


def _along(fields: list[str], *more: str) -> list[tuple[str, str]]:
    """Connect the outputs of one workflow to the inputs of the same names of another."""
    return [(f'outputnode.{field}', f'inputnode.{field}') for field in (*fields, *more)]
