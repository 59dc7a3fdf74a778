"""A person's images as a finished run left them, ready to have lesions put in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from deepmir_bids import CLASSES
from deepmir_bids.acceptance.head_mask import brain_by_signal
from deepmir_bids.anatomy.atlas_structures import Structure, read_structures
from deepmir_bids.bids.finished_results import UnitResults, read_results
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.errors import InputError
from deepmir_bids.evaluation.truth_pairs import Case, Pair, read_case
from deepmir_bids.imaging.load_input import ROLES, load_input
from deepmir_bids.imaging.read_image import read_on_grid
from deepmir_bids.imaging.slice_faults import level_slices
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.lesions.reader_review import draw_final_classes, read_reviewed_lesions

if TYPE_CHECKING:
    import nibabel as nib

    from deepmir_bids.model.prediction import Model
    from deepmir_bids.settings import Settings

#: The only structure of a head whose anatomy is not known. Microbleeds may lie anywhere in it.
UNKNOWN = Structure(1, 'brain', 'lobar', '')
#: Region of a lesion in it.
NO_REGION = 'not known'


@dataclass(frozen=True)
class PreparedHead:
    """One unit, everything on the grid of its SWI.

    ``images`` by the names of `deepmir_bids.INPUTS`, the QSM in ppm; ``inputs`` are those that the
    network saw. ``case`` holds what it found in the images as they are, and an empty truth;
    ``names`` are the structures of its atlas. ``confirmed`` are lesions of the person's own, as a
    reader has confirmed them (X, Y, Z, values of `deepmir_bids.CLASSES`). ``why_no_anatomy`` is
    empty for a head that the app has done, and else says why it has not: then there is a brain
    mask alone.
    """

    unit: Unit
    images: dict[str, nib.Nifti1Image]
    inputs: tuple[str, ...]
    case: Case
    names: tuple[Structure, ...]
    confirmed: np.ndarray
    why_no_anatomy: str = ''

    @property
    def label(self) -> str:
        """The unit as BIDS writes it."""
        return self.unit.label

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes that can be tested: without nuclei no iron deposit counts."""
        return tuple(CLASSES)[:1] if self.why_no_anatomy else tuple(CLASSES)


def finished_head(unit: Unit, settings: Settings) -> PreparedHead:
    """Read a unit that the app has done.

    Raises
    ------
    InputError
        It has no complete results, or an image cannot be read.

    """
    results = read_results(settings.out_dir, unit.label)
    made = results.files.get('made_swi') if 'swi' in unit.made else None
    swi = load_input(ROLES['swi'], made or _swi_of(unit))[0]
    return PreparedHead(
        unit=unit,
        images={'swi': swi, **_prepared(results, swi)},
        inputs=tuple(results.detection['InputsUsed']),
        case=_untouched(unit, results),
        names=read_structures(results.files['structure_table']),
        confirmed=_confirmed(results, swi),
    )


def _prepared(results: UnitResults, swi: nib.Nifti1Image) -> dict[str, nib.Nifti1Image]:
    import nibabel as nib

    return {
        name: nib.Nifti1Image(read_on_grid(results.files[name], swi), swi.affine)
        for name in ('qsm', 't2w')
        if name in results.files
    }


def _confirmed(results: UnitResults, swi: nib.Nifti1Image) -> np.ndarray:
    """Lesions that a reader has confirmed; what nobody judged is none of them."""
    lesions = read_reviewed_lesions(results.files)
    maps = [read_on_grid(results.files[name], swi) for name in ('lesions', 'candidates')]
    judged = lesions[lesions['verdict'].notna()]
    return draw_final_classes(np.sum(maps, axis=0).astype(int), judged)


def _untouched(unit: Unit, results: UnitResults) -> Case:
    # What was found stands in for the truth, of which nothing is known.
    case = read_case(Pair(unit.label, results.files['class_map'], results))
    return replace(case, truth=np.zeros_like(case.truth))


def head_without_anatomy(
    unit: Unit, why: str, settings: Settings, model: Model, device: str
) -> PreparedHead:
    """Find a brain in an SWI that does not register, as a slab or a crop, by its signal alone.

    The QSM and the T2w are left out: without nuclei nobody can tell whether they fit.

    Parameters
    ----------
    unit
        With its SWI.
    why
        Why the app has not done it.
    settings, model, device
        Of the run, what finds lesions in it, and where.

    Raises
    ------
    InputError
        The SWI cannot be read, or nothing in it can be a brain.

    """
    import nibabel as nib

    swi = load_input(ROLES['swi'], _swi_of(unit))[0]
    signal = swi.get_fdata(dtype=np.float32)
    brain = brain_by_signal(signal, nib.affines.voxel_sizes(swi.affine))
    if not brain.any():
        raise InputError(f'{unit.swi} shows nothing that could be a brain: look at it.')
    images = {'swi': swi}
    return PreparedHead(
        unit=unit,
        images=images,
        inputs=('swi',),
        case=Case(
            label=unit.label,
            truth=np.zeros(brain.shape, np.uint8),
            found=np.zeros(brain.shape, np.uint8),
            probabilities=see(images, brain, settings, model, device),
            brain_mask=brain,
            iron_area=np.zeros(brain.shape, bool),
            structures=brain.astype(np.int32),
            names={UNKNOWN.index: (UNKNOWN.name, NO_REGION)},
            affine=swi.affine,
            criteria=DetectionCriteria.of_model(model.card, ('swi',), 'balanced'),
        ),
        names=(UNKNOWN,),
        confirmed=np.zeros(brain.shape, np.uint8),
        why_no_anatomy=why,
    )


def see(
    images: dict[str, nib.Nifti1Image],
    brain: np.ndarray,
    settings: Settings,
    model: Model,
    device: str,
) -> np.ndarray:
    """Probabilities (class, X, Y, Z) of the images of a `PreparedHead`, as the app finds them."""
    from deepmir_bids.model.prediction import probabilities_on_swi

    arrays = {name: image.get_fdata(dtype=np.float32) for name, image in images.items()}
    return probabilities_on_swi(
        model,
        level_slices(arrays['swi'], brain)[0],
        arrays.get('qsm'),
        arrays.get('t2w'),
        brain,
        images['swi'].affine,
        device,
        settings.omp_nthreads,
        mirror=not settings.sloppy,
    )


def _swi_of(unit: Unit):
    if unit.skipped or unit.swi is None:
        raise InputError(f'{unit.skipped}.')
    if 'swi' in unit.made:
        raise InputError(f'{unit.label} has no SWI, and none was made.')
    return unit.swi
