"""What a unit's SWI and QSM are made from: a choice among its scans with magnitude and phase."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from deepmir_bids.bids.echo_files import EchoFiles, lone_images, scans_of
from deepmir_bids.bids.found_files import FoundFile
from deepmir_bids.bids.input_candidates import Candidate, other_scan
from deepmir_bids.bids.scanned_echoes import RawEchoes, read_raw_echoes
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.errors import InputError
from deepmir_bids.settings import Settings

#: The name of these files among the inputs.
ECHOES = 'echoes'
#: A QSM of fewer is too far from the truth to be of use (docs/reconstruction.md).
LEAST_ECHOES_QSM = 2
#: Veins darken with echo time × main field: less than 10 ms at 3 T, and a stand-in shows more.
LEAST_WEIGHTING_S_T = 0.03


def with_echoes(unit: Unit, found: Sequence[FoundFile], root: Path, settings: Settings) -> Unit:
    """Give a unit what its SWI and QSM are to be made from, if it needs it and has it.

    Parameters
    ----------
    unit
        With the ready images that were found.
    found
        Its files that may be of a gradient echo.
    root
        Of their dataset.
    settings
        Of the run: what is to be made, and what is known of the echoes.

    """
    wanted = images_to_make(unit, settings)
    if not wanted:
        return unit
    scans = [*scans_of(found), *_complex_images(found)]
    raw, made, candidates, why = _choose(scans, unit, root, settings)
    if raw is None:
        return _without_echoes(unit, candidates, why, settings)
    entry = raw.reference
    files: dict[str, Any] = {
        'swi': entry if 'swi' in made else unit.swi,
        'qsm': raw.files[0][-1] if 'qsm' in made else unit.qsm,
    }
    instead = f'it is made from {entry.name}, magnitude and phase'
    replaced = [
        replace(one, left_out=instead) if one.name in made and not one.left_out else one
        for one in unit.candidates
    ]
    names = ' and '.join(name.upper() for name in made)
    count = len(raw.echo_times_s)
    echoes = f'{count} echoes' if count > 1 else 'one echo'
    note = f'{names} made by deepmir from magnitude and phase of {echoes}: {entry.name}.'
    notes = [said for said in unit.notes if not _is_of_replaced(said, unit, made)]
    return replace(
        unit,
        **files,
        candidates=(*replaced, *candidates),
        notes=(*notes, note, *why),
        unreadable='',
        echoes=raw,
        made=made,
    )


def images_to_make(unit: Unit, settings: Settings) -> tuple[str, ...]:
    """Names of the images that a unit needs made: those it lacks, or all that are asked for."""
    names = [name for name in ('swi', 'qsm') if name in settings.inputs]
    if settings.reconstruct == 'always':
        return tuple(names)
    if settings.reconstruct == 'never':
        return ()
    lacking = {
        'swi': unit.swi is None or unit.swi_stands_in,
        'qsm': unit.qsm is None,
    }
    return tuple(name for name in names if lacking[name])


def _choose(
    scans: Sequence[EchoFiles], unit: Unit, root: Path, settings: Settings
) -> tuple[RawEchoes | None, tuple[str, ...], list[Candidate], list[str]]:
    """The scan that is taken, what is made of it, a verdict on every file, and what to note."""
    taken: RawEchoes | None = None
    made: tuple[str, ...] = ()
    candidates, notes = [], []
    for scan in _ordered(scans, unit):
        if taken is not None:
            reason = f'{taken.reference.name} is nearer to the SWI, has more echoes, or is first'
            candidates += [Candidate(ECHOES, path, reason) for path in scan.paths]
            notes.append(f'{scan.paths[0].name} was not used: {reason}.')
            continue
        try:
            raw = read_raw_echoes(scan, root, settings.echo_times, settings.field_strength)
        except InputError as error:
            candidates += [Candidate(ECHOES, path, str(error).rstrip('.')) for path in scan.paths]
            notes.append(str(error))
            continue
        made, against = _worth_making(raw, unit, settings)
        notes += against
        if made:
            taken = raw
            notes += [scan.note] if scan.note else []
        reason = '' if made else 'nothing that the unit lacks can be made well enough of it'
        candidates += [Candidate(ECHOES, path, reason) for path in scan.paths]
    return taken, made, candidates, notes


def _worth_making(
    raw: RawEchoes, unit: Unit, settings: Settings
) -> tuple[tuple[str, ...], list[str]]:
    """Names of the wanted images that are good enough to be made, and why the others are not."""
    wanted = images_to_make(unit, settings)
    if settings.reconstruct == 'always':
        return wanted, []
    name, last_s = raw.reference.name, raw.echo_times_s[-1]
    against = {}
    if len(raw.echo_times_s) < LEAST_ECHOES_QSM:
        against['qsm'] = 'one echo alone gives a poorer map'
    # A magnitude of the scan itself stands in for nothing that its own SWI would not show.
    stand_in = None if unit.swi in raw.paths else unit.swi
    if stand_in and last_s * raw.field_t < LEAST_WEIGHTING_S_T:
        against['swi'] = (
            f'its last echo, of {1000 * last_s:.4g} ms, is too early at {raw.field_t:g} T, and '
            f'{stand_in.name} shows more'
        )
    notes = [
        f'No {kind.upper()} is made of {name}: {against[kind]} (--reconstruct always makes it all '
        'the same).'
        for kind in wanted
        if kind in against
    ]
    return tuple(kind for kind in wanted if kind not in against), notes


def _ordered(scans: Sequence[EchoFiles], unit: Unit) -> list[EchoFiles]:
    """Scans in the order of their suitability: of the SWI, with most echoes, first by name."""
    from bids.layout import parse_file_entities

    ready = unit.swi if unit.swi is not None and not unit.swi_stands_in else None
    of_swi = parse_file_entities(ready.name) if ready else None

    def order(scan: EchoFiles) -> tuple:
        first = scan.paths[0]
        apart = other_scan(parse_file_entities(first.name), of_swi) if of_swi else 0
        return bool(scan.fault), apart, -len(scan.files), first

    return sorted(scans, key=order)


def _complex_images(found: Sequence[FoundFile]) -> list[EchoFiles]:
    """Scans that hold complex numbers, by their headers."""
    return [scan for scan in lone_images(found) if _is_complex(scan.paths[0])]


def _is_complex(path: Path) -> bool:
    import numpy as np

    from deepmir_bids.imaging.nifti_file import read_grid

    try:
        return np.issubdtype(read_grid(path).get_data_dtype(), np.complexfloating)
    except InputError:  # told where the image is read for what it is
        return False


def _without_echoes(
    unit: Unit, candidates: Sequence[Candidate], why: Sequence[str], settings: Settings
) -> Unit:
    """A unit whose images cannot be made: it goes on with those it has, unless all are asked."""
    cause = ' '.join(why) or (
        'no magnitude and phase were found (T2starw or MEGRE with part-mag and part-phase): '
        'leave --reconstruct always out'
    )
    changed = replace(unit, candidates=(*unit.candidates, *candidates))
    if settings.reconstruct == 'always':
        return replace(changed, swi=None, qsm=None, unreadable=cause.rstrip('.'))
    if unit.swi is None and why:
        cause = f'no SWI found, and none can be made: {cause.rstrip(".")}'
        return replace(changed, unreadable=unit.unreadable or cause)
    return replace(changed, notes=(*unit.notes, *why))


def _is_of_replaced(note: str, unit: Unit, made: Sequence[str]) -> bool:
    """Whether a note is about a ready image that is made anew."""
    files = [file for name in made if (file := getattr(unit, name))]
    return any(note.startswith(file.name) for file in files)
