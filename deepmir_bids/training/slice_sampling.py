"""Parts of axial slices for a 2D network, drawn and varied as the DEEPMIR authors did theirs.

Rashid et al., Sci Rep 2021;11:14124: as many slices without a lesion as with one, flipped, turned
by any angle and shifted by up to 45 voxels. They took whole slices; a part of one, around a lesion
or anywhere in the brain, takes a quarter of the time, and whole ones taught a network no CMB in
ten minutes of a CPU core, where parts did in six. The loss is the sum of theirs for several
classes, categorical cross-entropy, and of theirs for one, soft IoU.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional as F

from deepmir_bids.training.training_subjects import CachedSubject

LARGEST_SHIFT = 45
#: Edge in voxels of the part of a slice that is shown.
SIZE = 128


def sample_slices(
    subjects: Sequence[CachedSubject],
    size: int,
    rng: np.random.Generator,
    device: torch.device | str = 'cpu',
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw augmented slices, every other one with a lesion.

    Returns
    -------
    x
        Float32 tensor (size, input, SIZE, SIZE).
    target
        Float32 tensor (size, 2, SIZE, SIZE), 0 to 1.
    weight
        Float32 tensor (size, 1, SIZE, SIZE), 1 throughout: the authors weighted nothing.

    """
    with_lesions = [s for s in subjects if any(len(places) for places in s.lesions.values())]
    x = np.empty((size, len(subjects[0].prepared.x), SIZE, SIZE), np.float32)
    target = np.empty((size, len(subjects[0].target), SIZE, SIZE), np.float32)
    for i in range(size):
        lesion = i % 2 == 0 and bool(with_lesions)
        pool = with_lesions if lesion else subjects
        subject = pool[int(rng.integers(len(pool)))]
        *centre, k = _lesion(subject, rng) if lesion else _elsewhere(subject, rng)
        image, label = subject.prepared.x[..., k], subject.target[..., k] / 255
        x[i], target[i] = _vary(image, label, centre, rng)
    weight = torch.ones((size, 1, SIZE, SIZE), device=device)
    return torch.from_numpy(x).to(device), torch.from_numpy(target).to(device), weight


def slice_loss(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Categorical cross-entropy, plus 1 - soft IoU of each class over the batch.

    The ReLU that the network has before its softmax is left out: behind it, a class whose logits
    were negative everywhere would get no gradient, and never be learnt. It happened to CMB.

    Parameters
    ----------
    logits
        Tensor (batch, 1 + class, H, W); the first is the background's.
    target
        Tensor (batch, class, H, W), 0 to 1; a voxel belongs to a class from a half on.
    weight
        Tensor (batch, 1, H, W), of a voxel's cross-entropy.

    """
    from monai.losses import DiceLoss

    share, index = target.max(dim=1)
    label = torch.where(share >= 0.5, index + 1, 0)
    entropy = (F.cross_entropy(logits, label, reduction='none') * weight[:, 0]).mean()
    overlap = DiceLoss(
        include_background=False, to_onehot_y=True, softmax=True, jaccard=True, batch=True
    )
    return entropy + overlap(logits, label[:, None])


def _lesion(subject: CachedSubject, rng: np.random.Generator) -> np.ndarray:
    """Centre of a lesion, of each class as often."""
    present = [places for places in subject.lesions.values() if len(places)]
    return rng.choice(present[int(rng.integers(len(present)))])


def _elsewhere(subject: CachedSubject, rng: np.random.Generator) -> np.ndarray:
    """A voxel of the brain, in a slice without a lesion if there is one."""
    brain = subject.prepared.brain_mask
    used = brain.any(axis=(0, 1)) & np.isfinite(subject.prepared.x[0, 0, 0])
    free = used & ~subject.lesion_slices
    k = rng.choice(np.flatnonzero(free if free.any() else used))
    return np.array([*rng.choice(np.argwhere(brain[..., k])), k])


def _vary(x: np.ndarray, target: np.ndarray, centre, rng: np.random.Generator):
    """Flip, turn and shift a slice (channel, H, W), and cut out a part around ``centre``."""
    from scipy.ndimage import affine_transform

    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn * rng.choice([-1.0, 1.0], size=2)
    middle = np.array(centre) + rng.uniform(-LARGEST_SHIFT, LARGEST_SHIFT, 2)
    offset = middle - turn @ np.full(2, (SIZE - 1) / 2)

    def move(image, mode):
        image = image.astype(np.float32)
        return affine_transform(image, turn, offset, (SIZE, SIZE), order=1, mode=mode)

    # The rim of a padded slice is what counts as empty.
    return (
        np.stack([move(image, 'nearest') for image in x]),
        np.stack([move(image, 'constant') for image in target]),
    )
