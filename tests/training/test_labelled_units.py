"""Labels that follow from a reader's review."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from deepmir_bids.bids.output_files import results_of
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.errors import UsageError
from deepmir_bids.training.labelled_units import labelled_units


@pytest.fixture
def results(tmp_path):
    """Results of a unit: lesions 1 (CMB) and 2 (iron), candidate 3 (CMB), and its SWI."""
    anat = tmp_path / 'out' / 'sub-01' / 'ses-2' / 'anat'
    anat.mkdir(parents=True)
    stem = 'sub-01_ses-2'

    def save(ending, values=()):
        labels = np.zeros((6, 6, 6), dtype=np.int16)
        for value in values:
            labels[value, 1, 1] = value
        nib.Nifti1Image(labels, np.eye(4)).to_filename(anat / f'{stem}{ending}')

    def table(ending, rows):
        columns = ['index', 'name', 'class', 'x', 'y', 'z']
        frame = pd.DataFrame([(*row, row[0], 1.0, 1.0) for row in rows], columns=columns)
        frame.to_csv(anat / f'{stem}{ending}', sep='\t', index=False)

    indices = {'lesions': (1, 2), 'candidates': (3,)}
    rows = {
        'lesion_table': [(1, 'CMB-01', 'CMB'), (2, 'iron-01', 'iron')],
        'candidate_table': [(3, 'CMB-02', 'CMB')],
    }
    for result in results_of(['swi']):
        ending = result.ending_of('T', 'atlas')
        if result.extension == '.nii.gz':
            save(ending, indices.get(result.name, ()))
            (anat / f'{stem}{ending}'.replace('.nii.gz', '.json')).write_text('{}')
        else:
            table(ending, rows.get(result.name, []))
    save('_swi.nii.gz')
    return Unit('01', '2', swi=anat / f'{stem}_swi.nii.gz'), tmp_path / 'out'


def review(unit, out_dir, *verdicts):
    lines = ['index\tname\tclass\tverdict\treviewed_class\tcomment\tx\ty\tz']
    names = [('CMB-01', 'CMB'), ('iron-01', 'iron'), ('CMB-02', 'CMB')]
    for index, ((name, kind), said) in enumerate(zip(names, verdicts, strict=True), start=1):
        lines.append(f'{index}\t{name}\t{kind}\t{said}\tn/a\t{index}\t1\t1')
    path = out_dir / 'sub-01' / 'ses-2' / 'anat' / f'{unit.label}_desc-review_dseg.tsv'
    path.write_text('\n'.join(lines) + '\n')


def test_a_complete_review_becomes_a_class_map(results, tmp_path):
    unit, out_dir = results
    review(unit, out_dir, 'relabelled\tvein', 'relabelled\tCMB', 'accepted\tCMB')
    (path,) = labelled_units([unit], out_dir, tmp_path / 'drawn').values()
    classes = np.asanyarray(nib.load(path).dataobj)
    assert [classes[i, 1, 1] for i in (1, 2, 3)] == [0, 1, 1]
    assert classes.sum() == 2


def test_a_review_that_is_not_complete_teaches_nothing(results, tmp_path):
    unit, out_dir = results
    review(unit, out_dir, 'accepted\tCMB', 'n/a\tn/a', 'n/a\tn/a')
    with pytest.raises(UsageError, match='reviewed to the last lesion'):
        labelled_units([unit], out_dir, tmp_path / 'drawn')


def test_a_review_of_other_lesions_is_an_error(results, tmp_path):
    unit, out_dir = results
    review(unit, out_dir, 'accepted\tCMB', 'rejected\tn/a', 'n/a\tn/a')
    path = next((out_dir / 'sub-01' / 'ses-2' / 'anat').glob('*review*'))
    path.write_text(path.read_text().replace('\t1\t1\n', '\t7\t1\n'))
    with pytest.raises(UsageError, match='review'):
        labelled_units([unit], out_dir, tmp_path / 'drawn')
