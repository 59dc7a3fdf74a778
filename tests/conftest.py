"""What the tests share."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope='session')
def shared() -> Path:
    """Folder of the real images that are not part of the project."""
    folder = Path(os.environ.get('DEEPMIR_SHARED', REPOSITORY.parent / 'shared' / 'data'))
    if not folder.is_dir():
        pytest.skip('the shared data folder is absent')
    return folder


@pytest.fixture(scope='session')
def subject() -> Callable:
    """Return a function that simulates a small subject, each seed and acquisition once."""
    from deepmir_bids.simulation.acquisition import SLOPPY, Acquisition
    from deepmir_bids.simulation.simulated_subject import simulate_subject

    made: dict = {}

    def simulate(seed: int, **changes):
        acquisition: Acquisition = replace(SLOPPY, **changes)
        if (seed, acquisition) not in made:
            made[seed, acquisition] = simulate_subject(seed, acquisition, enriched=True)
        return made[seed, acquisition]

    return simulate


@pytest.fixture(scope='session')
def write_noise() -> Callable[[Path, str], None]:
    """Return a function that writes a participant who has an SWI only, and that of noise."""
    import nibabel as nib

    swi = np.random.default_rng(0).gamma(9, 9, (20, 20, 20)).astype(np.float32)

    def write(root: Path, label: str) -> None:
        folder = root / f'sub-{label}' / 'anat'
        folder.mkdir(parents=True)
        image = nib.Nifti1Image(swi, np.eye(4))
        nib.save(image, folder / f'sub-{label}_rec-swi_T2starw.nii.gz')

    return write


@pytest.fixture(scope='session')
def children_cpu_s() -> Callable[[], float]:
    """Return a function that says how long processes that have ended kept a core busy, in s.

    All children of this process count, those of other tests, too: take the difference of two.
    """

    def measure() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    return measure


@pytest.fixture(scope='session')
def compute_node() -> Callable[[Path], dict[str, str]]:
    """Return a function that gives the environment of a lab's compute node, by its home."""

    def environment(home: Path) -> dict[str, str]:
        home.mkdir(parents=True, exist_ok=True)
        return {
            **os.environ,
            'HOME': str(home),
            'TEMPLATEFLOW_HOME': os.environ.get('TEMPLATEFLOW_HOME', str(home / 'templateflow')),
            # A proxy that refuses every call: there is no network.
            'http_proxy': 'http://127.0.0.1:9',
            'https_proxy': 'http://127.0.0.1:9',
            'COLUMNS': '200',
        }

    return environment


@pytest.fixture(scope='session')
def apart_in_itk() -> Callable[[Path], float]:
    """Return a function that says how far from nibabel's place ITK sees a corner of an image."""
    import ants
    import nibabel as nib

    def measure(path: Path) -> float:
        seen, image = ants.image_read(str(path)), nib.load(path)
        itk = np.eye(4)
        itk[:3, :3] = np.asarray(seen.direction) * seen.spacing
        itk[:3, 3] = seen.origin
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in image.shape])).reshape(3, -1).T
        forms = [image.affine, image.get_qform(), np.diag([-1, -1, 1, 1]) @ itk]
        places = np.array([nib.affines.apply_affine(form, corners) for form in forms])
        return float(np.linalg.norm(places - places[0], axis=-1).max())

    return measure


@pytest.fixture
def write_keras():
    """Return a function that writes a DeepMIR2D as Keras 2 would, and gives its tensors."""
    return _write_keras


def _write_keras(path: Path, network, group='model_weights', text='S', seed=0) -> list:
    """Write layers under random numbers: only ``layer_names`` tells their order."""
    import h5py
    from torch import nn

    layers = []
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            tensors = {
                'gamma': module.weight,
                'beta': module.bias,
                'moving_mean': module.running_mean,
                'moving_variance': module.running_var,
            }
            layers.append(('batch_normalization', tensors))
        elif isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            kind = 'conv2d' if isinstance(module, nn.Conv2d) else 'conv2d_transpose'
            tensors = {'kernel': module.weight.permute(2, 3, 1, 0), 'bias': module.bias}
            layers.append((kind, tensors))
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(len(layers))
    names = [f'{kind}_{n}' for (kind, _), n in zip(layers, numbers, strict=True)]
    with h5py.File(path, 'w') as file:
        root = file.create_group(group) if group else file
        root.attrs['layer_names'] = _texts(['input_1', *names, 'activation'], text)
        for name in ('input_1', 'activation'):
            root.create_group(name).attrs['weight_names'] = np.array([])
        for i in rng.permutation(len(layers)):
            layer = root.create_group(names[i])
            weights = {f'{names[i]}/{k}:0': v.detach().numpy() for k, v in layers[i][1].items()}
            layer.attrs['weight_names'] = _texts(list(weights), text)
            for weight in rng.permutation(list(weights)):
                layer[str(weight)] = weights[weight]
        if group:
            file['optimizer_weights/Adam/conv2d/kernel/m:0'] = np.zeros((3, 3, 1, 2))
            file.attrs['model_config'] = '{}'
    return [
        (name, list(tensors.values())) for name, (_, tensors) in zip(names, layers, strict=True)
    ]


def _texts(names: list[str], text: str):
    """Names as bytes (``S``) or as str (``U``), as different versions of h5py leave them."""
    return np.array(names, dtype='S') if text == 'S' else names
