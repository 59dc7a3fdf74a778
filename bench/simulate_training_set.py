"""Simulate the subjects that the default weights are trained, calibrated and tested on.

    python bench/simulate_training_set.py FOLDER [--kinds enriched natural test]

writes FOLDER/<kind>_<seed>.npz for each seed of `SEEDS`, enriched and natural ones in turn and
the test set last, and leaves alone what is already there. Keys: swi, qsm, t2w_on_swi (float16;
the T2w on the SWI's grid as a registration with a small error would leave it), brain_mask, truth,
iron_mask (uint8; where the app looks for iron: the basal ganglia and 2 mm around) and affine; the
tables of lesions and mimics lie beside them as CSV. It takes about half a minute a subject on one
core (set OMP_NUM_THREADS=1).
"""

import argparse
import os
from pathlib import Path

import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from scipy.spatial.transform import Rotation

from deepmir_bids.lesions.connected_lesions import iron_area
from deepmir_bids.simulation.simulated_subject import SimulatedSubject, simulate_subject

SEEDS = {'enriched': range(1000, 1132), 'natural': range(2000, 2056), 'test': range(9010, 9070)}


def main() -> None:
    """Simulate what is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--kinds', nargs='+', choices=SEEDS, default=list(SEEDS))
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for kind, seed in order(args.kinds):
        target = args.folder / f'{kind}_{seed}.npz'
        if not target.exists():
            save(simulate_subject(seed, enriched=kind == 'enriched'), seed, target)
            print(target.name, flush=True)


def order(kinds: list[str]) -> list[tuple[str, int]]:
    """Return (kind, seed): each kind spread evenly over the training set, the test set last."""
    pairs = [
        (i / len(SEEDS[kind]) + (kind == 'test'), kind, seed)
        for kind in kinds
        for i, seed in enumerate(SEEDS[kind])
    ]
    return [(kind, seed) for _, kind, seed in sorted(pairs)]


def t2w_on_swi(subject: SimulatedSubject, seed: int) -> np.ndarray:
    """Return the T2w on the SWI's grid, misregistered by up to 0.7 degrees and 0.7 mm."""
    rng = np.random.default_rng([seed, 1000])
    error = np.eye(4)
    error[:3, :3] = Rotation.from_euler('xyz', rng.uniform(-0.7, 0.7, 3), degrees=True).as_matrix()
    centre = np.asarray(subject.acquisition.centre_mm)
    error[:3, 3] = centre - error[:3, :3] @ centre + rng.uniform(-0.7, 0.7, 3)
    moved = nib.Nifti1Image(
        np.asarray(subject.t2w.dataobj), error @ subject.t2w_to_swi @ subject.t2w.affine
    )
    return np.asarray(resample_from_to(moved, subject.swi, order=1).dataobj)


def save(subject: SimulatedSubject, seed: int, target: Path) -> None:
    """Write a subject whole or not at all."""
    subject.lesions.to_csv(target.with_name(f'{target.stem}_lesions.csv'), index=False)
    subject.mimics.to_csv(target.with_name(f'{target.stem}_mimics.csv'), index=False)
    arrays = {
        'swi': np.asarray(subject.swi.dataobj, dtype=np.float16),
        'qsm': np.asarray(subject.qsm.dataobj, dtype=np.float16),
        't2w_on_swi': t2w_on_swi(subject, seed).astype(np.float16),
        'brain_mask': np.asarray(subject.brain_mask.dataobj, dtype=np.uint8),
        'truth': np.asarray(subject.truth.dataobj, dtype=np.uint8),
        'iron_mask': iron_area(
            np.asarray(subject.basal_ganglia.dataobj) > 0, subject.swi.affine
        ).astype(np.uint8),
        'affine': subject.swi.affine,
    }
    save_whole(arrays, target)


def save_whole(arrays: dict[str, np.ndarray], target: Path) -> None:
    """Write arrays whole or not at all."""
    part = target.with_suffix('.part')
    with part.open('wb') as file:
        np.savez_compressed(file, **arrays)
    os.replace(part, target)


if __name__ == '__main__':
    main()
