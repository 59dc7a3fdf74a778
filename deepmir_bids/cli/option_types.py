"""What options are made of: numbers that make sense, absolute paths, names with paths."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from deepmir_bids.data import load as load_data
from deepmir_bids.errors import UsageError
from deepmir_bids.imaging.qsm_units import QSM_SCALES

if TYPE_CHECKING:
    from deepmir_bids.simulation.real_scan import ScanOptions

#: Names that datasets may have in BIDS URIs.
DATASET_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9._-]*')
DEVICE = re.compile(r'auto|cpu|cuda(:\d+)?')


def positive(text: str) -> int:
    """Read a whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text} is less than 1')
    return value


def not_negative(text: str) -> float:
    """Read a number from 0."""
    value = float(text)
    if not value >= 0:
        raise argparse.ArgumentTypeError(f'{text} is negative')
    return value


def above_zero(text: str) -> float:
    """Read a number above 0."""
    value = float(text)
    if not 0 < value < float('inf'):
        raise argparse.ArgumentTypeError(f'{text} is not above 0')
    return value


def whole_not_negative(text: str) -> int:
    """Read a whole number from 0."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'{text} is negative')
    return value


def probability(text: str) -> float:
    """Read a number between 0 and 1."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f'{text} is not between 0 and 1')
    return value


def absolute_path(text: str) -> Path:
    """Read a path, from wherever the command was called."""
    return Path(text).absolute()


def model_name(text: str) -> str:
    """Read the name of a shipped model, or the path of a folder, which becomes absolute."""
    shipped = load_data('models', text).is_dir()
    return text if shipped or not Path(text).is_dir() else str(Path(text).absolute())


def atlas_name(text: str) -> str:
    """Read the name of an atlas, or the path of a file, which becomes absolute."""
    return str(Path(text).absolute()) if Path(text).is_file() else text


def subject_label(text: str) -> str:
    """Read a participant's label, with or without its ``sub-``."""
    return text.removeprefix('sub-')


def session_label(text: str) -> str:
    """Read a session's label, with or without its ``ses-``."""
    return text.removeprefix('ses-')


def device(text: str) -> str:
    """Read the name of a device, as torch has it."""
    if not DEVICE.fullmatch(text):
        raise argparse.ArgumentTypeError(f'{text} is neither auto, cpu, cuda nor cuda:NUMBER')
    return text


def add_label_options(group) -> None:
    """Add the options that choose participants and sessions; given again, they add up."""
    several: dict = {'nargs': '+', 'action': 'extend', 'default': [], 'metavar': 'LABEL'}
    group.add_argument('--participant-label', **several, type=subject_label, help='only these')
    group.add_argument(
        '--session-label', **several, type=session_label, help='only these sessions'
    )


class NamedPaths(argparse.Action):
    """Collect ``NAME=PATH`` pairs, over all uses of an option, as absolute paths by name."""

    def __call__(self, parser, namespace, values, option_string=None):
        """Add some pairs; a UsageError if one is none, or its name is taken."""
        named = dict(getattr(namespace, self.dest))
        for pair in values:
            name, equals, text = pair.partition('=')
            if not (equals and text and DATASET_NAME.fullmatch(name)):
                raise UsageError(f'{option_string} takes NAME=PATH, not {pair}.')
            path = Path(text).absolute()
            if name == 'raw':
                raise UsageError(f'{option_string} {pair}: raw is the BIDS dataset itself.')
            if named.setdefault(name, path) != path:
                raise UsageError(
                    f'{option_string} {pair} gives a dataset the name {name} that another one has.'
                )
        setattr(namespace, self.dest, named)


def add_derivatives_option(group) -> None:
    """Add the option that names further datasets."""
    group.add_argument(
        '--derivatives',
        nargs='+',
        action=NamedPaths,
        default={},
        metavar='NAME=PATH',
        help='other datasets to look for a QSM (suffix Chimap) and an SWI in',
    )


def add_qsm_scale_option(group) -> None:
    """Add the option that says in which unit, and of which sign, a QSM is."""
    group.add_argument(
        '--qsm-scale',
        choices=['auto', *QSM_SCALES],
        default='auto',
        help='unit and sign of the QSM, where they are not recognised',
    )


def add_field_strength_option(group) -> None:
    """Add the option that says what the main field was."""
    group.add_argument(
        '--field-strength',
        type=above_zero,
        metavar='TESLA',
        help='of the scanner, instead of the sidecars’ MagneticFieldStrength',
    )


def add_scan_options(group) -> None:
    """Add the options that say how an SWI was acquired, where its sidecar does not."""
    add = group.add_argument
    add(
        '--echo-time',
        type=float,
        metavar='S',
        help='of the SWI, instead of its sidecar’s EchoTime; above 1 it is in ms',
    )
    add_field_strength_option(group)
    add(
        '--b0-direction',
        type=float,
        nargs=3,
        metavar=('X', 'Y', 'Z'),
        help='of the main field in the image’s world, where that is not the scanner’s '
        '(default: 0 0 1)',
    )


def scan_options(options: argparse.Namespace) -> ScanOptions:
    """What the options of :func:`add_scan_options` say of all scans."""
    from deepmir_bids.simulation.real_scan import ScanOptions

    b0 = options.b0_direction
    return ScanOptions(options.echo_time, options.field_strength, b0 and tuple(b0))
