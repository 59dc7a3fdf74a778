"""The page of a unit, and the figures on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.anatomy.atlas_structures import BASAL_GANGLIA, Structure
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.interfaces.reports import (
    AssemblePage,
    BlendPiece,
    LesionPieces,
    PlotSlices,
    PlotStructures,
    TextPieces,
)
from deepmir_bids.reports.lesion_tiles import QSM_LIMITS_PPM
from deepmir_bids.workflows.step_memory import step_memory

COLOURS = dict(
    zip((*BASAL_GANGLIA, 'thalamus'), ('#30d158', '#0a84ff', '#ff3b30', '#ffd60a'), strict=True)
)

#: What a local field is shown with.
FIELD_LIMITS_PPM = (-0.05, 0.05)


def init_report_wf(
    unit: Unit,
    structures: Sequence[Structure],
    atlas: str,
    operating_point: str,
    *,
    reviewed: bool = False,
    name: str = 'report_wf',
) -> pe.Workflow:
    """Draw the figures of a unit and put them together.

    Parameters
    ----------
    unit
        The unit, with the inputs that may turn out to be used.
    structures
        What the values of the label image mean.
    atlas
        Label of the atlas.
    operating_point
        Name of the thresholds that were asked for.
    reviewed
        Whether a reader's review is to be shown; it is an input then.

    Inputs
    ------
    swi, qsm, t2w, brain_mask, structures, structure_table, lesions, lesion_table, candidates, \
candidate_table, review, magnitude, field_map, known, notes
        As the anatomical and the detection workflow give them.
    facts, methods
        What the result rests on (:func:`report_facts`), and the text that describes the analysis.

    Outputs
    -------
    figures, page
        The figures, named as in the dataset, and the page that shows them.

    """
    workflow = pe.Workflow(name=name)
    inputnode = pe.Node(
        niu.IdentityInterface(
            fields=[
                'swi',
                'qsm',
                't2w',
                'brain_mask',
                'structures',
                'structure_table',
                'lesions',
                'lesion_table',
                'candidates',
                'candidate_table',
                'review',
                'magnitude',
                'field_map',
                'known',
                'notes',
                'facts',
                'methods',
            ]
        ),
        name='inputnode',
    )
    outputnode = pe.Node(niu.IdentityInterface(fields=['page', 'figures']), name='outputnode')
    memory = step_memory(unit)
    text_pieces = pe.Node(
        TextPieces(atlas=atlas, operating_point=operating_point),
        name='text_pieces',
        mem_gb=memory['text_pieces'],
    )
    lesion_pieces = pe.Node(
        LesionPieces(unit=unit.label), name='lesion_pieces', mem_gb=memory['lesion_pieces']
    )
    plot_brain = pe.Node(PlotSlices(), name='plot_brain', mem_gb=memory['plot_brain'])
    plot_structures = pe.Node(
        PlotStructures(colours=_label_colours(structures)),
        name='plot_structures',
        mem_gb=memory['plot_structures'],
    )
    assemble = pe.Node(
        AssemblePage(unit=unit, source_file=str(unit.swi)),
        name='assemble',
        # Like the publishing step: one process alone then imports all of niworkflows.
        run_without_submitting=True,
    )
    workflow.connect([
        (inputnode, text_pieces, [
            ('lesion_table', 'lesion_table'),
            ('candidate_table', 'candidate_table'),
            ('structure_table', 'structure_table'),
            ('brain_mask', 'brain_mask'),
            ('notes', 'notes'),
            ('facts', 'facts'),
            ('methods', 'methods'),
        ]),
        (inputnode, lesion_pieces, [
            ('swi', 'swi'),
            ('brain_mask', 'brain_mask'),
            ('lesions', 'lesions'),
            ('lesion_table', 'lesion_table'),
            ('candidates', 'candidates'),
            ('candidate_table', 'candidate_table'),
        ]),
        (inputnode, plot_brain, [('swi', 'background'), ('brain_mask', 'brain_mask')]),
        (inputnode, plot_structures, [
            ('swi', 'swi'),
            ('brain_mask', 'brain_mask'),
            ('structures', 'structures'),
        ]),
        (text_pieces, assemble, [
            ('summary', 'summary'),
            ('nuclei', 'nuclei'),
            ('methods', 'methods'),
            ('remarks', 'remarks'),
        ]),
        (lesion_pieces, assemble, [('gallery', 'gallery'), ('viewer', 'viewer')]),
        (plot_brain, assemble, [('out_file', 'brain_figure')]),
        (plot_structures, assemble, [
            ('on_t2w', 'structures_on_t2w'),
            ('on_swi', 'structures_on_swi'),
        ]),
        (assemble, outputnode, [('page', 'page'), ('figures', 'figures')]),
    ])  # fmt: skip
    if reviewed:
        workflow.connect([
            (inputnode, text_pieces, [('review', 'review')]),
            (inputnode, lesion_pieces, [('review', 'review')]),
        ])  # fmt: skip
    if unit.t2w:
        blend = pe.Node(BlendPiece(), name='blend', mem_gb=memory['blend'])
        workflow.connect([
            (inputnode, lesion_pieces, [('t2w', 't2w')]),
            (inputnode, plot_structures, [('t2w', 't2w')]),
            (inputnode, blend, [('swi', 'swi'), ('t2w', 't2w'), ('brain_mask', 'brain_mask')]),
            (blend, assemble, [('out_file', 'alignment')]),
        ])  # fmt: skip
    if unit.made:
        plot_magnitude = pe.Node(
            PlotSlices(dimensions=['z']), name='plot_magnitude', mem_gb=memory['plot_brain']
        )
        plot_field = pe.Node(
            PlotSlices(dimensions=['z'], limits=FIELD_LIMITS_PPM),
            name='plot_field',
            mem_gb=memory['plot_brain'],
        )
        workflow.connect([
            (inputnode, plot_magnitude, [('magnitude', 'background'), ('known', 'brain_mask')]),
            (inputnode, plot_field, [('field_map', 'background'), ('known', 'brain_mask')]),
            (plot_magnitude, assemble, [('out_file', 'magnitude_figure')]),
            (plot_field, assemble, [('out_file', 'field_figure')]),
        ])  # fmt: skip
    if unit.qsm:
        plot_nuclei = pe.Node(
            PlotSlices(
                colours=_label_colours(structures), limits=QSM_LIMITS_PPM, dimensions=['z']
            ),
            name='plot_nuclei',
            mem_gb=memory['plot_nuclei'],
        )
        workflow.connect([
            (inputnode, lesion_pieces, [('qsm', 'qsm')]),
            (inputnode, plot_nuclei, [
                ('qsm', 'background'),
                ('brain_mask', 'brain_mask'),
                ('structures', 'structures'),
            ]),
            (plot_nuclei, assemble, [('out_file', 'nuclei_figure')]),
        ])  # fmt: skip
    return workflow


def _label_colours(structures: Sequence[Structure]) -> dict[str, list[int]]:
    return {
        colour: [structure.index for structure in structures if structure.kind == kind]
        for kind, colour in COLOURS.items()
    }


def report_facts(
    unit: Unit, detection: dict[str, Any], template: str, atlas: str
) -> dict[str, str]:
    """What a result rests on, from the sidecar of its lesions, template and atlas."""
    left_out = detection.get('InputsLeftOut', [])
    missing = ', '.join(name for name in detection['InputsMissing'] if name not in left_out)
    made = detection.get('InputsMade', [])
    thresholds = detection['Thresholds'].items()
    facts = {
        'Inputs': ', '.join(detection['InputsUsed'])
        + (f' (missing: {missing})' if missing else ''),
        'Left out, being of no use': f'{", ".join(left_out)}: see the notes' if left_out else '',
        'SWI': unit.swi.name if unit.swi and 'swi' not in made else '',
        'Made by deepmir from magnitude and phase': ' and '.join(map(str.upper, made)),
        'Model': f'{detection["Model"]}, {detection["OperatingPoint"]} operating point',
        'Thresholds': ', '.join(f'{name} {value:.2f}' for name, value in thresholds),
        'Template and atlas': f'{template}, {atlas}',
    }
    return {name: said for name, said in facts.items() if said}
