"""Hostile files by the thousand: ``python bench/fuzz.py N [READER …]``.

Makes N files of all kinds together, or of those named, and has deepmir read them. Prints how many
each reader took, in which time, and the smallest file that broke a rule; returns 1 if one did.
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from pathlib import Path

import nibabel as nib
from hostile_files import READERS, Reader, forget_peak, run
from hypothesis import HealthCheck, Phase, given, settings

#: Hypothesis holds what it has tried; campaigns are divided into rounds of this size.
ROUND = 2000


def campaign(reader: Reader, executions: int, folder: Path) -> tuple[int, str]:
    """Run a reader; return how often it ran, and what broke a rule, with its smallest example."""
    done = 0
    while done < executions:
        before = done

        @settings(
            max_examples=min(ROUND, executions - done),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        )
        @given(reader.made)
        def once(made):
            nonlocal done
            done += 1
            run(reader, made, folder)

        forget_peak()
        try:
            once()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            return done, ''.join(traceback.format_exception(error)[-12:])
        if done == before:
            break
    return done, ''


def main(executions: int, names: list[str]) -> int:
    """Run a campaign; return 1 if a rule was broken."""
    nib.imageglobals.logger.setLevel('CRITICAL')
    readers = [reader for reader in READERS if not names or reader.name in names]
    shares = sum(reader.share for reader in readers)
    total, failures = 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        for reader in readers:
            begin = time.monotonic()
            count = max(1, round(executions * reader.share / shares))
            done, failure = campaign(reader, count, Path(temporary) / 'case')
            seconds = time.monotonic() - begin
            word = 'BROKEN' if failure else 'held'
            print(f'{reader.name:14} {done:8,} {seconds:7.0f} s  {word}', flush=True)
            if failure:
                print(failure, flush=True)
            total, failures = total + done, failures + bool(failure)
    print(f'{total:,} executions, {failures} of {len(readers)} readers broke a rule')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
