"""From the prepared images of a head to its lesions."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.interfaces.lesions import FindLesions, MeasureLesions
from deepmir_bids.interfaces.model import Predict
from deepmir_bids.lesions.connected_lesions import IRON_MARGIN_MM
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.step_memory import step_memory

#: How the description of the detection begins and ends.
FIRST_WORDS = 'A U-Net (model'
LAST_WORDS = 'It has not been validated for clinical use.'


def init_detection_wf(
    settings: Settings,
    unit: Unit,
    model: Path,
    card: ModelCard,
    probabilities: Mapping[str, Path] | None = None,
    name: str = 'detection_wf',
) -> pe.Workflow:
    """Run the network and turn its probabilities into masks and tables.

    With the ``probabilities`` of an earlier run (class → image) the network is not run. Findings
    that ``review`` judges are kept then, if only as candidates.

    Inputs
    ------
    swi, measured_swi, t2w, qsm, brain_mask, structures, structure_table, iron_area, from_template
        As :func:`deepmir_bids.workflows.anatomical.init_anatomical_wf` gives them.
    criteria
        What counts as a lesion, given the images that could be used.
    review
        A reader's, of the earlier run; it need not be given.

    Outputs
    -------
    cmb_probseg, iron_probseg, cmb_mask, iron_mask
        Probability and mask of each class.
    class_map, lesions, lesion_table
        Class map, one index for each lesion, and the lesion table.
    candidates, candidate_table
        The same of what stayed just under its threshold.

    """
    workflow = pe.Workflow(name=name)
    inputnode = pe.Node(
        niu.IdentityInterface(
            fields=[
                'swi',
                'measured_swi',
                't2w',
                'qsm',
                'brain_mask',
                'structures',
                'structure_table',
                'iron_area',
                'from_template',
                'criteria',
                'review',
            ]
        ),
        name='inputnode',
    )
    outputnode = pe.Node(
        niu.IdentityInterface(
            fields=[
                'cmb_probseg',
                'iron_probseg',
                'cmb_mask',
                'iron_mask',
                'class_map',
                'lesions',
                'lesion_table',
                'candidates',
                'candidate_table',
            ]
        ),
        name='outputnode',
    )
    memory = step_memory(unit)
    predict = (
        _predict(settings, model, card, memory['predict'])
        if probabilities is None
        else _recall(probabilities)
    )
    find = pe.Node(FindLesions(), name='find', mem_gb=memory['find'])
    measure = pe.Node(MeasureLesions(), name='measure', mem_gb=memory['measure'])
    workflow.connect([
        (inputnode, find, [
            ('brain_mask', 'brain_mask'),
            ('iron_area', 'iron_area'),
            ('criteria', 'criteria'),
            ('review', 'review'),
        ]),
        (inputnode, measure, [
            ('swi', 'swi'),
            ('brain_mask', 'brain_mask'),
            ('structures', 'structures'),
            ('structure_table', 'structure_table'),
            ('from_template', 'from_template'),
        ]),
        (predict, find, [('cmb', 'cmb'), ('iron', 'iron')]),
        (find, measure, [
            ('lesions', 'lesions'),
            ('candidates', 'candidates'),
            ('peaks', 'peaks'),
        ]),
        (predict, outputnode, [('cmb', 'cmb_probseg'), ('iron', 'iron_probseg')]),
        (find, outputnode, [
            ('cmb', 'cmb_mask'),
            ('iron', 'iron_mask'),
            ('class_map', 'class_map'),
            ('lesions', 'lesions'),
            ('candidates', 'candidates'),
        ]),
        (measure, outputnode, [
            ('lesion_table', 'lesion_table'),
            ('candidate_table', 'candidate_table'),
        ]),
    ])  # fmt: skip
    if unit.qsm:
        workflow.connect([(inputnode, measure, [('qsm', 'qsm')])])
    if probabilities is None:
        workflow.connect([
            (inputnode, predict, [
                ('measured_swi', 'swi'),
                ('brain_mask', 'brain_mask'),
                *((name, name) for name in ('qsm', 't2w') if getattr(unit, name)),
            ]),
        ])  # fmt: skip
    return workflow


def _predict(settings: Settings, model: Path, card: ModelCard, memory_gb: float) -> pe.Node:
    return pe.Node(
        Predict(
            model=str(model),
            fingerprint=card.fingerprint,
            mirror=not settings.sloppy,
            device=settings.device,
            num_threads=settings.omp_nthreads,
        ),
        name='predict',
        n_procs=settings.omp_nthreads,
        mem_gb=memory_gb,
    )


def _recall(probabilities: Mapping[str, Path]) -> pe.Node:
    """Stand for the network with what it said before."""
    recall = pe.Node(niu.IdentityInterface(fields=['cmb', 'iron']), name='recall')
    for name, path in probabilities.items():
        setattr(recall.inputs, name.lower(), str(path))
    return recall


def describe_detection(used: Collection[str], card: ModelCard, criteria: DetectionCriteria) -> str:
    """Say, for a paper, how lesions are found in a unit of which these inputs could be used."""
    shown = {'swi': 'SWI', 'qsm': 'QSM', 't2w': 'T2w'}
    inputs = ', '.join(shown[name] for name in used if name in card.sees)
    thresholds, outlines = (
        ' and '.join(f'{value:g} for {name}' for name, value in by_class.items())
        for by_class in (criteria.thresholds, criteria.outlines)
    )
    chosen = card.training.get('calibration')
    site = (
        f' Thresholds were chosen on {len(chosen["participants"])} participants.' if chosen else ''
    )
    return f"""
{FIRST_WORDS} {card.name}, sha256 {card.sha256[:12]}) gave the probability of each class in every
voxel from {inputs}. Connected components whose peak reached the threshold ({thresholds}; the
{criteria.operating_point} operating point of the model, unless set otherwise) were kept, outlined
at a probability of {outlines}; iron deposits only within {IRON_MARGIN_MM:g} mm of
caudate, putamen and pallidum. The network was trained on
{card.training.get('data', 'data that its card does not name')}.{site} {LAST_WORDS}
"""


def describe_detection_anew(description: str, said: str) -> str:
    """Put another description of the detection into a text that has one."""
    pattern = rf'{FIRST_WORDS} .*?{LAST_WORDS}'.replace(' ', r'\s+').replace('(', r'\(')
    return re.sub(pattern, lambda _: said.strip(), description, count=1, flags=re.DOTALL)
