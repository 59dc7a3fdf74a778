"""The app as a graph: units side by side, each from images to published results."""

from __future__ import annotations

from dataclasses import replace

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids import __version__
from deepmir_bids.anatomy.structures import read_structures
from deepmir_bids.anatomy.templates import Anatomy
from deepmir_bids.bids.publish import DATATYPES
from deepmir_bids.bids.results import Results
from deepmir_bids.bids.units import Unit
from deepmir_bids.interfaces.bids import Publish
from deepmir_bids.interfaces.images import LoadVolume
from deepmir_bids.model.registry import find_model, read_card
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.anatomy import init_anatomy_wf
from deepmir_bids.workflows.lesions import init_lesions_wf
from deepmir_bids.workflows.outputs import detection_sidecar, init_outputs_wf
from deepmir_bids.workflows.report import init_report_wf, report_facts


def init_deepmir_wf(settings: Settings, anatomy: Anatomy, units: list[Unit]) -> pe.Workflow:
    """Return the graph of a whole run; results of another version are never taken up."""
    base_dir = settings.work_dir / f'deepmir-{__version__}'
    workflow = pe.Workflow(name='deepmir_wf', base_dir=str(base_dir))
    workflow.add_nodes([init_unit_wf(settings, anatomy, unit) for unit in units])
    return workflow


def init_reports_wf(settings: Settings, results: dict[Unit, Results]) -> pe.Workflow:
    """Return the graph that makes the pages again, from results that are already there."""
    base_dir = settings.work_dir / f'deepmir-{__version__}'
    workflow = pe.Workflow(name='reports_wf', base_dir=str(base_dir))
    for unit, there in results.items():
        unit_wf = pe.Workflow(name=unit.workflow_name)
        load_swi = pe.Node(LoadVolume(in_file=str(unit.swi)), name='load_swi', mem_gb=1)
        used = replace(unit, **{name: there.files.get(name) for name in ('qsm', 't2w')})
        report_wf = init_report_wf(
            used,
            read_structures(there.files['structures_tsv']),
            report_facts(unit, there.found, there.anatomy['Template'], there.atlas),
        )
        inputs = report_wf.get_node('inputnode').inputs
        for name in inputs.copyable_trait_names():
            if name in there.files:
                setattr(inputs, name, str(there.files[name]))
        inputs.notes = there.found.get('Notes', [])
        collect, publish = _init_publish(settings, unit, ['figures'])
        unit_wf.connect([
            (load_swi, report_wf, [('out_file', 'inputnode.swi')]),
            (report_wf, collect, [('outputnode.figures', 'in2'), ('outputnode.page', 'in3')]),
            (collect, publish, [('out', 'in_files')]),
        ])  # fmt: skip
        workflow.add_nodes([unit_wf])
    return workflow


def _init_publish(settings: Settings, unit: Unit, datatypes: list[str]):
    """Return the last two nodes of a unit: its files together, and in their place."""
    collect = pe.Node(niu.Merge(3), name='collect', run_without_submitting=True)
    publish = pe.Node(
        Publish(out_dir=str(settings.out_dir), unit=unit.label, datatypes=datatypes),
        name='publish',
        run_without_submitting=True,
    )
    return collect, publish


def init_unit_wf(settings: Settings, anatomy: Anatomy, unit: Unit) -> pe.Workflow:
    """Return the graph of one unit."""
    workflow = pe.Workflow(name=unit.workflow_name)
    model = find_model(settings.model)
    card = read_card(model)
    anatomy_wf = init_anatomy_wf(settings, unit, anatomy)
    lesions_wf = init_lesions_wf(settings, unit, model, card)
    outputs_wf = init_outputs_wf(settings, unit, anatomy, card)
    facts = report_facts(
        unit, detection_sidecar(settings, unit, card), anatomy.name, anatomy.atlas
    )
    report_wf = init_report_wf(unit, anatomy.structures, facts)
    notes = pe.Node(niu.Merge(2, in1=list(unit.notes)), name='notes', run_without_submitting=True)
    collect, publish = _init_publish(settings, unit, list(DATATYPES))

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
