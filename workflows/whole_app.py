"""The app as a graph: units side by side, each from images to published results."""

from __future__ import annotations

from dataclasses import replace

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids import __version__
from deepmir_bids.anatomy.atlas_structures import read_structures
from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.publishing import DATATYPES
from deepmir_bids.bids.read_results import Results
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.data import load as load_data
from deepmir_bids.interfaces.bids import Publish
from deepmir_bids.interfaces.imaging import LoadVolume
from deepmir_bids.model.model_registry import find_model, read_card
from deepmir_bids.reports.methods import methods_text
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.anatomical import init_anatomy_wf
from deepmir_bids.workflows.detection import init_lesions_wf
from deepmir_bids.workflows.unit_outputs import detection_sidecar, unit_results
from deepmir_bids.workflows.unit_report import init_report_wf


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
            there.found,
            (there.anatomy['Template'], there.atlas),
            (settings.out_dir / 'CITATION.md').read_text(encoding='utf-8'),
            reviewed='review' in there.files,
        )
        inputs = report_wf.get_node('inputnode').inputs
        for name in inputs.copyable_trait_names():
            if name in there.files:
                setattr(inputs, name, str(there.files[name]))
        inputs.notes = there.found.get('Notes', [])
        publish = _init_publish(settings, unit, datatypes=['figures'])
        unit_wf.connect([
            (load_swi, report_wf, [('out_file', 'inputnode.swi')]),
            (report_wf, publish, _into('', ['figures', 'page'])),
        ])  # fmt: skip
        workflow.add_nodes([unit_wf])
    return workflow


def init_unit_wf(settings: Settings, anatomy: Anatomy, unit: Unit) -> pe.Workflow:
    """Return the graph of one unit."""
    workflow = pe.Workflow(name=unit.workflow_name)
    model = find_model(settings.model)
    card = read_card(model)
    anatomy_wf = init_anatomy_wf(settings, unit, anatomy)
    lesions_wf = init_lesions_wf(settings, unit, model, card)
    report_wf = init_report_wf(
        unit,
        anatomy.structures,
        detection_sidecar(settings, unit, card),
        (anatomy.name, anatomy.atlas),
        methods_text(card, anatomy.name, anatomy.atlas, settings.operating_point),
    )
    notes = pe.Node(niu.Merge(2, in1=list(unit.notes)), name='notes', run_without_submitting=True)
    results = unit_results(settings, unit, anatomy, card)
    publish = _init_publish(settings, unit, datatypes=list(DATATYPES), results=results)
    publish.inputs.classes_tsv = str(load_data('classes_dseg.tsv'))

    shared = ['brain_mask', 'structures', *unit.inputs]
    more = ['structures_tsv', 'iron_area', 'from_template']
    found = ['lesions', 'table', 'candidates', 'candidates_table']
    fields = {result.field for result in results} | {'registration', 'quality', 'chi_meta'}
    workflow.connect([
        (anatomy_wf, notes, [('outputnode.notes', 'in2')]),
        (anatomy_wf, lesions_wf, _into('inputnode.', shared + more)),
        (anatomy_wf, report_wf, _into('inputnode.', [*shared, 'structures_tsv'])),
        (lesions_wf, report_wf, _into('inputnode.', found)),
        (notes, report_wf, [('out', 'inputnode.notes')]),
        (anatomy_wf, publish, _into('', _outputs(anatomy_wf, fields, unit))),
        (lesions_wf, publish, _into('', _outputs(lesions_wf, fields, unit))),
        (notes, publish, [('out', 'notes')]),
        (report_wf, publish, _into('', ['figures', 'page'])),
    ])  # fmt: skip
    return workflow


def _init_publish(settings: Settings, unit: Unit, **inputs) -> pe.Node:
    """Return the last node of a unit, which names its files and brings them to their place."""
    interface = Publish(
        out_dir=str(settings.out_dir), unit=unit.label, source_file=str(unit.swi), **inputs
    )
    return pe.Node(interface, name='publish', run_without_submitting=True)


def _outputs(workflow: pe.Workflow, wanted: set[str], unit: Unit) -> list[str]:
    """Outputs of a workflow that are wanted, without those of images that the unit lacks."""
    lacking = set() if unit.qsm else {'chi_meta'}
    names = workflow.get_node('outputnode').inputs.copyable_trait_names()
    return sorted((set(names) & wanted) - lacking)


def _into(prefix: str, fields: list[str]) -> list[tuple[str, str]]:
    """Connect outputs of a workflow to inputs of the same names."""
    return [(f'outputnode.{field}', f'{prefix}{field}') for field in fields]
