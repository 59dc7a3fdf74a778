"""deepmir-train, from labelled derivatives to a model's folder."""

import json

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids.cli.train import main, split
from deepmir_bids.model import load_model

SHAPE = (40, 40, 20)
AFFINE = np.diag([0.9, 0.9, 2.0, 1.0])


@pytest.fixture
def dataset(tmp_path):
    """Three subjects: raw SWI, labels, and what the app would have preprocessed."""
    bids, out = tmp_path / 'bids', tmp_path / 'out'
    rng = np.random.default_rng(0)
    for label in ('01', '02', '03'):
        swi = rng.uniform(80, 100, SHAPE)
        truth = np.zeros(SHAPE)
        truth[10:12, 10:12, 10] = 1
        truth[25:28, 25:28, 8:10] = 2
        swi[truth > 0] = 10
        name = f'sub-{label}/anat/sub-{label}'
        write(bids / f'sub-{label}/swi/sub-{label}_swi.nii.gz', swi)
        write(bids / f'derivatives/truth/{name}_space-SWI_dseg.nii.gz', truth)
        preprocessed = out / 'preprocessed'
        write(preprocessed / f'{name}_space-SWI_desc-brain_mask.nii.gz', np.ones(SHAPE))
        write(preprocessed / f'{name}_space-SWI_desc-preproc_T2w.nii.gz', swi)
    description = {'Name': 'test', 'BIDSVersion': '1.10.0'}
    (bids / 'dataset_description.json').write_text(json.dumps(description))
    return bids, out


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.Nifti1Image(data.astype(np.float32), AFFINE).to_filename(path)


@pytest.mark.slow
def test_it_ends_with_a_model_that_can_be_used(dataset):
    bids, out = dataset
    arguments = [str(bids), str(out), '--labels', str(bids / 'derivatives/truth')]
    assert main([*arguments, '--steps', '3', '--sloppy', '--device', 'cpu']) == 0
    model = load_model(out / 'model')
    assert len(model.card.training['subjects']) == 2
    assert len(model.card.training['validation']) == 1
    assert (out / 'curves.png').stat().st_size > 0
    x = np.zeros((1, 3, 16, 16, 8), dtype=np.float32)
    assert model.probabilities(x).shape == (1, 2, 16, 16, 8)


def test_no_labels_is_wrong_usage(dataset, capsys):
    bids, out = dataset
    assert main([str(bids), str(out), '--labels', str(out)]) == 2
    assert 'no label image' in capsys.readouterr().err


def test_split_is_seeded_and_leaves_both_sides_something():
    for share in (0, 0.2, 1):
        training, validation = split(list(range(5)), share, seed=1)
        assert training
        assert validation
        assert sorted(training + validation) == list(range(5))
    assert split(list(range(9)), 0.3, 1) == split(list(range(9)), 0.3, 1)
