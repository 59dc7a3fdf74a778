"""Slices whose sign alternates, as some scanners store complex data."""

import numpy as np


def mend_slice_signs(images: np.ndarray) -> tuple[np.ndarray, bool]:
    """Undo a change of sign from one slice to the next, if there is one.

    Scanners of one vendor leave out the shift of k-space along the slices, so that every other
    slice is multiplied by -1 (https://github.com/kschan0214/sepia/issues/92). The phase of
    neighbouring slices then differs by half a turn on the whole. Slices may lie along any axis.

    Parameters
    ----------
    images
        Complex images (echoes, X, Y, Z).

    Returns
    -------
    mended
        The images, every other slice with its sign changed if need be.
    found
        Whether a sign alternated.

    """
    found = False
    for axis in (1, 2, 3):
        along = np.moveaxis(images, axis, -1)
        # The first echo has turned least by itself.
        if np.vdot(along[0, ..., :-1], along[0, ..., 1:]).real < 0:
            signs = np.where(np.arange(along.shape[-1]) % 2, -1, 1).astype(np.float32)
            images = np.moveaxis(along * signs, -1, axis)
            found = True
    return images, found
