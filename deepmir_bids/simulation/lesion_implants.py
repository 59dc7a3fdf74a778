"""Lesions put into real images, by physics.

What a microbleed or an iron deposit does to a gradient echo is a complex factor in each voxel: the
mean, over the voxel, of the phase and the decay that its susceptibility makes. The image of a
person is multiplied by it, so the person's anatomy, contrast and noise stay as they are. All
lengths are mm, all susceptibilities ppm, and the axes are the image's own.
"""

from collections.abc import Sequence

import numpy as np

from deepmir_bids.imaging.resampling import measured_voxels, resample
from deepmir_bids.reconstruction.dipole_kernel import radians_per_ppm
from deepmir_bids.reconstruction.homodyne import highpass_phase
from deepmir_bids.reconstruction.susceptibility_weighting import phase_mask
from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.gradient_echo import decayed, fine_parts, parts_of, source_decay
from deepmir_bids.simulation.image_grid import Box, block_mean
from deepmir_bids.simulation.simulated_t2w import DARKENING
from deepmir_bids.simulation.small_sources import LocalSource, Nuclei, Source, localise

#: A lesion's box ends where its field turns the phase by less than this, in rad.
LEAST_PHASE = 0.02
#: Parts of a lesion's radius that its fine grid has at least, and bounds of that grid in mm.
PARTS_OF_RADIUS, FINEST_MM, COARSEST_MM = 6, 0.1, 0.5


def localise_lesions(
    lesions: Sequence[Source],
    acquisition: Acquisition,
    nuclei: Nuclei | None = None,
    b0_direction: np.ndarray | None = None,
) -> list[LocalSource]:
    """Return each lesion's field on a fine grid around it.

    Parameters
    ----------
    lesions
        Microbleeds and iron deposits, their centres in the acquisition's image mm.
    acquisition
        The scan: its voxels, echo time and field strength.
    nuclei
        What confines the iron deposits; microbleeds need none.
    b0_direction
        Direction of the main field in the image's axes; by default the scanner's z.

    """
    direction = acquisition.b0_direction if b0_direction is None else np.asarray(b0_direction)
    whole: Box = tuple(slice(0, n) for n in acquisition.shape)
    found = []
    for lesion in lesions:
        finest = np.clip(lesion.diameter_mm / 2 / PARTS_OF_RADIUS, FINEST_MM, COARSEST_MM)
        parts = fine_parts(acquisition.voxel_mm, (finest,) * 3)
        reach = _reach_mm(lesion, acquisition)
        local = localise(lesion, acquisition.grid, whole, parts, direction, nuclei, reach)
        if local is not None:
            found.append(local)
    return found


def signal_ratio(lesions: Sequence[LocalSource], acquisition: Acquisition) -> np.ndarray:
    """Return the complex signal with lesions over that without, complex64 (X, Y, Z).

    exp(-TE R2*) exp(i 2 pi gamma TE dB), averaged over each voxel; 1 where no lesion's field
    reaches. The phase grows with the field. Where two lesions' fields meet, their factors are
    multiplied: each is nearly constant over a voxel there.
    """
    ratio = np.ones(acquisition.shape, dtype=np.complex64)
    for lesion in lesions:
        decay = source_decay(lesion, acquisition.field_t)
        fine = decayed(np.ones(1, np.float32), decay, lesion.field_ppm, acquisition)
        ratio[lesion.box] *= block_mean(fine, parts_of(lesion))
    return ratio


def into_gradient_echo(
    image: np.ndarray,
    ratio: np.ndarray,
    noise: float,
    acquisition: Acquisition,
    rng: np.random.Generator,
) -> np.ndarray:
    """Put lesions into an SWI, or into a magnitude if the acquisition's mask power is 0.

    A lesion takes signal away, and not noise: as much noise as it takes is added. An SWI is then
    multiplied by the phase mask of the lesions alone. That mask is dark where the field is higher:
    scanners differ in the sign of their phase, and all choose the mask that darkens veins.

    Parameters
    ----------
    image
        SWI or magnitude (X, Y, Z), not negative.
    ratio
        What `signal_ratio` gives.
    noise
        Standard deviation of the image's noise, in its unit.
    acquisition
        The scan, with the width of the phase filter and the power of the mask.
    rng
        Draws the noise.

    Returns
    -------
    image
        float32 (X, Y, Z); where no lesion reaches it is the given one, bit for bit.

    """
    left = np.abs(ratio)
    lost = np.sqrt(np.clip(1 - left**2, 0, 1)) * np.float32(noise)
    drawn = lost * rng.standard_normal((2, *image.shape), dtype=np.float32)
    changed = np.hypot(image * left + drawn[0], drawn[1])
    if acquisition.mask_power:
        phase = highpass_phase(ratio, acquisition.highpass_width)
        changed *= phase_mask(phase, 1) ** acquisition.mask_power
    return np.where(ratio == 1, image, changed).astype(np.float32)


def into_qsm(
    chi: np.ndarray,
    affine: np.ndarray,
    lesions: Sequence[LocalSource],
    acquisition: Acquisition,
    ppm: float = 1.0,
) -> np.ndarray:
    """Add lesions to a susceptibility map, as blurred as its voxels make them.

    The sum over voxels times their volume grows by each lesion's susceptibility times its volume.
    What the map did not measure (blocks of zeros) stays so.

    Parameters
    ----------
    chi
        Map (X, Y, Z) of any grid, in any unit and sign.
    affine
        4x4 from its voxels to the world of the acquisition.
    lesions, acquisition
        As `localise_lesions` gives and takes them.
    ppm
        How many ppm, paramagnetic positive, one of the map's units is: 0.001 for ppb.

    """
    changed, measured = chi.astype(np.float32), measured_voxels(chi)
    for lesion in lesions:
        box, share = share_of_voxels(lesion, acquisition, affine, chi.shape)
        changed[box] += share * np.float32(lesion.source.chi_ppm / ppm) * measured[box]
    return changed


def into_t2w(
    t2w: np.ndarray, affine: np.ndarray, lesions: Sequence[LocalSource], acquisition: Acquisition
) -> np.ndarray:
    """Darken a T2w where lesions lie; a spin echo shows no field, so nothing blooms.

    Parameters
    ----------
    t2w
        Image (X, Y, Z) of any grid.
    affine
        4x4 from its voxels to the world of the acquisition.
    lesions, acquisition
        As `localise_lesions` gives and takes them.

    """
    changed = t2w.astype(np.float32)
    for lesion in lesions:
        box, share = share_of_voxels(lesion, acquisition, affine, t2w.shape)
        darkening = np.float32(DARKENING[lesion.source.kind])
        changed[box] *= 1 - darkening * np.minimum(share, 1)
    return changed


def share_of_voxels(
    lesion: LocalSource, acquisition: Acquisition, affine: np.ndarray, shape: Sequence[int]
) -> tuple[Box, np.ndarray]:
    """Return how much of each voxel of another grid a lesion fills, and the box of these voxels.

    Blurred by about a voxel, as images are; the shares add up to the lesion's volume.
    """
    from nibabel.affines import apply_affine, voxel_sizes

    zooms = voxel_sizes(affine)
    centre = acquisition.to_world(lesion.source.centre_mm)
    middle = apply_affine(np.linalg.inv(affine), centre)
    reach = np.ceil(lesion.source.diameter_mm / zooms).astype(int) + 2
    low = np.rint(middle).astype(int) - reach
    fine = acquisition.affine_of(lesion.grid)
    matrix = np.linalg.inv(fine) @ affine
    offset = matrix[:3, :3] @ low + matrix[:3, 3]
    share = resample(lesion.occupancy, matrix[:3, :3], offset, 2 * reach + 1, mode='constant')
    volume = float(lesion.occupancy.sum() * np.prod(lesion.grid.spacing))
    if total := float(share.sum() * np.prod(zooms)):
        share *= np.float32(volume / total)
    first = np.clip(low, 0, shape)
    last = np.clip(low + 2 * reach + 1, first, shape)
    box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return box, share[tuple(slice(s.start - a, s.stop - a) for s, a in zip(box, low, strict=True))]


def _reach_mm(lesion: Source, acquisition: Acquisition) -> float:
    """Return how far from its centre a lesion's field is felt, or its fine grid needed."""
    radius = lesion.diameter_mm / 2
    rate = radians_per_ppm(acquisition.echo_time_s, acquisition.field_t)
    # On the axis of the field: phase = 2/3 chi (R/r)^3.
    felt = radius * np.cbrt(2 / 3 * abs(lesion.chi_ppm) * rate / LEAST_PHASE)
    return max(felt, 2 * lesion.diameter_mm, 1.5 * max(acquisition.voxel_mm))
