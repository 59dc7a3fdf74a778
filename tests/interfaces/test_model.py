"""The nodes around the network."""

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.interfaces.model import Predict
from deepmir_bids.model import ModelError, load_model
from deepmir_bids.model.keras_import import import_keras
from deepmir_bids.model.network_choice import build
from deepmir_bids.model.prediction import probabilities_on_swi


@pytest.fixture
def model(tmp_path, write_keras):
    """Folder of the authors' network for SWI and QSM, CMB only."""
    write_keras(tmp_path / 'a.h5', build('DeepMIR2D', {'inputs': 2, 'outputs': 1, 'width': 2}))
    import_keras(tmp_path / 'a.h5', tmp_path / 'model', ('swi', 'qsm'), ('CMB',))
    return tmp_path / 'model'


@pytest.fixture
def unit(tmp_path):
    """Images of a head, stored from left to right backwards."""
    rng = np.random.default_rng(0)
    arrays = {'swi': rng.uniform(0, 9, (25, 30, 6)), 'qsm': rng.normal(size=(25, 30, 6))}
    arrays['brain_mask'] = np.ones((25, 30, 6))
    for name, array in arrays.items():
        image = nib.Nifti1Image(array.astype(np.float32), np.diag([-1, 1, 2, 1]))
        nib.save(image, tmp_path / f'{name}.nii')
    return {name: str(tmp_path / f'{name}.nii') for name in arrays}


def test_predict_writes_each_class_on_the_grid_of_the_swi(tmp_path, model, unit):
    predict = Predict(model=str(model), fingerprint='1', device='cpu', **unit)
    outputs = predict.run(cwd=str(tmp_path)).outputs
    cmb, iron, swi, qsm = (
        nib.load(path) for path in (outputs.cmb, outputs.iron, unit['swi'], unit['qsm'])
    )
    assert cmb.shape == swi.shape
    np.testing.assert_array_equal(cmb.affine, swi.affine)
    assert not iron.get_fdata().any()
    mask = np.ones(swi.shape, dtype=bool)
    expected = probabilities_on_swi(
        load_model(model), swi.get_fdata(), qsm.get_fdata(), None, mask, swi.affine, threads=1
    )
    np.testing.assert_allclose(cmb.get_fdata(), expected[0], atol=1e-6)


def test_predict_says_which_image_is_missing(tmp_path, model, unit):
    del unit['qsm']
    with pytest.raises(ModelError, match='"model" needs swi, qsm, and there is no qsm'):
        Predict(model=str(model), fingerprint='1', device='cpu', **unit).run(cwd=str(tmp_path))
