"""Which of the files that a query found is an input, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepmir_bids.bids.found_files import FoundFile
from deepmir_bids.bids.input_candidates import Candidate, objection, other_scan, rank


def choose_file(
    name: str, images: Sequence[FoundFile], query: Mapping[str, Any], swi: Path | None
) -> list[Candidate]:
    """Give every file a verdict: one is taken, if any is suited, and the others are left out.

    Names decide first. The content is looked at only where names leave a choice: reading each
    image of a cohort before its run would take hours.

    Parameters
    ----------
    name
        Which input.
    images
        What was found, in the order of their paths.
    query
        By which they were found.
    swi
        The unit's SWI, if it is known yet.

    """
    entities = {image.path: image.entities for image in images}
    against = {path: objection(name, known, query) for path, known in entities.items()}
    suited = sorted(
        (path for path in entities if not against[path]),
        key=lambda path: rank(name, entities[path]),
    )
    ranks = {path: rank(name, entities[path]) for path in suited}
    best = [path for path in suited if ranks[path] == ranks[suited[0]]]
    why = dict.fromkeys(best, 'it comes later by name')
    if name == 'swi' and len(suited) > 1:
        why = _without_others(suited)
        best = list(why)
    elif name == 'qsm' and swi is not None and len(best) > 1:
        why = _like_the_swi(best, swi)
        best = list(why)
    elif name == 't2w' and len(best) > 1:
        from deepmir_bids.imaging.t2w_choice import choose_t2w

        why = choose_t2w(best, swi)
        best = list(why)
    chosen = best[:1]
    candidates = [Candidate(name, path) for path in chosen]
    for path in entities:
        if path not in chosen:
            reason = against[path] or why.get(path) or 'another suits better by its name'
            candidates.append(Candidate(name, path, reason))
    return candidates


def _like_the_swi(maps: Sequence[Path], swi: Path) -> dict[Path, str]:
    """Order maps by how many entities they share with the SWI: it tells of which scan they are."""
    from bids.layout import parse_file_entities

    scan = parse_file_entities(swi.name)
    apart = {path: other_scan(parse_file_entities(path.name), scan) for path in maps}
    ordered = sorted(maps, key=apart.__getitem__)
    return {
        path: 'it comes later by name'
        if apart[path] == apart[ordered[0]]
        else f'{ordered[0].name} is nearer to the SWI by its name'
        for path in ordered
    }


def _without_others(suited: Sequence[Path]) -> dict[Path, str]:
    """Of files that may be an SWI by name: those that are none by content go to the end.

    Where all are none the first one stays: its unit then fails, and says why.
    """
    from deepmir_bids.errors import InputError
    from deepmir_bids.imaging.image_content import load_magnitude

    why = {}
    for path in suited:
        try:
            load_magnitude(path)
        except InputError as error:
            why[path] = str(error).rstrip('.')
            continue
        return {path: '', **dict.fromkeys(suited, 'another comes first'), **why} | {path: ''}
    return why
