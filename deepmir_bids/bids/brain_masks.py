"""Which masks of a derivatives dataset can be the brain mask of a unit (--brain-mask-from)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deepmir_bids.bids.found_files import FoundFiles

#: Values of ``space-`` that are the participant's own, the best first; a mask without one is in
#: the space of the image that it was made from. Any other is a template's.
OWN_SPACES = ('SWI', 'T2starw', 'MEGRE', None, 'T2w', 'T1w', 'orig', 'individual', 'scanner')
#: What a brain mask is found by. Masks of func, dwi and fmap are in their distorted images' space.
MASK_QUERY: dict[str, Any] = {
    'desc': 'brain',
    'suffix': 'mask',
    'datatype': [None, 'anat'],
    'space': list(OWN_SPACES),
    'label': [None, 'brain'],
    'extension': ['.nii.gz', '.nii'],
}
#: Whatever calls itself a brain mask, of any space.
ANY_MASK = {'desc': 'brain', 'suffix': 'mask', 'extension': MASK_QUERY['extension']}
#: What to note of a mask that has no session where the dataset has several.
OF_FIRST_T1W = (
    'the brain mask is taken from no session: it lies in the world of the first T1w, '
    'which is this session’s.'
)


def rank_mask(entities: Mapping[str, Any]) -> int:
    """How near the space of a mask is to the SWI's: files of a lower number come first."""
    return OWN_SPACES.index(entities.get('space'))


def first_t1w_session(raw: Path, subject: str) -> str | None:
    """Session of a participant's first T1w; None if the first one has no session.

    fMRIPrep and sMRIPrep bring the T1w of all sessions to the first one by name, and write what
    comes of it, the brain mask as well, into no session.
    """
    sessions = sorted(raw.glob(f'sub-{subject}/ses-*/anat/*_T1w.nii*'))
    return sessions[0].parts[-3].removeprefix('ses-') if sessions else None


def why_no_mask(datasets: Sequence[FoundFiles], subject: str) -> str:
    """Say that none of the datasets has a mask for a unit, and which other masks there are.

    Parameters
    ----------
    datasets
        What `ANY_MASK` found in them.
    subject
        Label of the participant.

    """
    others = sorted(image.path.name for dataset in datasets for image in dataset.of(subject))
    if not others:
        return '--brain-mask-from has no mask of it: the template gives one.'
    more = f' and {len(others) - 1} more' if len(others) > 1 else ''
    return (
        f'--brain-mask-from has masks of another space or session alone ({others[0]}{more}): the '
        'template gives one.'
    )
