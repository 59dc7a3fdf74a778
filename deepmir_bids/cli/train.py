"""``deepmir-train``: train a model, or go on training one, on labelled subjects."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from deepmir_bids.errors import InputError, UsageError
from deepmir_bids.model.registry import ModelCard
from deepmir_bids.settings import Settings


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 if preprocessing failed, 2 for unusable input."""
    options = _parser().parse_args(argv)
    try:
        _train(options)
    except UsageError as error:
        print(f'deepmir-train: {error}', file=sys.stderr)
        return 2
    except (InputError, ValueError) as error:
        print(f'deepmir-train: {error}', file=sys.stderr)
        return 1
    return 0


def preprocess(settings: Settings) -> None:
    """Preprocess the settings' participants with the app itself, as for any other run.

    Raises
    ------
    InputError
        If a participant failed.

    """
    from deepmir_bids.cli.run import main as deepmir

    arguments = [str(settings.bids_dir), str(settings.out_dir), 'participant']
    arguments += ['--work-dir', str(settings.work_dir), '--device', settings.device]
    arguments += ['--participant-label', *settings.participant_label]
    if settings.sloppy:
        arguments.append('--sloppy')
    if deepmir(arguments) != 0:
        raise InputError('Not all participants could be preprocessed: see the lines above.')


def _train(options: argparse.Namespace) -> None:
    """From a BIDS dataset and labels to a model's folder."""
    from deepmir_bids.model import load_model
    from deepmir_bids.model.predict import find_device
    from deepmir_bids.training.export import draw_curves, write_model
    from deepmir_bids.training.loop import Plan, train
    from deepmir_bids.training.recipe import blank_card
    from deepmir_bids.training.validation import calibrate_all, judge

    initial = load_model(options.init) if options.init else None
    card = initial.card if initial else blank_card(options.out_dir.name)
    training, validation = split(_subjects(options, card), options.validation, options.seed)
    model, progress = train(
        card,
        training,
        validation,
        Plan(steps=options.steps, batch=2 if options.sloppy else 8, seed=options.seed),
        options.out_dir,
        initial=initial.network if initial else None,
        device=find_device(options.device),
    )
    draw_curves(progress.history, options.out_dir / 'curves.png')
    thresholds = calibrate_all(model, validation)
    finished = replace(
        card,
        name=options.out_dir.name,
        description=f'Trained with deepmir-train on {len(training)} labelled subjects.',
        thresholds=thresholds,
        training={
            'data': 'labelled subjects of a BIDS dataset',
            'subjects': [s.name for s in training],
            'validation': [s.name for s in validation],
            'init': options.init,
            'seed': options.seed,
            'steps': progress.step,
        },
        figures={
            'data': 'the validation subjects, on which the thresholds were chosen',
            'operating_point': 'balanced',
            'by_inputs': judge(model, validation, thresholds['balanced']),
        },
    )
    write_model(replace(model, card=finished), options.out_dir / 'model')
    print(f'The model is in {options.out_dir / "model"}: deepmir --model takes this folder.')


def _subjects(options: argparse.Namespace, card: ModelCard) -> list:
    """Every labelled subject, preprocessed by now, in memory."""
    from deepmir_bids.bids.layout import collect_units
    from deepmir_bids.training.derivatives import has_derivatives, labelled_units, training_subject
    from deepmir_bids.training.subjects import read_subject

    settings = Settings(
        bids_dir=options.bids_dir,
        out_dir=options.out_dir / 'preprocessed',
        work_dir=options.out_dir / 'work',
        device=options.device,
        sloppy=options.sloppy,
    )
    labels = labelled_units(collect_units(settings), options.labels)
    if len(labels) < 2:
        raise UsageError('Training takes two labelled subjects at least: one of them validates.')
    ready = {unit for unit in labels if has_derivatives(unit, settings.out_dir)}
    missing = tuple(sorted({unit.subject for unit in labels if unit not in ready}))
    if missing:
        preprocess(replace(settings, participant_label=missing))
    return [
        read_subject(training_subject(unit, settings.out_dir, path), card)
        for unit, path in labels.items()
    ]


def split(subjects: list, share: float, seed: int) -> tuple[list, list]:
    """Put a ``share`` of the subjects, at least one, aside for validation, by a seeded draw."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(subjects))
    count = min(len(subjects) - 1, max(1, round(share * len(subjects))))
    aside = {int(i) for i in order[:count]}
    training = [s for i, s in enumerate(subjects) if i not in aside]
    return training, [subjects[i] for i in sorted(aside)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='deepmir-train', description=__doc__)
    parser.add_argument('bids_dir', type=Path, help='a BIDS dataset with the images')
    parser.add_argument('out_dir', type=Path, help='where checkpoints, curves and the model go')
    parser.add_argument(
        '--labels',
        type=Path,
        required=True,
        metavar='DIR',
        help='a derivatives dataset with one *_dseg.nii.gz per subject on the grid of its SWI: '
        '1 microbleed, 2 iron deposit',
    )
    parser.add_argument(
        '--steps', type=int, default=4000, help='batches of 8 patches (%(default)s)'
    )
    parser.add_argument('--init', metavar='MODEL', help='start from a model: a name or a folder')
    parser.add_argument('--seed', type=int, default=0, help='of every random draw (%(default)s)')
    parser.add_argument(
        '--validation',
        type=float,
        default=0.2,
        metavar='SHARE',
        help='share of the subjects that choose the thresholds (%(default)s)',
    )
    parser.add_argument('--device', default='auto', help='auto, cpu or cuda (%(default)s)')
    parser.add_argument('--sloppy', action='store_true', help='small batches, to try things out')
    return parser


if __name__ == '__main__':
    sys.exit(main())
