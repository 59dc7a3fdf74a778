"""Numbers on the command line, refused with a sentence where they make no sense."""

from __future__ import annotations

import argparse


def positive(text: str) -> int:
    """Read a whole number from 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f'{text} is less than 1')
    return value
