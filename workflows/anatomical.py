"""What is known of a head before any lesion is looked for."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.interfaces.anatomy import (
    Align,
    CheckContrast,
    ChooseHead,
    Label,
    MeasureAnatomy,
    Register,
)
from deepmir_bids.interfaces.imaging import (
    CorrectBias,
    FitMask,
    LevelSlices,
    LoadVolume,
    ToGrid,
)
from deepmir_bids.interfaces.qsm import ConvertChi, FitQsm
from deepmir_bids.settings import Settings
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
    brain_mask, structures, structure_table, iron_area
        On that grid.
    given_mask
        The brain mask that was given, if it lies on the SWI.
    to_template, from_template, registration
        Transforms of images between SWI and template, and how well they fit.
    alignment
        Mutual information (nats) of T2w and SWI after rigid registration, if there is a T2w.
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
                'brain_mask',
                'given_mask',
                'structures',
                'structure_table',
                'iron_area',
                'to_template',
                'from_template',
                'registration',
                'alignment',
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
    notes = pe.Node(niu.Merge(9), name='notes', run_without_submitting=True)
    flags = pe.Node(niu.Merge(9), name='flags', run_without_submitting=True)
    load_swi = pe.Node(
        LoadVolume(role='SWI', **ready_file(unit, 'swi')),
        name='load_swi',
        mem_gb=memory['load_swi'],
    )
    choose_head = pe.Node(
        ChooseHead(swi_file=str(unit.swi), sloppy=settings.sloppy),
        name='choose_head',
        mem_gb=memory['choose_head'],
    )
    register = pe.Node(
        Register(anatomy=anatomy, sloppy=settings.sloppy),
        name='register',
        mem_gb=memory['register'],
    )
    label_swi = pe.Node(Label(anatomy=anatomy), name='label_swi', mem_gb=memory['label_swi'])
    check_contrast = pe.Node(
        CheckContrast(source_file=str(unit.swi), stands_in=unit.swi_stands_in, anatomy=anatomy),
        name='check_contrast',
        mem_gb=memory['check_contrast'],
    )
    level_slices = pe.Node(LevelSlices(), name='level_slices', mem_gb=memory['level_slices'])
    measure_anatomy = pe.Node(
        MeasureAnatomy(anatomy=anatomy), name='measure_anatomy', mem_gb=memory['measure_anatomy']
    )
    workflow.connect([
        (load_swi, measure_anatomy, [('out_file', 'swi')]),
        (label_swi, measure_anatomy, [
            ('brain_mask', 'brain_mask'),
            ('structures', 'structures'),
        ]),
        (measure_anatomy, outputnode, [
            ('structure_table', 'structure_table'),
            ('quality', 'quality'),
        ]),
        (load_swi, choose_head, [('out_file', 'swi')]),
        (choose_head, register, [('out_file', 'in_file'), ('source_file', 'source_file')]),
        (load_swi, label_swi, [('out_file', 'reference')]),
        (register, label_swi, [('from_template', 'from_template')]),
        (load_swi, check_contrast, [('out_file', 'in_file')]),
        (label_swi, check_contrast, [('structures', 'structures')]),
        (check_contrast, level_slices, [('out_file', 'in_file')]),
        (check_contrast, notes, [('notes', 'in8')]),
        (check_contrast, flags, [('flags', 'in8')]),
        (label_swi, level_slices, [('brain_mask', 'brain_mask')]),
        (level_slices, outputnode, [('out_file', 'measured_swi')]),
        (load_swi, notes, [('notes', 'in1')]),
        (level_slices, notes, [('notes', 'in6')]),
        (load_swi, flags, [('flags', 'in5')]),
        (level_slices, flags, [('flags', 'in6')]),
        (load_swi, outputnode, [('out_file', 'swi')]),
        (register, outputnode, [
            ('to_template', 'to_template'),
            ('from_template', 'from_template'),
            ('summary', 'registration'),
        ]),
        (label_swi, outputnode, [
            ('brain_mask', 'brain_mask'),
            ('structures', 'structures'),
            ('iron_area', 'iron_area'),
        ]),
        (notes, outputnode, [('out', 'notes')]),
        (flags, outputnode, [('out', 'flags')]),
    ])  # fmt: skip

    if unit.brain_mask:
        load_mask = pe.Node(
            LoadVolume(in_file=str(unit.brain_mask), role='brain mask'),
            name='load_mask',
            mem_gb=memory['load_mask'],
        )
        fit_mask = pe.Node(
            FitMask(source_file=str(unit.brain_mask)), name='fit_mask', mem_gb=memory['fit_mask']
        )
        workflow.connect([
            (load_mask, fit_mask, [('out_file', 'in_file')]),
            (load_swi, fit_mask, [('out_file', 'reference')]),
            (fit_mask, register, [('out_file', 'brain_mask')]),
            (fit_mask, label_swi, [('out_file', 'brain_mask')]),
            (fit_mask, outputnode, [('out_file', 'given_mask')]),
            (load_mask, notes, [('notes', 'in2')]),
            (fit_mask, notes, [('notes', 'in7')]),
            (fit_mask, flags, [('flags', 'in7')]),
        ])  # fmt: skip
    if unit.t2w:
        _connect_t2w(workflow, settings, unit, memory)
    if unit.qsm:
        _connect_qsm(workflow, settings, unit, memory)
    if unit.made:
        connect_reconstruction(workflow, settings, unit, anatomy, memory)
    return workflow


def _connect_t2w(
    workflow: pe.Workflow, settings: Settings, unit: Unit, memory: Mapping[str, float]
) -> None:
    """T2w: shading out, into the world of the SWI, from there to template and grid."""
    load_t2w = pe.Node(
        LoadVolume(in_file=str(unit.t2w), role='T2w'), name='load_t2w', mem_gb=memory['load_t2w']
    )
    correct_t2w = pe.Node(
        CorrectBias(sloppy=settings.sloppy), name='correct_t2w', mem_gb=memory['correct_t2w']
    )
    align_t2w = pe.Node(
        Align(source_file=str(unit.t2w), sloppy=settings.sloppy),
        name='align_t2w',
        mem_gb=memory['align_t2w'],
    )
    t2w_grid = pe.Node(ToGrid(), name='t2w_grid', mem_gb=memory['t2w_grid'])
    node = workflow.get_node
    node('choose_head').inputs.t2w_file = str(unit.t2w)
    workflow.connect([
        (load_t2w, correct_t2w, [('out_file', 'in_file')]),
        (correct_t2w, align_t2w, [('out_file', 'in_file')]),
        (node('load_swi'), align_t2w, [('out_file', 'reference')]),
        (align_t2w, node('choose_head'), [('out_file', 't2w')]),
        (align_t2w, t2w_grid, [('out_file', 'in_file')]),
        (node('load_swi'), t2w_grid, [('out_file', 'reference')]),
        (load_t2w, node('notes'), [('notes', 'in3')]),
        (align_t2w, node('notes'), [('notes', 'in4')]),
        (load_t2w, node('flags'), [('flags', 'in1')]),
        (align_t2w, node('flags'), [('flags', 'in2')]),
        (align_t2w, node('outputnode'), [('mutual_information', 'alignment')]),
        (t2w_grid, node('outputnode'), [('out_file', 't2w')]),
    ])  # fmt: skip


def _connect_qsm(
    workflow: pe.Workflow, settings: Settings, unit: Unit, memory: Mapping[str, float]
) -> None:
    """QSM: onto the SWI, to its grid, then to ppm by what the deep nuclei say."""
    load_qsm = pe.Node(
        LoadVolume(role='QSM', **ready_file(unit, 'qsm')),
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
        (node('label_swi'), fit_qsm, [('brain_mask', 'brain_mask')]),
        (fit_qsm, qsm_grid, [('out_file', 'in_file')]),
        (node('load_swi'), qsm_grid, [('out_file', 'reference')]),
        (qsm_grid, convert_chi, [('out_file', 'in_file')]),
        (node('label_swi'), convert_chi, [
            ('brain_mask', 'brain_mask'),
            ('iron_rich', 'iron_rich'),
        ]),
        (load_qsm, qsm_notes, [('notes', 'in1')]),
        (fit_qsm, qsm_notes, [('notes', 'in2')]),
        (convert_chi, qsm_notes, [('notes', 'in3')]),
        (qsm_notes, node('notes'), [('out', 'in5')]),
        (load_qsm, qsm_flags, [('flags', 'in1')]),
        (fit_qsm, qsm_flags, [('flags', 'in2')]),
        (convert_chi, qsm_flags, [('flags', 'in3')]),
        (qsm_flags, node('flags'), [('out', 'in3')]),
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
