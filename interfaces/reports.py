"""Pictures and the page of a unit."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    DynamicTraitedSpec,
    File,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)
from nipype.interfaces.io import add_traits

from deepmir_bids.bids.tsv import read_tsv

#: Outline of the brain mask.
BRAIN_COLOUR = '#00c7ff'


class _FileOutputSpec(TraitedSpec):
    out_file = File(exists=True)


class _PlotSlicesInputSpec(BaseInterfaceInputSpec):
    background = File(exists=True, mandatory=True)
    brain_mask = File(exists=True, mandatory=True)
    structures = File(exists=True, desc='label image, of which some are outlined')
    colours = traits.Dict(
        traits.Str, traits.List(traits.Int), usedefault=True, desc='colour: label values'
    )
    limits = traits.Tuple(traits.Float, traits.Float, desc='values shown as black and white')
    dimensions = traits.List(
        traits.Enum('x', 'y', 'z'), ['z', 'x', 'y'], usedefault=True, desc='directions of slices'
    )


class PlotSlices(SimpleInterface):
    """Outline the brain mask, or chosen structures, over an image."""

    input_spec = _PlotSlicesInputSpec
    output_spec = _FileOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.reports.slice_mosaic import plot_slices

        brain = nib.load(self.inputs.brain_mask).get_fdata() > 0
        masks, box = {BRAIN_COLOUR: brain}, brain
        if isdefined(self.inputs.structures):
            labels = np.asanyarray(nib.load(self.inputs.structures).dataobj)
            outlined = {
                colour: np.isin(labels, values) for colour, values in self.inputs.colours.items()
            }
            masks = {colour: mask for colour, mask in outlined.items() if mask.any()}
            box = np.any(list(masks.values()), axis=0) if masks else brain
        self._results['out_file'] = str(
            plot_slices(
                nib.load(self.inputs.background),
                box,
                Path(runtime.cwd) / 'slices.png',
                masks,
                limits=_optional(self.inputs.limits),
                dimensions=self.inputs.dimensions,
            )
        )
        return runtime


class _BlendInputSpec(BaseInterfaceInputSpec):
    swi = File(exists=True, mandatory=True)
    t2w = File(exists=True, mandatory=True)
    brain_mask = File(exists=True, mandatory=True)


class Blend(SimpleInterface):
    """SWI and T2w one upon the other, as a piece of a page."""

    input_spec = _BlendInputSpec
    output_spec = _FileOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.reports.html_pieces import data_uri, render
        from deepmir_bids.reports.slice_mosaic import plot_slices

        brain = nib.load(self.inputs.brain_mask).get_fdata() > 0
        pictures = []
        for name in ('swi', 't2w'):
            picture = Path(runtime.cwd) / f'{name}.png'
            plot_slices(nib.load(getattr(self.inputs, name)), brain, picture)
            pictures.append(data_uri(picture.read_bytes(), 'image/png'))
        page = render('blend.html.j2', first='SWI', second='T2w', pictures=pictures)
        return _keep(self, runtime, page)


class _LesionPagesInputSpec(BaseInterfaceInputSpec):
    unit = traits.Str(mandatory=True, desc='label of the unit, which names its review')
    swi = File(exists=True, mandatory=True)
    qsm = File(exists=True)
    t2w = File(exists=True)
    brain_mask = File(exists=True, mandatory=True)
    lesions = File(exists=True, mandatory=True)
    table = File(exists=True, mandatory=True)
    candidates = File(exists=True, mandatory=True)
    candidates_table = File(exists=True, mandatory=True)
    review = File(exists=True, desc='what a reader saved before')


class _LesionPagesOutputSpec(TraitedSpec):
    gallery = File(exists=True)
    viewer = File(exists=True)


class LesionPages(SimpleInterface):
    """Each lesion in every image, to be judged, and the whole images, as pieces of a page."""

    input_spec = _LesionPagesInputSpec
    output_spec = _LesionPagesOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids import CLASSES
        from deepmir_bids.reports.lesion_gallery import gallery_html
        from deepmir_bids.reports.lesion_tiles import Images
        from deepmir_bids.reports.niivue_viewer import CANDIDATE, viewer_html

        lesions = read_tsv(self.inputs.table)
        candidates = read_tsv(self.inputs.candidates_table)
        images = Images.load(
            self.inputs.swi,
            [self.inputs.lesions, self.inputs.candidates],
            _optional(self.inputs.qsm),
            _optional(self.inputs.t2w),
        )
        review = _read_review(self.inputs.review, lesions, candidates)
        classes = [0, *lesions['class'].map(CLASSES), *[CANDIDATE] * len(candidates)]
        brain = nib.as_closest_canonical(nib.load(self.inputs.brain_mask)).get_fdata() > 0
        pages = {
            'gallery': gallery_html(self.inputs.unit, images, lesions, candidates, review),
            'viewer': viewer_html(images, brain, np.array(classes, dtype=np.uint8)),
        }
        for name, page in pages.items():
            _keep(self, runtime, page, name)
        return runtime


class _FactsInputSpec(BaseInterfaceInputSpec):
    table = File(exists=True, mandatory=True)
    structures_tsv = File(exists=True, mandatory=True)
    brain_mask = File(exists=True, mandatory=True)
    facts = traits.Dict(mandatory=True, desc='what the result rests on')
    operating_point = traits.Str(mandatory=True)
    atlas = traits.Str(mandatory=True)
    methods = traits.Str(mandatory=True)
    candidates_table = File(exists=True, mandatory=True)
    review = File(exists=True, desc='what a reader made of it')
    notes = traits.List(traits.Str, desc='what was chosen, mended or converted')


class _FactsOutputSpec(TraitedSpec):
    summary = File(exists=True)
    nuclei = File(exists=True)
    methods = File(exists=True)
    notes = File(exists=True)


class Facts(SimpleInterface):
    """Counts at a glance, susceptibility of the nuclei, methods and notes, as pieces of a page."""

    input_spec = _FactsInputSpec
    output_spec = _FactsOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.reports.html_pieces import render
        from deepmir_bids.reports.unit_summary import nuclei_html, review_sentence, summary_html

        mask = nib.load(self.inputs.brain_mask)
        volume_ml = (mask.get_fdata() > 0).sum() * np.prod(mask.header.get_zooms()) / 1000
        facts = {**self.inputs.facts, 'Brain mask': f'{volume_ml:.0f} mL'}
        notes = self.inputs.notes if isdefined(self.inputs.notes) else []
        table, structures = read_tsv(self.inputs.table), read_tsv(self.inputs.structures_tsv)
        candidates = read_tsv(self.inputs.candidates_table)
        review = _read_review(self.inputs.review, table, candidates)
        reviewed = '' if review is None else review_sentence(table, candidates, review)
        pages = {
            'summary': summary_html(table, facts, self.inputs.operating_point, reviewed),
            'nuclei': nuclei_html(structures, self.inputs.atlas),
            'methods': render('methods.html.j2', methods=self.inputs.methods),
            'notes': render('notes.html.j2', notes=notes, error='', crash=''),
        }
        for name, page in pages.items():
            _keep(self, runtime, page, name)
        return runtime


class _AssembleInputSpec(DynamicTraitedSpec, BaseInterfaceInputSpec):
    entities = traits.Dict(mandatory=True, desc='name of each piece, and its BIDS entities')
    source_file = File(mandatory=True, desc='the SWI, which the figures are named after')
    subject = traits.Str(mandatory=True)
    session = traits.Str()
    label = traits.Str(mandatory=True, desc='of the unit, which names the page')


class _AssembleOutputSpec(TraitedSpec):
    page = File(exists=True)
    figures = traits.List(File(exists=True), desc='images, named as in the dataset')


class Assemble(SimpleInterface):
    """Name the pieces of a unit's page and put them together."""

    input_spec = _AssembleInputSpec
    output_spec = _AssembleOutputSpec

    def __init__(self, **inputs):
        super().__init__(**inputs)
        add_traits(self.inputs, list(self.inputs.entities))

    def _run_interface(self, runtime):
        from deepmir_bids.interfaces.derivatives_sink import name_files
        from deepmir_bids.reports.participant_page import assemble_page

        reportlets, folder = Path(runtime.cwd) / 'reportlets', Path(runtime.cwd) / 'page'
        for made in (reportlets, folder):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
        files = [
            (getattr(self.inputs, name), entities, {})
            for name, entities in self.inputs.entities.items()
        ]
        named = name_files(files, self.inputs.source_file, reportlets)
        session = _optional(self.inputs.session)
        page = assemble_page(reportlets, folder, self.inputs.label, self.inputs.subject, session)
        self._results['page'] = str(page)
        self._results['figures'] = [path for path in named if path.endswith('.png')]
        return runtime


def _read_review(path, lesions, candidates):
    """Return a reader's table, or None where there is none."""
    from deepmir_bids.lesions.reader_review import read_review

    return read_review(Path(path), lesions, candidates) if isdefined(path) else None


def _optional(value):
    """Return an input that need not be given, or None."""
    return value if isdefined(value) else None


def _keep(interface, runtime, page: str, name: str = 'out_file'):
    """Write a piece of a page into the node's folder, as an output of that name."""
    path = Path(runtime.cwd) / f'{name}.html'
    path.write_text(page, encoding='utf-8')
    interface._results[name] = str(path)
    return runtime
