"""What a query finds in a dataset, for all participants at once: a question to pybids is slow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bids.layout import BIDSLayout

#: What is left to each unit: its own labels, or those that a filter file gives.
OF_UNIT = ('subject', 'session')


@dataclass(frozen=True)
class FoundFile:
    """A file, and what pybids reads from its name."""

    path: Path
    entities: Mapping[str, Any]

    @property
    def session(self) -> str | None:
        """Label of its session."""
        return self.entities.get('session')


@dataclass(frozen=True)
class FoundFiles:
    """Files of one dataset that a query found, by subject, in the order of their paths.

    ``derived`` tells whether it is another dataset than the raw one.
    """

    root: Path
    by_subject: Mapping[str, Sequence[FoundFile]]
    derived: bool

    def of(self, subject: str) -> Sequence[FoundFile]:
        """Files of a subject, of whatever session."""
        return self.by_subject.get(subject, ())

    def only(self, suits: Callable[[FoundFile], bool]) -> FoundFiles:
        """Those of them that suit."""
        kept = {
            subject: [file for file in files if suits(file)]
            for subject, files in self.by_subject.items()
        }
        return replace(self, by_subject=kept)


def find_files(
    layout: BIDSLayout, query: Mapping[str, Any], subjects: Sequence[str] = (), *, derived: bool
) -> FoundFiles:
    """Ask a dataset for the files of a query, its subject and session aside.

    Parameters
    ----------
    layout
        Index of the dataset.
    query
        Entities and their values.
    subjects
        Labels of those who are wanted; none stands for all.
    derived
        Whether it is another dataset than the raw one.

    """
    asked = {entity: value for entity, value in query.items() if entity not in OF_UNIT}
    if subjects:
        asked['subject'] = list(subjects)
    by_subject: dict[str, list[FoundFile]] = defaultdict(list)
    for image in layout.get(invalid_filters='allow', **asked):
        found = FoundFile(Path(image.path), image.get_entities())
        by_subject[str(found.entities.get('subject'))].append(found)
    for files in by_subject.values():
        files.sort(key=lambda file: file.path)
    return FoundFiles(Path(layout.root), by_subject, derived)
