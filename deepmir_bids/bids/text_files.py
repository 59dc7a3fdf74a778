"""Text and JSON that somebody else wrote: read whole, or refused in a sentence."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from deepmir_bids.errors import InputError, in_brief

#: Settings, cards and sidecars are a few kB; a larger one is no such file.
MOST_BYTES = 2**22


def read_text(
    path: Path,
    cure: str,
    error: type[Exception] = InputError,
    *,
    most_bytes: int | None = MOST_BYTES,
    errors: str = 'strict',
) -> str:
    """Read a text file, without the byte order mark that some programs put there.

    Parameters
    ----------
    path
        The file.
    cure
        What the error tells to do.
    error
        The error's class.
    most_bytes
        A larger file is refused; None reads any.
    errors
        What is done with bytes that are no UTF-8, as Python names it.

    Raises
    ------
    InputError, or the other class
        It is not there, no file, too large, or no text.

    """
    try:
        # A pipe would be waited for, so its kind is asked before it is opened.
        about = os.stat(path)
        if not stat.S_ISREG(about.st_mode):
            raise ValueError('it is not a file')
        if most_bytes is not None and about.st_size > most_bytes:
            raise ValueError(f'its {about.st_size:,} bytes are more than {most_bytes:,}')
        return path.read_text(encoding='utf-8-sig', errors=errors)
    except (OSError, ValueError, MemoryError) as wrong:
        raise error(f'{path} cannot be read as text ({in_brief(wrong)}): {cure}.') from wrong


def read_json(path: Path, cure: str, error: type[Exception] = InputError) -> dict[str, Any]:
    """Read the object of a JSON file; parameters and errors as for :func:`read_text`."""
    text = read_text(path, cure, error)
    try:
        content = json.loads(text, parse_constant=_no_number)
        if '\\u' in text:
            # Half of a pair of surrogates is no letter, and could not be written again.
            json.dumps(content, ensure_ascii=False).encode()
    except (ValueError, RecursionError, MemoryError) as wrong:
        raise error(f'{path} cannot be read as JSON ({in_brief(wrong)}): {cure}.') from wrong
    if not isinstance(content, dict):
        raise error(f'{path} holds no JSON object: {cure}.')
    return content


def _no_number(name: str) -> Any:
    """NaN is none of JSON's, but Python writes it for a measure that could not be taken."""
    if name == 'NaN':
        return None
    raise ValueError(f'{name} is no number')
