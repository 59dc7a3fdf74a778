"""What an image is, by its values: magnitudes pass, and nothing else does."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.errors import InputError
from deepmir_bids.imaging.image_content import load_magnitude, measure_content, why_no_magnitude
from deepmir_bids.reconstruction.homodyne import highpass_phase

RNG = np.random.default_rng(0)
SHAPE = (64, 72, 48)


def magnitude(noise: float = 20.0) -> np.ndarray:
    """A head of 500 with dark veins in air, with Rician noise."""
    away = np.linalg.norm(
        [(i - (n - 1) / 2) / (0.42 * n) for i, n in zip(np.indices(SHAPE), SHAPE, strict=True)],
        axis=0,
    )
    x, y, _ = np.indices(SHAPE)
    veins = (x % 9 == 0) & (y % 9 == 0)
    signal = np.where(away < 1, 500.0, 0) * np.where(veins, 0.6, 1)
    one, other = RNG.normal(0, noise, (2, *SHAPE))
    return np.hypot(signal + one, other).astype(np.float32)


def phase() -> np.ndarray:
    """Wrapped phase of the same head: smooth inside, noise in air."""
    x, y, z = np.indices(SHAPE) / 10
    inside = magnitude(1) > 100
    field = 1.5 * x + np.sin(y) * z
    noise = RNG.uniform(-np.pi, np.pi, SHAPE)
    return np.angle(np.exp(1j * np.where(inside, field, noise))).astype(np.float32)


def filtered_phase(air: float | None = None) -> np.ndarray:
    """The same after a high-pass filter: flat, with dipoles around the veins; 0 to 4095.

    Air is noise, or one value.
    """
    x, y, _ = np.indices(SHAPE)
    across, along = (np.minimum(i % 9, 9 - i % 9) for i in (x, y))
    dipoles = (across**2 - along**2) / np.maximum(across**2 + along**2, 1) ** 2
    inside = HEAD > 250
    values = 2048 + 1500 * np.where(across + along < 4, dipoles, 0) + RNG.normal(0, 20, SHAPE)
    outside = RNG.uniform(0, 4095, SHAPE) if air is None else air
    return np.where(inside, values, outside).round()


def save(values, path, affine=None):
    nib.save(nib.Nifti1Image(values, np.eye(4) if affine is None else affine), path)
    return path


HEAD = magnitude()
NO_MAGNITUDE = {
    'phase in radians': phase(),
    'phase of ±4096': phase() / np.pi * 4096,
    'phase from 0 to 4095': (phase() + np.pi) / (2 * np.pi) * 4095,
    'phase without air': np.where(HEAD > 250, phase(), 0),
    'phase high-pass filtered': RNG.normal(0, 300, SHAPE),
    'phase from 0 to 4095, air 0': np.where(HEAD > 250, (phase() + np.pi) / 0.001534, 0),
    'phase from 0 to 2 pi': phase() % (2 * np.pi),
    'phase filtered from 0 to 4095': filtered_phase(),
    'phase filtered from 0 to 4095, air 0': filtered_phase(0),
    'phase filtered from 0 to 4095, air 2048': filtered_phase(2048),
    'z-scored': (HEAD - HEAD.mean()) / HEAD.std(),
    'z-scored in the brain': np.where(HEAD > 250, (HEAD - 480) / 60, 0),
    'inverted': HEAD.max() - HEAD,
    'wrapped': (HEAD / HEAD.max() * 60000).astype(np.uint16).view(np.int16),
    'wrapped at 12 bits': (HEAD * 9) % 4096,
    'susceptibility': np.where(HEAD > 250, RNG.normal(0, 0.03, SHAPE), 0),
}


@pytest.mark.parametrize('what', NO_MAGNITUDE)
def test_what_is_no_magnitude_is_refused_with_a_cure(tmp_path, what):
    path = save(NO_MAGNITUDE[what].astype(np.float32), tmp_path / 'sub-01_swi.nii')
    with pytest.raises(InputError, match=r'sub-01_swi.nii is no SWI .*(give|invert|convert)'):
        load_magnitude(path)


@pytest.mark.parametrize(
    'sound',
    [
        HEAD,
        magnitude(60),
        HEAD[16:48, 16:56, 12:36],
        np.where(HEAD > 250, HEAD, 0),
        HEAD / 4000,
        HEAD[::3, ::3, ::3],
    ],
    ids=['head', 'noisy', 'crop', 'skull-stripped', 'small numbers', 'coarse'],
)
def test_what_is_sound_passes_as_it_is(tmp_path, sound):
    path = save(np.ascontiguousarray(sound, np.float32), tmp_path / 'sub-01_swi.nii')
    image, notes, flags = load_magnitude(path)
    assert (notes, flags) == ([], [])
    np.testing.assert_array_equal(image.get_fdata(dtype=np.float32), sound.astype(np.float32))


def test_an_offset_that_the_air_shows_is_taken_off(tmp_path):
    image, notes, flags = load_magnitude(save(HEAD + 1000, tmp_path / 'sub-01_swi.nii'))
    assert flags == ['swi_offset']
    assert 'subtracted' in notes[0]
    inside = HEAD > 250
    assert np.abs(image.get_fdata() - HEAD)[inside].max() < 15


@pytest.mark.shared
def test_real_images(shared):
    folder = shared / 'real_bids/sub-01/anat'
    for name in ('T2starw', 'echo-1_part-mag_MEGRE', 'echo-2_part-mag_MEGRE'):
        assert load_magnitude(folder / f'sub-01_{name}.nii.gz')[1:] == ([], [])
    for name in ('echo-1_part-phase_MEGRE', 'echo-2_part-phase_MEGRE'):
        with pytest.raises(InputError, match='no magnitude'):
            load_magnitude(folder / f'sub-01_{name}.nii.gz')
    mag, wrapped = (
        nib.load(folder / f'sub-01_echo-2_part-{part}_MEGRE.nii.gz').get_fdata(dtype=np.float32)
        for part in ('mag', 'phase')
    )
    filtered = highpass_phase(mag * np.exp(1j * wrapped), 16)
    unsigned = (filtered / np.pi + 1) * 2047.5
    for values in (unsigned, np.where(mag > 0.1 * mag.max(), unsigned, 0)):
        assert 'high-pass filter' in why_no_magnitude(measure_content(values))
    crop = shared / 'real_extra/romeo_gre_crop'
    for echo in range(3):
        mag, wrapped = (
            np.asanyarray(nib.load(crop / f'{name}.nii.gz').dataobj, np.float32)[..., echo]
            for name in ('Mag', 'Phase')
        )
        assert not why_no_magnitude(measure_content(mag))
        assert why_no_magnitude(measure_content(wrapped))
    with pytest.raises(InputError, match='no magnitude'):
        load_magnitude(shared / 'real_extra/ge_thick/GE_6_CV_Neuro_HH_Adv_fieldmaphz.nii.gz')
