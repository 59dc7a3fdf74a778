"""Heads of sites that the default model was not calibrated on, for bench/site_thresholds.py.

    python bench/site_heads.py CACHE [--heads 12] [--threads 1]

writes CACHE/<style>_<number>.npz for each style of `STYLES`, in turn, and leaves alone what is
there: ``probabilities`` (float32, 0 below 0.002), ``truth``, ``brain_mask``, ``iron_mask`` (uint8)
and ``affine``. The network sees the simulated arrays with true masks: registration is not tested
here. It takes some ten seconds a head on one core (set OMP_NUM_THREADS=1).
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from simulate_training_set import save_whole

from deepmir_bids.lesions.connected_lesions import iron_area
from deepmir_bids.model import load_model
from deepmir_bids.model.prediction import Model, probabilities_on_swi
from deepmir_bids.simulation.acquisition import SLOPPY, Acquisition
from deepmir_bids.simulation.simulated_subject import simulate_subject

FIRST_SEED = 70_000
#: Nothing below is ever a candidate.
LEAST = 0.002


class Style(NamedTuple):
    """What a site acquires, and whether it has a QSM."""

    acquisition: Acquisition
    qsm: bool


#: Each lies outside of what `random_acquisition` draws, which the model learnt from; and both are
#: coarse, so that a head takes seconds.
STYLES = {
    # Blooming and veins are twice as large, and the images noisy.
    'late echo': Style(
        replace(SLOPPY, echo_time_s=0.045, snr=12.0, highpass_width=24, mask_power=6), qsm=True
    ),
    # A magnitude that stands in for an SWI, in slices that no training image had.
    'thick magnitude': Style(
        replace(
            SLOPPY, field_t=1.5, echo_time_s=0.025, snr=20.0, mask_power=0,
            voxel_mm=(1.2, 1.2, 5.0), shape=(150, 176, 28),
        ),
        qsm=False,
    ),
}  # fmt: skip


def main() -> None:
    """Make what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('cache', type=Path)
    parser.add_argument('--heads', type=int, default=12, help='of each style')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--model', default='default')
    options = parser.parse_args()
    options.cache.mkdir(parents=True, exist_ok=True)
    model = load_model(options.model)
    model.network.exact = False  # nothing here is compared to the last digit
    for number in range(options.heads):
        for name, style in STYLES.items():
            target = options.cache / f'{name.replace(" ", "-")}_{number:02d}.npz'
            if not target.exists():
                save_whole(make_head(model, style, FIRST_SEED + number, options.threads), target)
                print(target.name, flush=True)


def make_head(model: Model, style: Style, seed: int, threads: int) -> dict[str, np.ndarray]:
    """Simulate a head of natural prevalence, and let the network look at it."""
    subject = simulate_subject(seed, style.acquisition)
    affine = subject.swi.affine
    brain_mask = np.asarray(subject.brain_mask.dataobj) > 0
    probabilities = probabilities_on_swi(
        model,
        np.asarray(subject.swi.dataobj, dtype=np.float32),
        np.asarray(subject.qsm.dataobj, dtype=np.float32) if style.qsm else None,
        None,
        brain_mask,
        affine,
        threads=threads,
    )
    return {
        'probabilities': np.where(probabilities < LEAST, 0, probabilities).astype(np.float32),
        'truth': np.asarray(subject.truth.dataobj, dtype=np.uint8),
        'brain_mask': brain_mask.astype(np.uint8),
        'iron_mask': iron_area(np.asarray(subject.basal_ganglia.dataobj) > 0, affine).astype(
            np.uint8
        ),
        'affine': affine,
    }


if __name__ == '__main__':
    main()
