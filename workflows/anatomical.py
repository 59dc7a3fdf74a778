"""What is known of a head before any lesion is looked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.interfaces.anatomy import CheckContrast, MeasureAnatomy
from deepmir_bids.interfaces.imaging import LevelSlices, LoadVolume, ToGrid
from deepmir_bids.interfaces.qsm import ConvertChi, FitQsm
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.brain import LABELS, init_brain_wf
from deepmir_bids.workflows.made_images import MADE, connect_reconstruction, ready_file
from deepmir_bids.workflows.step_memory import step_memory


def init_anatomical_wf(
    settings: Settings, unit: Unit, anatomy: Anatomy, name: str = 'anatomical_wf'
) -> pe.Workflow:
    """Bring the images of a unit to the grid of its SWI and label the brain there.

    Outputs
    -------
    swi
        The SWI, checked; its grid is the grid of everything else.
    measured_swi
        The same for the network, NaN where it cannot be trusted.
    t2w, qsm
        On that grid, if the unit has them and they can be used; ``qsm`` in ppm.
    brain_mask, structures, iron_rich, iron_area, to_template, from_template, registration, \
given_mask, alignment
        As the workflow of the brain gives them.
    structure_table
        What the structures are called, and how large they are.
    quality
        What a cohort is checked by, for the sidecar of the brain mask.
    chi_conversion
        What was done to the QSM, for its sidecar.
    reconstruction
        How images were made from magnitude and phase, for their sidecars.
    made_swi, minip, r2star
        What was made of them, on that grid, if the unit had no SWI.
    magnitude, field_map, known
        For the page: of all echoes, the local field in ppm, and where susceptibility is known.
    notes, flags
        What was mended, converted or left out, in sentences and in a word each.

    """
    workflow = pe.Workflow(name=name)
    outputnode = pe.Node(
        niu.IdentityInterface(
            fields=[
                'swi',
                'measured_swi',
                't2w',
                'qsm',
                *LABELS,
                'given_mask',
                'alignment',
                'structure_table',
                'quality',
                'chi_conversion',
                *MADE,
                'notes',
                'flags',
            ]
        ),
        name='outputnode',
    )
    memory = step_memory(unit)
    notes = pe.Node(niu.Merge(6), name='notes', run_without_submitting=True)
    flags = pe.Node(niu.Merge(6), name='flags', run_without_submitting=True)
    load_swi = pe.Node(
        LoadVolume(role='SWI', **ready_file(unit, 'swi')),
        name='load_swi',
        mem_gb=memory['load_swi'],
    )
    brain_wf = init_brain_wf(settings, unit, anatomy)
    check_contrast = pe.Node(
        CheckContrast(source_file=str(unit.swi), stands_in=unit.swi_stands_in, anatomy=anatomy),
        name='check_contrast',
        mem_gb=memory['check_contrast'],
    )
    level_slices = pe.Node(LevelSlices(), name='level_slices', mem_gb=memory['level_slices'])
    measure_anatomy = pe.Node(
        MeasureAnatomy(anatomy=anatomy), name='measure_anatomy', mem_gb=memory['measure_anatomy']
    )
    # An SWI that is made needs the brain before.
    if 'swi' not in unit.made:
        workflow.connect(load_swi, 'out_file', brain_wf, 'inputnode.head')
    workflow.connect([
        (load_swi, measure_anatomy, [('out_file', 'swi')]),
        (brain_wf, measure_anatomy, [
            ('outputnode.brain_mask', 'brain_mask'),
            ('outputnode.structures', 'structures'),
        ]),
        (measure_anatomy, outputnode, [
            ('structure_table', 'structure_table'),
            ('quality', 'quality'),
        ]),
        (load_swi, check_contrast, [('out_file', 'in_file')]),
        (brain_wf, check_contrast, [('outputnode.structures', 'structures')]),
        (check_contrast, level_slices, [('out_file', 'in_file')]),
        (brain_wf, level_slices, [('outputnode.brain_mask', 'brain_mask')]),
        (level_slices, outputnode, [('out_file', 'measured_swi')]),
        (load_swi, outputnode, [('out_file', 'swi')]),
        (brain_wf, outputnode, [
            (f'outputnode.{name}', name) for name in (*LABELS, 'alignment', 'given_mask')
        ]),
        (notes, outputnode, [('out', 'notes')]),
        (flags, outputnode, [('out', 'flags')]),
    ])  # fmt: skip
    said = [load_swi, brain_wf, level_slices, check_contrast]
    for number, step in enumerate(said, 1):
        output = 'outputnode.' if step is brain_wf else ''
        workflow.connect(step, f'{output}notes', notes, f'in{number}')
        workflow.connect(step, f'{output}flags', flags, f'in{number}')
    if unit.t2w:
        t2w_grid = pe.Node(ToGrid(), name='t2w_grid', mem_gb=memory['t2w_grid'])
        workflow.connect([
            (brain_wf, t2w_grid, [('outputnode.t2w', 'in_file')]),
            (load_swi, t2w_grid, [('out_file', 'reference')]),
            (t2w_grid, outputnode, [('out_file', 't2w')]),
        ])  # fmt: skip
    if unit.qsm:
        _connect_qsm(workflow, settings, unit, memory)
    if unit.made:
        connect_reconstruction(workflow, settings, unit, memory)
    return workflow


def _connect_qsm(
    workflow: pe.Workflow, settings: Settings, unit: Unit, memory: Mapping[str, float]
) -> None:
    """QSM: onto the SWI, to its grid, then to ppm by what the deep nuclei say."""
    load_qsm = pe.Node(
        LoadVolume(role='QSM', made='qsm' in unit.made, **ready_file(unit, 'qsm')),
        name='load_qsm',
        mem_gb=memory['load_qsm'],
    )
    fit_qsm = pe.Node(FitQsm(source_file=str(unit.qsm)), name='fit_qsm', mem_gb=memory['fit_qsm'])
    qsm_grid = pe.Node(ToGrid(), name='qsm_grid', mem_gb=memory['qsm_grid'])
    convert_chi = pe.Node(
        ConvertChi(source_file=str(unit.qsm), scale=settings.qsm_scale, made='qsm' in unit.made),
        name='convert_chi',
        mem_gb=memory['convert_chi'],
    )
    qsm_notes = pe.Node(niu.Merge(3), name='qsm_notes', run_without_submitting=True)
    qsm_flags = pe.Node(niu.Merge(3), name='qsm_flags', run_without_submitting=True)
    node = workflow.get_node
    workflow.connect([
        (load_qsm, fit_qsm, [('out_file', 'in_file')]),
        (node('level_slices'), fit_qsm, [('out_file', 'reference')]),
        (node('brain_wf'), fit_qsm, [('outputnode.brain_mask', 'brain_mask')]),
        (fit_qsm, qsm_grid, [('out_file', 'in_file')]),
        (node('load_swi'), qsm_grid, [('out_file', 'reference')]),
        (qsm_grid, convert_chi, [('out_file', 'in_file')]),
        (node('brain_wf'), convert_chi, [
            ('outputnode.brain_mask', 'brain_mask'),
            ('outputnode.iron_rich', 'iron_rich'),
        ]),
        (load_qsm, qsm_notes, [('notes', 'in1')]),
        (fit_qsm, qsm_notes, [('notes', 'in2')]),
        (convert_chi, qsm_notes, [('notes', 'in3')]),
        (qsm_notes, node('notes'), [('out', 'in5')]),
        (load_qsm, qsm_flags, [('flags', 'in1')]),
        (fit_qsm, qsm_flags, [('flags', 'in2')]),
        (convert_chi, qsm_flags, [('flags', 'in3')]),
        (qsm_flags, node('flags'), [('out', 'in5')]),
        (fit_qsm, node('measure_anatomy'), [('fit', 'qsm_fit')]),
        (convert_chi, node('measure_anatomy'), [('out_file', 'qsm')]),
        (convert_chi, node('outputnode'), [('out_file', 'qsm'), ('conversion', 'chi_conversion')]),
    ])  # fmt: skip


def describe_anatomy(unit: Unit, used: Collection[str], anatomy: Anatomy) -> str:
    """Say, for a paper, what the workflow does to a unit of which these inputs could be used."""
    sentences = []
    if 't2w' in used:
        sentences.append(
            'The T2w was corrected for intensity non-uniformity with N4 [@n4] and rigidly aligned '
            'with the SWI.'
        )
    else:
        if unit.t2w:
            sentences.append('The T2w could not be used.')
        sentences.append(
            'For registration, the SWI was corrected for intensity non-uniformity with N4 [@n4].'
        )
    registered = 'T2w' if 't2w' in used else 'SWI'
    mask = 'was given' if 'brain_mask' in used else 'is the template’s'
    sentences.append(
        f'The {registered} was registered to the template {anatomy.name} with ANTs [@ants], the '
        'best of several starts being chosen by mutual information; brain structures '
        f'({anatomy.atlas}) were resampled to the grid of the SWI. The brain mask {mask}.'
    )
    if unit.qsm and 'qsm' not in used:
        sentences.append('The QSM could not be used.')
    if 'qsm' in used:
        sentences.append(
            'It was made sure that QSM and SWI show the same veins in the same places; the QSM '
            'was resampled to the grid of the SWI and expressed in ppm, paramagnetic positive.'
        )
    return '\n'.join(['', *sentences, ''])
