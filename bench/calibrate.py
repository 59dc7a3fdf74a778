"""Choose thresholds, outline and chances of a model on the validation subjects; weights stay.

    python bench/calibrate.py CACHE MODEL [--threads 1]

CACHE is what bench/simulate_training_set.py writes. The card in the folder of MODEL is changed.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from train_default import VALIDATION, Cache

from deepmir_bids.model import load_model
from deepmir_bids.model.model_registry import find_model, write_card
from deepmir_bids.training.threshold_choice import calibrated, seek_with_each_combination


def main() -> None:
    """Calibrate and write the card."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('cache', type=Path)
    parser.add_argument('model')
    parser.add_argument('--threads', type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = load_model(options.model)
    model = replace(model, card=replace(model.card, chances={}))
    model.network.exact = False  # nothing here is compared to the last digit
    validation = Cache(options.cache, model.card).arrivals(VALIDATION)
    model = calibrated(model, seek_with_each_combination(model, validation))
    write_card(model.card, find_model(options.model))


if __name__ == '__main__':
    main()
