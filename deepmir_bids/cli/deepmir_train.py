"""``deepmir-train``: train a model, or go on training one, on labelled subjects."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from deepmir_bids import CLASSES, INPUTS
from deepmir_bids.cli.option_types import absolute_path, device, model_name, positive
from deepmir_bids.errors import InputError, UsageError
from deepmir_bids.model.model_registry import ModelCard
from deepmir_bids.settings import Settings

EPILOG = """\
examples:
  deepmir-train /data/bids /data/mine --labels /data/labels
  deepmir-train /data/bids /data/mine --labels /data/labels --folds 5
  deepmir-train /data/bids /data/mine --labels /data/labels --init default --steps 1000
  deepmir-train /data/bids /data/mine --labels /data/labels --inputs swi qsm --classes CMB

OUT/model is the model, for deepmir --model. With --folds, OUT/fold-1/model and so on are those of
the folds, and OUT/cross_validation.tsv says how they did on the participants they had not seen.
The same command goes on where an interrupted one ended.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 if preprocessing failed, 2 for unusable input."""
    options = _parser().parse_args(argv)
    # Threads that wait must not keep those busy that cut the next batches: on a shared machine
    # a training is several times faster so. It has to be said before torch is imported.
    os.environ.setdefault('OMP_WAIT_POLICY', 'passive')
    try:
        _train(options)
    except UsageError as error:
        print(f'deepmir-train: {error}', file=sys.stderr)
        return 2
    except (InputError, ValueError) as error:
        print(f'deepmir-train: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print('deepmir-train: stopped; the same command goes on from here.', file=sys.stderr)
        return 130
    return 0


def _train(options: argparse.Namespace) -> None:
    """From a BIDS dataset and labels to a model's folder."""
    import torch

    from deepmir_bids.bids.input_files import collect_units
    from deepmir_bids.model import load_model
    from deepmir_bids.model.prediction import find_device
    from deepmir_bids.running.preflight import check_settings
    from deepmir_bids.training.crossvalidation import POOLED, run_parts
    from deepmir_bids.training.fold_division import divide, recorded_parts
    from deepmir_bids.training.labelled_units import count_lesions, labelled_units
    from deepmir_bids.training.untrained_card import known_classes, make_plan

    settings = _settings(options)
    check_settings(settings)
    initial = load_model(options.init) if options.init else None
    if initial and initial.network.spatial_dims != 3:
        raise UsageError(
            f'--init {options.init} is a network of slices: only 3D ones are trained.'
        )
    card = _card(options, initial.card if initial else None)
    drawn = options.out_dir / 'labels'
    labels = labelled_units(collect_units(settings), options.labels, drawn)
    lesions = count_lesions(labels, known_classes(card))
    print(f'{len(lesions)} labelled participants with {sum(lesions.values())} lesions')
    folds = len(lesions) if options.folds == 'loo' else int(options.folds or 0)
    learns_on = find_device(options.device)
    plan = make_plan(
        options.steps,
        options.seed,
        sloppy=options.sloppy,
        fine_tuning=initial is not None,
        device=learns_on,
    )
    chosen = {
        name: getattr(options, name) for name in ('folds', 'validation', 'seed', 'init', 'sloppy')
    }
    chosen |= {
        'steps': plan.steps,
        'inputs': list(card.sees),
        'classes': list(known_classes(card)),
    }
    parts = recorded_parts(
        options.out_dir / 'folds.json',
        chosen,
        divide(lesions, folds, options.validation, options.seed),
    )
    subjects = _read(labels, settings, card)
    # The same number in every run: it decides in which order numbers are summed.
    torch.set_num_threads(settings.nprocs)
    model = run_parts(
        parts,
        subjects,
        card,
        plan,
        options.out_dir,
        initial=initial.network if initial else None,
        device=learns_on,
    )
    if folds:
        print(f'How it does on unseen participants: {options.out_dir / POOLED}')
    print(f'The model is in {model}: deepmir --model takes this folder.')


def _settings(options: argparse.Namespace) -> Settings:
    """Settings of the app, which does the preprocessing."""
    if not options.labels.is_dir():
        raise UsageError(f'--labels {options.labels} is not a folder.')
    nprocs = options.nprocs or len(os.sched_getaffinity(0))
    return Settings(
        bids_dir=options.bids_dir,
        out_dir=options.out_dir / 'preprocessed',
        work_dir=options.out_dir / 'work',
        device=options.device,
        nprocs=nprocs,
        omp_nthreads=min(nprocs, 8),
        sloppy=options.sloppy,
    )


def _card(options: argparse.Namespace, initial: ModelCard | None) -> ModelCard:
    """Card of the model to be trained: new, or that of the model to start from."""
    from deepmir_bids.training.untrained_card import (
        blank_card,
        known_classes,
        restrict,
        sloppy_card,
    )

    name = options.out_dir.resolve().name
    card = sloppy_card(name) if options.sloppy else blank_card(name)
    description = 'Trained with deepmir-train on labelled subjects.'
    if initial:
        card = initial
        if unseen := set(options.inputs or ()) - set(card.sees):
            raise UsageError(
                f'--init {options.init} never saw {" or ".join(sorted(unseen))}: '
                f'--inputs can be {", ".join(card.sees)} at most.'
            )
        description = f'Fine-tuned with deepmir-train from {options.init} on labelled subjects.'
    card = restrict(
        card,
        {'swi', *options.inputs} if options.inputs else card.sees,
        options.classes or known_classes(card),
    )
    training = {'init': options.init, 'classes': card.training['classes']}
    # What outputs mean is learnt anew, with the weights.
    return replace(card, name=name, description=description, training=training, chances={})


def _read(labels, settings: Settings, card: ModelCard) -> dict[str, list]:
    """Units of every labelled participant, preprocessed, in memory."""
    from deepmir_bids.bids.finished_results import has_results
    from deepmir_bids.training.labelled_units import training_subject
    from deepmir_bids.training.training_subjects import read_subject

    missing = {unit.subject for unit in labels if not has_results(settings.out_dir, unit.label)}
    if missing:
        preprocess(replace(settings, participant_label=tuple(sorted(missing))))
    subjects: dict[str, list] = {unit.subject: [] for unit in labels}
    for unit, path in labels.items():
        subject = read_subject(training_subject(unit, settings.out_dir, path), card)
        subjects[unit.subject].append(subject)
    return subjects


def preprocess(settings: Settings) -> None:
    """Preprocess the settings' participants with the app itself, as for any other run.

    Raises
    ------
    InputError
        If a participant failed.

    """
    from deepmir_bids.running.participant_level import run_participants

    if run_participants(settings) != 0:
        raise InputError(
            'not all labelled participants could be preprocessed (see the lines above): '
            'mend their images, or take their labels away.'
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='deepmir-train',
        description='Train a model, or fine-tune one, on labelled subjects.',
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add('bids_dir', type=absolute_path, help='a BIDS dataset with the images')
    add(
        'out_dir',
        type=absolute_path,
        help='where preprocessed images, checkpoints and the model go',
    )
    add(
        '--labels',
        type=absolute_path,
        required=True,
        metavar='DIR',
        help='a derivatives dataset with one *_desc-<any>_dseg.nii.gz for each unit on the grid '
        'of its SWI: 1 microbleed, 2 iron deposit',
    )
    add(
        '--init', type=model_name, metavar='MODEL', help='fine-tune this model: a name or a folder'
    )
    add(
        '--folds',
        type=_folds,
        metavar='K|loo',
        help='cross-validate over participants before training on all of them; '
        'loo leaves one out at a time',
    )
    add(
        '--validation',
        type=float,
        default=0.2,
        metavar='SHARE',
        help='share of the training participants, at least one, that choose the thresholds '
        '(default: %(default)s)',
    )
    add(
        '--inputs',
        nargs='+',
        choices=INPUTS,
        help='use no other images (SWI always); by default all, and the model then does with any',
    )
    add('--classes', nargs='+', choices=list(CLASSES), help='learn no other class')
    add('--steps', type=positive, help='batches of 8 patches (default: 4000)')
    add('--seed', type=int, default=0, help='of every random draw (default: %(default)s)')
    add(
        '--device',
        type=device,
        default='auto',
        help='auto, cpu, cuda or cuda:NUMBER (default: %(default)s)',
    )
    add(
        '--nprocs',
        type=positive,
        metavar='N',
        help='units preprocessed at once, and threads of the training (default: all cores)',
    )
    add('--sloppy', action='store_true', help='a small coarse model, to try things out')
    return parser


def _folds(text: str) -> str:
    if text != 'loo' and not (text.isdecimal() and int(text) >= 2):
        raise argparse.ArgumentTypeError(f'{text} is neither loo nor a number from 2')
    return text


if __name__ == '__main__':
    sys.exit(main())
