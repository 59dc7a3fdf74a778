"""Nipype, told how to run a graph, and asked afterwards what came of it."""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path

from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.errors import is_full, no_room
from deepmir_bids.running.crash_files import find_crashes, reason
from deepmir_bids.running.nipype_plugins import Plugin, request_resources
from deepmir_bids.running.stopping import StopOnSignal
from deepmir_bids.running.terminal_progress import RunProgress
from deepmir_bids.running.work_folders import empty_of
from deepmir_bids.settings import Settings

#: A shared file system may show a finished job's files late; Nipype's own 5 s are too few.
JOB_FINISHED_S = 60


def execute(
    workflow, settings: Settings, plugin: Plugin, units: list[Unit], log_dir: Path
) -> dict[str, str]:
    """Run a graph, whatever becomes of its units.

    A plugin that only hands the graph to a scheduler leaves nothing that could be looked at yet.

    Returns
    -------
    dict
        Label of each unit that failed, and why.

    """
    labels = {unit.workflow_name: unit.label for unit in units}

    def empty_if_wanted(done: set[str]) -> None:
        for unit in units if settings.clean_workdir else ():
            if unit.label in done:
                empty_of(settings.work_dir, unit)

    broken = ''
    request_resources(workflow, plugin)
    # MultiProc collects garbage before each step: spare it all that was imported and indexed.
    gc.freeze()
    with RunProgress(labels) as progress, StopOnSignal() as stop:

        def on_status(node, status: str) -> None:
            stop.check()
            before = set(progress.published)
            progress.on_status(node, status)
            empty_if_wanted(progress.published - before)

        try:
            workflow.run(**plugin.for_nipype(on_status))
        except Exception as error:
            # Nipype ends a run with failed nodes in an exception; the crash files have the causes.
            logging.getLogger('nipype.workflow').debug('The run ended early.', exc_info=True)
            broken = (
                no_room(log_dir) if is_full(error) else f'was not finished ({_last_line(error)}).'
            )
    failed = {label: reason(path) for label, path in find_crashes(log_dir, labels).items()}
    if plugin.submits and not broken:
        return failed
    for unit in units:
        if unit.label not in failed and unit.label not in progress.published:
            failed[unit.label] = broken or 'was not finished (no reason given).'
    # Again, of what could not be removed at the time.
    empty_if_wanted(progress.published - failed.keys())
    return failed


class LogFile(logging.FileHandler):
    """The log of a run; where there is no room for it, lines are missing, and the run goes on.

    Python would show a traceback for each line. What has no room, too, is told of the units.
    """

    def handleError(self, record: logging.LogRecord) -> None:
        """Keep quiet about a full disk."""
        error = sys.exc_info()[1]
        if error is None or not is_full(error):
            super().handleError(record)


def _last_line(error: Exception) -> str:
    text = str(error).strip()
    return text.splitlines()[-1] if text else repr(error)


def configure_nipype(settings: Settings, plugin: Plugin, log_dir: Path, verbose: int) -> None:
    """Tell Nipype where to work and to log; the terminal belongs to the progress display."""
    os.environ.setdefault('NIPYPE_NO_ET', '1')
    os.environ.setdefault('NO_ET', '1')
    from nipype import config
    from nipype import logging as nipype_logging

    from deepmir_bids.running.file_digests import remember_digests

    config.update_config(
        {
            'execution': {
                'crashdump_dir': str(log_dir),
                'crashfile_format': 'txt',
                'hash_method': 'content',
                'poll_sleep_duration': plugin.poll_s,
                'job_finished_timeout': JOB_FINISHED_S,
                'stop_on_first_crash': settings.stop_on_first_crash,
                'check_version': False,
                'remove_unnecessary_outputs': False,
            },
            'logging': {'log_to_file': False},
        }
    )
    remember_digests()
    nipype_logging.update_logging(config)
    to_file = LogFile(log_dir / 'deepmir.log', encoding='utf-8')
    to_file.setFormatter(logging.Formatter('%(asctime)s %(levelname)s %(name)s: %(message)s'))
    root = logging.getLogger()
    root.addHandler(to_file)
    logging.captureWarnings(True)
    for name in ('nipype', 'nipype.workflow', 'nipype.interface', 'nipype.utils'):
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG if verbose > 1 else logging.INFO)
        logger.propagate = True
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
    if verbose:
        root.addHandler(logging.StreamHandler(sys.stderr))
