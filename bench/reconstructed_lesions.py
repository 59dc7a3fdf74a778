"""What is found with SWI and QSM made from raw echoes, beside the simulator's own.

    python bench/reconstructed_lesions.py docs/results/reconstructed_lesions.tsv --heads 24

Heads with many lesions on the scanners of bench/reconstruction.py, none of which that bench or a
training saw. Brain masks and nuclei are the true ones. The simulator's SWI is that of the last
echo, and its QSM has all that its physics knows of noise and background; deepmir's are made of the
same heads' echoes, as `--reconstruct always` does. Thresholds are those of the balanced point.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from nibabel.affines import voxel_sizes
from reconstruction import made, simulated
from site_heads import LEAST

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import write_tsv
from deepmir_bids.evaluation.evaluation_tables import UnitEvaluation, evaluate_unit, pool_units
from deepmir_bids.evaluation.truth_pairs import Case
from deepmir_bids.lesions.connected_lesions import class_map, find_lesions, iron_area
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.model import load_model
from deepmir_bids.model.prediction import Model, probabilities_on_swi
from deepmir_bids.simulation.simulated_subject import SimulatedSubject

FIRST_SEED = 1901
MEASURES = ('true', 'TP', 'sensitivity', 'precision', 'F1', 'FP_per_subject')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('table', type=Path, help='the table to write (.tsv)')
    parser.add_argument('--heads', type=int, default=24)
    options = parser.parse_args()
    model = load_model('default')
    model.network.exact = False  # nothing here is compared to the last digit
    units: dict[str, list[UnitEvaluation]] = {}
    for head in range(options.heads):
        subject = simulated(head, FIRST_SEED, enriched=True)
        for name, images in of_inputs(subject).items():
            case = found_in(model, subject, images, f'head-{head}')
            units.setdefault(name, []).append(evaluate_unit(case, 'deepmir'))
        write_tsv(pd.concat(summary(name, part) for name, part in units.items()), options.table)
        print(f'{head + 1} heads', flush=True)


def of_inputs(subject: SimulatedSubject) -> dict[str, dict[str, np.ndarray]]:
    """Each combination of images, ready and made."""
    swi, qsm = (np.asarray(image.dataobj, np.float32) for image in (subject.swi, subject.qsm))
    maps = made(subject, sorted(subject.echoes))
    return {
        'SWI': {'swi': swi},
        'SWI and QSM': {'swi': swi, 'qsm': qsm},
        'SWI, QSM made': {'swi': swi, 'qsm': maps.chi_ppm},
        'SWI made': {'swi': maps.swi},
        'SWI and QSM made': {'swi': maps.swi, 'qsm': maps.chi_ppm},
    }


def found_in(
    model: Model, subject: SimulatedSubject, images: Mapping[str, np.ndarray], label: str
) -> Case:
    """What the model finds in some images of a head."""
    brain = np.asarray(subject.brain_mask.dataobj) > 0
    affine = subject.swi.affine
    area = iron_area(np.asarray(subject.basal_ganglia.dataobj) > 0, affine)
    predicted = probabilities_on_swi(
        model, images['swi'], images.get('qsm'), None, brain, affine, mirror=True
    )
    predicted = np.where(predicted < LEAST, 0, predicted)
    criteria = DetectionCriteria.of_model(model.card, images, 'balanced')
    found = find_lesions(
        predicted, criteria, voxel_sizes(affine), brain_mask=brain, iron_mask=area
    )
    truth = np.asarray(subject.truth.dataobj, np.uint8)
    return Case(
        label=label,
        truth=truth,
        found=class_map(found.labels, found.lesions),
        probabilities=predicted,
        brain_mask=brain,
        iron_area=area,
        structures=np.zeros(truth.shape, np.int32),
        names={},
        affine=affine,
        criteria=criteria,
    )


def summary(name: str, units: list[UnitEvaluation]) -> pd.DataFrame:
    """Pooled figures of one combination."""
    table = pool_units(units, 'deepmir').tables['summary']
    kept = table[table['measure'].isin(MEASURES) & table['class'].isin(CLASSES)]
    columns = ['class', 'measure', 'pooled', 'pooled_low', 'pooled_high']
    return kept[columns].assign(images=name, heads=len(units))


if __name__ == '__main__':
    main()
