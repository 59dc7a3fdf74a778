"""The dipole in k-space, and the phase that it makes."""

import pytest

from deepmir_bids.reconstruction.dipole_kernel import dipole_kernel, radians_per_ppm


def test_phase_at_3_tesla():
    assert radians_per_ppm(0.020, 3.0) == pytest.approx(16.05, abs=0.01)


def test_kernel_is_the_transform_of_a_real_even_dipole():
    kernel = dipole_kernel((8, 10, 12), (1.0, 1.0, 1.5), (0.0, 0.2, 1.0))
    assert kernel.shape == (8, 10, 7)
    assert kernel[0, 0, 0] == 0
    assert kernel.max() <= 1 / 3 + 1e-6
    assert kernel.min() >= -2 / 3 - 1e-6
