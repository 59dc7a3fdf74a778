"""Keras files become models with the same results, or are refused in a sentence."""

import zipfile

import h5py
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from deepmir_bids.model import ModelError, load_model
from deepmir_bids.model.keras_import import import_keras, load_layers, read_layers

#: The networks whose channels need no names, and those that do.
HEADS = {
    'one class': (1, 1, (), ('iron',)),
    'two classes': (3, 3, (), ()),
    'softmax of one': (2, 2, ('swi', 'qsm'), ('CMB',)),
    'another order': (3, 3, ('t2w', 'swi', 'qsm'), ('iron', 'CMB')),
}


def random_input(channels):
    return torch.from_numpy(
        np.random.default_rng(1).normal(size=(2, channels, 64, 32)).astype(np.float32)
    )


@pytest.mark.parametrize('layout', [('model_weights', 'S'), ('model_weights', 'U'), (None, 'S')])
@pytest.mark.parametrize('head', HEADS)
def test_the_results_stay_the_same(tmp_path, write_keras, deepmir2d, head, layout):
    channels, outputs, inputs, classes = HEADS[head]
    network = deepmir2d(channels, outputs, width=3)
    write_keras(tmp_path / 'a.h5', network, *layout, seed=len(head))
    card = import_keras(tmp_path / 'a.h5', tmp_path / 'model', inputs, classes)
    model = load_model(tmp_path / 'model')
    assert model.card == card
    assert tuple(card.inputs) == card.needs == (inputs or ('swi', 'qsm', 't2w')[:channels])
    assert card.classes == (classes or ('CMB', 'iron'))
    x = random_input(channels)
    with torch.inference_mode():
        expected = network.activate(network(x))
    torch.testing.assert_close(model.probabilities(x), expected, atol=1e-6, rtol=0)


def test_kernels_keep_the_axes_of_keras(tmp_path, write_keras, deepmir2d):
    """By the definitions of both convolutions, without PyTorch."""
    tensors = dict(write_keras(tmp_path / 'a.h5', deepmir2d(2, 1)))
    network, _ = load_layers(read_layers(tmp_path / 'a.h5'), tmp_path / 'a.h5')
    rng = np.random.default_rng(0)
    transposed = next(t for name, t in tensors.items() if 'transpose' in name)
    kernel, bias = (t.detach().numpy() for t in transposed)
    x = rng.normal(size=(5, 4, kernel.shape[3])).astype(np.float32)
    expected = np.einsum('hwi,aboi->hawbo', x, kernel).reshape(10, 8, -1) + bias
    found = network.up[0].up(torch.from_numpy(x.transpose(2, 0, 1))[None])[0]
    np.testing.assert_allclose(found.detach().permute(1, 2, 0), expected, atol=1e-5)

    first = next(iter(tensors.values()))
    kernel, bias = (t.detach().numpy() for t in first)
    x = rng.normal(size=(6, 7, 2)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, [(1, 1), (1, 1), (0, 0)]), (3, 3), axis=(0, 1)
    )
    expected = np.einsum('hwiab,abio->hwo', windows, kernel) + bias
    found = network.down[0][0](torch.from_numpy(x.transpose(2, 0, 1))[None])[0]
    np.testing.assert_allclose(found.detach().permute(1, 2, 0), expected, atol=1e-5)


@pytest.mark.shared
def test_parity_with_keras(shared, tmp_path):
    folder = shared / 'keras_parity'
    import_keras(folder / 'deepmir_multiclass_c3_f4.h5', tmp_path)
    model = load_model(tmp_path)
    with np.load(folder / 'deepmir_multiclass_c3_f4_io.npz') as arrays:
        x, expected = (np.moveaxis(arrays[key], -1, 1) for key in 'xy')
    found = model.probabilities(x)
    np.testing.assert_allclose(found, expected, atol=2e-5, rtol=0)
    np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))
    for module in model.network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = 1e-5
    assert np.abs(model.probabilities(x) - expected).max() > 0.1


def test_the_epsilon_matters(tmp_path, write_keras, deepmir2d):
    """That the parity above could fail: a variance near Keras' epsilon, by its own formula."""
    network = deepmir2d(1, 1)
    with torch.no_grad():
        network.down[0][1].running_var.fill_(1e-3)
    write_keras(tmp_path / 'a.h5', network)
    import_keras(tmp_path / 'a.h5', tmp_path / 'm', classes=['CMB'])
    norm = load_model(tmp_path / 'm').network.down[0][1]
    x = torch.ones(1, 2, 1, 1)
    mean, scale, shift = norm.running_mean, norm.weight, norm.bias
    expected = (1 - mean) / np.sqrt(1e-3 + 1e-3) * scale + shift
    torch.testing.assert_close(norm(x).flatten(), expected)
    wrong = F.batch_norm(x, mean, norm.running_var, scale, shift, eps=1e-5).flatten()
    assert (wrong - expected).abs().max() > 1e-2


def refused(path, out, **names):
    with pytest.raises(ModelError) as caught:
        import_keras(path, out, **names)
    message = str(caught.value)
    assert str(path) in message
    assert '\n' not in message
    assert not out.exists()
    return message


@pytest.fixture
def file(tmp_path, write_keras, deepmir2d):
    """A good file of a network with two inputs and one class."""
    path = tmp_path / 'good.h5'
    write_keras(path, deepmir2d(2, 1))
    return path


NAMES = {'inputs': ('swi', 'qsm'), 'classes': ('CMB',)}


def test_names_that_only_a_person_knows(file, tmp_path):
    out = tmp_path / 'out'
    assert '--inputs' in refused(file, out, classes=['CMB'])
    assert '--inputs' in refused(file, out, inputs=['swi', 'swi'], classes=['CMB'])
    assert '--inputs' in refused(file, out, inputs=['t2w', 'qsm'], classes=['CMB'])
    assert '--classes' in refused(file, out, inputs=['swi', 'qsm'])
    assert '--classes' in refused(file, out, inputs=['swi', 'qsm'], classes=['CMB', 'iron'])


def test_what_is_not_a_whole_file(file, tmp_path):
    out = tmp_path / 'out'
    assert 'not a file' in refused(tmp_path / 'nothing.h5', out)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert 'not a whole HDF5 file' in refused(file, out)
    file.write_text('no HDF5 at all')
    assert 'not a whole HDF5 file' in refused(file, out)
    with h5py.File(file, 'w') as content:
        content['model_weights'] = 3
        content['model_weights'].attrs['layer_names'] = np.array([b'conv2d'])
    assert 'not a whole HDF5 file of Keras' in refused(file, out)
    file.write_bytes(b'')
    assert 'not a whole HDF5 file' in refused(file, out)


def test_the_layout_of_keras_3(file, tmp_path):
    out = tmp_path / 'out'
    with h5py.File(file, 'w') as content:
        content['layers/conv2d/vars/0'] = np.zeros((3, 3, 1, 2))
        content.create_group('vars')
    assert 'Keras 3' in refused(file, out)
    with zipfile.ZipFile(file, 'w') as archive:
        archive.writestr('model.weights.h5', b'')
    assert 'Keras 3' in refused(file, out)


def test_hdf5_of_something_else(file, tmp_path):
    with h5py.File(file, 'w') as content:
        content['data'] = np.zeros(3)
    assert 'names no layers' in refused(file, tmp_path / 'out')


def test_missing_layers_and_weights(file, tmp_path):
    out = tmp_path / 'out'
    with h5py.File(file, 'r+') as content:
        group = content['model_weights']
        layers = list(group.attrs['layer_names'])
        kept = group.attrs['layer_names']
        group.attrs['layer_names'] = np.array(layers[:5] + layers[6:])
    assert 'has 54 layers with weights and not 55' in refused(file, out, **NAMES)
    with h5py.File(file, 'r+') as content:
        group = content['model_weights']
        group.attrs['layer_names'] = kept
        name = layers[5].decode()
        del group[name][name]['bias:0' if 'conv' in name else 'beta:0']
    assert 'lacks the weights' in refused(file, out, **NAMES)
    with h5py.File(file, 'r+') as content:
        del content['model_weights'][name]
    assert f'lacks its layer "{name}"' in refused(file, out, **NAMES)


def test_another_network(file, tmp_path):
    out = tmp_path / 'out'
    with h5py.File(file, 'r+') as content:
        group = content['model_weights']
        names = [name.decode() for name in group.attrs['layer_names']]
        layer = group[names[7]]
        weight = layer.attrs['weight_names'][0].decode()
        del layer[weight]
        layer[weight] = np.zeros((5, 5, 2, 4))
    assert f'5×5×2×4, 4 in layer "{names[7]}"' in refused(file, out, **NAMES)
    with h5py.File(file, 'r+') as content:
        group = content['model_weights']
        group.attrs['layer_names'] = np.array([], dtype='S')
    assert 'does not begin and end with convolutions' in refused(file, out, **NAMES)


def test_a_training_that_failed(tmp_path, write_keras, deepmir2d):
    network = deepmir2d(1, 1)
    network.head.bias.data[:] = np.nan
    write_keras(tmp_path / 'a.h5', network)
    assert 'NaN or infinite' in refused(tmp_path / 'a.h5', tmp_path / 'out', classes=['CMB'])


def test_a_folder_that_cannot_be_written(file, tmp_path):
    (tmp_path / 'taken').write_text('')
    with pytest.raises(ModelError, match=r'taken cannot be written'):
        import_keras(file, tmp_path / 'taken', **NAMES)
