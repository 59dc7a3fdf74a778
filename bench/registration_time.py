"""Time and overlap of the registration, and time and difference of the shading, beside ANTs' own.

    python bench/registration_time.py --json FILE [--heads 2]

T2w of simulated heads against the template. deepmir: `register_template`, all starts that it
needs and its SyN at 2 mm, on the one thread that it runs on in the app. Beside it
``antsRegistrationSyNQuick[s]`` of antspyx on the same images at 1 mm, on one thread, too. Both get
the head without shading and lay the atlas over it; Dice is that of caudate, putamen and pallidum
together with the true ones. The shading is estimated as in the app and from every other
voxel along each axis (from all, one head takes twenty minutes).
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# ITK reads it once.
os.environ['ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS'] = '1'

import ants
import nibabel as nib
import numpy as np
from nibabel.processing import resample_from_to
from unit_time import SCAN, SEED, machine

from deepmir_bids.anatomy.ants_images import read_ants, to_ants
from deepmir_bids.anatomy.atlas_structures import BASAL_GANGLIA
from deepmir_bids.anatomy.labels_on_swi import label_brain
from deepmir_bids.anatomy.template_choice import Anatomy, find_anatomy
from deepmir_bids.anatomy.template_registration import register_template
from deepmir_bids.imaging.bias_field import correct_bias
from deepmir_bids.settings import Settings
from deepmir_bids.simulation.simulated_subject import SimulatedSubject, simulate_subject


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', type=Path, required=True)
    parser.add_argument('--heads', type=int, default=2)
    options = parser.parse_args()
    defaults = Settings(Path(), Path(), Path())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        anatomy = find_anatomy(defaults.template, defaults.atlas, folder / 'anatomy')
        heads = [
            head(simulate_subject(SEED + number, SCAN), anatomy, folder / str(number))
            for number in range(options.heads)
        ]
    report = {'machine': machine(), 'template': anatomy.name, 'heads': heads}
    options.json.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')
    print(json.dumps(report, indent=2))


def head(subject: SimulatedSubject, anatomy: Anatomy, folder: Path) -> dict:
    """Figures of one head."""
    folder.mkdir()
    t2w = nib.Nifti1Image(
        np.asanyarray(subject.t2w.dataobj), subject.t2w_to_swi @ subject.t2w.affine
    )
    brain = resample_from_to(subject.brain_mask, t2w, order=0).get_fdata() > 0
    corrected, quick_s = timed(lambda: correct_bias(t2w))
    whole, whole_s = timed(lambda: from_every_other(t2w))
    apart = np.log(corrected.get_fdata()[brain] / whole[brain])
    found, own_s = timed(lambda: register_template(corrected, anatomy, folder / 'own'))
    peer, peer_s = timed(lambda: syn_quick(corrected, anatomy, folder / 'peer'))
    return {
        'shading': {
            'seconds': {'deepmir': quick_s, 'every other voxel': whole_s},
            'difference': float(np.std(apart)),
        },
        'registration': {
            'seconds': {'deepmir': own_s, 'SyNQuick': peer_s},
            'dice': {
                'deepmir': overlap(subject, anatomy, found.to_image),
                'SyNQuick': overlap(subject, anatomy, peer),
            },
        },
    }


def timed(what: Callable[[], Any]) -> tuple[Any, float]:
    """Do something; return what came of it, and the seconds that it took."""
    begin = time.perf_counter()
    result = what()
    return result, round(time.perf_counter() - begin, 2)


def from_every_other(image: nib.Nifti1Image) -> np.ndarray:
    """The image without its shading, by every other voxel of the head along each axis."""
    data = np.maximum(image.get_fdata(dtype=np.float32), 0)
    return ants.n4_bias_field_correction(
        to_ants(data, image.affine),
        mask=to_ants((data > data.mean() / 3).astype(np.float32), image.affine),
        shrink_factor=2,
        convergence={'iters': [30] * 3, 'tol': 1e-4},
        spline_param=150,
    ).numpy()


def syn_quick(image: nib.Nifti1Image, anatomy: Anatomy, folder: Path) -> str:
    """Register with ANTs' quick script; return the transform of images to the subject."""
    folder.mkdir()
    fixed = next(f for f in anatomy.fixed if f.extent == 'head')
    done = ants.registration(
        read_ants(fixed.path),
        to_ants(image.get_fdata(dtype=np.float32), image.affine),
        type_of_transform='antsRegistrationSyNQuick[s]',
        outprefix=str(folder / 'quick_'),
        write_composite_transform=True,
    )
    return done['invtransforms']


def overlap(subject: SimulatedSubject, anatomy: Anatomy, to_image: str | Path) -> float:
    """Dice of the nuclei with the true ones, on the grid of the SWI."""
    _, labels = label_brain(subject.swi.shape, subject.swi.affine, anatomy, to_image)
    wanted = [one.index for one in anatomy.structures if one.kind in BASAL_GANGLIA]
    found, true = np.isin(labels, wanted), np.asanyarray(subject.basal_ganglia.dataobj) > 0
    return round(float(2 * (found & true).sum() / (found.sum() + true.sum())), 3)


if __name__ == '__main__':
    main()
