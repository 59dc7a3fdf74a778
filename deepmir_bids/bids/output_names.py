"""Which result of a unit a file is, by its name and the table of results."""

from __future__ import annotations

import re
from collections.abc import Iterable

from deepmir_bids.bids.output_files import PIECES, RESULTS, REVIEW
from deepmir_bids.bids.output_row import Result

#: How the names of results end.
EXTENSIONS = tuple(dict.fromkeys(result.extension for result in RESULTS))
#: What comes before a result's own ending: the unit, and what tells its images apart.
_UNIT = re.compile(
    r'(?P<label>sub-[a-zA-Z0-9+]+(_ses-[a-zA-Z0-9+]+)?)(_acq-[a-zA-Z0-9+]+)?(_run-\d+)?(?P<ending>_.+)'
)
_FIXED = {
    (result.datatype, result.ending): result
    for result in (*RESULTS, *PIECES)
    if '{' not in result.ending
}
_VARIABLE = [
    (re.compile(re.sub(r'\\{\w+\\}', '[a-zA-Z0-9+]+', re.escape(result.ending))), result)
    for result in RESULTS
    if '{' in result.ending
]


def identify(file_name: str, label: str, datatype: str = 'anat') -> Result | None:
    """Which result of a unit a file is by its name; None where it is none of the table.

    Parameters
    ----------
    file_name
        Without its folder.
    label
        Of the unit, ``sub-01`` or ``sub-01_ses-02``.
    datatype
        Its folder.

    Examples
    --------
    >>> identify('sub-01_acq-x_run-1_space-SWI_desc-brain_mask.nii.gz', 'sub-01').name
    'brain_mask'
    >>> identify('sub-01_space-SWI_seg-HOSPA_dseg.tsv', 'sub-01').name
    'structure_table'
    >>> identify('sub-01_space-T1w_desc-preproc_T1w.nii.gz', 'sub-01') is None
    True

    """
    match = _UNIT.fullmatch(file_name)
    if match is None or match['label'] != label:
        return None
    if result := _FIXED.get((datatype, match['ending'])):
        return result
    if datatype != 'anat':
        return None
    return next((result for name, result in _VARIABLE if name.fullmatch(match['ending'])), None)


def is_of_run(file_name: str, label: str, datatype: str) -> bool:
    """Whether a file is one that a run left of a unit, sidecars among them; a review is not."""
    is_sidecar = file_name.endswith('.json')
    stem = file_name.removesuffix('.json')
    names = [stem + extension for extension in EXTENSIONS] if is_sidecar else [file_name]
    results = [result for name in names if (result := identify(name, label, datatype))]
    return any(result.needs != REVIEW and (result.facts or not is_sidecar) for result in results)


def find_results(file_names: Iterable[str], label: str) -> dict[str, str]:
    """File names of a unit's results by the names in the table; what is no result is left out."""
    known = ((identify(name, label), name) for name in sorted(file_names))
    return {result.name: name for result, name in known if result is not None}


def missing_results(there: Iterable[str]) -> list[Result]:
    """Results that later steps read, and that are not among ``there`` (names)."""
    present = set(there)
    return [result for result in RESULTS if result.core and result.name not in present]


def holds_classes(file_name: str) -> bool:
    """Whether a label image may hold classes: those of lesions and candidates hold an index."""
    return not any(f'_desc-{kind}_' in file_name for kind in ('lesions', 'candidates'))
