"""One real person's images with lesions put into them, and the truth about these lesions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from threadpoolctl import threadpool_limits

from deepmir_bids.anatomy.ants_process import run_in_ants_process
from deepmir_bids.anatomy.atlas_structures import basal_ganglia_indices
from deepmir_bids.anatomy.labels_on_swi import label_brain
from deepmir_bids.anatomy.qsm_fit import fit_qsm
from deepmir_bids.anatomy.rigid_registration import register_rigid
from deepmir_bids.anatomy.template_registration import register_template
from deepmir_bids.errors import InputError
from deepmir_bids.imaging.bias_field import correct_bias
from deepmir_bids.imaging.image_noise import relative_noise
from deepmir_bids.imaging.qsm_units import chi_scale
from deepmir_bids.imaging.resampling import resample_to_image
from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.implant_places import random_implants, real_head
from deepmir_bids.simulation.lesion_implants import (
    into_gradient_echo,
    into_qsm,
    into_t2w,
    localise_lesions,
    signal_ratio,
)
from deepmir_bids.simulation.random_lesions import iron_count, microbleed_count
from deepmir_bids.simulation.true_outlines import classes, outline
from deepmir_bids.simulation.truth_tables import lesion_table

if TYPE_CHECKING:
    import pandas as pd

    from deepmir_bids.anatomy.atlas_structures import Structure
    from deepmir_bids.anatomy.template_choice import Anatomy

#: Iron deposits for each microbleed, where a number of microbleeds is asked for.
IRON_SHARE = 1 / 3


@dataclass(frozen=True)
class ImplantedSubject:
    """Images of a person with lesions in them, on their own grids, and the truth.

    ``images`` has those that could be used, by their names in `deepmir_bids.INPUTS`; ``truth``
    (the values of `deepmir_bids.CLASSES`) and ``lesion_numbers`` (row of ``lesions`` + 1) are on
    the grid of the SWI. ``lesions`` has the columns of
    `deepmir_bids.simulation.truth_tables.COLUMNS`; ``notes`` say what was left out, and why.
    """

    images: dict[str, nib.Nifti1Image]
    truth: nib.Nifti1Image
    lesion_numbers: nib.Nifti1Image
    lesions: pd.DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class RegisteredHead:
    """A head's brain mask and structures on the grid of its SWI, and where its T2w lies.

    ``t2w_matrix`` (4x4) takes the T2w's world to the SWI's; None if there is no T2w, or ``note``
    says why it does not fit. ``qsm_fits`` is whether the QSM is known to lie on the SWI, in ppm.
    """

    brain: np.ndarray
    structures: np.ndarray
    t2w_matrix: np.ndarray | None = None
    note: str = ''
    qsm_fits: bool = False


def register_head(
    swi: nib.Nifti1Image,
    t2w: nib.Nifti1Image | None,
    anatomy: Anatomy,
    folder: Path,
    *,
    sloppy: bool = False,
) -> RegisteredHead:
    """Find brain and structures of a head as the app does: by its T2w, or by the SWI alone.

    Parameters
    ----------
    swi, t2w
        Images of the head.
    anatomy
        What `find_anatomy` gives.
    folder
        For transforms.
    sloppy
        Coarse registration, for tests.

    Raises
    ------
    RegistrationError
        If the head does not register to the template.

    """
    matrix, note, head = None, '', swi
    if t2w is not None:
        even = run_in_ants_process(correct_bias, t2w, sloppy=sloppy)
        rigid = run_in_ants_process(register_rigid, even, swi, sloppy=sloppy)
        note = rigid.mismatch
        if not note:
            matrix = rigid.matrix
            head = nib.Nifti1Image(even.get_fdata(dtype=np.float32), matrix @ even.affine)
    if matrix is None:
        head = run_in_ants_process(correct_bias, swi, sloppy=sloppy)
    head.set_filename(str(swi.get_filename()))  # the name that an error gives
    to_swi = run_in_ants_process(register_template, head, anatomy, folder, sloppy=sloppy).to_image
    brain, structures = run_in_ants_process(label_brain, swi.shape, swi.affine, anatomy, to_swi)
    return RegisteredHead(brain, structures, matrix, note)


# Sums of several threads are rounded otherwise than those of one, and cores differ in number.
@threadpool_limits.wrap(limits=1, user_api='blas')
def implant_subject(
    images: dict[str, nib.Nifti1Image],
    acquisition: Acquisition,
    head: RegisteredHead,
    names: Collection[Structure],
    rng: np.random.Generator,
    *,
    microbleeds: int | None = None,
    b0_direction: np.ndarray | None = None,
    qsm_scale: str = 'auto',
) -> ImplantedSubject:
    """Put lesions into a person's images.

    Parameters
    ----------
    images
        By their names in `deepmir_bids.INPUTS`, as `load_input` gives them.
    acquisition
        How the SWI was acquired.
    head, names
        What `register_head` gives for the SWI, and the structures that it was labelled with.
    rng
        Draws number, places, sizes and susceptibility.
    microbleeds
        How many, with a third as many iron deposits; by default as many as people have.
    b0_direction
        Direction of the main field in the SWI's axes; by default the scanner's z.
    qsm_scale
        Unit and sign of the QSM: ``auto``, or a key of `qsm_units.QSM_SCALES`.

    """
    swi = images['swi']
    before = swi.get_fdata(dtype=np.float32)
    t2w_affine = None
    if head.t2w_matrix is not None:
        t2w_affine = head.t2w_matrix @ images['t2w'].affine
    places = real_head(
        before,
        acquisition.grid,
        head.brain,
        head.structures,
        names,
        None if t2w_affine is None else _on_grid(images['t2w'], t2w_affine, swi),
    )
    if microbleeds is None:
        counts = microbleed_count(rng, enriched=False), iron_count(rng, enriched=False)
    else:
        counts = microbleeds, round(IRON_SHARE * microbleeds)
    drawn = random_implants(places, *counts, rng)
    lesions = localise_lesions(drawn, acquisition, places, b0_direction)
    noise = relative_noise(before, head.brain) * float(np.median(before[head.brain]))
    after = into_gradient_echo(before, signal_ratio(lesions, acquisition), noise, acquisition, rng)
    numbers = outline(after, before, noise, lesions, acquisition.grid)
    visible = np.bincount(numbers.ravel(), minlength=len(lesions) + 1)[1:]
    changed = {'swi': _like(swi, after)}
    notes = [f'The T2w was left out: {head.note}.'] if head.note else []
    if t2w_affine is not None:
        t2w = images['t2w'].get_fdata(dtype=np.float32)
        changed['t2w'] = _like(images['t2w'], into_t2w(t2w, t2w_affine, lesions, acquisition))
    if 'qsm' in images:
        try:
            where, ppm = _qsm_on_swi(images['qsm'], swi, head, names, qsm_scale)
        except InputError as error:
            notes.append(f'The QSM was left out: {error}')
        else:
            chi = images['qsm'].get_fdata(dtype=np.float32)
            changed['qsm'] = _like(images['qsm'], into_qsm(chi, where, lesions, acquisition, ppm))
    return ImplantedSubject(
        images=changed,
        truth=_like(swi, classes(numbers, lesions)),
        lesion_numbers=_like(swi, numbers),
        lesions=lesion_table(lesions, visible, acquisition),
        notes=tuple(notes),
    )


def _like(image: nib.Nifti1Image, data: np.ndarray) -> nib.Nifti1Image:
    """Return an array as an image on the grid of another one."""
    made = nib.Nifti1Image(data, image.affine, image.header)
    made.set_data_dtype(data.dtype)
    made.header['cal_max'] = made.header['cal_min'] = 0
    return made


def _on_grid(image: nib.Nifti1Image, affine: np.ndarray, swi: nib.Nifti1Image) -> np.ndarray:
    moved = nib.Nifti1Image(image.get_fdata(dtype=np.float32), affine)
    return resample_to_image(moved, swi).get_fdata(dtype=np.float32)


def _qsm_on_swi(
    qsm: nib.Nifti1Image,
    swi: nib.Nifti1Image,
    head: RegisteredHead,
    names: Collection[Structure],
    asked: str,
) -> tuple[np.ndarray, float]:
    """Return a map's affine in the SWI's world, and how many ppm one of its units is."""
    if head.qsm_fits:
        return qsm.affine, 1.0
    name: Any = qsm.get_filename()
    found = fit_qsm(qsm, swi, head.brain)
    if not found.fits:
        raise InputError(f'{name} and the SWI do not show the same veins, wherever it is put.')
    affine = found.matrix @ qsm.affine
    iron_rich = np.isin(head.structures, basal_ganglia_indices(names))
    scale = chi_scale(_on_grid(qsm, affine, swi), head.brain, iron_rich, name=name, asked=asked)
    return affine, scale.factor
