"""The smooth phase of a single echo."""

import numpy as np

from deepmir_bids.reconstruction.smooth_phase import smooth_part


def test_a_smooth_phase_goes_and_what_is_small_stays():
    x, y, z = (np.linspace(-1, 1, n) for n in (40, 36, 30))
    x, y, z = np.meshgrid(x, y, z, indexing='ij')
    mask = x**2 + y**2 + z**2 < 0.9
    smooth = 0.05 * (x**2 + y**2) - 0.03 * x * y * z + 0.01
    vein = mask & ((x - 0.2) ** 2 + y**2 < 0.01)
    noise = np.random.default_rng(0).normal(scale=0.002, size=x.shape)
    found = smooth_part((smooth + 0.2 * vein + noise) * mask, mask, np.ones(x.shape))
    assert np.abs(found - smooth)[mask].max() < 0.005
    assert not found[~mask].any()
