"""Measure how the simulated heads look that the default network learned from.

    python bench/learned_traits.py deepmir_bids/data/learned_traits.tsv [--heads N]

writes least and most of each of `site_traits.TRAITS` in the first N natural heads of the training
set, by their true masks: what `deepmir-accept` holds a site's images against. Half a minute and
2.5 GB a head. Voxel sides are those of 2,000 drawn acquisitions.
"""

import argparse
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from simulate_training_set import SEEDS

from deepmir_bids.acceptance.site_traits import TRAITS, measure_traits
from deepmir_bids.bids.tsv import write_tsv
from deepmir_bids.simulation.acquisition import random_acquisition
from deepmir_bids.simulation.simulated_subject import simulate_subject

ACQUISITIONS = 2000


def main() -> None:
    """Simulate, measure and write the table anew after each head."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('table', type=Path)
    parser.add_argument('--heads', type=int, default=16)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    voxels = np.array([random_acquisition(rng).voxel_mm for _ in range(ACQUISITIONS)])
    sides = pd.DataFrame({'finest_mm': voxels.min(1), 'coarsest_mm': voxels.max(1)})
    heads = []
    for seed in SEEDS['natural'][: args.heads]:
        heads.append(measure(seed))
        values = pd.concat([sides, pd.DataFrame(heads)])
        rows = [
            {
                'trait': trait,
                'least': values[trait].min(),
                'most': values[trait].max(),
                'measured': int(values[trait].notna().sum()),
            }
            for trait in TRAITS
        ]
        write_tsv(pd.DataFrame(rows), args.table)
        print(seed, heads[-1], flush=True)


def measure(seed: int) -> dict[str, float]:
    """Traits of one head, voxels apart."""
    subject = simulate_subject(seed)
    images = [subject.swi, subject.qsm, subject.brain_mask, subject.basal_ganglia]
    swi, qsm, brain, nuclei = (nib.as_closest_canonical(i).get_fdata() for i in images)
    traits = measure_traits(swi, qsm, brain > 0, nuclei > 0, subject.acquisition.voxel_mm)
    return {name: traits[name] for name in TRAITS if not name.endswith('_mm')}


if __name__ == '__main__':
    main()
