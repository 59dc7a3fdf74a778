"""Small pictures of the surroundings of a lesion, drawn to scale, each with its outline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from deepmir_bids.imaging.large_volumes import slabwise
from deepmir_bids.reports.html_pieces import png_uri, to_bytes

#: Half the width of a picture, and the height of the slab of the minimum intensity projection.
HALF_WIDTH_MM = 20.0
MINIP_MM = 10.0
#: QSM is always shown on this scale, so that pictures compare.
QSM_LIMITS_PPM = (-0.2, 0.4)


@dataclass(frozen=True)
class Images:
    """Images of a unit on one grid, in canonical (RAS+) order; qsm and t2w may be absent."""

    swi: np.ndarray
    qsm: np.ndarray | None
    t2w: np.ndarray | None
    labels: np.ndarray
    affine: np.ndarray

    @classmethod
    def load(
        cls, swi: Path, labels: list[Path], qsm: Path | None = None, t2w: Path | None = None
    ) -> Images:
        """Read images that share a grid and turn them to canonical order; labels are added up."""

        def values(path: Path) -> np.ndarray:
            return nib.as_closest_canonical(nib.load(path)).get_fdata(dtype=np.float32)

        return cls(
            swi=values(swi),
            qsm=values(qsm) if qsm else None,
            t2w=values(t2w) if t2w else None,
            labels=slabwise(lambda *parts: sum(parts), *map(values, labels), dtype=np.int32),
            affine=nib.as_closest_canonical(nib.load(swi)).affine,
        )

    @property
    def zooms(self) -> np.ndarray:
        """Voxel sizes in mm."""
        return nib.affines.voxel_sizes(self.affine)


@dataclass(frozen=True)
class Tile:
    """One picture: address of its grey levels, outline as an SVG path, both in mm."""

    title: str
    picture: str
    outline: str
    width_mm: float
    height_mm: float


def lesion_tiles(images: Images, index: int, centre_mm: np.ndarray) -> Iterator[Tile]:
    """Axial pictures of a lesion: SWI without and with its outline, minIP, QSM and T2w.

    Parameters
    ----------
    images
        Of the unit.
    index
        Value of the lesion in the labels.
    centre_mm
        World coordinates (x, y, z) of the middle of the pictures.

    """
    voxel = (np.linalg.inv(images.affine) @ [*centre_mm, 1])[:3]
    i, j, k = (
        int(np.clip(round(c), 0, n - 1)) for c, n in zip(voxel, images.swi.shape, strict=True)
    )
    half = np.ceil(HALF_WIDTH_MM / images.zooms).astype(int)
    thick = max(1, round(MINIP_MM / 2 / images.zooms[2]))
    slab = images.swi[..., max(k - thick, 0) : k + thick + 1].min(axis=-1)
    around = _cut(images.swi[..., k], i, j, half)
    swi_limits = (0.0, float(np.percentile(around, 99.5)) or 1.0)
    outline = _path(_cut(images.labels[..., k] == index, i, j, half), images.zooms)

    pictures = [
        ('SWI', images.swi[..., k], swi_limits),
        ('SWI, outlined', images.swi[..., k], swi_limits),
        (f'minIP {MINIP_MM:g} mm', slab, swi_limits),
    ]
    if images.qsm is not None:
        pictures.append(('QSM', images.qsm[..., k], QSM_LIMITS_PPM))
    if images.t2w is not None:
        picture = images.t2w[..., k]
        low, high = np.percentile(_cut(picture, i, j, half), (1, 99.5))
        pictures.append(('T2w', picture, (float(low), float(high))))
    for title, picture, limits in pictures:
        grey = to_bytes(_cut(picture, i, j, half), limits)
        height, width = grey.shape * images.zooms[1::-1]
        shown = '' if title == 'SWI' else outline
        yield Tile(title, png_uri(grey), shown, float(width), float(height))


def radiological(picture: np.ndarray) -> np.ndarray:
    """Turn an axial slice (X, Y) in RAS+ order into rows: front on top, right on the left."""
    return np.ascontiguousarray(picture[::-1, ::-1].T)


def _cut(picture: np.ndarray, i: int, j: int, half: np.ndarray) -> np.ndarray:
    """Rows of the surroundings of a voxel, black beyond the image."""
    padded = np.pad(picture, [(n, n) for n in half[:2]])
    return radiological(padded[i : i + 2 * half[0] + 1, j : j + 2 * half[1] + 1])


def _path(mask: np.ndarray, zooms: np.ndarray) -> str:
    """SVG path, in mm, around a mask of rows."""
    from skimage.measure import find_contours

    loops = []
    for contour in find_contours(np.pad(mask, 1).astype(float), 0.5):
        # Half a voxel lies between a voxel's index and its edge; one was padded.
        points = (contour - 0.5) * zooms[1::-1]
        loops.append('M' + 'L'.join(f'{x:.2f},{y:.2f}' for y, x in points) + 'Z')
    return ''.join(loops)
