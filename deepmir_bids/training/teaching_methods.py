"""How each kind of network is taught: what it is shown, and what it is to minimise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from deepmir_bids.training.losses import lesion_loss
from deepmir_bids.training.patch_sampling import sample_batch
from deepmir_bids.training.slice_sampling import sample_slices, slice_loss


@dataclass(frozen=True)
class Method:
    """``sample`` draws a batch, ``loss`` judges it; ``mines`` tells if mistakes come back."""

    sample: Callable
    loss: Callable
    mines: bool


#: By the number of a network's spatial dimensions.
METHODS = {
    3: Method(sample_batch, lesion_loss, mines=True),
    2: Method(sample_slices, slice_loss, mines=False),
}
