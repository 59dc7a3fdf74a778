"""Files that deepmir brings along: names, queries, report specifications and models."""

from importlib.resources import files
from pathlib import Path


def load(*parts: str) -> Path:
    """Path of a file or folder that is shipped with the package."""
    return Path(str(files(__name__).joinpath(*parts)))
