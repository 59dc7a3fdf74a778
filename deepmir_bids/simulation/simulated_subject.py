"""One simulated subject: SWI, QSM, T2w, and the truth about its lesions."""

from dataclasses import dataclass

import nibabel as nib
import numpy as np
import pandas as pd
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from threadpoolctl import threadpool_limits

from deepmir_bids.reconstruction.susceptibility_weighting import susceptibility_weighted
from deepmir_bids.simulation.acquisition import Acquisition, random_acquisition
from deepmir_bids.simulation.calcifications import random_calcifications
from deepmir_bids.simulation.dipole_field import dipole_field
from deepmir_bids.simulation.gradient_echo import (
    Coarse,
    Fine,
    add_source,
    fine_parts,
    local_signal,
    receive,
    venous_fine,
    volume_signal,
    zero_fill,
)
from deepmir_bids.simulation.image_grid import resample
from deepmir_bids.simulation.random_head import Anatomy, nucleus_values, random_anatomy
from deepmir_bids.simulation.random_lesions import random_lesions
from deepmir_bids.simulation.simulated_qsm import random_qsm_mask, reconstruct_qsm
from deepmir_bids.simulation.simulated_t2w import acquire_t2w, random_motion, weight_lesions
from deepmir_bids.simulation.small_sources import BASAL_GANGLIA, LocalSource, Source, localise
from deepmir_bids.simulation.tissue_properties import (
    contrast_map,
    gradient_echo_levels,
    iron_map,
    relaxation_map,
    spin_echo_levels,
    susceptibility_map,
    white_matter_damage,
)
from deepmir_bids.simulation.true_outlines import classes, outline
from deepmir_bids.simulation.veins import Vein, random_veins, rasterise

#: Longest edge in mm of the grids on which veins, and lesions, are drawn.
VEIN_GRID_MM = (0.55, 0.55, 0.8)
SOURCE_GRID_MM = 0.25


@dataclass(frozen=True)
class SimulatedSubject:
    """Images of one subject in world mm, and what is in them.

    ``swi``, ``qsm`` (ppm), ``brain_mask``, ``basal_ganglia`` (mask), ``truth`` (the values of
    `deepmir_bids.CLASSES`) and ``lesion_numbers`` (row of ``lesions`` + 1) share the SWI's grid;
    ``t2w`` has its own, and ``t2w_to_swi`` (4x4) takes a world point of the T2w to its place in
    the SWI.

    ``lesions`` and ``mimics`` have a row per thing: class, place, x, y, z (world mm of the SWI),
    diameter_mm (of lesions: of what the SWI shows), source_diameter_mm (of the iron or chalk
    itself), chi_ppm, chi_mm3 (total, in ppm mm^3) and whether the SWI shows it.
    """

    swi: nib.Nifti1Image
    qsm: nib.Nifti1Image
    t2w: nib.Nifti1Image
    t2w_to_swi: np.ndarray
    brain_mask: nib.Nifti1Image
    basal_ganglia: nib.Nifti1Image
    truth: nib.Nifti1Image
    lesion_numbers: nib.Nifti1Image
    lesions: pd.DataFrame
    mimics: pd.DataFrame
    acquisition: Acquisition
    age: float
    sex: str


# Sums of several threads are rounded otherwise than those of one, and cores differ in number.
@threadpool_limits.wrap(limits=1, user_api='blas')
def simulate_subject(
    seed: int, acquisition: Acquisition | None = None, enriched: bool = False
) -> SimulatedSubject:
    """Simulate one subject; a seed gives the same images bit for bit.

    Parameters
    ----------
    seed
        Of everything random.
    acquisition
        The scan; by default the seed draws one.
    enriched
        Many lesions and calcifications instead of a cohort's natural numbers.
    """
    # One stream per part, so that a change to one part leaves the others' draws alone.
    streams = {
        name: np.random.default_rng([seed, i])
        for i, name in enumerate(
            ('scan', 'head', 'tissue', 'vein', 'lesion', 'mimic', 'noise', 't2w')
        )
    }
    if acquisition is None:
        acquisition = random_acquisition(streams['scan'])
    anatomy = random_anatomy(acquisition, streams['head'])
    iron = iron_map(anatomy, streams['tissue'])
    damage = white_matter_damage(anatomy, streams['tissue'])
    coarse = _coarse(anatomy, iron, damage, acquisition, streams['tissue'])
    lesions = random_lesions(anatomy, acquisition.grid, streams['lesion'], enriched)
    calcifications = random_calcifications(
        anatomy, acquisition.grid, lesions, streams['mimic'], enriched
    )
    veins = random_veins(anatomy, streams['vein'])
    fine = _venous(anatomy, veins, acquisition)
    local = _add_sources(fine, calcifications + lesions, acquisition, anatomy)
    image, without = _with_and_without(coarse, fine, local, acquisition)
    del fine

    sensitivity, noise = receive(image, acquisition, streams['noise'])
    brain = resample(anatomy.brain.astype(np.float32), anatomy.grid, acquisition.grid) > 0.5
    received, unharmed = (
        zero_fill(i * sensitivity + noise, acquisition.sampled_share) for i in (image, without)
    )
    if acquisition.paramagnetic_sign < 0:
        received, unharmed = np.conj(received), np.conj(unharmed)
    swi, swi_without = (
        susceptibility_weighted(
            i,
            acquisition.paramagnetic_sign,
            acquisition.highpass_width,
            acquisition.mask_power,
        )
        for i in (received, unharmed)
    )
    seen = [s for s in local if s.source.kind != 'calcification']
    numbers = outline(swi, swi_without, float(noise.real.std()), seen, acquisition.grid)
    counts = np.bincount(numbers.ravel(), minlength=len(seen) + 1)[1:]
    mask = random_qsm_mask(brain, np.abs(received), acquisition.voxel_mm, streams['noise'])
    qsm, _ = reconstruct_qsm(received, mask, acquisition)
    t2w, motion = _t2w(
        anatomy, iron, damage, lesions + calcifications, acquisition, streams['t2w']
    )

    def store(array: np.ndarray) -> nib.Nifti1Image:
        return reorient(_image(array, acquisition.affine), acquisition.axes)

    return SimulatedSubject(
        swi=store(1000 * swi),
        qsm=store(qsm),
        t2w=t2w,
        t2w_to_swi=motion,
        brain_mask=store(brain.astype(np.uint8)),
        basal_ganglia=store(_basal_ganglia(anatomy, acquisition)),
        truth=store(classes(numbers, seen)),
        lesion_numbers=store(numbers),
        lesions=_lesion_table(seen, counts, acquisition),
        mimics=_mimic_table(local, veins, acquisition),
        acquisition=acquisition,
        age=anatomy.age,
        sex=str(streams['t2w'].choice(['F', 'M'])),
    )


def reorient(image: nib.Nifti1Image, axes: str) -> nib.Nifti1Image:
    """Return an image with its voxels stored in another order, such as ``'LPI'``."""
    transform = ornt_transform(io_orientation(image.affine), axcodes2ornt(axes))
    return image.as_reoriented(transform)


def _image(array: np.ndarray, affine: np.ndarray) -> nib.Nifti1Image:
    """Return an image in scanner coordinates, in mm."""
    image = nib.Nifti1Image(array, affine)
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    image.header.set_xyzt_units('mm', 'sec')
    return image


def _basal_ganglia(anatomy: Anatomy, acquisition: Acquisition) -> np.ndarray:
    """Return the mask of caudate, putamen and pallidum on the SWI's grid."""
    values = [value for kind in BASAL_GANGLIA for value in nucleus_values(kind)]
    inside = np.isin(anatomy.nucleus, values).astype(np.float32)
    return (resample(inside, anatomy.grid, acquisition.grid) > 0.5).astype(np.uint8)


def _coarse(
    anatomy: Anatomy,
    iron: np.ndarray,
    damage: np.ndarray,
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> Coarse:
    """Return the head's field and signal on the anatomy's grid."""
    chi = susceptibility_map(anatomy, iron, rng)
    # Relative to air all round, so that padding with zeros is padding with air.
    chi -= chi[0, 0, -1]
    offset = dipole_field(chi, anatomy.grid.spacing, acquisition.b0_direction, padding=1.3)
    offset -= np.median(offset[anatomy.brain])
    decay = relaxation_map(anatomy, iron, acquisition.field_t)
    signal = contrast_map(anatomy, gradient_echo_levels(rng), 0.06, rng)
    signal *= 1 + np.float32(rng.uniform(0, 0.12)) * damage
    signal *= np.exp(-np.float32(acquisition.echo_time_s) * decay)
    return Coarse(anatomy.grid, offset, signal)


def _venous(anatomy: Anatomy, veins: list[Vein], acquisition: Acquisition) -> Fine:
    """Return the fine maps of the veins in the box around the brain."""
    inside = np.argwhere(anatomy.brain)
    corners = np.asarray(anatomy.grid.origin) + (
        np.array([inside.min(axis=0), inside.max(axis=0)]) * anatomy.grid.spacing
    )
    voxels = acquisition.grid
    low = np.maximum(np.floor(voxels.index(corners[0] - 5)), 0).astype(int)
    high = np.minimum(np.ceil(voxels.index(corners[1] + 5)), voxels.shape).astype(int)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    parts = fine_parts(acquisition.voxel_mm, VEIN_GRID_MM)
    share, chi = rasterise(veins, voxels.crop(box).subdivided(parts))
    return venous_fine(box, parts, share, chi, acquisition)


def _add_sources(
    fine: Fine, sources: list[Source], acquisition: Acquisition, anatomy: Anatomy
) -> list[LocalSource]:
    """Add calcifications and lesions to the fine maps; return each on its own grid."""
    local = []
    for source in sources:
        finest = max(SOURCE_GRID_MM, source.diameter_mm / 12)
        finer = fine_parts(fine.grid.spacing, (finest,) * 3)
        a, b, c = (p * q for p, q in zip(fine.parts, finer, strict=True))
        found = localise(
            source, acquisition.grid, fine.box, (a, b, c), acquisition.b0_direction, anatomy
        )
        if found is not None:
            add_source(fine, found, acquisition.field_t, lesion=source.kind != 'calcification')
            local.append(found)
    return local


def _with_and_without(
    coarse: Coarse, fine: Fine, local: list[LocalSource], acquisition: Acquisition
) -> tuple[np.ndarray, np.ndarray]:
    """Return the noiseless complex image with the lesions and without them."""
    image = volume_signal(coarse, fine, acquisition)
    for source in local:
        lesion = source.source.kind != 'calcification'
        image[source.box] = local_signal(coarse, fine, source, acquisition, lesion, True)
    without = image.copy()
    for source in local:
        lesion = source.source.kind != 'calcification'
        without[source.box] = local_signal(coarse, fine, source, acquisition, lesion, False)
    return image, without


def _t2w(
    anatomy: Anatomy,
    iron: np.ndarray,
    damage: np.ndarray,
    sources: list[Source],
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> tuple[nib.Nifti1Image, np.ndarray]:
    """Return the T2w and the motion between it and the SWI."""
    contrast = contrast_map(anatomy, spin_echo_levels(rng), 0.06, rng)
    contrast *= np.exp(-np.float32(rng.uniform(1, 3)) * iron)
    contrast += np.float32(rng.uniform(0.2, 0.4)) * damage
    contrast = weight_lesions(contrast, anatomy, sources)
    motion = random_motion(rng)
    image, affine = acquire_t2w(contrast, anatomy, acquisition, motion, rng)
    return _image(image, affine), motion


def _lesion_table(
    lesions: list[LocalSource], counts: np.ndarray, acquisition: Acquisition
) -> pd.DataFrame:
    """Return a row per lesion, its diameter that of the sphere of the volume outlined."""
    voxel_mm3 = float(np.prod(acquisition.voxel_mm))
    rows = []
    for lesion, count in zip(lesions, counts, strict=True):
        row = _row(lesion, acquisition)
        row['diameter_mm'] = round(float(np.cbrt(6 / np.pi * count * voxel_mm3)), 2)
        row['visible'] = bool(count)
        rows.append(row)
    return pd.DataFrame(rows, columns=_COLUMNS)


def _mimic_table(
    local: list[LocalSource], veins: list[Vein], acquisition: Acquisition
) -> pd.DataFrame:
    """Return a row per calcification and per vein, a vein's place being its kind."""
    rows = [_row(s, acquisition) for s in local if s.source.kind == 'calcification']
    for vein in veins:
        x, y, z = acquisition.to_world(vein.path[len(vein.path) // 2])
        width = 2 * float(vein.radius.mean())
        values = ('vein', vein.kind, x, y, z, width, width, vein.chi_ppm, np.nan, True)
        rows.append(dict(zip(_COLUMNS, values, strict=True)))
    return pd.DataFrame(rows, columns=_COLUMNS).round(3)


_COLUMNS = [
    'class',
    'place',
    'x',
    'y',
    'z',
    'diameter_mm',
    'source_diameter_mm',
    'chi_ppm',
    'chi_mm3',
    'visible',
]


def _row(local: LocalSource, acquisition: Acquisition) -> dict:
    """Return a source's row of a table."""
    source = local.source
    x, y, z = acquisition.to_world(source.centre_mm)
    size = source.diameter_mm
    values = (source.kind, source.place, x, y, z, size, size, source.chi_ppm, local.chi_mm3, True)
    return {
        name: round(v, 3) if isinstance(v, float) else v
        for name, v in zip(_COLUMNS, values, strict=True)
    }
