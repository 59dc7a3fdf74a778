"""What Nipype knows files by: their content, which it reads again at each look at a step."""

from __future__ import annotations

import os
from functools import lru_cache

from nipype.interfaces.base import specs
from nipype.utils.filemanip import hash_infile


def remember_digests() -> None:
    """Let Nipype read a file once in a process, as long as nobody touches it."""
    specs.hash_infile = digest


def digest(path: str) -> str:
    """Nipype's digest of a file."""
    about = os.stat(path)
    # Who puts other content there may keep the time of the file, but not that of the change.
    return _digest(path, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


@lru_cache(2**14)
def _digest(path: str, *_state: int) -> str:
    return hash_infile(path)
