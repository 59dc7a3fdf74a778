"""The errors a person is meant to read: one sentence that names the file and the cure."""

from __future__ import annotations

import errno


class UsageError(Exception):
    """Wrong usage or unusable input: the command ends with 2 and has written nothing."""


class InputError(Exception):
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
