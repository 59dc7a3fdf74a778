"""Which results a unit leaves, under which names, with which sidecars."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from deepmir_bids import CLASSES, __version__
from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.data import load as load_data
from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.detection import operating_point


class Result(NamedTuple):
    """One file of a unit: what it is called in the workflows, its entities, its sidecar."""

    field: str
    entities: dict[str, str]
    sidecar: dict[str, Any]


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
        Result('structures', atlas, {**swi, **_columns('structure_columns.json')}),
        Result('structures_tsv', atlas, {}),
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
    columns = _columns('lesion_columns.json')
    class_columns = {
        'index': {'Description': 'Value of the class in the label image.', 'Format': 'integer'},
        'name': {'Description': 'Lesion class.', 'Levels': columns['class']['Levels']},
    }
    lesions = {**ours, 'desc': 'lesions', 'suffix': 'dseg'}
    candidates = {**lesions, 'desc': 'candidates'}
    labelled = [
        Result('classes', {**ours, 'suffix': 'dseg'}, {**found, **class_columns}),
        Result('classes_tsv', {**ours, 'suffix': 'dseg'}, {}),
        Result('lesions', lesions, {**found, **columns}),
        Result('table', lesions, {}),
        Result('candidates', candidates, {**found, **columns}),
        Result('candidates_table', candidates, {}),
    ]
    xfm = {'mode': 'image', 'suffix': 'xfm'}
    transforms = [
        Result('to_template', {**xfm, 'from': 'SWI', 'to': anatomy.name}, {}),
        Result('from_template', {**xfm, 'from': anatomy.name, 'to': 'SWI'}, {}),
    ]
    return [*images, *anatomical, *classes, *labelled, *transforms]


def _columns(name: str) -> dict[str, Any]:
    """Columns of a table, as a file in ``data/`` describes them; the manual shows the same."""
    return json.loads(load_data(name).read_text(encoding='utf-8'))


def detection_sidecar(settings: Settings, unit: Unit, card: ModelCard) -> dict[str, Any]:
    """What a reader of a mask has to know of how it was made."""
    thresholds, min_volume_mm3 = operating_point(settings, card, unit.inputs)
    return {
        'InputsUsed': [name for name in unit.inputs if name in card.sees],
        'InputsMissing': [name for name in card.sees if name not in unit.inputs],
        'Version': __version__,
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
