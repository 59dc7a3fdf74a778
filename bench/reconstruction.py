"""How near the susceptibility made from raw echoes comes to the truth of simulated heads.

    python bench/reconstruction.py docs/results/reconstruction.tsv --heads 10

Heads are simulated on three scanners in turn, each with several echoes; the last echo alone is
the single-echo scan. Every method sees the same echoes and the same brain mask; the first head of
each scanner is seen by all of them, the others by the default alone.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from nibabel.affines import voxel_sizes
from scipy import ndimage

from deepmir_bids.reconstruction.maps_of_echoes import Maps, Methods, reconstruct
from deepmir_bids.simulation.acquisition import Acquisition
from deepmir_bids.simulation.simulated_subject import SimulatedSubject, simulate_subject

#: Field in T, echo time of the SWI in s, sign of the phase, echoes, voxel sizes in mm.
SCANNERS = (
    (3.0, 0.020, 1, 5, (1.2, 1.2, 1.6)),
    (1.5, 0.040, -1, 3, (1.2, 1.2, 2.0)),
    (7.0, 0.010, 1, 4, (1.2, 1.2, 1.2)),
)

#: What each image covers, in mm.
VIEW_MM = (180.0, 216.0, 140.0)

#: The first seed. Penalty, edges and all other numbers of the default were chosen on this head and
#: the two after it, nothing on the others.
FIRST_SEED = 901

#: Blooming of a microbleed reaches about so far, in mm.
AROUND_MM = 3.0

#: The default, and what comes of changing one of its two steps.
METHODS = (Methods(), Methods('vsharp'), Methods(inversion='l2'), Methods(inversion='tkd'))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('table', type=Path, help='the table to write (.tsv)')
    parser.add_argument('--heads', type=int, default=10)
    parser.add_argument('--picture', type=Path, help='draw a head instead (.png)')
    options = parser.parse_args()
    if options.picture:
        draw(simulated(len(SCANNERS)), options.picture)
        return
    rows = []
    for head in range(options.heads):
        methods = METHODS if head < len(SCANNERS) else METHODS[:1]
        rows += [{'head': head, **row} for row in figures(simulated(head), methods)]
        pd.DataFrame(rows).to_csv(options.table, sep='\t', index=False, float_format='%.3f')


def simulated(
    head: int, first_seed: int = FIRST_SEED, *, enriched: bool = False
) -> SimulatedSubject:
    """Return a head with its raw echoes and true susceptibility."""
    field_t, echo_time_s, sign, echoes, voxel_mm = SCANNERS[head % len(SCANNERS)]
    scan = Acquisition(
        field_t=field_t,
        echo_time_s=echo_time_s,
        paramagnetic_sign=sign,
        voxel_mm=voxel_mm,
        shape=tuple(round(d / v) for d, v in zip(VIEW_MM, voxel_mm, strict=True)),
        tilt_deg=(-8, 2, 1),
        snr=25,
        detail_mm=1.0,
        highpass_width=48,
    )
    return simulate_subject(first_seed + head, scan, enriched, echoes)


def figures(subject: SimulatedSubject, all_methods: Sequence[Methods]) -> list[dict]:
    """Return a row for each method and for one and several echoes of a head."""
    brain = _array(subject.brain_mask) > 0
    truth = _array(subject.chi)
    scan = subject.acquisition
    times = sorted(subject.echoes)
    rows = []
    for used, methods in itertools.product((times, times[-1:]), all_methods):
        start = time.process_time()
        maps = made(subject, used, methods)
        row = {
            'field_t': scan.field_t,
            'echoes': len(used),
            'background': methods.background,
            'inversion': methods.inversion,
            'cpu_s': time.process_time() - start,
            'sign_right': maps.phase_sign == scan.paramagnetic_sign,
            'coverage': maps.mask.sum() / brain.sum(),
        }
        rows.append(row | against_truth(maps, truth) | of_parts(maps, truth, subject))
    return rows


def made(subject: SimulatedSubject, times: Sequence[float], methods: Methods = METHODS[0]) -> Maps:
    """Return the maps of some echoes of a head."""
    mm = voxel_sizes(subject.swi.affine)
    images = np.stack([_array(subject.echoes[t]) for t in times])
    return reconstruct(
        np.abs(images),
        np.angle(images),
        times,
        subject.acquisition.field_t,
        mm,
        (subject.swi.affine[:3, :3] / mm)[2],
        _array(subject.brain_mask) > 0,
        methods,
    )


def draw(subject: SimulatedSubject, path: Path) -> None:
    """Draw the true susceptibility of a head, that of all echoes, and that of the last."""
    import matplotlib.pyplot as plt

    times = sorted(subject.echoes)
    every, last = made(subject, times), made(subject, times[-1:])
    truth = _array(subject.chi)
    true = np.where(every.mask, truth - truth[every.mask].mean(), 0)
    rows = {'true': true, 'all echoes': every.chi_ppm, 'the last echo': last.chi_ppm}
    figure, axes = plt.subplots(len(rows), 3, figsize=(9, 11), layout='constrained')
    for line, (title, chi) in zip(axes, rows.items(), strict=True):
        for axis, share in zip(line, (0.33, 0.5, 0.67), strict=True):
            slice_ = chi[..., int(share * chi.shape[2])]
            axis.imshow(np.rot90(slice_), cmap='gray', vmin=-0.1, vmax=0.2)
            axis.set_axis_off()
        line[1].set_title(f'{title}, -0.1 to 0.2 ppm')
    figure.savefig(path, dpi=80)


def against_truth(maps: Maps, truth: np.ndarray) -> dict:
    """Compare with the truth in the map's mask, both relative to their means there."""
    true, found = (chi[maps.mask] - chi[maps.mask].mean() for chi in (truth, maps.chi_ppm))
    return {
        'correlation': np.corrcoef(true, found)[0, 1],
        'slope': np.vdot(true, found) / np.vdot(true, true),
        'nrmse': np.linalg.norm(found - true) / np.linalg.norm(true),
    }


def of_parts(maps: Maps, truth: np.ndarray, subject: SimulatedSubject) -> dict:
    """Share of the true susceptibility that is found in the nuclei, and in each microbleed.

    That of the nuclei is their mean above the rest of the brain; that of a microbleed is the total
    within `AROUND_MM` of it, above the shell around that, as science has it for its moment.
    """
    mm = voxel_sizes(subject.swi.affine)
    nuclei = (_array(subject.basal_ganglia) > 0) & maps.mask
    true, found = (c[nuclei].mean() - c[maps.mask & ~nuclei].mean() for c in (truth, maps.chi_ppm))
    shares = []
    numbers = _array(subject.lesion_numbers)
    bleeds = np.flatnonzero(subject.lesions['class'] == 'CMB') + 1
    for place in (numbers == number for number in bleeds):
        far = ndimage.distance_transform_edt(~place, sampling=mm)
        near, shell = far <= AROUND_MM, (far > AROUND_MM) & (far <= 2 * AROUND_MM) & maps.mask
        if not place.any() or not maps.mask[near].all() or not shell.any():
            continue
        totals = [(c[near] - np.median(c[shell])).sum() for c in (truth, maps.chi_ppm)]
        shares.append(totals[1] / totals[0])
    return {
        'nuclei': found / true,
        'microbleeds': np.median(shares) if shares else np.nan,
        'microbleeds_n': len(shares),
    }


def _array(image: nib.Nifti1Image) -> np.ndarray:
    return np.asanyarray(image.dataobj)


if __name__ == '__main__':
    main()
