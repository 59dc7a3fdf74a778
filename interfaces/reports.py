"""Pictures and the page of a unit."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
from nipype.interfaces.base import (
    BaseInterfaceInputSpec,
    File,
    SimpleInterface,
    TraitedSpec,
    isdefined,
    traits,
)

from deepmir_bids.bids.output_files import PIECES
from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.imaging.read_image import read_on_grid
from deepmir_bids.imaging.voxel_order import load_in_canonical_order

#: Outline of the brain mask.
BRAIN_COLOUR = '#00c7ff'


class _FileOutputSpec(TraitedSpec):
    out_file = File(exists=True)


class _PlotSlicesInputSpec(BaseInterfaceInputSpec):
    background = File(exists=True, desc='nothing is drawn where it is not given')
    brain_mask = File(exists=True, desc='has to be there where something is drawn')
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
        if isdefined(self.inputs.background):
            self._results['out_file'] = _plot(self.inputs, self.inputs.background, runtime)
        return runtime


class _PlotStructuresInputSpec(_PlotSlicesInputSpec):
    swi = File(exists=True, mandatory=True)
    t2w = File(exists=True)


class _PlotStructuresOutputSpec(TraitedSpec):
    on_t2w = File(exists=True, desc='the picture, if there is a T2w')
    on_swi = File(exists=True, desc='the picture, if there is none')


class PlotStructures(SimpleInterface):
    """Outline structures over the T2w, which shows them best, or over the SWI."""

    input_spec = _PlotStructuresInputSpec
    output_spec = _PlotStructuresOutputSpec

    def _run_interface(self, runtime):
        name = 't2w' if isdefined(self.inputs.t2w) else 'swi'
        self._results[f'on_{name}'] = _plot(self.inputs, getattr(self.inputs, name), runtime)
        return runtime


def _plot(inputs, image: str, runtime) -> str:
    """Draw an image with the outlines that are asked for; return the picture's path."""
    from deepmir_bids.reports.slice_mosaic import plot_slices

    background = load_in_canonical_order(image)
    brain = read_on_grid(inputs.brain_mask, background) > 0
    masks, box = {BRAIN_COLOUR: brain}, brain
    if isdefined(inputs.structures):
        labels = read_on_grid(inputs.structures, background).astype(np.int32)
        outlined = {colour: np.isin(labels, values) for colour, values in inputs.colours.items()}
        masks = {colour: mask for colour, mask in outlined.items() if mask.any()}
        box = np.any(list(masks.values()), axis=0) if masks else brain
    return str(
        plot_slices(
            background,
            box,
            Path(runtime.cwd) / 'slices.png',
            masks,
            limits=_optional(inputs.limits),
            dimensions=inputs.dimensions,
        )
    )


class _BlendPieceInputSpec(BaseInterfaceInputSpec):
    swi = File(exists=True, mandatory=True)
    t2w = File(exists=True, desc='nothing is drawn where it is not given')
    brain_mask = File(exists=True, mandatory=True)


class BlendPiece(SimpleInterface):
    """SWI and T2w on the same slices, to be faded one into the other, as a piece of a page."""

    input_spec = _BlendPieceInputSpec
    output_spec = _FileOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.reports.html_pieces import data_uri, render
        from deepmir_bids.reports.slice_mosaic import plot_slices

        if not isdefined(self.inputs.t2w):
            return runtime
        pictures = []
        for name in ('swi', 't2w'):
            picture = Path(runtime.cwd) / f'{name}.png'
            image = load_in_canonical_order(getattr(self.inputs, name))
            plot_slices(image, read_on_grid(self.inputs.brain_mask, image) > 0, picture)
            pictures.append(data_uri(picture.read_bytes(), 'image/png'))
        piece = render('blend.html.j2', first='SWI', second='T2w', pictures=pictures)
        self._results['out_file'] = _write(runtime, 'blend', piece)
        return runtime


class _LesionTablesInputSpec(BaseInterfaceInputSpec):
    lesion_table = File(exists=True, mandatory=True)
    candidate_table = File(exists=True, mandatory=True)
    review = File(exists=True, desc='what a reader saved before')


class _LesionPiecesInputSpec(_LesionTablesInputSpec):
    unit = traits.Str(mandatory=True, desc='label of the unit, which names its review')
    swi = File(exists=True, mandatory=True)
    qsm = File(exists=True)
    t2w = File(exists=True)
    brain_mask = File(exists=True, mandatory=True)
    lesions = File(exists=True, mandatory=True)
    candidates = File(exists=True, mandatory=True)


class _LesionPiecesOutputSpec(TraitedSpec):
    gallery = File(exists=True)
    viewer = File(exists=True)


class LesionPieces(SimpleInterface):
    """Each lesion in every image, to be reviewed, and the whole images, as pieces of a page."""

    input_spec = _LesionPiecesInputSpec
    output_spec = _LesionPiecesOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.reports.lesion_gallery import gallery_html
        from deepmir_bids.reports.lesion_tiles import Images
        from deepmir_bids.reports.niivue_viewer import viewer_html

        images = Images.load(
            self.inputs.swi,
            [self.inputs.lesions, self.inputs.candidates],
            _optional(self.inputs.qsm),
            _optional(self.inputs.t2w),
        )
        lesions = _read_lesions(self.inputs)
        mask = nib.as_closest_canonical(nib.load(self.inputs.brain_mask))
        brain = np.asanyarray(mask.dataobj) > 0
        reviewed = isdefined(self.inputs.review)
        pieces = {
            'gallery': gallery_html(self.inputs.unit, images, lesions, reviewed=reviewed),
            'viewer': viewer_html(images, brain, lesions),
        }
        for name, piece in pieces.items():
            self._results[name] = _write(runtime, name, piece)
        return runtime


class _TextPiecesInputSpec(_LesionTablesInputSpec):
    structure_table = File(exists=True, mandatory=True)
    brain_mask = File(exists=True, mandatory=True)
    facts = traits.Dict(mandatory=True, desc='what the result rests on')
    operating_point = traits.Str(mandatory=True)
    atlas = traits.Str(mandatory=True)
    methods = traits.Str(mandatory=True)
    notes = traits.List(traits.Str, desc='what was chosen, mended or converted')


class _TextPiecesOutputSpec(TraitedSpec):
    summary = File(exists=True)
    nuclei = File(exists=True)
    methods = File(exists=True)
    remarks = File(exists=True)


class TextPieces(SimpleInterface):
    """Counts at a glance, susceptibility of the nuclei, methods and notes, as pieces of a page."""

    input_spec = _TextPiecesInputSpec
    output_spec = _TextPiecesOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.reports.html_pieces import render
        from deepmir_bids.reports.unit_summary import nuclei_html, review_sentence, summary_html

        mask = nib.load(self.inputs.brain_mask)
        voxels = (np.asanyarray(mask.dataobj) > 0).sum()
        volume_ml = voxels * np.prod(mask.header.get_zooms()) / 1000
        facts = {**self.inputs.facts, 'Brain mask': f'{volume_ml:.0f} mL'}
        lesions = _read_lesions(self.inputs)
        review = review_sentence(lesions) if isdefined(self.inputs.review) else ''
        notes = _optional(self.inputs.notes) or []
        pieces = {
            'summary': summary_html(lesions, facts, self.inputs.operating_point, review),
            'nuclei': nuclei_html(read_tsv(self.inputs.structure_table), self.inputs.atlas),
            'methods': render('methods.html.j2', methods=self.inputs.methods),
            'remarks': render('notes.html.j2', notes=notes, error='', crash=''),
        }
        for name, piece in pieces.items():
            self._results[name] = _write(runtime, name, piece)
        return runtime


class _AssemblePageInputSpec(BaseInterfaceInputSpec):
    unit = traits.Instance(Unit, mandatory=True)
    source_file = File(mandatory=True, desc='the SWI, which the figures are named after')


# A file for each piece in the table of results.
for _piece in PIECES:
    _AssemblePageInputSpec.add_class_trait(_piece.name, File(exists=True, desc=_piece.text))


class _AssemblePageOutputSpec(TraitedSpec):
    page = File(exists=True)
    figures = traits.List(File(exists=True), desc='pictures, named as in the dataset')


class AssemblePage(SimpleInterface):
    """Name the pieces of a unit's page and put them together."""

    input_spec = _AssemblePageInputSpec
    output_spec = _AssemblePageOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.interfaces.derivatives_sink import name_files
        from deepmir_bids.reports.participant_page import assemble_page

        reportlets, folder = Path(runtime.cwd) / 'reportlets', Path(runtime.cwd) / 'page'
        for made in (reportlets, folder):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
        files = [
            (getattr(self.inputs, piece.name), piece.entities_of('', ''), {})
            for piece in PIECES
            if isdefined(getattr(self.inputs, piece.name))
        ]
        named = name_files(files, self.inputs.source_file, reportlets)
        unit = self.inputs.unit
        page = assemble_page(reportlets, folder, unit.label, unit.subject, unit.session)
        self._results['page'] = str(page)
        self._results['figures'] = [path for path in named if path.endswith('.png')]
        return runtime


def _read_lesions(inputs):
    """Lesions and candidates, with the reader's verdicts where there are any."""
    from deepmir_bids.lesions.reader_review import read_reviewed_lesions

    names = ('lesion_table', 'candidate_table', 'review')
    given = {name: getattr(inputs, name) for name in names}
    return read_reviewed_lesions(
        {name: Path(path) for name, path in given.items() if isdefined(path)}
    )


def _optional(value):
    """Return an input that need not be given, or None."""
    return value if isdefined(value) else None


def _write(runtime, name: str, piece: str) -> str:
    """Write a piece of a page into the node's folder; return its path."""
    path = Path(runtime.cwd) / f'{name}.html'
    path.write_text(piece, encoding='utf-8')
    return str(path)
