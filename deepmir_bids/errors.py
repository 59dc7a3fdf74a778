"""The errors a person is meant to read: one sentence that names the file and the cure."""


class UsageError(Exception):
    """Wrong usage or unusable input: the command ends with 2 and has written nothing."""


class InputError(Exception):
    """One unit's image cannot be used: that unit fails, the others go on."""


class AbsentError(InputError):
    """An image has a place in its dataset, and its content is not on this disk."""
