"""The errors a person is meant to read: one sentence that names the file and the cure."""

from __future__ import annotations

import errno

#: What others' errors say is cut to so many letters: the cure stands after it.
MOST_LETTERS = 160


class Sentence(Exception):
    """An error that stays one line of text, whatever names and values it quotes."""

    def __init__(self, text: str):
        super().__init__(printable(text))


class UsageError(Sentence):
    """Wrong usage or unusable input: the command ends with 2 and has written nothing."""


class InputError(Sentence):
    """One unit's image cannot be used: that unit fails, the others go on."""


class AbsentError(InputError):
    """An image has a place in its dataset, and its content is not on this disk."""


class KilledError(Exception):
    """The process of a unit's step was killed, or could not get the memory that it asked for."""

    def __str__(self) -> str:
        return (
            'was killed, probably for want of memory: run fewer steps at a time with --nprocs or '
            '--mem-gb, or give the job more memory.'
        )


def is_full(error: BaseException) -> bool:
    """Whether an error says that a disk is full, or a user's share of it."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def no_room(where: object) -> str:
    """What to say then; ``where`` is a file, or what else is known of the place."""
    return f'no room on the disk: make room and start again; what is done is reused ({where}).'


def printable(text: str) -> str:
    """Text as it can be shown and written down, whatever bytes it is made of.

    Examples
    --------
    >>> printable('sub-01'), printable('sub-\\udcff'), printable('a\\n b')
    ('sub-01', 'sub-\ufffd', 'a  b')

    """
    if text.isprintable():
        return text
    return ''.join(c if c.isprintable() else ' ' if c.isspace() else '\ufffd' for c in text)


def in_brief(error: BaseException) -> str:
    """What another library's error says, on one line, to be put into a sentence.

    Examples
    --------
    >>> in_brief(ValueError('Expected 4 bytes,\\n got 3.')), in_brief(MemoryError())
    ('Expected 4 bytes, got 3', 'MemoryError')

    """
    # Python's error for a file names the file a second time.
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = ' '.join(said.split()).rstrip('.:')
    if len(text) > MOST_LETTERS:
        text = f'{text[:MOST_LETTERS]}…'
    return text or type(error).__name__
