"""The page of a unit, and the figures on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.anatomy.atlas_structures import BASAL_GANGLIA, Structure
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.interfaces.reports import Assemble, Blend, Facts, LesionPages, PlotSlices
from deepmir_bids.reports.lesion_tiles import QSM_LIMITS_PPM

INPUTS_OF_REPORT = [
    'swi',
    'qsm',
    't2w',
    'brain_mask',
    'structures',
    'structures_tsv',
    'lesions',
    'table',
    'candidates',
    'candidates_table',
    'review',
    'notes',
]
COLOURS = dict(
    zip((*BASAL_GANGLIA, 'thalamus'), ('#30d158', '#0a84ff', '#ff3b30', '#ffd60a'), strict=True)
)


def init_report_wf(
    unit: Unit,
    structures: Sequence[Structure],
    found: dict[str, Any],
    anatomy: tuple[str, str],
    methods: str,
    *,
    reviewed: bool = False,
    name: str = 'report_wf',
) -> pe.Workflow:
    """
    Draw the figures of a unit and put them together.

    Parameters
    ----------
    unit
        The unit, with the inputs that were used.
    structures
        What the values of the label image mean.
    found
        Sidecar of the lesions: what the result rests on.
    anatomy
        Names of template and atlas.
    methods
        Text that describes the analysis.
    reviewed
        Whether a reader's review is to be shown; it is an input then.

    Inputs
    ------
    swi, qsm, t2w, brain_mask, structures, structures_tsv, lesions, table, candidates, \
candidates_table, review, notes
        As the anatomy and the lesion workflow give them.

    Outputs
    -------
    figures, page
        The figures, named as in the dataset, and the page that shows them.

    """
    workflow = pe.Workflow(name=name)
    inputnode = pe.Node(niu.IdentityInterface(fields=INPUTS_OF_REPORT), name='inputnode')
    optional = [(field, field) for field in unit.inputs if field != 'swi']
    review = ['review'] if reviewed else []
    facts = pe.Node(
        Facts(
            facts=report_facts(unit, found, *anatomy),
            operating_point=found['OperatingPoint'],
            atlas=anatomy[1],
            methods=methods,
        ),
        name='facts',
    )
    lesion_pages = pe.Node(LesionPages(unit=unit.label), name='lesion_pages', mem_gb=2)
    plot_mask = pe.Node(PlotSlices(), name='plot_mask', mem_gb=1)
    workflow.connect([
        (inputnode, facts, _same(
            'table', 'candidates_table', 'structures_tsv', 'brain_mask', 'notes', *review,
        )),
        (inputnode, lesion_pages, [
            *_same('swi', 'brain_mask', 'lesions', 'table', 'candidates', 'candidates_table'),
            *_same(*review),
            *optional,
        ]),
        (inputnode, plot_mask, [('swi', 'background'), ('brain_mask', 'brain_mask')]),
    ])  # fmt: skip

    pieces = {
        'summary': (facts, 'summary', {'desc': 'summary', 'suffix': 'swi'}),
        'nuclei': (facts, 'nuclei', {'desc': 'nuclei', 'suffix': 'Chimap'}),
        'methods': (facts, 'methods', {'desc': 'methods', 'suffix': 'swi'}),
        'remarks': (facts, 'notes', {'desc': 'notes', 'suffix': 'swi'}),
        'gallery': (lesion_pages, 'gallery', {'desc': 'lesions', 'suffix': 'dseg'}),
        'viewer': (lesion_pages, 'viewer', {'desc': 'viewer', 'suffix': 'swi'}),
        'brain': (plot_mask, 'out_file', {'desc': 'brain', 'suffix': 'mask'}),
    }
    background = 't2w' if unit.t2w else 'swi'
    suffix = {'t2w': 'T2w', 'swi': 'swi', 'qsm': 'Chimap'}
    for field, desc in ((background, 'template'), ('qsm', 'nuclei')):
        if field not in unit.inputs:
            continue
        plot = pe.Node(
            PlotSlices(colours=_label_colours(structures)), name=f'plot_{desc}', mem_gb=1
        )
        if field == 'qsm':
            plot.inputs.limits = QSM_LIMITS_PPM
            plot.inputs.dimensions = ['z']
        workflow.connect([
            (inputnode, plot, [(field, 'background'), *_same('brain_mask', 'structures')]),
        ])  # fmt: skip
        pieces[f'{desc}_figure'] = (plot, 'out_file', {'desc': desc, 'suffix': suffix[field]})
    if unit.t2w:
        blend = pe.Node(Blend(), name='blend', mem_gb=1)
        workflow.connect([(inputnode, blend, _same('swi', 't2w', 'brain_mask'))])
        pieces['blend'] = (blend, 'out_file', {'desc': 'coregistration', 'suffix': 'T2w'})

    assemble = pe.Node(
        Assemble(
            entities={name: {**_FIGURE, **own} for name, (_, _, own) in pieces.items()},
            source_file=str(unit.swi),
            subject=unit.subject,
            label=unit.label,
        ),
        name='assemble',
        # Like the publishing step: one process alone then imports all of niworkflows.
        run_without_submitting=True,
    )
    if unit.session:
        assemble.inputs.session = unit.session
    outputnode = pe.Node(niu.IdentityInterface(fields=['page', 'figures']), name='outputnode')
    for piece, (node, field, _) in pieces.items():
        workflow.connect(node, field, assemble, piece)
    workflow.connect([(assemble, outputnode, _same('page', 'figures'))])
    return workflow


_FIGURE = {'datatype': 'figures', 'space': 'SWI'}


def _same(*fields: str) -> list[tuple[str, str]]:
    """Connect fields to fields of the same names."""
    return [(field, field) for field in fields]


def _label_colours(structures: Sequence[Structure]) -> dict[str, list[int]]:
    return {
        colour: [structure.index for structure in structures if structure.kind == kind]
        for kind, colour in COLOURS.items()
    }


def report_facts(unit: Unit, found: dict[str, Any], template: str, atlas: str) -> dict[str, str]:
    """What a result rests on, from the sidecar of its lesions, template and atlas."""
    missing = ', '.join(found['InputsMissing'])
    return {
        'Inputs': ', '.join(found['InputsUsed']) + (f' (missing: {missing})' if missing else ''),
        'SWI': unit.swi.name if unit.swi else '',
        'Model': f'{found["Model"]}, {found["OperatingPoint"]} operating point',
        'Thresholds': ', '.join(f'{k} {v:.2f}' for k, v in found['Thresholds'].items()),
        'Template and atlas': f'{template}, {atlas}',
    }
