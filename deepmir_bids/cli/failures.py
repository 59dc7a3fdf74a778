"""Why units failed, in a sentence each, from the crash files that Nipype leaves."""

from __future__ import annotations

import re
from pathlib import Path

#: Errors whose message was written for a person.
PLAIN = re.compile(r'^\s*(?:[\w.]+\.)?(?:InputError|RegistrationError|ModelError): (.+)', re.M)
ANY = re.compile(r'^\s*((?:[\w.]+\.)?\w*(?:Error|Exception|Interrupt|Exit)\b.*)', re.M)
NODE = re.compile(r'^Node: (\S+)', re.M)


def read_failures(folder: Path, workflow_names: dict[str, str]) -> dict[str, str]:
    """
    Collect the first failure of each unit.

    Parameters
    ----------
    folder
        Where the run's crash files lie, as text.
    workflow_names
        Name of a unit's workflow, and the unit's label.

    Returns
    -------
    dict
        Label of each failed unit, and the reason with the file that has the details.

    """
    failures: dict[str, str] = {}
    for path in sorted(folder.glob('crash-*.txt'), key=lambda p: p.stat().st_mtime):
        text = path.read_text(errors='replace')
        found = NODE.search(text)
        parts = found.group(1).split('.') if found else []
        label = next((workflow_names[p] for p in parts if p in workflow_names), None)
        if label and label not in failures:
            failures[label] = reason(text, path)
    return failures


def reason(text: str, path: Path) -> str:
    """Take the sentence out of a traceback; point to the file where none was written."""
    if plain := PLAIN.findall(text):
        return plain[-1].strip()
    if 'No space left on device' in text:
        return f'no room on the disk: make room and start again; what is done is reused ({path}).'
    last = ANY.findall(text)
    return f'{last[-1].strip() if last else "unknown error"} (details in {path}).'
