"""Each lesion as a reader wants to see it: SWI, minIP, QSM and T2w, with and without outline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

#: Half the width of a picture, and the height of the slab of the minimum intensity projection.
HALF_WIDTH_MM = 20.0
MINIP_MM = 10.0
#: QSM is always shown on this scale, so that pictures compare.
QSM_LIMITS_PPM = (-0.2, 0.4)
COLOURS = {'CMB': '#ff3b30', 'iron': '#ffb300'}
#: More lesions than this make a picture nobody looks through; the table has them all.
MOST = 40


@dataclass(frozen=True)
class Images:
    """Images of a unit on one grid, in canonical (RAS+) order; qsm and t2w may be absent."""

    swi: np.ndarray
    qsm: np.ndarray | None
    t2w: np.ndarray | None
    lesions: np.ndarray
    affine: np.ndarray

    @classmethod
    def load(cls, swi: Path, lesions: Path, qsm: Path | None, t2w: Path | None) -> Images:
        """Read images that share a grid and turn them to canonical order."""

        def read(path: Path):
            return nib.as_closest_canonical(nib.load(path))

        def values(path: Path) -> np.ndarray:
            return read(path).get_fdata(dtype=np.float32)

        return cls(
            swi=values(swi),
            qsm=values(qsm) if qsm else None,
            t2w=values(t2w) if t2w else None,
            lesions=values(lesions),
            affine=read(swi).affine,
        )


def plot_gallery(images: Images, table: pd.DataFrame, out_file: Path) -> Path:
    """
    Draw a row of axial pictures for each lesion of the table, the most probable first.

    Parameters
    ----------
    images
        Of the unit.
    table
        The lesion table.
    out_file
        PNG to write.

    """
    from matplotlib.figure import Figure

    shown = table.sort_values('probability', ascending=False).head(MOST)
    columns = _columns(images)
    size = (2.1 * len(columns), 2.5 * max(len(shown), 1))
    figure = Figure(size, facecolor='black', layout='constrained')
    grid = figure.subplots(max(len(shown), 1), len(columns), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for row, (_, lesion) in zip(grid, shown.iterrows(), strict=False):
        views = _views(images, lesion, columns)
        for axes, (title, picture, limits, outlined) in zip(row, views, strict=True):
            _show(axes, picture, limits, images.affine)
            axes.set_title(title, color='white', fontsize=8)
            if outlined is not None:
                axes.contour(outlined.T, levels=[0.5], colors=COLOURS[lesion['class']])
        row[0].set_title(
            f'{lesion["name"]}  p={lesion["probability"]:.2f}  '
            f'{lesion["diameter_mm"]:.1f} mm\n{lesion["structure"]}',
            color=COLOURS[lesion['class']],
            fontsize=8,
        )
        row[0].text(0.03, 0.5, 'R', color='white', fontsize=8, transform=row[0].transAxes)
    figure.savefig(out_file, dpi=80)
    return out_file


def _columns(images: Images) -> list[str]:
    present = ['QSM'] if images.qsm is not None else []
    present += ['T2w'] if images.t2w is not None else []
    return ['SWI', 'outline', 'minIP', *present]


def _views(images: Images, lesion, columns):
    """Title, picture, grey limits and outline (or None) of each column."""
    index = np.linalg.inv(images.affine) @ [lesion['x'], lesion['y'], lesion['z'], 1]
    i, j, k = (
        int(np.clip(round(c), 0, n - 1)) for c, n in zip(index[:3], images.swi.shape, strict=True)
    )
    zooms = np.linalg.norm(images.affine[:3, :3], axis=0)
    half = np.ceil(HALF_WIDTH_MM / zooms).astype(int)
    box = (slice(max(i - half[0], 0), i + half[0]), slice(max(j - half[1], 0), j + half[1]))
    thick = max(1, round(MINIP_MM / 2 / zooms[2]))
    around = images.swi[(*box, k)]
    swi_limits = (0.0, float(np.percentile(around, 99.5)) or 1.0)
    outline = (images.lesions[(*box, k)] == lesion['index']).astype(float)
    for column in columns:
        if column == 'QSM' and images.qsm is not None:
            yield column, images.qsm[(*box, k)], QSM_LIMITS_PPM, None
        elif column == 'T2w' and images.t2w is not None:
            picture = images.t2w[(*box, k)]
            yield column, picture, tuple(np.percentile(picture, (1, 99.5))), None
        elif column == 'minIP':
            slab = images.swi[(*box, slice(max(k - thick, 0), k + thick + 1))]
            yield column, slab.min(axis=-1), swi_limits, None
        else:
            yield column, around, swi_limits, outline if column == 'outline' else None


def _show(axes, picture, limits, affine) -> None:
    zooms = np.linalg.norm(affine[:3, :3], axis=0)
    axes.imshow(
        picture.T,
        origin='lower',
        cmap='gray',
        vmin=limits[0],
        vmax=limits[1],
        aspect=zooms[1] / zooms[0],
        interpolation='nearest',
    )
    # Radiological convention: the patient's right is on the left of the picture.
    axes.invert_xaxis()
