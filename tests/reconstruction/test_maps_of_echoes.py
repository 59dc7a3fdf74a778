"""The whole road from magnitude and phase, on a ball that holds dark, paramagnetic ones."""

import numpy as np
import pytest

from deepmir_bids.reconstruction.dipole_kernel import radians_per_ppm
from deepmir_bids.reconstruction.maps_of_echoes import Methods, reconstruct
from deepmir_bids.simulation.dipole_field import dipole_field

VOXEL, TIMES, FIELD_T = (1.0, 1.0, 1.5), (0.006, 0.012, 0.018, 0.024), 3.0
B0 = np.array([0.0, 0.3, 1.0]) / np.hypot(0.3, 1)


@pytest.fixture(scope='module')
def head():
    """Return susceptibility, brain, magnitude (echoes, X, Y, Z) and phase, growing with it."""
    axes = [(np.arange(n) - (n - 1) / 2) * v for n, v in zip((56, 56, 40), VOXEL, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing='ij')
    brain = x**2 + y**2 + z**2 < 24**2
    chi = np.zeros(brain.shape, np.float32)
    for place in ((-8, 0, 0), (8, 4, 3), (2, -9, -6)):
        chi[sum((a - p) ** 2 for a, p in zip((x, y, z), place, strict=True)) < 16] = 0.15
    air = (x - 20) ** 2 + (y - 20) ** 2 + z**2 < 9
    field = dipole_field(np.where(air, 3.0, chi), VOXEL, B0)
    times = np.float32(TIMES).reshape(-1, 1, 1, 1)
    noise = np.random.default_rng(0).normal(size=(2, len(TIMES), *brain.shape), scale=0.01)
    angle = times * radians_per_ppm(1.0, FIELD_T) * field + 0.5 + 0.02 * x
    image = brain * np.exp(-times * (18 + 120 * chi) + 1j * angle) + noise[0] + 1j * noise[1]
    return chi, brain, np.abs(image).astype(np.float32), np.angle(image).astype(np.float32)


def made(head, phase=None, echoes=slice(None), **kwargs):
    _, brain, magnitude, measured = head
    phase = measured if phase is None else phase
    return reconstruct(
        magnitude[echoes], phase[echoes], TIMES[echoes], FIELD_T, VOXEL, B0, brain, **kwargs
    )


def contrast(chi_ppm, head, mask):
    return chi_ppm[mask & (head[0] > 0)].mean() - chi_ppm[mask & (head[0] == 0)].mean()


@pytest.mark.parametrize('echoes', [slice(None), slice(3, 4)], ids=['four echoes', 'one echo'])
def test_susceptibility_comes_back(head, echoes):
    maps = made(head, echoes=echoes)
    assert contrast(maps.chi_ppm, head, maps.mask) == pytest.approx(0.15, rel=0.15)
    assert abs(maps.chi_ppm[maps.mask].mean()) < 1e-5
    assert not maps.chi_ppm[~maps.mask].any()
    assert np.corrcoef(maps.chi_ppm[maps.mask], head[0][maps.mask])[0, 1] > 0.9
    assert maps.mask.sum() > 0.6 * head[1].sum()


def test_sign_of_the_phase_is_found_out(head):
    rising, falling = made(head), made(head, phase=-head[3])
    assert (rising.phase_sign, falling.phase_sign) == (1, -1)
    np.testing.assert_allclose(falling.chi_ppm, rising.chi_ppm, atol=1e-3)
    np.testing.assert_allclose(falling.swi, rising.swi, atol=1e-3)


@pytest.mark.parametrize('axis', [0, 2])
def test_slices_of_alternating_sign(head, axis):
    shape = [-1 if a == axis else 1 for a in range(3)]
    flips = np.pi * (np.arange(head[1].shape[axis]) % 2).reshape(shape)
    maps = made(head, phase=(head[3] + flips).astype(np.float32))
    np.testing.assert_allclose(maps.chi_ppm, made(head).chi_ppm, atol=1e-3)
    assert maps.notes


@pytest.mark.parametrize('background', ['pdf', 'vsharp'])
@pytest.mark.parametrize('inversion', ['tv', 'l2', 'tkd'])
def test_each_method(head, background, inversion):
    maps = made(head, methods=Methods(background, inversion))
    assert contrast(maps.chi_ppm, head, maps.mask) == pytest.approx(0.15, rel=0.3)


def test_relaxation_needs_three_echoes(head):
    assert made(head, echoes=slice(2)).r2star is None
    r2star = made(head).r2star
    assert np.median(r2star[head[1] & (head[0] == 0)]) == pytest.approx(18, rel=0.05)


def test_swi_darkens_what_is_paramagnetic(head):
    maps = made(head)
    middle = maps.mask & (head[0] > 0)
    assert (maps.swi >= 0).all()
    assert (maps.minip <= maps.swi).all()
    assert maps.swi[middle].mean() < 0.8 * maps.swi[maps.mask & (head[0] == 0)].mean()


def test_field_of_a_sphere():
    """Round a sphere the total field is its closed form to 2 %, in oblique, thick voxels too."""
    axes = [(np.arange(n) - (n - 1) / 2) * v for n, v in zip((48, 48, 32), VOXEL, strict=True)]
    place = np.stack(np.meshgrid(*axes, indexing='ij'))
    distance = np.linalg.norm(place, axis=0)
    cosine = np.tensordot(B0, place, 1) / distance
    field = 0.5 / 3 * (6 / distance) ** 3 * (3 * cosine**2 - 1) * (distance > 6)
    brain = distance < 23
    angle = np.float32([t * radians_per_ppm(1.0, FIELD_T) * field + 1 for t in TIMES])
    magnitude = np.float32(np.broadcast_to(brain * np.where(distance < 6, 0.3, 1), angle.shape))
    maps = reconstruct(magnitude, angle, TIMES, FIELD_T, VOXEL, B0, brain)
    outside = brain & (distance > 8)
    off = maps.phase_sign * maps.total_field_ppm - field
    off -= np.median(off[outside])
    assert np.linalg.norm(off[outside]) < 0.02 * np.linalg.norm(field[outside])


def test_edge_of_the_image_is_a_rim(head):
    _, brain, magnitude, phase = head
    everywhere = np.ones_like(brain)
    maps = reconstruct(magnitude, phase, TIMES, FIELD_T, VOXEL, B0, everywhere)
    assert maps.mask[28, 28].sum() == brain.shape[2] - 2
    assert not maps.mask[0].any()


@pytest.mark.parametrize('wrong', [{'background': 'none'}, {'inversion': 'medi'}])
def test_unknown_method(head, wrong):
    with pytest.raises(ValueError, match='must be'):
        made(head, methods=Methods(**wrong))


def test_no_brain(head):
    with pytest.raises(ValueError, match='brain'):
        reconstruct(head[2], head[3], TIMES, FIELD_T, VOXEL, B0, np.zeros_like(head[1]))


def test_where_a_sinus_took_the_signal_nothing_is_claimed(head):
    chi, brain, magnitude, phase = head
    void = np.zeros_like(brain)
    void[20:36, 4:16, 14:26] = True
    hole = np.zeros_like(brain)
    hole[26:29, 34:37, 20:22] = True
    dark = np.where(void | hole, 0.01, magnitude).astype(np.float32)
    random = np.random.default_rng(0).uniform(-np.pi, np.pi, phase.shape)
    maps = made((chi, brain, dark, np.where(void | hole, random, phase).astype(np.float32)))
    assert not maps.mask[void].any()
    assert maps.mask[hole].all()
    good = maps.mask & ~hole
    assert np.corrcoef(maps.chi_ppm[good], chi[good])[0, 1] > 0.85
