"""SWI and QSM that a unit lacks, from its magnitude and phase."""

from __future__ import annotations

from collections.abc import Mapping

from nipype.pipeline import engine as pe

from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.interfaces.reconstruction import Reconstruct
from deepmir_bids.settings import Settings

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
    reconstruct = pe.Node(
        Reconstruct(
            echoes=unit.echoes,
            anatomy=anatomy,
            dispensable='swi' not in unit.made,
            threads=settings.omp_nthreads,
        ),
        name='reconstruct',
        mem_gb=memory['reconstruct'],
        n_procs=settings.omp_nthreads,
    )
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
        'and the susceptibility was found by an inversion with total variation [@fansi].\n'
    )
