"""Homodyne high-pass filtering."""

import numpy as np

from deepmir_bids.reconstruction.homodyne import highpass_phase


def test_highpass_keeps_detail_and_drops_background():
    x, y, _ = np.meshgrid(*[np.linspace(-1, 1, n) for n in (96, 96, 3)], indexing='ij')
    background = 3 * x**2 - 2 * y
    detail = np.where((np.abs(x) < 0.04) & (np.abs(y) < 0.04), 0.8, 0)
    phase = highpass_phase(np.exp(1j * (background + detail)), width=24)
    middle = (np.abs(x) < 0.5) & (np.abs(y) < 0.5)
    assert np.abs(phase[middle & (detail == 0)]).max() < 0.2
    assert phase[detail > 0].mean() > 0.5
