"""A gradient echo's magnitude and phase: the files of a unit, echo times and field strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from deepmir_bids.bids.echo_files import EchoFiles
from deepmir_bids.bids.scan_metadata import read_metadata
from deepmir_bids.bids.schema import is_number
from deepmir_bids.errors import InputError

#: A longer echo time than this is in ms: no gradient echo waits for a second.
LONGEST_S = 1.0
#: A main field beyond this is no field of a scanner for people.
STRONGEST_T = 20.0


@dataclass(frozen=True)
class RawEchoes:
    """Files that SWI and QSM can be made from, and what must be known of them.

    Attributes
    ----------
    files
        For each echo magnitude and phase, real and imaginary part, or the one complex image; a
        file may hold all echoes, along its fourth axis.
    parts
        Which of these (:class:`deepmir_bids.bids.echo_files.EchoFiles`).
    echo_times_s
        Echo times in s, in the order of the files, growing.
    field_t
        Main field in T.

    """

    files: tuple[tuple[Path, ...], ...]
    parts: tuple[str, ...]
    echo_times_s: tuple[float, ...]
    field_t: float

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return [path for echo in self.files for path in echo]

    @property
    def reference(self) -> Path:
        """The file that gives the grid, and results their names."""
        return self.files[0][0]


def read_raw_echoes(
    scan: EchoFiles,
    root: Path,
    echo_times: Sequence[float] = (),
    field_strength: float | None = None,
) -> RawEchoes:
    """Read headers and sidecars of a scan, and make sure that its files belong together.

    Parameters
    ----------
    scan
        Its files.
    root
        Of their dataset.
    echo_times
        Echo times that were given, in s or ms; none to take those of the sidecars.
    field_strength
        Main field in T that was given; None to take that of the sidecars.

    Raises
    ------
    InputError
        They do not belong together, or lack an echo time or the field strength.

    """
    if scan.fault:
        raise InputError(f'{scan.fault}.')
    volumes = _volumes(scan)
    sidecars = [[read_metadata(path, root) for path in echo] for echo in scan.files]
    if echo_times:
        times = [in_seconds(time) for time in echo_times]
    else:
        times = [
            time
            for echo, known, count in zip(scan.files, sidecars, volumes, strict=True)
            for time in _echo_times(echo, known, count)
        ]
    if len(times) != sum(volumes):
        raise InputError(
            f'{scan.files[0][0].name} and its scan have {sum(volumes)} echoes, but '
            f'{len(times)} echo times were given: give as many with --echo-times.'
        )
    if any(later <= earlier for earlier, later in pairwise(times)):
        raise InputError(
            f'{scan.files[0][0].name}: the echo times {_ms(times)} ms do not grow from echo to '
            'echo: mend EchoTime in the sidecars, or give them with --echo-times.'
        )
    field_t = field_strength or _field_strength(scan, [one for echo in sidecars for one in echo])
    return RawEchoes(scan.files, scan.parts, tuple(times), field_t)


def in_seconds(time: float) -> float:
    """Return an echo time in s, whether it is in s or in ms.

    Examples
    --------
    >>> in_seconds(0.02), in_seconds(20)
    (0.02, 0.02)

    """
    return float(time) / 1000 if time > LONGEST_S else float(time)


def _ms(times: Sequence[float]) -> str:
    return ', '.join(f'{1000 * time:.4g}' for time in times)


def _volumes(scan: EchoFiles) -> list[int]:
    """Echoes that each file holds; all files of a scan have one grid.

    Raises
    ------
    InputError
        They have not.

    """
    from deepmir_bids.imaging.nifti_file import read_grid
    from deepmir_bids.imaging.read_image import same_grid

    first = read_grid(scan.files[0][0])
    counts = []
    for echo in scan.files:
        shapes = []
        for path in echo:
            image = read_grid(path)
            if not same_grid(image, first):
                raise InputError(
                    f'{path.name} and {scan.files[0][0].name} are not on one grid (shapes '
                    f'{_by(image.shape)} and {_by(first.shape)}): give files of one scan.'
                )
            shapes.append((*image.shape, 1)[3])
        if len(set(shapes)) > 1:
            raise InputError(
                f'{echo[0].name} and {echo[1].name} hold {shapes[0]} and {shapes[1]} volumes: '
                'give files of one scan.'
            )
        counts.append(int(shapes[0]))
    return counts


def _by(shape: Sequence[int]) -> str:
    return '×'.join(map(str, shape))


def _echo_times(
    files: Sequence[Path], sidecars: Sequence[dict[str, Any]], count: int
) -> list[float]:
    """Echo times of the files of one echo, or of a file with all echoes."""
    said = []
    for path, sidecar in zip(files, sidecars, strict=True):
        given = sidecar.get('EchoTime')
        values: list[Any] = given if isinstance(given, list) else [given]
        if given is None:
            continue
        if not all(is_number(value) and value > 0 for value in values) or len(values) != count:
            raise InputError(
                f'{path.name}: its EchoTime is {given}, where {count} in s are needed: mend its '
                'sidecar, or give the echo times with --echo-times.'
            )
        said.append([in_seconds(value) for value in values])
    if not said:
        raise InputError(
            f'{files[0].name} has no EchoTime in its sidecar: add it, or give the echo times '
            'with --echo-times.'
        )
    if any(abs(a - b) > 1e-4 for one in said for a, b in zip(one, said[0], strict=True)):
        raise InputError(
            f'{files[0].name} and {files[1].name} have different echo times '
            f'({_ms(said[0])} and {_ms(said[-1])} ms): give files of one scan.'
        )
    return said[0]


def _field_strength(scan: EchoFiles, sidecars: Sequence[dict[str, Any]]) -> float:
    given = [one['MagneticFieldStrength'] for one in sidecars if 'MagneticFieldStrength' in one]
    name = scan.files[0][0].name
    if not given:
        raise InputError(
            f'{name} has no MagneticFieldStrength in its sidecar: add it, or give it with '
            '--field-strength.'
        )
    if not is_number(given[0]) or not 0 < given[0] < STRONGEST_T:
        raise InputError(
            f'{name}: its MagneticFieldStrength is {given[0]}, where tesla are needed: mend its '
            'sidecar, or give it with --field-strength.'
        )
    return float(given[0])
