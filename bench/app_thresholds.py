"""Choose a model's thresholds on what the app gives: its own masks and registration.

    python bench/app_thresholds.py MODEL --units BIDS LABELS RESULTS [--units …] [--threads 1]

BIDS is what deepmir-simulate writes, LABELS its truth, RESULTS deepmir's output for it. In the
nuclei much of what looks like iron is the rim of another structure, as soon as their outline is
not the true one. Without a QSM the thresholds of microbleeds stay as bench/calibrate.py chose
them with true masks: here, too, they would be higher, but of lesions put into real magnitudes of
1 to 5 mm, where nothing false is found, fewer would be left. The card in MODEL is changed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from deepmir_bids import CLASSES
from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.model import load_model
from deepmir_bids.model.model_registry import ModelCard, find_model, write_card
from deepmir_bids.settings import Settings
from deepmir_bids.training.labelled_units import labelled_units, training_subject
from deepmir_bids.training.threshold_choice import calibrate, seek_with_each_combination
from deepmir_bids.training.training_subjects import CachedSubject, read_subject


def main() -> None:
    """Choose the thresholds and write the card."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('model')
    parser.add_argument('--units', type=Path, nargs=3, action='append', required=True)
    parser.add_argument('--threads', type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(options.model)
    card = model.card
    model.network.exact = False  # nothing here is compared to the last digit
    bare = replace(model, card=replace(card, chances={}))
    subjects = [one for units in options.units for one in app_subjects(*units, card)]
    candidates = seek_with_each_combination(bare, subjects)
    thresholds = {
        inputs: moved(card, inputs, calibrate(found, classes_of(inputs)))
        for inputs, found in candidates.items()
    }
    write_card(replace(card, thresholds=thresholds), find_model(options.model))


def classes_of(inputs: str) -> tuple[str, ...]:
    """Classes whose thresholds are chosen here, with a combination of inputs."""
    return tuple(CLASSES) if 'qsm' in inputs.split('+') else ('iron',)


def app_subjects(bids: Path, labels: Path, results: Path, card: ModelCard) -> list[CachedSubject]:
    """The labelled subjects as the app left them."""
    settings = Settings(bids_dir=bids, out_dir=results, work_dir=results)
    found = labelled_units(collect_units(settings), labels, results / 'labels')
    parts = [training_subject(unit, results, path) for unit, path in found.items()]
    return [read_subject(part, card) for part in parts]


def moved(
    card: ModelCard, inputs: str, outputs: dict[str, dict[str, float]]
) -> dict[str, dict[str, float]]:
    """Thresholds of each point and class: as the chances of these outputs, or as they were."""
    return {
        point: by_class
        | {
            name: round(float(card.chances[inputs][name].of(outputs[point][name])), 4)
            for name in classes_of(inputs)
        }
        for point, by_class in card.thresholds[inputs].items()
    }


if __name__ == '__main__':
    main()
