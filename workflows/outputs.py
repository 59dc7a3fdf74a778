"""Which results a unit leaves, under which names, with which sidecars."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.templates import Anatomy
from deepmir_bids.bids.units import Unit
from deepmir_bids.data import load as load_data
from deepmir_bids.interfaces.bids import DerivativesDataSink
from deepmir_bids.model.registry import ModelCard
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.lesions import operating_point

STRUCTURE_COLUMNS = {
    'index': {'Description': 'Value of the structure in the label image.', 'Format': 'integer'},
    'name': {'Description': 'Name of the structure.'},
    'region': {'Description': 'Region it is counted in: lobar, deep or infratentorial.'},
}
#: What a sink does not know beforehand, and the step that tells it.
DYNAMIC = {'brain_mask': 'registration', 'qsm': 'chi_meta', 'lesions': 'notes'}


class Result(NamedTuple):
    """One file of a unit: what it is called in the workflows, its entities, its sidecar."""

    field: str
    entities: dict[str, str]
    sidecar: dict[str, Any]


def init_outputs_wf(
    settings: Settings, unit: Unit, anatomy: Anatomy, card: ModelCard, name: str = 'outputs_wf'
) -> pe.Workflow:
    """
    Name every result of a unit as BIDS-Derivatives, with its sidecar.

    Inputs
    ------
    The outputs of the anatomy and of the lesion workflow.

    Outputs
    -------
    out_files
        All named files, still in the work folder.

    """
    workflow = pe.Workflow(name=name)
    results = unit_results(settings, unit, anatomy, card)
    fields = [result.field for result in results]
    inputnode = pe.Node(
        niu.IdentityInterface(fields=[*fields, *DYNAMIC.values()]), name='inputnode'
    )
    classes_tsv = str(load_data('classes_dseg.tsv'))
    inputnode.inputs.classes_tsv = classes_tsv
    outputnode = pe.Node(niu.IdentityInterface(fields=['out_files']), name='outputnode')
    collect = pe.Node(niu.Merge(2 * len(results)), name='collect', run_without_submitting=True)
    for number, result in enumerate(results):
        sink = init_sink(unit, f'ds_{result.field}', **result.entities, **result.sidecar)
        workflow.connect([
            (inputnode, sink, [(result.field, 'in_file')]),
            (sink, collect, [
                ('out_file', f'in{2 * number + 1}'),
                ('out_meta', f'in{2 * number + 2}'),
            ]),
        ])  # fmt: skip
        if dynamic := DYNAMIC.get(result.field):
            workflow.connect(inputnode, (dynamic, _as_meta, dynamic), sink, 'meta_dict')
    workflow.connect(collect, 'out', outputnode, 'out_files')
    return workflow


def init_sink(unit: Unit, name: str, /, **inputs: Any) -> pe.Node:
    """Return a node that names a file after the unit's SWI."""
    image = inputs['suffix'] != 'xfm' and inputs.get('datatype') != 'figures'
    table = inputs.pop('extension', None) == '.tsv'
    return pe.Node(
        DerivativesDataSink(
            source_file=str(unit.swi),
            dismiss_entities=['part', 'reconstruction', 'echo', 'space'],
            check_hdr=False,
            **({'compress': True} if image and not table else {}),
            **{'datatype': 'anat', **inputs},
        ),
        name=name,
        run_without_submitting=True,
    )


def unit_results(
    settings: Settings, unit: Unit, anatomy: Anatomy, card: ModelCard
) -> list[Result]:
    """Every file that a unit owes (images, tables, transforms), in the order of its making."""
    swi = {'SpatialReference': source_uri(settings, unit, 'swi')}
    sources = {'Sources': [source_uri(settings, unit, name) for name in unit.inputs]}
    found = {**swi, **sources, **detection_sidecar(settings, unit, card)}
    in_swi = {'space': 'SWI'}
    ours = {'space': 'SWI', 'segmentation': 'deepmir'}
    atlas = {'space': 'SWI', 'segmentation': anatomy.atlas, 'suffix': 'dseg'}
    images = [
        Result(
            field,
            {**in_swi, 'desc': 'preproc', 'suffix': suffix},
            {**swi, 'SkullStripped': False, 'Sources': [source_uri(settings, unit, field)]},
        )
        for field, suffix in (('t2w', 'T2w'), ('qsm', 'Chimap'))
        if field in unit.inputs
    ]
    anatomical = [
        Result(
            'brain_mask',
            {**in_swi, 'desc': 'brain', 'suffix': 'mask'},
            {**swi, 'Type': 'Brain', 'Template': anatomy.name},
        ),
        Result('structures', atlas, {**swi, **STRUCTURE_COLUMNS}),
        Result('structures_tsv', {**atlas, 'extension': '.tsv'}, {}),
    ]
    classes = [
        result
        for label in CLASSES
        for result in (
            Result(
                f'{label.lower()}_mask',
                {**in_swi, 'label': label, 'desc': 'deepmir', 'suffix': 'mask'},
                {**found, 'Type': 'Lesion'},
            ),
            Result(
                f'{label.lower()}_probseg', {**ours, 'label': label, 'suffix': 'probseg'}, found
            ),
        )
    ]
    columns = json.loads(load_data('lesion_columns.json').read_text())
    class_columns = {
        'index': {'Description': 'Value of the class in the label image.', 'Format': 'integer'},
        'name': {'Description': 'Lesion class.', 'Levels': columns['class']['Levels']},
    }
    lesions = {**ours, 'desc': 'lesions', 'suffix': 'dseg'}
    labelled = [
        Result('classes', {**ours, 'suffix': 'dseg'}, {**found, **class_columns}),
        Result('classes_tsv', {**ours, 'suffix': 'dseg', 'extension': '.tsv'}, {}),
        Result('lesions', lesions, {**found, **columns}),
        Result('table', {**lesions, 'extension': '.tsv'}, {}),
    ]
    xfm = {'mode': 'image', 'suffix': 'xfm'}
    transforms = [
        Result('to_template', {**xfm, 'from': 'SWI', 'to': anatomy.name}, {}),
        Result('from_template', {**xfm, 'from': anatomy.name, 'to': 'SWI'}, {}),
    ]
    return [*images, *anatomical, *classes, *labelled, *transforms]


def detection_sidecar(settings: Settings, unit: Unit, card: ModelCard) -> dict[str, Any]:
    """What a reader of a mask has to know of how it was made."""
    thresholds, min_volume_mm3 = operating_point(settings, card)
    return {
        'InputsUsed': list(unit.inputs),
        'Model': card.name,
        'ModelSHA256': card.sha256,
        'OperatingPoint': settings.operating_point,
        'Thresholds': thresholds,
        'ExtentThreshold': card.extent,
        'MinimumVolume': min_volume_mm3,
    }


def source_uri(settings: Settings, unit: Unit, name: str) -> str:
    """BIDS URI of an input: the dataset it lies in, and its path there."""
    path = getattr(unit, name)
    roots = {'raw': settings.bids_dir, **settings.derivatives}
    # The deepest root wins: a derivatives dataset may lie inside the raw one.
    inside = {key: root for key, root in roots.items() if path.is_relative_to(root)}
    key = max(inside, key=lambda k: len(inside[k].parts))
    return f'bids:{key}:{path.relative_to(inside[key]).as_posix()}'


def _as_meta(value, kind):
    """Make a sidecar entry of what a step says (runs in the node's own process)."""
    if kind == 'chi_meta':
        return value
    return {'Registration' if kind == 'registration' else 'Notes': value}
