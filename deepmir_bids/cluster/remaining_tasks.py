"""Tasks of a cohort, and which of them are left to do."""

from __future__ import annotations

from pathlib import Path

from deepmir_bids.bids.unit_of_work import Unit, find_units
from deepmir_bids.cluster.slurm_scripts import submitted_tasks
from deepmir_bids.group.finished_units import known_units


def find_tasks(
    bids_dir: Path, participants: tuple[str, ...] = (), sessions: tuple[str, ...] = ()
) -> dict[str, list[str]]:
    """Divide a dataset into tasks by its folders alone: a participant, or one of their sessions.

    A participant who has images both in sessions and outside is one task: no option of deepmir
    asks for those outside alone.

    Returns
    -------
    dict
        Label of each task (``sub-01`` or ``sub-01_ses-a``), and labels of its units.

    Raises
    ------
    UsageError
        A participant or session is unknown.

    """
    units = find_units(bids_dir, participants, sessions)
    whole = {subject for subject, session in units if session is None}
    tasks: dict[str, list[str]] = {}
    for subject, session in units:
        label = Unit(subject, session).label
        tasks.setdefault(Unit(subject).label if subject in whole else label, []).append(label)
    return tasks


def tasks_left(
    tasks: dict[str, list[str]], out_dir: Path, *, failed_only: bool = False
) -> list[str]:
    """Labels of the tasks with a unit that is not done, or of those among them that were tried.

    Tried is what failed, was killed, or was submitted and never began. A task that still runs or
    waits looks like one that was killed or cancelled.
    """
    known = known_units(out_dir) if out_dir.is_dir() else []
    status = {unit.record.label: unit.record.status for unit in known}
    if not failed_only:
        return [task for task, own in tasks.items() if any(status.get(u) != 'done' for u in own)]
    submitted = submitted_tasks(out_dir)

    def failed(task: str, own: list[str]) -> bool:
        found = [status.get(unit) for unit in own]
        return 'failed' in found or (task in submitted and None in found)

    return [task for task, own in tasks.items() if failed(task, own)]
