"""SWI and QSM from the magnitude and phase of a unit: what it lacks, or nothing but these."""

from __future__ import annotations

from collections.abc import Mapping

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.output_files import MAPS
from deepmir_bids.bids.sidecars import source_facts
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.interfaces.bids import PublishMaps
from deepmir_bids.interfaces.reconstruction import CombineEchoes, Reconstruct
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.brain import init_brain_wf
from deepmir_bids.workflows.step_memory import step_memory

#: What the step of an anatomical workflow that makes images hands on.
MADE = ('reconstruction', 'made_swi', 'minip', 'r2star', 'magnitude', 'field_map', 'known')


def ready_file(unit: Unit, name: str) -> dict[str, str]:
    """The file of an image that is ready; one that is made comes from another step."""
    return {} if name in unit.made else {'in_file': str(getattr(unit, name))}


def connect_reconstruction(
    workflow: pe.Workflow, settings: Settings, unit: Unit, memory: Mapping[str, float]
) -> None:
    """Put what is made from magnitude and phase in the place of ready images.

    The brain is found with the ready SWI where there is one, else with the magnitude.

    Parameters
    ----------
    workflow
        With the steps that read the ready images, ``load_swi`` and ``load_qsm``, and ``brain_wf``.
    settings, unit
        Of the run.
    memory
        Of each step in GB.

    """
    reconstruct = _add_reconstruct(workflow, settings, unit, memory)
    node = workflow.get_node
    workflow.connect([
        (reconstruct, node('notes'), [('notes', 'in6')]),
        (reconstruct, node('flags'), [('flags', 'in6')]),
        (reconstruct, node('outputnode'), [('description', 'reconstruction')]),
    ])  # fmt: skip
    for name in unit.made:
        workflow.connect(reconstruct, name, node(f'load_{name}'), 'in_file')
    shown = [(name, name) for name in ('magnitude', 'field_map', 'known')]
    workflow.connect([(reconstruct, node('outputnode'), shown)])
    if 'swi' in unit.made:
        _find_brain_with_echoes(workflow, unit, memory)
        made = [('swi', 'made_swi'), ('minip', 'minip'), ('r2star', 'r2star')]
        workflow.connect([(reconstruct, node('outputnode'), made)])
    else:
        reconstruct.inputs.dispensable = True
        workflow.connect(node('load_swi'), 'out_file', reconstruct, 'swi')


def init_maps_wf(settings: Settings, anatomy: Anatomy, unit: Unit) -> pe.Workflow:
    """Return the graph of a unit of which nothing is wanted but these images."""
    if unit.echoes is None:
        raise ValueError(f'{unit.label} has no echoes that images could be made of.')
    workflow = pe.Workflow(name=unit.workflow_name)
    memory = step_memory(unit)
    brain_wf = init_brain_wf(settings, unit, anatomy)
    workflow.add_nodes([brain_wf])
    reconstruct = _add_reconstruct(workflow, settings, unit, memory)
    publish = pe.Node(
        PublishMaps(
            out_dir=str(settings.out_dir),
            unit=unit.label,
            source_file=str(unit.echoes.reference),
            field_t=unit.echoes.field_t,
            facts=source_facts(unit, settings.datasets),
        ),
        name='publish',
        run_without_submitting=True,
    )
    notes = pe.Node(niu.Merge(3), name='notes', run_without_submitting=True)
    notes.inputs.in1 = list(unit.notes)
    lacking = {'swi': 'made_swi', 'qsm': 'qsm'}
    made = [(name, lacking[name]) for name in unit.made]
    workflow.connect([
        (brain_wf, notes, [('outputnode.notes', 'in2')]),
        (reconstruct, publish, [
            *made,
            *((name, name) for name in MAPS if name not in lacking.values()),
            ('description', 'reconstruction'),
        ]),
        (reconstruct, notes, [('notes', 'in3')]),
        (notes, publish, [('out', 'notes')]),
    ])  # fmt: skip
    _find_brain_with_echoes(workflow, unit, memory)
    return workflow


def _find_brain_with_echoes(
    workflow: pe.Workflow, unit: Unit, memory: Mapping[str, float]
) -> None:
    """Let the magnitude stand for the SWI until there is one: they have one grid."""
    combine = pe.Node(CombineEchoes(echoes=unit.echoes), name='combine', mem_gb=memory['combine'])
    workflow.connect(combine, 'out_file', workflow.get_node('brain_wf'), 'inputnode.head')


def _add_reconstruct(
    workflow: pe.Workflow, settings: Settings, unit: Unit, memory: Mapping[str, float]
) -> pe.Node:
    """Add the step that makes images, within the brain that the workflow's ``brain_wf`` finds."""
    reconstruct = pe.Node(
        Reconstruct(echoes=unit.echoes, threads=settings.omp_nthreads),
        name='reconstruct',
        mem_gb=memory['reconstruct'],
        n_procs=settings.omp_nthreads,
    )
    masks = [(f'outputnode.{name}', name) for name in ('brain_mask', 'given_mask')]
    workflow.connect([(workflow.get_node('brain_wf'), reconstruct, masks)])
    return reconstruct


def describe_reconstruction(unit: Unit) -> str:
    """Say, for a paper, how a unit's images were made from its echoes."""
    if not unit.made or unit.echoes is None:
        return ''
    times = ', '.join(f'{1000 * time:.4g}' for time in unit.echoes.echo_times_s)
    what = ' and '.join(name.upper() for name in unit.made)
    return (
        f'\n{what} were made by deepmir from magnitude and phase of a gradient echo (echo times '
        f'{times} ms, {unit.echoes.field_t:g} T): echoes were unwrapped and combined by their '
        'precision, the background field was projected onto dipoles outside the brain [@pdf], '
        'and the susceptibility was found by an inversion with total variation [@fansi] that '
        'spares the edges of the magnitude [@medi].\n'
    )
