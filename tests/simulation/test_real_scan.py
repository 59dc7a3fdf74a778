"""How a real image was acquired: sidecar, header and options."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.errors import InputError
from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.real_scan import ScanOptions, b0_in_image, read_acquisition

USUAL = {'EchoTime': 0.02, 'MagneticFieldStrength': 3}
PATH = Path('sub-01_T2starw.nii.gz')


def slab(tilt=(0, 0, 0), axes='RAS'):
    """An oblique slab of thick slices, its voxels stored in some order."""
    scan = Acquisition(voxel_mm=(0.9, 0.9, 3.0), shape=(20, 24, 8), tilt_deg=tilt)
    image = nib.Nifti1Image(np.zeros(scan.shape, np.float32), scan.affine)
    stored = nib.orientations.axcodes2ornt(axes)
    moves = nib.orientations.ornt_transform(nib.io_orientation(image.affine), stored)
    return scan, nib.as_closest_canonical(image.as_reoriented(moves))


def read(image, metadata=USUAL, options=ScanOptions()):  # noqa: B008 (frozen)
    return read_acquisition(image, PATH, metadata, options, masked=True)


@pytest.mark.parametrize('axes', ['RAS', 'LAS', 'LPI', 'PIR'])
def test_geometry_of_an_oblique_slab(axes):
    scan, image = slab((-25, 8, 3), axes)
    found = read(image)
    np.testing.assert_allclose(found.affine, image.affine, atol=1e-5)
    np.testing.assert_allclose(found.voxel_mm, scan.voxel_mm, atol=1e-6)
    np.testing.assert_allclose(found.b0_direction, scan.b0_direction, atol=1e-6)
    assert found.b0_direction[1] == pytest.approx(-np.sin(np.deg2rad(25)), abs=0.05)


def test_echo_time_in_ms_is_recognised():
    _, image = slab()
    for metadata in ({'EchoTime': 20, 'MagneticFieldStrength': 3}, USUAL):
        assert read(image, metadata).echo_time_s == pytest.approx(0.02)
    given = read(image, {}, ScanOptions(echo_time_s=35, field_t=1.5))
    assert (given.echo_time_s, given.field_t) == (pytest.approx(0.035), 1.5)


@pytest.mark.parametrize(
    ('wrong', 'said'),
    [
        ({'EchoTime': None}, r'does not give EchoTime.*--echo-time'),
        ({'EchoTime': [0.01, 0.02]}, r'no single number as EchoTime.*--echo-time'),
        ({'EchoTime': 0.5}, r'echo time of 0.5 s.*--echo-time'),
        ({'EchoTime': -0.02}, r'echo time of -0.02 s'),
        ({'EchoTime': float('nan')}, r'echo time of nan'),
        ({'MagneticFieldStrength': None}, r'MagneticFieldStrength.*--field-strength'),
        ({'MagneticFieldStrength': '3T'}, r'no single number as MagneticFieldStrength'),
        ({'MagneticFieldStrength': 30000}, r'field strength of 30000 T.*--field-strength'),
    ],
)
def test_nonsense_is_refused(wrong, said):
    _, image = slab()
    with pytest.raises(InputError, match=f'{PATH}.*{said}|{PATH} {said}'):
        read(image, USUAL | wrong)


@pytest.mark.parametrize('width', [None, 0, -3, '64', 48])
def test_phase_mask_is_the_usual_one_unless_it_is_told(width):
    _, image = slab()
    found = read(image, USUAL | {'PhaseFilterWidth': width, 'PhaseMaskPower': 0})
    assert (found.highpass_width, found.mask_power) == (48 if width == 48 else 64, 0)
    assert read(image).mask_power == 4
    magnitude = read_acquisition(image, PATH, USUAL, ScanOptions(), masked=False)
    assert magnitude.mask_power == 0


def test_given_direction_is_in_the_world():
    scan, image = slab((-25, 8, 3))
    found = read(image)
    np.testing.assert_allclose(b0_in_image(found, ScanOptions()), scan.b0_direction, atol=1e-6)
    given = b0_in_image(found, ScanOptions(b0_direction=(0, 1, 0)))
    np.testing.assert_allclose(found.rotation @ given, [0, 1, 0], atol=1e-6)
