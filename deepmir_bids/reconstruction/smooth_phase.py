"""What is smooth in a field and comes from no source: phase of the coils and of the excitation."""

from itertools import product

import numpy as np

#: Highest total degree of the polynomial.
DEGREE = 3
#: What is further from zero than so many standard deviations is a vein or a nucleus.
OUTLYING = 3.0
#: A share of the voxels is enough for so few coefficients.
EVERY = 7


def smooth_part(field: np.ndarray, mask: np.ndarray, precision: np.ndarray) -> np.ndarray:
    """Fit a polynomial of the third degree to a local field.

    With one echo alone there is no second one to tell the phase at echo time zero from the field.
    It is smooth, but no field that sources outside the brain could make, so that the removal of
    the background leaves it in.

    Parameters
    ----------
    field
        Local field (X, Y, Z) of any unit.
    mask
        Where it is known (X, Y, Z), bool.
    precision
        How far each voxel is trusted (X, Y, Z).

    Returns
    -------
    smooth
        The polynomial (X, Y, Z), float32, zero outside the mask.

    """
    places = np.nonzero(mask)
    x, y, z = (
        (2 * place / max(size - 1, 1) - 1).astype(np.float32)
        for place, size in zip(places, mask.shape, strict=True)
    )
    terms = np.stack(
        [
            x**i * y**j * z**k
            for i, j, k in product(range(DEGREE + 1), repeat=3)
            if i + j + k <= DEGREE
        ],
        axis=1,
    )
    values, trust = field[places], precision[places]
    usual = np.median(np.abs(values)) / 0.6745
    fitted = np.flatnonzero(np.abs(values) <= OUTLYING * usual)[::EVERY]
    weighted = terms[fitted] * trust[fitted, None]
    found = np.linalg.lstsq(weighted, values[fitted] * trust[fitted], rcond=None)[0]
    smooth = np.zeros(mask.shape, np.float32)
    smooth[places] = terms @ found
    return smooth
