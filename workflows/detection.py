"""From the prepared images of a head to its lesions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.interfaces.model import FindLesions, MeasureLesions, Predict
from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.settings import Settings


def init_lesions_wf(
    settings: Settings, unit: Unit, model: Path, card: ModelCard, name: str = 'lesions_wf'
) -> pe.Workflow:
    """
    Run the network and turn its probabilities into masks and a table.

    Inputs
    ------
    swi, t2w, qsm, brain_mask, structures, structures_tsv, iron_area, from_template
        As :func:`deepmir_bids.workflows.anatomical.init_anatomy_wf` gives them.

    Outputs
    -------
    cmb_probseg, iron_probseg, cmb_mask, iron_mask
        Probability and mask of each class.
    classes, lesions, table
        Class map, one index for each lesion, and the lesion table.
    candidates, candidates_table
        The same of what stayed just under its threshold.

    """
    workflow = pe.Workflow(name=name)
    inputnode = pe.Node(
        niu.IdentityInterface(
            fields=[
                'swi',
                't2w',
                'qsm',
                'brain_mask',
                'structures',
                'structures_tsv',
                'iron_area',
                'from_template',
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
                'classes',
                'lesions',
                'table',
                'candidates',
                'candidates_table',
            ]
        ),
        name='outputnode',
    )
    predict = pe.Node(
        Predict(
            model=str(model),
            fingerprint=card.fingerprint,
            mirror=not settings.sloppy,
            device=settings.device,
            num_threads=settings.omp_nthreads,
        ),
        name='predict',
        n_procs=settings.omp_nthreads,
        mem_gb=3,
    )
    thresholds, min_volume_mm3 = operating_point(settings, card, unit.inputs)
    find = pe.Node(
        FindLesions(thresholds=thresholds, min_volume_mm3=min_volume_mm3, extent=card.extent),
        name='find',
        mem_gb=1,
    )
    measure = pe.Node(MeasureLesions(), name='measure', mem_gb=2)
    optional = [(name, name) for name in unit.inputs if name != 'swi']
    workflow.connect([
        (inputnode, predict, [('swi', 'swi'), ('brain_mask', 'brain_mask'), *optional]),
        (inputnode, find, [('brain_mask', 'brain_mask'), ('iron_area', 'iron_area')]),
        (inputnode, measure, [
            ('swi', 'swi'),
            ('brain_mask', 'brain_mask'),
            ('structures', 'structures'),
            ('structures_tsv', 'structures_tsv'),
            ('from_template', 'from_template'),
            *[pair for pair in optional if pair[0] == 'qsm'],
        ]),
        (predict, find, [('cmb', 'cmb'), ('iron', 'iron')]),
        (find, measure, [
            ('lesions', 'lesions'),
            ('candidates', 'candidates'),
            ('found', 'found'),
        ]),
        (predict, outputnode, [('cmb', 'cmb_probseg'), ('iron', 'iron_probseg')]),
        (find, outputnode, [
            ('cmb', 'cmb_mask'),
            ('iron', 'iron_mask'),
            ('classes', 'classes'),
            ('lesions', 'lesions'),
            ('candidates', 'candidates'),
        ]),
        (measure, outputnode, [('table', 'table'), ('candidates', 'candidates_table')]),
    ])  # fmt: skip
    return workflow


def operating_point(
    settings: Settings, card: ModelCard, inputs: Iterable[str]
) -> tuple[dict[str, float], float]:
    """Thresholds and smallest volume (mm³) of a unit: the model's own, unless told otherwise."""
    asked = {'CMB': settings.threshold_cmb, 'iron': settings.threshold_iron}
    thresholds = card.thresholds_for(inputs, settings.operating_point)
    thresholds |= {name: value for name, value in asked.items() if value is not None}
    smallest = card.min_volume_mm3 if settings.min_volume is None else settings.min_volume
    return thresholds, smallest
