"""The app as a graph: units side by side, each from images to published results."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, combinations
from typing import Any

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids import __version__
from deepmir_bids.anatomy.atlas_structures import read_structures
from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.finished_results import UnitResults, made_figures
from deepmir_bids.bids.sidecars import source_facts
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.data import load as load_data
from deepmir_bids.interfaces.bids import DescribeResults, PublishPage
from deepmir_bids.interfaces.imaging import LoadVolume
from deepmir_bids.interfaces.used_inputs import OPTIONAL, InputsUsed, SettleInputs
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.model.model_registry import ModelCard, ModelError, find_model, read_card
from deepmir_bids.reports.citations import with_references
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.anatomical import describe_anatomy, init_anatomical_wf
from deepmir_bids.workflows.detection import describe_detection, init_detection_wf
from deepmir_bids.workflows.made_images import describe_reconstruction, init_maps_wf
from deepmir_bids.workflows.step_memory import step_memory
from deepmir_bids.workflows.unit_report import init_report_wf, report_facts
from deepmir_bids.workflows.unit_results import init_publish


def init_deepmir_wf(
    settings: Settings, anatomy: Anatomy, units: list[Unit], run: str = ''
) -> pe.Workflow:
    """Return the graph of a whole run; results of another version are never taken up.

    ``run`` is the name of its log, which the results bear.
    """
    base_dir = settings.work_dir / f'deepmir-{__version__}'
    workflow = pe.Workflow(name='deepmir_wf', base_dir=str(base_dir))
    if settings.reconstruct_only:
        workflow.add_nodes([init_maps_wf(settings, anatomy, unit) for unit in units])
    else:
        workflow.add_nodes([init_unit_wf(settings, anatomy, unit, run) for unit in units])
    return workflow


def init_unit_wf(settings: Settings, anatomy: Anatomy, unit: Unit, run: str = '') -> pe.Workflow:
    """Return the graph of one unit."""
    workflow = pe.Workflow(name=unit.workflow_name)
    model = find_model(settings.model)
    card = read_card(model)
    anatomical_wf = init_anatomical_wf(settings, unit, anatomy)
    detection_wf = init_detection_wf(settings, unit, model, card)
    report_wf = init_report_wf(unit, anatomy.structures, anatomy.atlas, settings.operating_point)
    settle = pe.Node(
        SettleInputs(cases=possible_cases(settings, unit, anatomy, card)),
        name='settle',
        run_without_submitting=True,
    )
    notes = pe.Node(niu.Merge(2), name='notes', run_without_submitting=True)
    # Merge forgets what its constructor is given.
    notes.inputs.in1 = [*unit.notes, *([anatomy.note] if anatomy.note else [])]
    sidecars = pe.Node(DescribeResults(), name='sidecars', run_without_submitting=True)
    publish = init_publish(settings, unit, run, anatomy.name, anatomy.atlas)
    workflow.connect([
        (anatomical_wf, detection_wf, [
            ('outputnode.swi', 'inputnode.swi'),
            ('outputnode.measured_swi', 'inputnode.measured_swi'),
            ('outputnode.brain_mask', 'inputnode.brain_mask'),
            ('outputnode.structures', 'inputnode.structures'),
            ('outputnode.structure_table', 'inputnode.structure_table'),
            ('outputnode.iron_area', 'inputnode.iron_area'),
            ('outputnode.from_template', 'inputnode.from_template'),
        ]),
        (anatomical_wf, report_wf, [
            ('outputnode.swi', 'inputnode.swi'),
            ('outputnode.brain_mask', 'inputnode.brain_mask'),
            ('outputnode.structures', 'inputnode.structures'),
            ('outputnode.structure_table', 'inputnode.structure_table'),
        ]),
        (detection_wf, report_wf, [
            ('outputnode.lesions', 'inputnode.lesions'),
            ('outputnode.lesion_table', 'inputnode.lesion_table'),
            ('outputnode.candidates', 'inputnode.candidates'),
            ('outputnode.candidate_table', 'inputnode.candidate_table'),
        ]),
        (anatomical_wf, settle, [('outputnode.notes', 'notes')]),
        (settle, detection_wf, [('criteria', 'inputnode.criteria')]),
        (settle, report_wf, [('shown', 'inputnode.facts'), ('methods', 'inputnode.methods')]),
        (settle, sidecars, [('unit', 'unit'), ('facts', 'facts')]),
        (anatomical_wf, notes, [('outputnode.notes', 'in2')]),
        (notes, report_wf, [('out', 'inputnode.notes')]),
        (notes, sidecars, [('out', 'notes')]),
        (anatomical_wf, sidecars, [
            ('outputnode.registration', 'registration'),
            ('outputnode.quality', 'quality'),
            ('outputnode.flags', 'flags'),
            ('outputnode.reconstruction', 'reconstruction'),
        ]),
        (sidecars, publish, [('sidecars', 'sidecars')]),
        (anatomical_wf, publish, [
            ('outputnode.brain_mask', 'brain_mask'),
            ('outputnode.structures', 'structures'),
            ('outputnode.structure_table', 'structure_table'),
            ('outputnode.iron_area', 'iron_area'),
            ('outputnode.to_template', 'to_template'),
            ('outputnode.from_template', 'from_template'),
        ]),
        (detection_wf, publish, [
            ('outputnode.cmb_probseg', 'cmb_probseg'),
            ('outputnode.iron_probseg', 'iron_probseg'),
            ('outputnode.cmb_mask', 'cmb_mask'),
            ('outputnode.iron_mask', 'iron_mask'),
            ('outputnode.class_map', 'class_map'),
            ('outputnode.lesions', 'lesions'),
            ('outputnode.lesion_table', 'lesion_table'),
            ('outputnode.candidates', 'candidates'),
            ('outputnode.candidate_table', 'candidate_table'),
        ]),
        (report_wf, publish, [('outputnode.figures', 'figures'), ('outputnode.page', 'page')]),
    ])  # fmt: skip
    if unit.brain_mask:
        workflow.connect(anatomical_wf, 'outputnode.given_mask', settle, 'brain_mask')
    if unit.made:
        shown = [
            (f'outputnode.{n}', f'inputnode.{n}') for n in ('magnitude', 'field_map', 'known')
        ]
        workflow.connect([(anatomical_wf, report_wf, shown)])
    if 'swi' in unit.made:
        made = [(f'outputnode.{name}', name) for name in ('made_swi', 'minip', 'r2star')]
        workflow.connect([(anatomical_wf, publish, made)])
    if unit.t2w:
        workflow.connect([
            (anatomical_wf, settle, [('outputnode.t2w', 't2w')]),
            (anatomical_wf, detection_wf, [('outputnode.t2w', 'inputnode.t2w')]),
            (anatomical_wf, report_wf, [('outputnode.t2w', 'inputnode.t2w')]),
            (anatomical_wf, sidecars, [('outputnode.alignment', 'alignment')]),
            (anatomical_wf, publish, [('outputnode.t2w', 't2w')]),
        ])  # fmt: skip
    if unit.qsm:
        workflow.connect([
            (anatomical_wf, settle, [('outputnode.qsm', 'qsm')]),
            (anatomical_wf, detection_wf, [('outputnode.qsm', 'inputnode.qsm')]),
            (anatomical_wf, report_wf, [('outputnode.qsm', 'inputnode.qsm')]),
            (anatomical_wf, sidecars, [('outputnode.chi_conversion', 'chi_conversion')]),
            (anatomical_wf, publish, [('outputnode.qsm', 'qsm')]),
        ])  # fmt: skip
    return workflow


def init_reports_wf(settings: Settings, pages: list[pe.Workflow]) -> pe.Workflow:
    """Return the graph that makes the pages again, from results that are already there."""
    base_dir = settings.work_dir / f'deepmir-{__version__}'
    workflow = pe.Workflow(name='reports_wf', base_dir=str(base_dir))
    workflow.add_nodes(pages)
    return workflow


def init_page_wf(settings: Settings, unit: Unit, results: UnitResults) -> pe.Workflow:
    """Return the graph that makes the page of a finished unit."""
    workflow = pe.Workflow(name=unit.workflow_name)
    files = results.files
    load_swi = pe.Node(
        LoadVolume(in_file=str(files.get('made_swi', unit.swi)), role='SWI'),
        name='load_swi',
        mem_gb=step_memory(unit)['load_swi'],
    )
    report_wf = init_report_wf(
        replace(unit, qsm=files.get('qsm'), t2w=files.get('t2w'), made=()),
        read_structures(files['structure_table']),
        results.atlas,
        results.detection['OperatingPoint'],
        reviewed=results.review is not None,
    )
    inputs = report_wf.get_node('inputnode').inputs
    for name in inputs.copyable_trait_names():
        if name in files:
            setattr(inputs, name, str(files[name]))
    for name, figure in made_figures(settings.out_dir, unit.label).items():
        setattr(report_wf.get_node('assemble').inputs, name, str(figure))
    inputs.notes = results.detection.get('Notes', [])
    inputs.facts = report_facts(unit, results.detection, results.template, results.atlas)
    inputs.methods = results.detection.get('Description', '')
    publish = pe.Node(
        PublishPage(out_dir=str(settings.out_dir), unit=unit.label),
        name='publish',
        run_without_submitting=True,
    )
    workflow.connect([
        (load_swi, report_wf, [('out_file', 'inputnode.swi')]),
        (report_wf, publish, [('outputnode.figures', 'figures'), ('outputnode.page', 'page')]),
    ])  # fmt: skip
    return workflow


def possible_cases(
    settings: Settings, unit: Unit, anatomy: Anatomy, card: ModelCard
) -> dict[str, InputsUsed]:
    """What follows from each set of images that may turn out to be usable, by its name."""
    optional = [name for name in OPTIONAL if getattr(unit, name)]
    cases = {}
    for kept in chain.from_iterable(combinations(optional, n) for n in range(len(optional) + 1)):
        left_out: dict[str, Any] = {name: None for name in optional if name not in kept}
        part = replace(unit, **left_out)
        cases['+'.join(['swi', *kept])] = _case(settings, unit, part, anatomy, card)
    return cases


def _case(
    settings: Settings, unit: Unit, part: Unit, anatomy: Anatomy, card: ModelCard
) -> InputsUsed:
    """What follows if only the images of ``part`` can be used."""
    try:
        card.check_inputs(part.inputs)
    except ModelError as error:
        return InputsUsed(part, why_not=str(error))
    criteria = DetectionCriteria.resolve(settings, card, part.inputs)
    intro = load_data('methods_intro.md').read_text(encoding='utf-8').format(version=__version__)
    methods = with_references(
        intro
        + describe_reconstruction(unit)
        + describe_anatomy(unit, [name for name in OPTIONAL if getattr(part, name)], anatomy)
        + describe_detection(part.inputs, card, criteria)
    )
    detection = {
        'InputsUsed': [name for name in part.inputs if name in card.sees],
        'InputsMissing': [name for name in card.sees if name not in part.inputs],
        'InputsLeftOut': [name for name in unit.inputs if name not in part.inputs],
        **({'InputsMade': list(unit.made)} if unit.made else {}),
        'Version': __version__,
        'Model': card.name,
        'ModelSHA256': card.sha256,
        **criteria.for_sidecar(),
    }
    facts = {
        **source_facts(part, settings.datasets),
        'detection': detection,
        'candidates': {
            'InputCandidates': [candidate.for_sidecar() for candidate in unit.candidates]
        },
        'anatomy': {
            'Template': anatomy.name,
            'Atlas': anatomy.atlas,
            **({'TemplateNote': anatomy.note} if anatomy.note else {}),
        },
        'methods': {'Description': methods},
    }
    return InputsUsed(
        part, criteria, facts, report_facts(unit, detection, anatomy.name, anatomy.atlas)
    )
