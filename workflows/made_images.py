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
from deepmir_bids.interfaces.imaging import LoadVolume
from deepmir_bids.interfaces.reconstruction import Reconstruct
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.step_memory import step_memory

#: What the step of an anatomical workflow that makes images hands on.
MADE = ('reconstruction', 'made_swi', 'minip', 'r2star', 'magnitude', 'field_map', 'known')


def ready_file(unit: Unit, name: str) -> dict[str, str]:
    """The file of an image that is ready; one that is made comes from another step."""
    return {} if name in unit.made else {'in_file': str(getattr(unit, name))}


def connect_reconstruction(
    workflow: pe.Workflow,
    settings: Settings,
    unit: Unit,
    anatomy: Anatomy,
    memory: Mapping[str, float],
) -> None:
    """Put what is made from magnitude and phase in the place of ready images.

    Parameters
    ----------
    workflow
        With the steps that read the ready images, ``load_swi`` and ``load_qsm``.
    settings, unit, anatomy
        Of the run.
    memory
        Of each step in GB.

    """
    reconstruct = _init_reconstruct(settings, unit, anatomy, memory['reconstruct'])
    node = workflow.get_node
    workflow.connect([
        (reconstruct, node('notes'), [('notes', 'in9')]),
        (reconstruct, node('flags'), [('flags', 'in9')]),
        (reconstruct, node('outputnode'), [('description', 'reconstruction')]),
    ])  # fmt: skip
    for name in unit.made:
        workflow.connect(reconstruct, name, node(f'load_{name}'), 'in_file')
    shown = [(name, name) for name in ('magnitude', 'field_map', 'known')]
    workflow.connect([(reconstruct, node('outputnode'), shown)])
    if 'swi' in unit.made:
        made = [('swi', 'made_swi'), ('minip', 'minip'), ('r2star', 'r2star')]
        workflow.connect([(reconstruct, node('outputnode'), made)])
    if unit.brain_mask:
        workflow.connect(node('load_mask'), 'out_file', reconstruct, 'brain_mask')


def init_maps_wf(settings: Settings, anatomy: Anatomy, unit: Unit) -> pe.Workflow:
    """Return the graph of a unit of which nothing is wanted but these images."""
    if unit.echoes is None:
        raise ValueError(f'{unit.label} has no echoes that images could be made of.')
    workflow = pe.Workflow(name=unit.workflow_name)
    memory = step_memory(unit)
    reconstruct = _init_reconstruct(settings, unit, anatomy, memory['reconstruct'])
    publish = pe.Node(
        PublishMaps(
            out_dir=str(settings.out_dir),
            unit=unit.label,
            source_file=str(unit.swi),
            field_t=unit.echoes.field_t,
            facts=source_facts(unit, settings.datasets),
        ),
        name='publish',
        run_without_submitting=True,
    )
    notes = pe.Node(niu.Merge(2), name='notes', run_without_submitting=True)
    notes.inputs.in1 = list(unit.notes)
    lacking = {'swi': 'made_swi', 'qsm': 'qsm'}
    made = [(name, lacking[name]) for name in unit.made]
    workflow.connect([
        (reconstruct, publish, [
            *made,
            *((name, name) for name in MAPS if name not in lacking.values()),
            ('description', 'reconstruction'),
        ]),
        (reconstruct, notes, [('notes', 'in2')]),
        (notes, publish, [('out', 'notes')]),
    ])  # fmt: skip
    if unit.brain_mask:
        load_mask = pe.Node(
            LoadVolume(in_file=str(unit.brain_mask), role='brain mask'),
            name='load_mask',
            mem_gb=memory['load_mask'],
        )
        workflow.connect(load_mask, 'out_file', reconstruct, 'brain_mask')
    return workflow


def _init_reconstruct(settings: Settings, unit: Unit, anatomy: Anatomy, mem_gb: float) -> pe.Node:
    return pe.Node(
        Reconstruct(
            echoes=unit.echoes,
            anatomy=anatomy,
            dispensable='swi' not in unit.made,
            threads=settings.omp_nthreads,
        ),
        name='reconstruct',
        mem_gb=mem_gb,
        n_procs=settings.omp_nthreads,
    )


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
