"""Masks, tables and page of a finished unit anew, from its stored probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nipype.pipeline import engine as pe

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.atlas_structures import read_structures
from deepmir_bids.bids.finished_results import UnitResults, read_sidecar
from deepmir_bids.bids.output_files import INPUTS_OF_RESULTS, MAY_LACK, REVIEW, results_of
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.errors import InputError
from deepmir_bids.interfaces.imaging import LoadVolume
from deepmir_bids.interfaces.lesions import TransferReview
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.detection import (
    describe_detection,
    describe_detection_anew,
    init_detection_wf,
)
from deepmir_bids.workflows.unit_report import init_report_wf, report_facts
from deepmir_bids.workflows.unit_results import init_publish

#: Results that a threshold changes.
CHANGED = (
    'cmb_mask', 'iron_mask', 'class_map', 'lesions', 'lesion_table', 'candidates',
    'candidate_table',
)  # fmt: skip

#: What the sidecars of all results of the detection say of the criteria.
CRITERIA = ('Model', 'OperatingPoint', 'Thresholds', 'ExtentThreshold', 'MinimumVolume')


def init_refinding_wf(
    settings: Settings, unit: Unit, results: UnitResults, model: Path, card: ModelCard, run: str
) -> pe.Workflow:
    """Return the graph that finds a unit's lesions by other criteria; ``run`` names its log.

    Raises
    ------
    InputError
        The probabilities are of other weights, or a result is not there any more.

    """
    files = results.files
    _check(results, card, settings)
    unit = replace(unit, qsm=files.get('qsm'), t2w=files.get('t2w'), made=())
    used = results.detection['InputsUsed']
    criteria = DetectionCriteria.resolve(settings, card, used)
    detection = _detection(results.detection, card, criteria)
    workflow = pe.Workflow(name=unit.workflow_name)
    swi = str(files.get('made_swi', unit.swi))
    load_swi = pe.Node(LoadVolume(in_file=swi, role='SWI'), name='load_swi', mem_gb=1)
    probabilities = {name: files[f'{name.lower()}_probseg'] for name in CLASSES}
    detection_wf = init_detection_wf(settings, unit, model, card, probabilities)
    report_wf = init_report_wf(
        unit,
        read_structures(files['structure_table']),
        results.atlas,
        criteria.operating_point,
        reviewed=results.review is not None,
    )
    for inner, replaced in ((detection_wf, ()), (report_wf, (REVIEW,))):
        inputs = inner.get_node('inputnode').inputs
        for name in inputs.copyable_trait_names():
            if name in files and name not in CHANGED and name not in replaced:
                setattr(inputs, name, str(files[name]))
    detection_wf.get_node('inputnode').inputs.criteria = criteria
    inputs = report_wf.get_node('inputnode').inputs
    inputs.notes = detection.get('Notes', [])
    inputs.facts = report_facts(unit, detection, results.template, results.atlas)
    inputs.methods = detection.get('Description', '')
    publish = _init_publish_anew(settings, unit, results, detection, run)
    found = [(f'outputnode.{name}', name) for name in CHANGED]
    workflow.connect([
        (load_swi, detection_wf, [('out_file', 'inputnode.swi')]),
        (load_swi, report_wf, [('out_file', 'inputnode.swi')]),
        (detection_wf, report_wf, [
            (source, f'inputnode.{name}')
            for source, name in found if name in inputs.copyable_trait_names()
        ]),
        (detection_wf, publish, found),
        (report_wf, publish, [('outputnode.figures', 'figures'), ('outputnode.page', 'page')]),
    ])  # fmt: skip
    if results.review:
        transfer = pe.Node(TransferReview(review=str(results.review)), name='transfer')
        tables = [(f'outputnode.{name}', name) for name in ('lesion_table', 'candidate_table')]
        workflow.connect([
            (detection_wf, transfer, tables),
            (transfer, report_wf, [('review', 'inputnode.review')]),
            (transfer, publish, [('review', 'review')]),
        ])  # fmt: skip
    return workflow


def _check(results: UnitResults, card: ModelCard, settings: Settings) -> None:
    sha256 = str(results.detection.get('ModelSHA256', 'unknown'))
    if sha256 != card.sha256:
        raise InputError(
            f'its probabilities are of other weights (sha256 {sha256[:12]}) than those of the '
            f'model "{settings.model}" ({card.sha256[:12]}): give the model that made them with '
            '--model, or run deepmir on it again.'
        )
    lacking = [
        result.ending
        for result in results_of(set(results.files) & set(INPUTS_OF_RESULTS))
        if result.name not in results.files and result.name != 'class_table'
    ]
    if lacking:
        raise InputError(f'it has no *{lacking[0]} any more: run deepmir on it again.')


def _detection(
    before: Mapping[str, Any], card: ModelCard, criteria: DetectionCriteria
) -> dict[str, Any]:
    """The sidecar of the lesions, as these criteria find them."""
    said = describe_detection(before['InputsUsed'], card, criteria)
    return {
        **before,
        'Model': card.name,
        **criteria.for_sidecar(),
        'Description': describe_detection_anew(before.get('Description', ''), said),
    }


def _init_publish_anew(
    settings: Settings, unit: Unit, results: UnitResults, detection: dict[str, Any], run: str
) -> pe.Node:
    """The step that replaces all results of a unit, with those that stay as they are."""
    publish = init_publish(settings, unit, run, results.template, results.atlas)
    sidecars = {}
    for result in results_of(MAY_LACK):
        path = results.files.get(result.name)
        if path is None:
            continue
        if result.name not in (*CHANGED, 'class_table'):
            setattr(publish.inputs, result.name, str(path))
        if result.name == 'lesions':
            sidecars[result.name] = detection
        elif result.facts:
            now = {key: detection[key] for key in CRITERIA} if 'detection' in result.facts else {}
            sidecars[result.name] = read_sidecar(path) | now
    publish.inputs.sidecars = sidecars
    return publish
