"""Where the brain of a unit lies, and its structures."""

from __future__ import annotations

from collections.abc import Mapping

from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.interfaces.anatomy import Align, ChooseHead, Label, Register
from deepmir_bids.interfaces.imaging import CorrectBias, FitMask, LoadVolume
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.step_memory import step_memory

#: What is known of the brain of every unit.
LABELS = (
    'brain_mask',
    'structures',
    'iron_rich',
    'iron_area',
    'to_template',
    'from_template',
    'registration',
)


def init_brain_wf(
    settings: Settings, unit: Unit, anatomy: Anatomy, name: str = 'brain_wf'
) -> pe.Workflow:
    """Register a unit to the template, by its T2w if it has one, and label its brain.

    Inputs
    ------
    head
        SWI, or what one is going to be made of, checked: its grid is the grid of all that is given
        out.

    Outputs
    -------
    brain_mask, structures, iron_rich, iron_area
        On that grid.
    to_template, from_template, registration
        Transforms of images between SWI and template, and how well they fit.
    t2w
        Without shading and in the world of the SWI, on its own grid, if the unit has one that can
        be used.
    alignment
        Mutual information (nats) of T2w and head after rigid registration, if there is a T2w.
    given_mask
        The brain mask that was given, if it lies on the head.
    notes, flags
        What was mended or left out, in sentences and in a word each.

    """
    workflow = pe.Workflow(name=name)
    memory = step_memory(unit)
    inputnode = pe.Node(niu.IdentityInterface(fields=['head']), name='inputnode')
    outputnode = pe.Node(
        niu.IdentityInterface(
            fields=[*LABELS, 't2w', 'alignment', 'given_mask', 'notes', 'flags']
        ),
        name='outputnode',
    )
    notes = pe.Node(niu.Merge(4), name='notes', run_without_submitting=True)
    flags = pe.Node(niu.Merge(4), name='flags', run_without_submitting=True)
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
    workflow.connect([
        (inputnode, choose_head, [('head', 'swi')]),
        (choose_head, register, [('out_file', 'in_file'), ('source_file', 'source_file')]),
        (inputnode, label_swi, [('head', 'reference')]),
        (register, label_swi, [('from_template', 'from_template')]),
        (register, outputnode, [
            ('to_template', 'to_template'),
            ('from_template', 'from_template'),
            ('summary', 'registration'),
        ]),
        (label_swi, outputnode, [
            ('brain_mask', 'brain_mask'),
            ('structures', 'structures'),
            ('iron_rich', 'iron_rich'),
            ('iron_area', 'iron_area'),
        ]),
        (notes, outputnode, [('out', 'notes')]),
        (flags, outputnode, [('out', 'flags')]),
    ])  # fmt: skip
    if unit.t2w:
        _connect_t2w(workflow, settings, unit, memory)
    if unit.brain_mask:
        _connect_mask(workflow, unit, memory)
    return workflow


def _connect_t2w(
    workflow: pe.Workflow, settings: Settings, unit: Unit, memory: Mapping[str, float]
) -> None:
    """T2w: shading out, into the world of the SWI, from there to the template."""
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
    node = workflow.get_node
    node('choose_head').inputs.t2w_file = str(unit.t2w)
    workflow.connect([
        (load_t2w, correct_t2w, [('out_file', 'in_file')]),
        (correct_t2w, align_t2w, [('out_file', 'in_file')]),
        (node('inputnode'), align_t2w, [('head', 'reference')]),
        (align_t2w, node('choose_head'), [('out_file', 't2w')]),
        (load_t2w, node('notes'), [('notes', 'in1')]),
        (align_t2w, node('notes'), [('notes', 'in2')]),
        (load_t2w, node('flags'), [('flags', 'in1')]),
        (align_t2w, node('flags'), [('flags', 'in2')]),
        (align_t2w, node('outputnode'), [
            ('out_file', 't2w'),
            ('mutual_information', 'alignment'),
        ]),
    ])  # fmt: skip


def _connect_mask(workflow: pe.Workflow, unit: Unit, memory: Mapping[str, float]) -> None:
    """Take a given brain mask in the template's place, if it lies on the head."""
    load_mask = pe.Node(
        LoadVolume(in_file=str(unit.brain_mask), role='brain mask'),
        name='load_mask',
        mem_gb=memory['load_mask'],
    )
    fit_mask = pe.Node(
        FitMask(source_file=str(unit.brain_mask)), name='fit_mask', mem_gb=memory['fit_mask']
    )
    node = workflow.get_node
    workflow.connect([
        (load_mask, fit_mask, [('out_file', 'in_file')]),
        (node('inputnode'), fit_mask, [('head', 'reference')]),
        (fit_mask, node('register'), [('out_file', 'brain_mask')]),
        (fit_mask, node('label_swi'), [('out_file', 'brain_mask')]),
        (fit_mask, node('outputnode'), [('out_file', 'given_mask')]),
        (load_mask, node('notes'), [('notes', 'in3')]),
        (fit_mask, node('notes'), [('notes', 'in4')]),
        (load_mask, node('flags'), [('flags', 'in3')]),
        (fit_mask, node('flags'), [('flags', 'in4')]),
    ])  # fmt: skip
