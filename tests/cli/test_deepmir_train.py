"""deepmir-train, from labelled derivatives to a model's folder."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest

from deepmir_bids import INPUTS
from deepmir_bids.bids.dataset_description import describe_dataset
from deepmir_bids.bids.output_files import results_of
from deepmir_bids.cli.deepmir_train import main
from deepmir_bids.model import load_model

SHAPE = (40, 40, 20)
AFFINE = np.diag([0.9, 0.9, 2.0, 1.0])
#: Two sessions of one participant, and two participants without.
UNITS = ('sub-01', 'sub-02_ses-a', 'sub-02_ses-b', 'sub-03')


@pytest.fixture
def dataset(tmp_path):
    """Three participants: raw SWI, labels, and what the app would have left of them."""
    bids, out = tmp_path / 'bids', tmp_path / 'out'
    rng = np.random.default_rng(0)
    for unit in UNITS:
        swi = rng.uniform(80, 100, SHAPE)
        truth = np.zeros(SHAPE)
        truth[10:12, 10:12, 10] = 1
        truth[25:28, 25:28, 8:10] = 2
        swi[truth > 0] = 10
        name = f'{unit.replace("_", "/")}/anat/{unit}'
        write(bids / f'{name}_swi.nii.gz', swi)
        write(bids / f'derivatives/truth/{name}_space-SWI_desc-mine_dseg.nii.gz', truth)
        for result in results_of(INPUTS):
            path = out / f'preprocessed/{name}{result.ending_of("T", "X")}'
            if path.suffix == '.gz':
                write(path, np.ones(SHAPE))
                path.with_name(path.name.replace('.nii.gz', '.json')).write_text('{}')
            else:
                path.write_text(
                    'index\tname\tregion\n1\tleft putamen\tdeep\n'
                    if result.name == 'structure_table'
                    else 'index\n'
                )
    describe_dataset(out / 'preprocessed', {'raw': bids}, citation='')
    description = {'Name': 'test', 'BIDSVersion': '1.10.0'}
    (bids / 'dataset_description.json').write_text(json.dumps(description))
    return bids, out


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(1).uniform(0, 0.1, SHAPE) if 'preproc' in path.name else 0
    nib.Nifti1Image((data + noise).astype(np.float32), AFFINE).to_filename(path)


def train(dataset, *options):
    bids, out = dataset
    arguments = [str(bids), str(out), '--labels', str(bids / 'derivatives/truth'), '--sloppy']
    return main([*arguments, '--device', 'cpu', '--nprocs', '1', *options])


@pytest.mark.slow
def test_it_ends_with_a_model_that_can_be_used_and_fine_tuned(dataset, capsys):
    _, out = dataset
    assert train(dataset, '--steps', '2', '--inputs', 'qsm', '--classes', 'CMB') == 0
    assert str(out / 'model') in capsys.readouterr().out
    model = load_model(out / 'model')
    assert len(model.card.training['subjects'] + model.card.training['validation']) == len(UNITS)
    assert model.card.training['inputs'] == ['swi', 'qsm']
    assert model.card.training['classes'] == ['CMB']
    assert (out / 'curves.png').stat().st_size > 0
    x = np.zeros((1, 3, 16, 16, 8), dtype=np.float32)
    assert model.probabilities(x).shape == (1, 2, 16, 16, 8)

    more = dataset[0], out.parent / 'more'
    assert train(more, '--init', str(out / 'model'), '--inputs', 'swi', 't2w') == 2
    assert 'never saw t2w: --inputs can be swi, qsm at most' in capsys.readouterr().err
    shutil.copytree(out / 'preprocessed', more[1] / 'preprocessed')
    assert train(more, '--steps', '1', '--init', str(out / 'model'), '--folds', 'loo') == 0
    tuned = load_model(more[1] / 'model')
    assert tuned.card.training['init'] == str(out / 'model')
    assert tuned.card.training['inputs'] == ['swi', 'qsm']
    assert tuned.card.training['classes'] == ['CMB']
    assert sorted(path.name for path in more[1].glob('fold-*')) == ['fold-1', 'fold-2', 'fold-3']
    folds = json.loads((more[1] / 'folds.json').read_text())
    assert sorted(part['held_out'] for part in folds['parts']) == [[], ['01'], ['02'], ['03']]
    # Both sessions of a participant are held out together.
    held_out = [(more[1] / f'fold-{i}' / 'held_out.tsv').read_text() for i in (1, 2, 3)]
    assert sum('ses-a' in table for table in held_out) == 1
    assert [('ses-a' in table) == ('ses-b' in table) for table in held_out] == [True] * 3


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['--labels', 'nowhere'], 'nowhere is not a folder'),
        (['--folds', '4'], '3 labelled participants do not make 4 folds'),
        (['--init', 'no-such-model'], 'No model "no-such-model"'),
    ],
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(dataset, capsys, options, said):
    before = sorted(dataset[1].rglob('*'))
    assert train(dataset, *options) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count('\n') == 1
    assert sorted(dataset[1].rglob('*')) == before


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda labels, path: shutil.rmtree(labels / 'sub-01'), None),
        (lambda labels, path: path.rename(path.with_name('sub-01_dseg.nii.gz')), None),
        (lambda labels, path: shutil.rmtree(labels), 'is not a folder'),
        (lambda labels, path: [shutil.rmtree(p) for p in labels.iterdir()], 'no label image'),
        (lambda labels, path: write(path, np.full(SHAPE, 4)), 'holds 4: labels are 0, 1 (CMB)'),
        (
            lambda labels, path: write(
                path.with_name('sub-01_desc-b_dseg.nii.gz'), np.ones(SHAPE)
            ),
            'has 2 label images of sub-01',
        ),
        (
            lambda labels, path: [write(p, np.ones(SHAPE)) for p in labels.rglob('*.nii.gz')],
            'No label image has any iron (value 2): leave it out with --classes',
        ),
    ],
)
def test_labels_are_looked_at_before_anything_is_done(dataset, capsys, monkeypatch, change, said):
    monkeypatch.setattr('deepmir_bids.training.crossvalidation.run_parts', lambda *a, **k: 'here')
    labels = dataset[0] / 'derivatives/truth'
    change(labels, labels / 'sub-01/anat/sub-01_space-SWI_desc-mine_dseg.nii.gz')
    status = train(dataset)
    printed = capsys.readouterr()
    if said is None:
        assert status == 0
        assert '2 labelled participants with 6 lesions' in printed.out
    else:
        assert status == 2
        assert said in printed.err
        assert not (dataset[1] / 'folds.json').exists()


def test_another_training_in_the_same_folder_is_refused(dataset, capsys, monkeypatch):
    monkeypatch.setattr('deepmir_bids.training.crossvalidation.run_parts', lambda *a, **k: 'here')
    assert train(dataset, '--folds', '3') == 0
    before = (dataset[1] / 'folds.json').read_bytes()
    assert train(dataset, '--folds', '3', '--seed', '1') == 2
    assert 'was begun with --seed 0, not 1' in capsys.readouterr().err
    assert train(dataset, '--folds', '3') == 0
    assert (dataset[1] / 'folds.json').read_bytes() == before
