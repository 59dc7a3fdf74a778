"""Start deepmir for many participants at once: one process each, held back until all are there.

Usage: start_many.py FOLDER LABEL …    prints the exit status of each
"""

import gc
import os
import sys
from pathlib import Path

from deepmir_bids.anatomy.builtin_head import SPACE
from deepmir_bids.anatomy.template_choice import BUILTIN_ATLAS, find_anatomy
from deepmir_bids.cli.deepmir import main


def start(folder: str, label: str, *options: str) -> int:
    """One task: the command itself, with an anatomy that needs no network."""
    command = [f'{folder}/raw', f'{folder}/out', 'participant', '--participant-label', label]
    command += ['--work-dir', f'{folder}/work', '--template', SPACE, '--atlas', BUILTIN_ATLAS]
    return main([*command, *options])


def prepare(folder: str, label: str) -> None:
    """Import what a task imports, and make the anatomy: it would take 300 MB 200 times."""
    import nipype  # noqa: F401

    import deepmir_bids.workflows.whole_app  # noqa: F401

    start(folder, label, '--dry-run')
    find_anatomy(SPACE, BUILTIN_ATLAS, Path(folder) / 'work' / 'anatomy')
    gc.collect()
    gc.freeze()


def start_all(folder: str, labels: list[str]) -> list[int]:
    """Start a process for each label; return their exit statuses."""
    wait, release = os.pipe()
    processes = []
    for label in labels:
        process = os.fork()
        if process == 0:
            os.close(release)
            os.read(wait, 1)  # ends when nobody holds the other end any more
            status = 3
            try:
                status = start(folder, label)
            finally:
                os._exit(status)
        processes.append(process)
    os.close(release)
    return [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]


if __name__ == '__main__':
    prepare(sys.argv[1], sys.argv[2])
    print(*start_all(sys.argv[1], sys.argv[2:]))
