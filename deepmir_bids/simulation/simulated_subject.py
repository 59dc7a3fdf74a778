"""One simulated subject: SWI, QSM, T2w, and the truth about its lesions."""

from dataclasses import dataclass, field

import nibabel as nib
import numpy as np
import pandas as pd
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from threadpoolctl import threadpool_limits

from deepmir_bids.anatomy.atlas_structures import BASAL_GANGLIA
from deepmir_bids.reconstruction.susceptibility_weighting import susceptibility_weighted
from deepmir_bids.simulation.acquisition import Acquisition, random_acquisition
from deepmir_bids.simulation.calcifications import random_calcifications
from deepmir_bids.simulation.gradient_echo import complex_noise, noise_share, receive
from deepmir_bids.simulation.head_signal import (
    add_sources,
    head_signal,
    tissue_maps,
    vein_maps,
    without_lesions,
)
from deepmir_bids.simulation.image_grid import interpolate
from deepmir_bids.simulation.random_head import Head, nucleus_values, random_head
from deepmir_bids.simulation.random_lesions import random_lesions
from deepmir_bids.simulation.raw_echoes import (
    as_received,
    echo_signals,
    echo_times,
    true_susceptibility,
)
from deepmir_bids.simulation.simulated_qsm import random_qsm_mask, reconstruct_qsm
from deepmir_bids.simulation.simulated_t2w import simulate_t2w
from deepmir_bids.simulation.tissue_properties import iron_map, white_matter_damage
from deepmir_bids.simulation.true_outlines import classes, outline
from deepmir_bids.simulation.truth_tables import lesion_table, mimic_table
from deepmir_bids.simulation.veins import random_veins


@dataclass(frozen=True)
class SimulatedSubject:
    """Images of one subject in world mm, and what is in them.

    ``swi``, ``qsm`` (ppm), ``brain_mask``, ``basal_ganglia`` (mask), ``truth`` (the values of
    `deepmir_bids.CLASSES`) and ``lesion_numbers`` (row of ``lesions`` + 1) share the SWI's grid;
    ``t2w`` has its own, and ``t2w_to_swi`` (4x4) takes a world point of the T2w to its place in
    the SWI.

    ``echoes`` holds the complex image at each echo time in s, and ``chi`` the true susceptibility
    in ppm; both are on the SWI's grid, and there if raw data were asked for.

    ``lesions`` and ``mimics`` (calcifications and veins) have a row each, with the columns of
    `deepmir_bids.simulation.truth_tables.COLUMNS`.
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
    echoes: dict[float, nib.Nifti1Image] = field(default_factory=dict)
    chi: nib.Nifti1Image | None = None


# Sums of several threads are rounded otherwise than those of one, and cores differ in number.
@threadpool_limits.wrap(limits=1, user_api='blas')
def simulate_subject(
    seed: int,
    acquisition: Acquisition | None = None,
    enriched: bool = False,
    echoes: int = 0,
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
    echoes
        How many echoes of raw data are made as well. A single one is the image that the SWI and
        the QSM are made from; of several, each has noise of its own.

    Returns
    -------
    subject
        The images, stored in the order of axes that the scan names, and their truth.

    """
    # Each part draws from its own stream, so that a change to it leaves the other parts alone.
    streams = {
        name: np.random.default_rng([seed, i])
        for i, name in enumerate(
            ('scan', 'head', 'tissue', 'vein', 'lesion', 'mimic', 'noise', 't2w', 'raw')
        )
    }
    if acquisition is None:
        acquisition = random_acquisition(streams['scan'])
    head = random_head(acquisition, streams['head'])
    iron = iron_map(head, streams['tissue'])
    damage = white_matter_damage(head, streams['tissue'])
    coarse = tissue_maps(head, iron, damage, acquisition, streams['tissue'])
    lesions = random_lesions(head, acquisition.grid, streams['lesion'], enriched)
    calcifications = random_calcifications(
        head, acquisition.grid, lesions, streams['mimic'], enriched
    )
    veins = random_veins(head, streams['vein'])
    fine = vein_maps(head, veins, acquisition)
    local = add_sources(fine, calcifications + lesions, acquisition, head)
    image = head_signal(coarse, fine, local, acquisition)
    without = without_lesions(image, coarse, fine, local, acquisition)
    times = echo_times(acquisition.echo_time_s, echoes) if echoes > 1 else ()
    signals = echo_signals(coarse, fine, local, acquisition, times)
    chi = true_susceptibility(coarse, fine, local, acquisition) if echoes else None
    del fine

    sensitivity, noise = receive(image, acquisition, streams['noise'])
    brain = interpolate(head.brain.astype(np.float32), head.grid, acquisition.grid) > 0.5
    received, unharmed = (
        as_received(i, sensitivity, noise, acquisition) for i in (image, without)
    )
    noise_level = float(noise.real.std())
    raw = {acquisition.echo_time_s: received} if echoes == 1 else {}
    for time, signal in zip(times, signals, strict=True):
        heard = complex_noise(signal.shape, noise_level, streams['raw'])
        raw[time] = as_received(signal, sensitivity, heard, acquisition)
    swi, swi_without = (
        susceptibility_weighted(
            i,
            acquisition.paramagnetic_sign,
            acquisition.highpass_width,
            acquisition.mask_power,
        )
        for i in (received, unharmed)
    )
    lesions_in_view = [s for s in local if s.source.is_lesion]
    swi_noise = noise_level * noise_share(noise.shape, acquisition.sampled_share)
    numbers = outline(swi, swi_without, swi_noise, lesions_in_view, acquisition.grid)
    counts = np.bincount(numbers.ravel(), minlength=len(lesions_in_view) + 1)[1:]
    mask = random_qsm_mask(brain, np.abs(received), acquisition.voxel_mm, streams['noise'])
    qsm, _ = reconstruct_qsm(received, mask, acquisition)
    t2w, t2w_affine, motion = simulate_t2w(
        head, iron, damage, lesions + calcifications, acquisition, streams['t2w']
    )

    def store(array: np.ndarray) -> nib.Nifti1Image:
        return reorient(_image(array, acquisition.affine), acquisition.axes)

    return SimulatedSubject(
        swi=store(1000 * swi),
        qsm=store(qsm),
        t2w=_image(t2w, t2w_affine),
        t2w_to_swi=motion,
        brain_mask=store(brain.astype(np.uint8)),
        basal_ganglia=store(_basal_ganglia(head, acquisition)),
        truth=store(classes(numbers, lesions_in_view)),
        lesion_numbers=store(numbers),
        lesions=lesion_table(lesions_in_view, counts, acquisition),
        mimics=mimic_table(local, veins, acquisition),
        acquisition=acquisition,
        age=head.age,
        sex=str(streams['t2w'].choice(['F', 'M'])),
        echoes={time: store(image) for time, image in raw.items()},
        chi=None if chi is None else store(chi),
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


def _basal_ganglia(head: Head, acquisition: Acquisition) -> np.ndarray:
    """Return the mask of caudate, putamen and pallidum on the SWI's grid."""
    values = [value for kind in BASAL_GANGLIA for value in nucleus_values(kind)]
    inside = np.isin(head.nucleus, values).astype(np.float32)
    return (interpolate(inside, head.grid, acquisition.grid) > 0.5).astype(np.uint8)
