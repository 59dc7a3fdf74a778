"""Pictures of an evaluation, one panel a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.evaluation.bootstrap_statistics import bland_altman
from deepmir_bids.evaluation.lesion_outcomes import SIZES

COLOURS = dict(zip(CLASSES, ('#0072b2', '#d55e00'), strict=True))
SIZE_COLOURS = dict(zip(SIZES, ('#cccccc', '#a6a6a6', '#7f7f7f', '#595959'), strict=True))
#: The curve is drawn up to here or to its end, but beyond the operating point.
FP_SHOWN = 8


def plot_froc(curve: pd.DataFrame, summary: pd.DataFrame, path: Path) -> Path:
    """Sensitivity over false positives a subject, of all lesions and by size.

    Parameters
    ----------
    curve
        ``froc`` of :class:`deepmir_bids.evaluation.evaluation_tables.Evaluation`.
    summary
        ``summary`` of the same, for the operating point.
    path
        Of the picture.

    """
    figure, panels = _panels()
    for panel, name in zip(panels, CLASSES, strict=True):
        of_class = curve[curve['class'] == name]
        figures = summary[(summary['class'] == name) & (summary['rule'] == 'deepmir')]
        point = figures.set_index('measure')['pooled'][['FP_per_subject', 'sensitivity']]
        end = of_class['FP_per_subject'].max() if len(of_class) else 0
        for size, colour in SIZE_COLOURS.items():
            _stairs(panel, of_class, f'sensitivity_{size}', color=colour, label=f'{size} mm')
        _stairs(panel, of_class, 'sensitivity', color=COLOURS[name], label='all', linewidth=2.5)
        panel.plot(*point, 'o', color=COLOURS[name], markersize=9, label='operating point')
        panel.set(
            xlabel='false positives a subject',
            ylabel='sensitivity',
            ylim=(-0.02, 1.02),
            xlim=(-0.1, max(min(FP_SHOWN, end), 1.5 * point['FP_per_subject'], 1)),
        )
        panel.legend(loc='lower right', fontsize='small')
    return _save(figure, path)


def plot_bland_altman(subjects: pd.DataFrame, path: Path) -> Path:
    """Difference of found and true number of lesions over their mean, a circle for each subject.

    The larger a circle, the more subjects lie there.

    """
    figure, panels = _panels()
    for panel, name in zip(panels, CLASSES, strict=True):
        of_class = subjects[subjects['class'] == name]
        true, found = of_class['true'].to_numpy(float), of_class['found'].to_numpy(float)
        places, many = np.unique(
            np.stack([(true + found) / 2, found - true]), axis=1, return_counts=True
        )
        panel.scatter(*places, s=40 * many, color=COLOURS[name], alpha=0.6)
        agreement = bland_altman(true, found)
        for value, label, style in zip(
            agreement, ('bias', '−1.96 SD', '+1.96 SD'), ('-', '--', '--'), strict=True
        ):
            if np.isfinite(value):
                panel.axhline(value, color='black', linestyle=style, linewidth=1)
                panel.annotate(
                    f'{label}\n{value:+.2f}'.replace('-', '−'),
                    (1, value),
                    xycoords=('axes fraction', 'data'),
                    xytext=(4, 0),
                    textcoords='offset points',
                    va='center',
                    fontsize='small',
                )
        panel.axhline(0, color='grey', linewidth=0.5)
        panel.margins(y=0.2)
        panel.xaxis.get_major_locator().set_params(integer=True)
        panel.set(
            xlabel='mean of found and true number',
            ylabel='found − true number',
            xlim=(-0.5, 1.05 * places[0].max() + 0.5),
        )
    return _save(figure, path)


def plot_sensitivity_by_size(by_size: pd.DataFrame, path: Path) -> Path:
    """Pooled sensitivity in each size group with its interval, and how many lesions it has."""
    figure, panels = _panels()
    places = np.arange(len(SIZES))
    for panel, name in zip(panels, CLASSES, strict=True):
        of_class = by_size[by_size['class'] == name].set_index(['measure', 'size'])
        figures = of_class.loc['sensitivity'].loc[list(SIZES)]
        totals = of_class.loc['true'].loc[list(SIZES), 'pooled']
        value = figures['pooled'].to_numpy(float)
        # A percentile interval need not hold the estimate; where it is NaN no whisker is drawn.
        below = np.maximum(value - figures['pooled_low'].to_numpy(float), 0)
        above = np.maximum(figures['pooled_high'].to_numpy(float) - value, 0)
        panel.bar(places, value, color=COLOURS[name], alpha=0.6)
        panel.errorbar(
            places, value, yerr=[below, above],
            fmt='none', color='black', capsize=4,
        )  # fmt: skip
        panel.set_xticks(
            places, [f'{size}\nn = {total:.0f}' for size, total in zip(SIZES, totals, strict=True)]
        )
        panel.set(
            xlabel='diameter of the true lesion (mm)',
            ylabel='sensitivity',
            xlim=(-0.6, len(SIZES) - 0.4),
            ylim=(0, 1.05),
        )
    return _save(figure, path)


def _panels():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout='constrained')
    panels = figure.subplots(1, len(CLASSES))
    for panel, name in zip(panels, CLASSES, strict=True):
        panel.set_title(name)
        panel.spines[['top', 'right']].set_visible(False)
    return figure, panels


def _stairs(panel, curve: pd.DataFrame, column: str, **style) -> None:
    """Draw a curve from the origin; nothing where there is no true lesion."""
    if curve[column].notna().any():
        panel.step([0, *curve['FP_per_subject']], [0, *curve[column]], where='post', **style)


def _save(figure, path: Path) -> Path:
    figure.savefig(path, dpi=110)
    return path
