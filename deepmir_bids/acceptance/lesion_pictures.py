"""Pictures of what a reader should look at: findings, and the largest lesions that were missed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from deepmir_bids.evaluation.judged_findings import POINT
from deepmir_bids.reports.lesion_tiles import Images, Tile, lesion_tiles

if TYPE_CHECKING:
    import nibabel as nib

#: Pictures of one head: a page of many heads has to stay small.
MOST = 3


@dataclass(frozen=True)
class LesionPicture:
    """A lesion's row of its table, and its tiles."""

    row: Mapping[str, Any]
    tiles: list[Tile]


def picture_missed(
    implants: Iterable[Mapping[str, Any]], images: Mapping[str, nib.Nifti1Image], truth: np.ndarray
) -> list[LesionPicture]:
    """Show the largest lesions put in that the balanced point did not find."""
    missed = [row for row in implants if not row[POINT]]
    return _pictures(sorted(missed, key=lambda row: -row['diameter_mm']), images, truth)


def picture_findings(
    findings: Iterable[Mapping[str, Any]], images: Mapping[str, nib.Nifti1Image], found: np.ndarray
) -> list[LesionPicture]:
    """Show the most probable findings in the images as they are."""
    return _pictures(sorted(findings, key=lambda row: -row['probability']), images, found)


def _pictures(
    rows: Sequence[Mapping[str, Any]], images: Mapping[str, nib.Nifti1Image], classes: np.ndarray
) -> list[LesionPicture]:
    def values(name: str) -> np.ndarray | None:
        return images[name].get_fdata(dtype=np.float32) if name in images else None

    swi = images['swi']
    shown = Images(
        swi.get_fdata(dtype=np.float32),
        values('qsm'),
        values('t2w'),
        (classes > 0).astype(np.int32),
        swi.affine,
    )
    return [
        LesionPicture(row, list(lesion_tiles(shown, 1, np.array([row[axis] for axis in 'xyz']))))
        for row in rows[:MOST]
    ]
