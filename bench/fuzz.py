"""Hostile files by the thousand: ``python bench/fuzz.py N [READER …]``.

Makes N files of all kinds together, or of those named, and has deepmir read them. Prints how many
each reader took, in which time, and the smallest file that broke a rule; returns 1 if one did.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

import nibabel as nib
from hostile.pieces import mutated
from hostile.readers import READERS, Reader, forget_peak, run
from hypothesis import HealthCheck, Phase, given, note, seed, settings
from hypothesis import strategies as st

#: Hypothesis holds what it has tried; campaigns are divided into rounds of this size.
ROUND = 2000
#: To make a file takes longer than to read it: small changes of each one make so many more.
MUTANTS = 15


def campaign(
    reader: Reader, executions: int, folder: Path, start: int = 1, mutants: int = MUTANTS
) -> tuple[int, str]:
    """Run a reader; return how often it ran, and what broke a rule, with its smallest example."""
    done = 0
    while done < executions:
        before = done
        most = -(-(executions - done) // (1 + mutants))

        @seed(start + done)
        @settings(
            max_examples=min(ROUND, most),
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        )
        @given(reader.made, st.integers(0, 2**32 - 1))
        def once(made, number):
            nonlocal done
            chance = random.Random(number)
            for n in range(1 + mutants):
                one = mutated(made, chance) if n else made
                done += 1
                try:
                    run(reader, one, folder)
                except BaseException:
                    note(f'read was {one!r}')
                    raise

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


def main() -> int:
    """Run a campaign; return 1 if a rule was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('executions', type=int)
    parser.add_argument('names', nargs='*', metavar='READER')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--json', type=Path, help='file for the number of executions by reader')
    given = parser.parse_args()
    nib.imageglobals.logger.setLevel('CRITICAL')
    readers = [reader for reader in READERS if not given.names or reader.name in given.names]
    shares = sum(reader.share for reader in readers)
    executions: dict[str, int] = {}
    failures = 0
    with tempfile.TemporaryDirectory() as temporary:
        for reader in readers:
            begin, cpu = time.monotonic(), time.process_time()
            count = max(1, round(given.executions * reader.share / shares))
            done, failure = campaign(reader, count, Path(temporary) / 'case', given.seed)
            times = f'{time.monotonic() - begin:7.0f} s ({time.process_time() - cpu:.0f} s CPU)'
            print(
                f'{reader.name:14} {done:8,} {times}  {"BROKEN" if failure else "held"}',
                flush=True,
            )
            if failure:
                print(failure, flush=True)
            executions[reader.name] = done
            failures += bool(failure)
    total = sum(executions.values())
    print(f'seed {given.seed}: {total:,} executions, {failures} of {len(readers)} broke a rule')
    if given.json:
        given.json.write_text(json.dumps(executions))
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
