"""From two folders to tables, JSON and pictures."""

import json

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from deepmir_bids.bids.tsv import read_tsv
from deepmir_bids.cli.deepmir_evaluate import main
from deepmir_bids.evaluation.evaluation_tables import evaluate
from deepmir_bids.evaluation.lesion_outcomes import list_outcomes, size_of
from deepmir_bids.evaluation.truth_pairs import find_pairs, read_case
from deepmir_bids.evaluation.write_evaluation import write_evaluation

TABLES = {'summary', 'subjects', 'by_size', 'by_region', 'lesions', 'froc'}


def pooled(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table.set_index('measure')['pooled']


def test_outcomes_and_measures_of_lesions(datasets):
    case = read_case(find_pairs(*datasets)[0])
    rows = pd.DataFrame(list_outcomes(case, {'CMB': {}, 'iron': {}}))
    cmb = rows[rows['class'] == 'CMB'].set_index('size')
    assert cmb['outcome'].to_dict() == {'>5': 'TP', '2-3': 'TP', '3-5': 'FN', '<2': 'FN'}
    assert cmb['region'].to_dict() == {
        '>5': 'lobar',
        '2-3': 'lobar',
        '3-5': 'deep',
        '<2': 'infratentorial',
    }
    shifted = cmb.loc['2-3']
    assert shifted['dice'] == pytest.approx(0.5)
    assert shifted['distance_mm'] == pytest.approx(1)
    assert shifted['x'] == 25.5 - 20
    assert shifted['probability'] == pytest.approx(0.9)
    assert rows[rows['class'] == 'iron']['outcome'].tolist() == ['TP', 'FP']


def test_sizes_have_the_limits_that_they_name():
    sizes = {1.99: '<2', 2: '2-3', 2.99: '2-3', 3: '3-5', 5: '3-5', 5.01: '>5', 40: '>5'}
    assert {d: size_of(d) for d in sizes} == sizes


def test_a_lesion_where_the_prediction_has_no_brain_is_outside(tmp_path, draw, write_unit):
    write_unit(tmp_path, 'sub-01', draw((1, (2, 5, 5), (2, 2, 2))), draw())
    tables = evaluate(tmp_path / 'truth', tmp_path / 'deepmir').tables
    assert tables['lesions']['region'].tolist() == ['outside']
    assert pooled(tables['by_region'], **{'class': 'CMB'}, region='outside')['FN'] == 1
    assert 'outside' not in set(tables['by_region'].query('`class` == "iron"')['region'])


def test_figures_by_class_size_and_region(datasets):
    tables = evaluate(*datasets).tables
    assert set(tables) == TABLES
    cmb = pooled(tables['summary'], **{'class': 'CMB'})
    assert (cmb['TP'], cmb['FP'], cmb['FN']) == (3, 1, 2)
    assert cmb['sensitivity'] == pytest.approx(3 / 5)
    assert cmb['precision'] == pytest.approx(3 / 4)
    assert cmb['FP_per_subject'] == pytest.approx(1 / 3)
    assert cmb['count_bias'] == pytest.approx(-1 / 3)
    iron = pooled(tables['summary'], **{'class': 'iron'})
    assert (iron['TP'], iron['FP'], iron['FN']) == (1, 1, 0)
    for table, groups in (('by_size', 'size'), ('by_region', 'region')):
        parts = tables[table].query('`class` == "CMB" and measure in ("TP", "FP", "FN")')
        sums = parts.groupby('measure')['pooled'].sum()
        assert sums.to_dict() == {'TP': 3, 'FP': 1, 'FN': 2}, groups
    assert pooled(tables['by_region'], **{'class': 'CMB'}, region='infratentorial')['FP'] == 1
    assert pooled(tables['by_size'], **{'class': 'CMB'}, size='2-3')['sensitivity'] == 1


def test_curve_goes_below_the_operating_point_and_through_it(datasets):
    tables = evaluate(*datasets).tables
    curve = tables['froc'].query('`class` == "CMB"').set_index('threshold')
    assert curve.index.tolist() == pytest.approx([0.9, 0.45, 0.35])
    cmb = pooled(tables['summary'], **{'class': 'CMB'})
    assert curve['sensitivity'].iloc[0] == pytest.approx(cmb['sensitivity'])
    assert curve['FP_per_subject'].iloc[0] == pytest.approx(cmb['FP_per_subject'])
    assert curve['sensitivity'].tolist() == pytest.approx([3 / 5, 4 / 5, 4 / 5])
    assert curve['FP_per_subject'].tolist() == pytest.approx([1 / 3, 1 / 3, 4 / 3])
    assert curve['sensitivity_deep'].tolist() == [0, 1, 1]
    # A false iron candidate outside the basal ganglia is none.
    assert tables['froc'].query('`class` == "iron"')['threshold'].tolist() == pytest.approx([0.9])


def test_truth_and_prediction_cannot_be_swapped(tmp_path, draw, write_unit):
    write_unit(tmp_path, 'sub-01', draw((1, (25, 5, 5), (2, 2, 2))), draw(
        (1, (25, 5, 5), (2, 2, 2)), (1, (25, 25, 5), (2, 2, 2)), (1, (25, 5, 15), (2, 2, 2))
    ))  # fmt: skip
    cmb = pooled(evaluate(tmp_path / 'truth', tmp_path / 'deepmir').tables['summary'],
                 **{'class': 'CMB'})  # fmt: skip
    assert cmb['sensitivity'] == 1
    assert cmb['precision'] == pytest.approx(1 / 3)
    assert cmb['count_bias'] == 2


def test_valdo_stands_beside_our_own_rule(datasets):
    own, both = evaluate(*datasets), evaluate(*datasets, rule='valdo')
    assert set(both.tables) == TABLES | {'valdo'}
    summary = both.tables['summary']
    ours = summary[summary['rule'] == 'deepmir']
    pd.testing.assert_frame_equal(ours, own.tables['summary'], check_dtype=False)
    rows = summary[(summary['rule'] == 'valdo') & (summary['class'] == 'CMB')]
    f1 = rows.set_index('measure').loc['F1']
    assert f1['subjects'] == 2  # the third has no true lesion
    assert f1['mean'] == pytest.approx(2 / 3)


def test_written_tables_json_and_pictures(datasets, tmp_path):
    evaluation = evaluate(*datasets, rule='valdo')
    out = tmp_path / 'out'
    write_evaluation(evaluation, out)
    assert {p.stem for p in out.glob('*.tsv')} == TABLES | {'valdo'}
    assert {p.name for p in (out / 'figures').iterdir()} == {
        'froc.png',
        'bland_altman.png',
        'sensitivity_by_size.png',
    }
    lesions = read_tsv(out / 'lesions.tsv')
    assert len(lesions) == 8
    content = json.loads((out / 'summary.json').read_text())
    assert content['summary']['deepmir']['CMB']['sensitivity']['pooled'] == pytest.approx(0.6)
    assert content['by_size']['>5']['iron']['sensitivity']['pooled'] is None
    assert content['lowest_threshold_of_froc'] == {'CMB': 0.3, 'iron': 0.3}


def test_the_command_from_start_to_finish(datasets, tmp_path, capsys):
    arguments = [*map(str, datasets), '--out', str(tmp_path / 'out')]
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:4] == ['CMB', '3', '1', '2']
    assert (tmp_path / 'out' / 'summary.tsv').is_file()


def test_the_last_unit_on_another_grid_leaves_nothing_written(datasets, tmp_path, capsys):
    path = datasets[0] / 'sub-03' / 'anat' / 'sub-03_space-SWI_desc-truth_dseg.nii.gz'
    nib.Nifti1Image(np.zeros((60, 40, 24), np.uint8), np.eye(4)).to_filename(path)
    assert main([*map(str, datasets), '--out', str(tmp_path / 'out')]) == 2
    assert f'{path} is not on the grid' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_participants_without_a_lesion_count_for_false_positives_alone(tmp_path, draw, write_unit):
    box = (1, (25, 10, 5), (2, 2, 2))
    write_unit(tmp_path, 'sub-01', draw(box), draw(box))
    write_unit(tmp_path, 'sub-02', draw(), draw(box))  # a false one
    write_unit(tmp_path, 'sub-03', draw(), draw())
    tables = evaluate(tmp_path / 'truth', tmp_path / 'deepmir').tables
    cmb = tables['summary'].query('`class` == "CMB"').set_index('measure')
    assert cmb.loc['FP_per_subject', 'pooled'] == pytest.approx(1 / 3)
    assert cmb.loc['FP_per_subject', 'subjects'] == 3
    assert cmb.loc['sensitivity', ['mean', 'subjects']].tolist() == [1, 1]
    # Nothing found where nothing is: neither a perfect score nor a failure.
    assert cmb.loc['precision', ['mean', 'subjects']].tolist() == [0.5, 2]
    assert cmb.loc['F1', ['mean', 'subjects']].tolist() == [0.5, 2]


def test_a_cohort_without_any_lesion(tmp_path, draw, write_unit):
    for label in ('sub-01', 'sub-02'):
        write_unit(tmp_path, label, draw(), draw())
    evaluation = evaluate(tmp_path / 'truth', tmp_path / 'deepmir', rule='valdo')
    cmb = pooled(evaluation.tables['summary'].query('rule == "deepmir"'), **{'class': 'CMB'})
    assert cmb['FP_per_subject'] == 0
    assert np.isnan(cmb['sensitivity'])
    write_evaluation(evaluation, tmp_path / 'out')
