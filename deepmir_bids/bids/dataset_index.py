"""The index of a dataset, made by pybids, of no more files than are asked for."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deepmir_bids.bids.filter_file import listed
from deepmir_bids.bids.whole_files import make_once
from deepmir_bids.errors import UsageError, in_brief

#: No image of BIDS lies deeper than sub-/ses-/datatype/, but links may lead in circles.
TOO_DEEP = re.compile(r'^(/[^/]+){5}')
#: pybids would take rules for names from files of its own name; there is no file of this one.
NO_CONFIG = 'no-layout-config'


def relevant_files(queries: Sequence[dict[str, Any]]) -> str:
    """Pattern of the files worth indexing: what may be asked for, and the description."""
    suffixes = {suffix for query in queries for suffix in listed(query['suffix'])}
    names = '|'.join(map(re.escape, sorted(suffixes)))
    return rf'(_({names})\.(nii|nii\.gz)|dataset_description\.json)$'


def shared_index(root: Path, relevant: str, database_dir: Path):
    """Index of a whole dataset in a folder of its own: made once, read by all later runs."""
    from bids.layout import BIDSLayout

    digest = hashlib.sha256(f'{root.resolve()} {relevant}'.encode()).hexdigest()[:12]
    folder = database_dir / f'{root.resolve().name}-{digest}'
    make_once(folder, lambda empty: index_dataset(root, relevant, (), empty))
    with _explained(root):
        return BIDSLayout(root, validate=False, database_path=folder)


def index_dataset(root: Path, relevant: str, only: Sequence[str], database: Path | None = None):
    """Index those participants' relevant files alone; every other folder is not even opened."""
    from bids.layout import BIDSLayout, BIDSLayoutIndexer

    labels = '|'.join(map(re.escape, only)) or '[^/]+'
    not_theirs = re.compile(rf'^/(?!sub-({labels})(/|$))(?!.*\.json$)[^/]+')
    not_an_image = re.compile(rf'/(?!.*{relevant})[^/]*\.[^/]+$')
    # No sidecar is read: images are told by their names and, later, by their content.
    indexer = BIDSLayoutIndexer(
        validate=False,
        ignore=[not_theirs, TOO_DEEP, not_an_image, _Unreadable(root)],
        index_metadata=False,
        config_filename=NO_CONFIG,
    )
    with _explained(root):
        return BIDSLayout(
            root,
            validate=False,
            indexer=indexer,
            config=['bids', 'derivatives'],
            database_path=database,
        )


@contextmanager
def _explained(root: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        # pybids and its database answer a dataset that is no dataset with almost any error.
        raise UsageError(
            f'{root} cannot be indexed ({in_brief(error)}): mend its dataset_description.json, or '
            'give another --bids-database-dir.'
        ) from error


class _Unreadable:
    """What pybids would stumble over, in the place of a pattern of paths to ignore."""

    def __init__(self, root: Path):
        self.root = str(root)

    def search(self, path: str) -> bool:
        """Whether the name is no text, or the folder must not be looked into."""
        here = self.root + path
        return not path.isprintable() or (os.path.isdir(here) and not may_enter(here))


def may_enter(folder: str | Path) -> bool:
    """Whether a folder may be listed, and what it holds be looked at."""
    return os.access(folder, os.R_OK | os.X_OK)
