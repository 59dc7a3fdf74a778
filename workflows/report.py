"""The page of a unit, and the figures on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.anatomy.structures import BASAL_GANGLIA, Structure
from deepmir_bids.bids.units import Unit
from deepmir_bids.interfaces.reports import Assemble, Gallery, PlotContours, Summary
from deepmir_bids.reports.gallery import QSM_LIMITS_PPM

COLOURS = dict(
    zip((*BASAL_GANGLIA, 'thalamus'), ('#30d158', '#0a84ff', '#ff3b30', '#ffd60a'), strict=True)
)


def init_report_wf(
    unit: Unit, structures: Sequence[Structure], facts: dict[str, str], name: str = 'report_wf'
) -> pe.Workflow:
    """
    Draw the figures of a unit and put them together.

    Parameters
    ----------
    unit
        The unit, with the inputs that were used.
    structures
        What the values of the label image mean.
    facts
        What the result rests on (:func:`report_facts`).

    Inputs
    ------
    swi, qsm, t2w, brain_mask, structures, lesions, table, notes
        As the anatomy and the lesion workflow give them.

    Outputs
    -------
    figures, page
        The figures, named as in the dataset, and the page that shows them.

    """
    workflow = pe.Workflow(name=name)
    inputnode = pe.Node(
        niu.IdentityInterface(
            fields=['swi', 'qsm', 't2w', 'brain_mask', 'structures', 'lesions', 'table', 'notes']
        ),
        name='inputnode',
    )
    optional = [(field, field) for field in unit.inputs if field != 'swi']
    gallery = pe.Node(Gallery(), name='gallery', mem_gb=1)
    summary = pe.Node(Summary(facts=facts), name='summary')
    plot_mask = pe.Node(PlotContours(), name='plot_mask', mem_gb=1)
    workflow.connect([
        (inputnode, gallery, [
            ('swi', 'swi'),
            ('lesions', 'lesions'),
            ('table', 'table'),
            *optional,
        ]),
        (inputnode, summary, [
            ('table', 'table'),
            ('brain_mask', 'brain_mask'),
            ('notes', 'notes'),
        ]),
        (inputnode, plot_mask, [('swi', 'background'), ('brain_mask', 'brain_mask')]),
    ])  # fmt: skip

    figures = {
        'summary': (summary, {'desc': 'summary', 'suffix': 'swi'}),
        'gallery': (gallery, {'desc': 'lesions', 'suffix': 'dseg'}),
        'brain': (plot_mask, {'desc': 'brain', 'suffix': 'mask'}),
    }
    for field, suffix in (('qsm', 'Chimap'), ('t2w', 'T2w'), ('swi', 'swi')):
        if field not in unit.inputs or (field == 'swi' and 'qsm' in unit.inputs):
            continue
        plot = pe.Node(
            PlotContours(colours=_label_colours(structures), dimensions=['z']),
            name=f'plot_nuclei_{field}',
            mem_gb=1,
        )
        if field == 'qsm':
            plot.inputs.limits = QSM_LIMITS_PPM
        workflow.connect([
            (inputnode, plot, [
                (field, 'background'),
                ('brain_mask', 'brain_mask'),
                ('structures', 'structures'),
            ]),
        ])  # fmt: skip
        figures[f'nuclei_{field}'] = (plot, {'desc': 'nuclei', 'suffix': suffix})

    entities = {name: {**_FIGURE, **own} for name, (_, own) in figures.items()}
    assemble = pe.Node(
        Assemble(
            entities=entities,
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
    for name, (figure, _) in figures.items():
        workflow.connect(figure, 'out_file', assemble, name)
    workflow.connect([(assemble, outputnode, [('page', 'page'), ('figures', 'figures')])])
    return workflow


_FIGURE = {'datatype': 'figures', 'space': 'SWI'}


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
