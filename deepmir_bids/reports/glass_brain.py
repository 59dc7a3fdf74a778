"""All lesions of a cohort in one picture of the brain."""

from __future__ import annotations

import io
from collections.abc import Mapping

import numpy as np

#: Told apart by readers who are colour-blind, and by their shape.
COLOURS = {'CMB': '#c4221a', 'iron': '#b07800'}
MARKERS = {'CMB': 'o', 'iron': 's'}
#: What is seen in each picture, and nilearn's name for it.
VIEWS = {'from the left and from the right': 'lr', 'from behind and from above': 'yz'}


def plot_glass_brain(points: Mapping[str, np.ndarray], views: str) -> bytes:
    """Draw lesions into a transparent brain.

    Parameters
    ----------
    points
        Class, and its lesions in MNI mm, shape (N, 3).
    views
        One of :data:`VIEWS`.

    Returns
    -------
    bytes
        A PNG.

    """
    from matplotlib.figure import Figure
    from nilearn.plotting import plot_glass_brain as plot

    figure = Figure(figsize=(7.2, 3.6))
    display = plot(None, display_mode=views, figure=figure, alpha=0.45)
    shown = sum(len(own) for own in points.values())
    # The more lesions, the smaller and the fainter each.
    size = float(np.clip(3000 / max(shown, 1), 6, 30))
    alpha = float(np.clip(60 / np.sqrt(max(shown, 1)), 0.15, 0.8))
    for name, own in points.items():
        known = own[np.isfinite(own).all(axis=1)]
        if len(known):
            display.add_markers(
                known,
                marker_color=COLOURS[name],
                marker_size=size,
                marker=MARKERS[name],
                alpha=alpha,
                linewidths=0,
            )
    picture = io.BytesIO()
    figure.savefig(picture, dpi=110)
    return picture.getvalue()
