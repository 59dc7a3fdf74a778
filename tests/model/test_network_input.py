"""To the working grid and back, whatever the affine."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.model import ModelError
from deepmir_bids.model.network_input import prepare, restore, to_working_grid
from deepmir_bids.model.working_grid import working_grid
from deepmir_bids.training.untrained_card import blank_card

CARD = blank_card('test')
SLICES = replace(
    CARD,
    preparation='padded-slices',
    inputs={'swi': 'bytes-z', 'qsm': 'bytes-z'},
    needs=('swi', 'qsm'),
    spacing_mm=(),
)


def oblique(zooms, codes='RAS', degrees=20.0):
    """Affine of any orientation, turned by some degrees about two axes."""
    from scipy.spatial.transform import Rotation

    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler('xz', [degrees, degrees / 2], degrees=True).as_matrix()
    affine[:3, :3] *= zooms
    flip = nib.orientations.inv_ornt_aff(nib.orientations.axcodes2ornt(codes), (40, 40, 40))
    return affine @ flip


def ball(shape, radius=0.7):
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing='ij'))
    return (grid**2).sum(axis=0) < radius**2


AFFINES = {
    'plain': np.diag([0.9, 0.9, 2.0, 1.0]),
    'LPI': oblique((0.9, 0.9, 2.0), 'LPI'),
    'oblique PSR': oblique((2.0, 0.9, 0.9), 'PSR', 30),
    'coarse': oblique((2.26, 2.26, 2.5), 'LAS'),
    'fine': oblique((0.4, 0.5, 1.0), 'RAS', 5),
}


@pytest.mark.parametrize('name', AFFINES)
def test_a_point_survives_the_round_trip(name):
    affine = AFFINES[name]
    shape = (41, 38, 35)
    mask = ball(shape)
    image = np.zeros(shape, dtype=np.float32)
    image[22, 15, 19] = 1
    grid = working_grid(mask, affine, CARD.spacing_mm, CARD.margin_mm)
    there = to_working_grid(image, grid)
    peak = np.unravel_index(there.argmax(), there.shape)
    np.testing.assert_allclose(peak, grid.locate(np.array([22, 15, 19])), atol=1)
    back = restore(there[None], grid)[0]
    assert back.shape == shape
    assert np.abs(np.argwhere(back > 0.9 * back.max()) - (22, 15, 19)).max() <= 1


@pytest.mark.parametrize('name', AFFINES)
def test_the_mask_survives_the_round_trip(name):
    mask = ball((41, 38, 35))
    grid = working_grid(mask, AFFINES[name], CARD.spacing_mm, CARD.margin_mm)
    back = restore(to_working_grid(mask.astype(np.float32), grid)[None], grid)[0] > 0.5
    # On a coarse grid restore() keeps peaks, hence grows the mask.
    assert 2 * (back & mask).sum() / (back.sum() + mask.sum()) > 0.9
    assert (back | ~mask).mean() > 0.98


def test_the_working_grid_is_canonical():
    """The same head stored in two orientations gives the same input."""
    rng = np.random.default_rng(0)
    shape = (40, 44, 30)
    swi = rng.uniform(50, 100, shape)
    mask = ball(shape)
    affine = np.diag([0.9, 0.9, 2.0, 1.0])
    image = nib.Nifti1Image(swi, affine)
    turned = image.as_reoriented(
        nib.orientations.ornt_transform(
            nib.io_orientation(affine), nib.orientations.axcodes2ornt('PIL')
        )
    )
    mask_turned = nib.Nifti1Image(mask.astype(np.uint8), affine).as_reoriented(
        nib.orientations.ornt_transform(
            nib.io_orientation(affine), nib.orientations.axcodes2ornt('PIL')
        )
    )
    one = prepare(swi, None, None, mask, affine, CARD)
    two = prepare(turned.get_fdata(), None, None, mask_turned.get_fdata(), turned.affine, CARD)
    np.testing.assert_allclose(two.x, one.x, atol=1e-5)


def test_unmeasured_inputs_and_voxels_are_nan():
    rng = np.random.default_rng(0)
    shape = (40, 44, 30)
    mask = ball(shape)
    swi = rng.uniform(50, 100, shape)
    qsm = np.where(ball(shape, 0.5), rng.normal(0, 0.1, shape), 0)
    qsm[20, 22, 15] = 0  # a lone zero inside is a value
    prepared = prepare(swi, qsm, None, mask, np.diag([0.8, 0.8, 1.5, 1]), CARD)
    assert np.isfinite(prepared.x[0]).all()
    assert np.isnan(prepared.x[2]).all()
    measured = np.isfinite(prepared.x[1])
    assert measured[tuple(prepared.grid.locate(np.array([20, 22, 15])))]
    expected = to_working_grid(ball(shape, 0.5).astype(np.float32), prepared.grid) >= 0.5
    assert (measured == expected).mean() > 0.995


def test_an_empty_mask_and_a_constant_image_are_refused():
    ones = np.ones((20, 20, 20))
    with pytest.raises(ValueError, match='brain mask is empty'):
        prepare(ones, None, None, ones * 0, np.eye(4), CARD)
    with pytest.raises(ValueError, match=r'swi: .*constant'):
        prepare(ones, None, None, ones, np.eye(4), CARD)


def images(shape):
    rng = np.random.default_rng(0)
    mask = ball(shape)
    return np.where(mask, rng.uniform(50, 100, shape), 0), rng.normal(0, 0.1, shape), mask


@pytest.mark.parametrize(
    ('name', 'shape'),
    [
        ('plain', (41, 38, 15)),
        ('LPI', (300, 33, 9)),
        ('oblique PSR', (257, 5, 140)),
        ('coarse', (256, 255, 4)),
        ('fine', (33, 289, 8)),
    ],
)
def test_slices_come_back_voxel_by_voxel(name, shape):
    """Of any orientation and size: what was padded is cut off again, and nothing else."""
    swi, qsm, mask = images(shape)
    prepared = prepare(swi, qsm, None, mask, AFFINES[name], SLICES)
    assert prepared.x.shape == (2, *prepared.grid.shape)
    assert all(n >= 256 and n % 32 == 0 for n in prepared.grid.shape[:2])
    used = np.isfinite(prepared.x[1])
    back, used, inside = restore(
        np.stack([np.where(used, prepared.x[1], 0), used, prepared.brain_mask]), prepared.grid
    )
    np.testing.assert_array_equal(inside > 0, mask)
    used = used > 0
    assert used[mask].all()
    scaled = (qsm - qsm[used].mean()) / qsm[used].std()
    found = (back - back[used].mean()) / back[used].std()
    np.testing.assert_allclose(found[used], scaled[used], atol=1e-3)
    voxel = np.argwhere(mask)[7]
    assert prepared.x[(1, *prepared.grid.locate(voxel))] == back[tuple(voxel)]


def test_slices_are_axial_whatever_the_storage():
    swi, qsm, mask = images((40, 44, 30))
    one = prepare(swi, qsm, None, mask, np.diag([0.9, 0.9, 2.0, 1]), SLICES)
    turned = np.eye(4)[[1, 2, 0, 3]] @ np.diag([2.0, 0.9, -0.9, 1])  # stored as S, R, P
    assert nib.aff2axcodes(turned) == ('S', 'R', 'P')
    swi, qsm, mask = (a.transpose(2, 0, 1)[:, :, ::-1] for a in (swi, qsm, mask))
    two = prepare(swi, qsm, None, mask, turned, SLICES)
    np.testing.assert_allclose(two.x, one.x, atol=1e-5)


def test_intensities_are_those_of_the_authors():
    """0 to 255, zeros around, then a z-score over the padded volume; empty slices left out."""
    swi, qsm, mask = images((40, 44, 30))
    swi[..., [0, 29]] = 0
    x = prepare(swi, qsm, None, mask, np.eye(4), SLICES).x
    padded = np.zeros((256, 256, 30))
    padded[108:148, 106:150] = (qsm - qsm.min()) / (qsm.max() - qsm.min()) * 255
    expected = (padded - padded.mean()) / padded.std()
    left_out = np.flatnonzero(swi.sum(axis=(0, 1)) == 0)
    assert np.isnan(x[..., left_out]).all()
    assert {0, 29} <= set(left_out.tolist())
    used = np.setdiff1d(np.arange(30), left_out)
    np.testing.assert_allclose(x[1][..., used], expected[..., used], atol=1e-4)


def test_slices_beside_the_brain_are_left_out():
    swi, qsm, mask = images((40, 44, 30))
    x = prepare(swi + 1, qsm, None, mask, np.eye(4), SLICES).x
    beside = ~mask.any(axis=(0, 1))
    assert beside.any()
    np.testing.assert_array_equal(np.isnan(x).all(axis=(0, 1, 2)), beside)
    assert np.isfinite(x[..., ~beside]).all()


def test_a_missing_input_that_is_needed_is_named():
    swi, _, mask = images((40, 44, 30))
    with pytest.raises(ModelError, match=r'"test" needs swi, qsm, and there is no qsm'):
        prepare(swi, None, swi, mask, np.eye(4), SLICES)


def test_a_constant_input_has_no_slices():
    swi, _, mask = images((40, 44, 30))
    with pytest.raises(ValueError, match='qsm: The image is constant'):
        prepare(swi, np.zeros(swi.shape), None, mask, np.eye(4), SLICES)
