"""Each kind of hostile file with its reader, and what deepmir may do then: a sentence.

Each `Reader` takes what Hypothesis makes of one kind of file, writes it into a folder, and reads
it as deepmir does. `run` sees to it that nothing but deepmir's own errors comes out, in a few
seconds, without memory that the file does not fill, and without a write elsewhere.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults.watching import Fence
from hypothesis import strategies as st

from deepmir_bids.errors import InputError, UsageError
from hostile.images import images, read_volume
from hostile.names import TREES, read_dataset, read_names
from hostile.pieces import spoilt_json, spoilt_text
from hostile.settings import (
    PLUGIN,
    queries,
    read_model_card,
    read_plugin_file,
    read_queries,
    read_weights,
    sound_card,
    weights,
)
from hostile.tables import (
    COHORT,
    read_atlas_table,
    read_group,
    read_review,
    sound_review,
    text_of,
    write_cohort_level,
)

#: Of the processor's time, and of the clock's, which others' work may slow down.
MOST_S, MOST_CLOCK_S = 5.0, 60.0
#: Memory beyond so many times a file's size, and what libraries take for themselves, is not its.
MOST_TIMES, MOST_FREE_KB = 20, 60_000


class Hang(BaseException):
    """A reader took too long; no ``except Exception`` may swallow this."""


@dataclass(frozen=True)
class Reader:
    """A kind of file: how to make one, how deepmir reads it, and its share of a campaign."""

    name: str
    made: st.SearchStrategy
    read: Callable[[Path, Any], object]
    share: float


def run(reader: Reader, made: Any, folder: Path) -> None:
    """Read one file, and check what came of it; ``folder`` is emptied before."""
    inside = _emptied(folder)
    # The peak is not set back here, which would take longer than most readers do.
    before, begin = _peak_kb(), time.process_time()
    try:
        with _watched(folder):
            reader.read(inside, made)
    except (InputError, UsageError) as error:
        said = str(error)
        assert said.isprintable(), f'not one line of text: {said!r}'
        assert said.endswith(('.', ').')), f'no sentence: {said!r}'
        assert ':' in said or '(' in said, f'no cure: {said!r}'
    seconds, taken = time.process_time() - begin, _peak_kb() - before
    assert seconds < MOST_S, f'{seconds:.1f} s'
    if taken > MOST_FREE_KB:
        sizes = sum(path.stat().st_size for path in folder.rglob('*') if path.is_file())
        most = MOST_FREE_KB + MOST_TIMES * sizes / 1024
        assert taken < most, f'{taken} kB for {sizes} bytes'


@contextmanager
def _watched(folder: Path) -> Iterator[None]:
    """Let nothing write outside a folder, and nothing take for ever."""

    def stop(*_):
        raise Hang(f'more than {MOST_CLOCK_S:g} s')

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, MOST_CLOCK_S)
    _fence.only([folder])
    try:
        yield
    finally:
        _fence.only([])
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _outside(said: str) -> None:
    raise Hang(said)


_fence = Fence(_outside)


def _emptied(folder: Path) -> Path:
    """Folder for a file, deep enough for a name that leads up and out; it is made once."""
    inside = folder / 'a' / 'b' / 'c'
    chain = [(folder, ['a']), (folder / 'a', ['b']), (folder / 'a' / 'b', ['c'])]
    if not inside.is_dir() or any(os.listdir(place) != names for place, names in chain):
        shutil.rmtree(folder, ignore_errors=True)
        inside.mkdir(parents=True)
    for entry in os.scandir(inside):
        shutil.rmtree(entry) if entry.is_dir(follow_symlinks=False) else os.unlink(entry)
    return inside


def forget_peak() -> None:
    """Count the peak of this process's memory from here; to be called before a campaign."""
    Path('/proc/self/clear_refs').write_text('5')


def _peak_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


READERS = [
    Reader('image', images(), read_volume, 30),
    Reader('names', TREES, read_names, 4),
    Reader('dataset', TREES, read_dataset, 0.1),
    Reader('filter file', st.deferred(queries), read_queries, 10),
    Reader('plugin file', spoilt_text(PLUGIN), read_plugin_file, 15),
    Reader('model card', spoilt_json(sound_card()), read_model_card, 15),
    Reader('weights', st.deferred(weights), read_weights, 0.4),
    Reader(
        'review',
        st.deferred(
            lambda: st.tuples(
                spoilt_text(text_of('desc-lesions_dseg.tsv')), spoilt_text(sound_review())
            )
        ),
        read_review,
        10,
    ),
    Reader(
        'atlas table',
        spoilt_text(
            'index\tname\themi\tregion\tkind\n1\ta\tL\tdeep\tputamen\n2\tb\tR\tn/a\tn/a\n'
        ),
        read_atlas_table,
        10,
    ),
    Reader('group', COHORT, read_group, 0.1),
    Reader('group outputs', COHORT, write_cohort_level, 0.02),
]
