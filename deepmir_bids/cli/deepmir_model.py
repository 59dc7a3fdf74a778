"""``deepmir-model``: list, show, check, import and calibrate models for ``deepmir --model``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from deepmir_bids import CLASSES, INPUTS
from deepmir_bids.errors import InputError, UsageError
from deepmir_bids.model.model_registry import (
    CARD,
    ModelError,
    find_model,
    list_models,
    read_card,
    verify,
)
from deepmir_bids.settings import DEFAULT_MODEL


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 if a model is damaged, 2 if there is no such model."""
    options = _parser().parse_args(argv)
    try:
        return options.run(options)
    except (UsageError, InputError) as error:
        print(f'deepmir-model: {error}', file=sys.stderr)
        return 2


def _list(options: argparse.Namespace) -> int:
    for name in list_models():
        print(f'{name}\t{read_card(find_model(name)).description}')
    return 0


def _show(options: argparse.Namespace) -> int:
    folder = find_model(options.name)
    read_card(folder)
    print((folder / CARD).read_text(encoding='utf-8'), end='')
    return 0


def _verify(options: argparse.Namespace) -> int:
    damaged = 0
    for name in [options.name] if options.name else list_models():
        folder = find_model(name)
        try:
            verify(folder)
            print(f'{Path(name).name}: the weights are the ones that the card describes.')
        except ModelError as error:
            damaged += 1
            print(f'deepmir-model: {error}', file=sys.stderr)
    return 1 if damaged else 0


def _import_keras(options: argparse.Namespace) -> int:
    from deepmir_bids.model.keras_import import import_keras

    card = import_keras(options.file, options.out, options.inputs, options.classes)
    print(
        f'{options.out}: a network of {", ".join(card.inputs)} for {" and ".join(card.classes)}; '
        'deepmir --model takes this folder.'
    )
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    from deepmir_bids.evaluation.judged_findings import POINT, own_thresholds
    from deepmir_bids.training.site_calibration import calibrate_model

    done = calibrate_model(options.name, options.results, options.out, options.labels)
    inputs = done.card.sees
    before = own_thresholds(done.card, inputs)
    after = done.card.thresholds_for(inputs, POINT)
    for name in CLASSES:
        chosen = done.suggestions.get(name)
        print(
            f'{name}: {POINT} threshold {before[name]:g} → {after[name]:g} '
            f'({chosen.lesions} lesions and {chosen.false} false findings '
            f'of {chosen.participants} participants)'
            if chosen
            else f'{name}: {POINT} threshold {after[name]:g} as before: too few lesions'
        )
    print(
        f'{options.out}: the weights of "{options.name}" with these thresholds; '
        f'deepmir --reports-only --model {options.out} applies them to what is there.'
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='deepmir-model', description=__doc__)
    actions = parser.add_subparsers(required=True, metavar='ACTION')
    name_help = f'a shipped model, such as "{DEFAULT_MODEL}", or the folder of one'
    action = actions.add_parser('list', help='list the models that are shipped with deepmir')
    action.set_defaults(run=_list)
    action = actions.add_parser('show', help="print a model's card")
    action.add_argument('name', help=name_help)
    action.set_defaults(run=_show)
    action = actions.add_parser('verify', help='check the weights against their sha256')
    action.add_argument('name', nargs='?', help=f'{name_help}; by default all shipped models')
    action.set_defaults(run=_verify)
    action = actions.add_parser(
        'import-keras', help='make a model of the DEEPMIR authors’ network, saved by Keras 2'
    )
    action.set_defaults(run=_import_keras)
    action.add_argument('file', type=Path, help='HDF5 of a saved model or of its weights')
    action.add_argument('out', type=Path, help='folder of the model')
    action.add_argument(
        '--inputs',
        nargs='+',
        choices=INPUTS,
        default=(),
        help='what the channels are, in order (default: swi for one, swi qsm t2w for three)',
    )
    action.add_argument(
        '--classes',
        nargs='+',
        choices=CLASSES,
        default=(),
        help='what the head finds, in order, background aside (default: CMB iron, if it has two)',
    )
    action = actions.add_parser(
        'calibrate', help="choose a model's thresholds on a site's reviewed participants"
    )
    action.set_defaults(run=_calibrate)
    action.add_argument('name', help=f'the model that made the results: {name_help}')
    action.add_argument(
        'results', type=Path, help='an output folder of deepmir with the reviews of a reader'
    )
    action.add_argument(
        '--out', type=Path, required=True, metavar='MODEL', help='folder of the new model'
    )
    action.add_argument(
        '--labels',
        type=Path,
        metavar='DIR',
        help='use these class maps (*_desc-<any>_dseg.nii.gz: 1 microbleed, 2 iron deposit) '
        'instead of reviews, and choose the outline, too',
    )
    return parser


if __name__ == '__main__':
    sys.exit(main())
