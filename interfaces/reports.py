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

from deepmir_bids.bids.tables import read_tsv
from deepmir_bids.data import load as load_data


class _FileOutputSpec(TraitedSpec):
    out_file = File(exists=True)


class _PlotContoursInputSpec(BaseInterfaceInputSpec):
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


class PlotContours(SimpleInterface):
    """Outline the brain mask, or chosen structures, over an image."""

    input_spec = _PlotContoursInputSpec
    output_spec = _FileOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.reports.contours import plot_contours

        brain = nib.load(self.inputs.brain_mask).get_fdata() > 0
        masks = {'#00c7ff': brain}
        if isdefined(self.inputs.structures):
            labels = np.asanyarray(nib.load(self.inputs.structures).dataobj)
            masks = {
                colour: np.isin(labels, values) for colour, values in self.inputs.colours.items()
            }
        self._results['out_file'] = str(
            plot_contours(
                nib.load(self.inputs.background),
                {colour: mask for colour, mask in masks.items() if mask.any()},
                brain if len(masks) == 1 else np.any(list(masks.values()), axis=0),
                Path(runtime.cwd) / 'contours.svg',
                limits=self.inputs.limits if isdefined(self.inputs.limits) else None,
                dimensions=self.inputs.dimensions,
            )
        )
        return runtime


class _GalleryInputSpec(BaseInterfaceInputSpec):
    swi = File(exists=True, mandatory=True)
    qsm = File(exists=True)
    t2w = File(exists=True)
    lesions = File(exists=True, mandatory=True)
    table = File(exists=True, mandatory=True)


class Gallery(SimpleInterface):
    """Each lesion in every image, and the lesion table, as a piece of a page."""

    input_spec = _GalleryInputSpec
    output_spec = _FileOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.reports.gallery import Images, plot_gallery
        from deepmir_bids.reports.summary import gallery_html

        def optional(path):
            return Path(path) if isdefined(path) else None

        table = read_tsv(self.inputs.table)
        images = Images.load(
            Path(self.inputs.swi),
            Path(self.inputs.lesions),
            optional(self.inputs.qsm),
            optional(self.inputs.t2w),
        )
        picture = plot_gallery(images, table, Path(runtime.cwd) / 'lesions.png')
        page = Path(runtime.cwd) / 'lesions.html'
        page.write_text(gallery_html(table, picture), encoding='utf-8')
        self._results['out_file'] = str(page)
        return runtime


class _SummaryInputSpec(BaseInterfaceInputSpec):
    table = File(exists=True, mandatory=True)
    brain_mask = File(exists=True, mandatory=True)
    facts = traits.Dict(mandatory=True, desc='what the result rests on')
    registration = traits.Dict(desc='how well the template fits')
    notes = traits.List(traits.Str, desc='what was chosen, mended or converted')


class Summary(SimpleInterface):
    """Counts at a glance, and what the result rests on, as a piece of a page."""

    input_spec = _SummaryInputSpec
    output_spec = _FileOutputSpec

    def _run_interface(self, runtime):
        from deepmir_bids.reports.summary import summary_html

        mask = nib.load(self.inputs.brain_mask)
        voxel_ml = abs(np.linalg.det(mask.affine[:3, :3])) / 1000
        page = Path(runtime.cwd) / 'summary.html'
        content = summary_html(
            read_tsv(self.inputs.table),
            self.inputs.facts,
            self.inputs.notes if isdefined(self.inputs.notes) else [],
            float((mask.get_fdata() > 0).sum() * voxel_ml),
        )
        page.write_text(content, encoding='utf-8')
        self._results['out_file'] = str(page)
        return runtime


class _AssembleInputSpec(DynamicTraitedSpec, BaseInterfaceInputSpec):
    entities = traits.Dict(mandatory=True, desc='name of each figure, and its BIDS entities')
    source_file = File(mandatory=True, desc='the SWI, which the figures are named after')
    subject = traits.Str(mandatory=True)
    session = traits.Str()
    label = traits.Str(mandatory=True, desc='of the unit, which names the page')


class _AssembleOutputSpec(TraitedSpec):
    page = File(exists=True)
    figures = traits.List(File(exists=True), desc='named as in the dataset')


class Assemble(SimpleInterface):
    """Name the figures of a unit and put them together on its page (nireports)."""

    input_spec = _AssembleInputSpec
    output_spec = _AssembleOutputSpec

    def __init__(self, **inputs):
        super().__init__(**inputs)
        add_traits(self.inputs, list(self.inputs.entities))

    def _run_interface(self, runtime):
        from nireports.assembler.report import Report

        from deepmir_bids.interfaces.derivatives import name_files

        reportlets, folder = Path(runtime.cwd) / 'reportlets', Path(runtime.cwd) / 'page'
        for made in (reportlets, folder):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir()
        files = [
            (getattr(self.inputs, name), entities, {})
            for name, entities in self.inputs.entities.items()
        ]
        self._results['figures'] = name_files(files, self.inputs.source_file, reportlets)
        session = {'session': self.inputs.session} if isdefined(self.inputs.session) else {}
        # nireports copies the figures below the page's folder, and links to them from there.
        report = Report(
            folder,
            None,
            bootstrap_file=load_data('report.yml'),
            reportlets_dir=reportlets,
            out_filename=f'{self.inputs.label}.html',
            subject=self.inputs.subject,
            **session,
        )
        report.generate_report()
        self._results['page'] = str(folder / f'{self.inputs.label}.html')
        return runtime
