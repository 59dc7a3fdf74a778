"""Why units failed, in a sentence each, from the crash files that Nipype leaves."""

from __future__ import annotations

import re
from pathlib import Path

from deepmir_bids.errors import KilledError, no_room

#: Errors whose message was written for a person.
PLAIN = re.compile(
    r'^\s*(?:[\w.]+\.)?'
    r'(?:InputError|RegistrationError|ModelError|AntsProcessError|KilledError): (.+)',
    re.M,
)
#: How NumPy, torch (on CPU and GPU), C++ and ITK say that they got no memory.
NO_MEMORY = re.compile(
    r'MemoryError|not enough memory|out of memory|OutOfMemory|bad_alloc'
    r'|Failed to allocate memory|Cannot allocate memory'
)
ANY = re.compile(r'^\s*((?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit)\b.*)', re.M)
NODE = re.compile(r'^Node: (\S+)', re.M)


def find_crashes(folder: Path, workflow_names: dict[str, str]) -> dict[str, Path]:
    """Find the first crash file of each unit.

    Parameters
    ----------
    folder
        Where the run's crash files lie, as text.
    workflow_names
        Name of a unit's workflow, and the unit's label.

    Returns
    -------
    dict
        Label of each failed unit, and its file.

    """
    crashes: dict[str, Path] = {}
    for path in sorted(folder.glob('crash-*.txt'), key=lambda p: p.stat().st_mtime):
        found = NODE.search(path.read_text(errors='replace'))
        parts = found.group(1).split('.') if found else []
        label = next((workflow_names[p] for p in parts if p in workflow_names), None)
        if label:
            crashes.setdefault(label, path)
    return crashes


def reason(path: Path) -> str:
    """Take the sentence out of a crash file; point to the file where none was written."""
    text = path.read_text(errors='replace')
    if plain := PLAIN.findall(text):
        return plain[-1].strip()
    if 'No space left on device' in text or 'Disk quota exceeded' in text:
        return no_room(path)
    if NO_MEMORY.search(text):
        return str(KilledError())
    last = ANY.findall(text)
    return f'{last[-1].strip() if last else "unknown error"} (details in {path}).'
