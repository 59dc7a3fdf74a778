"""The table of results: names that are told apart, and that the specification allows."""

from __future__ import annotations

import json

import pytest

from deepmir_bids import INPUTS
from deepmir_bids.bids.output_files import PIECES, RESULTS, pieces_of, results_of
from deepmir_bids.bids.output_names import find_results, identify, is_of_run, missing_results
from deepmir_bids.bids.sidecars import complete_sidecars, source_facts
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.data import load

FACTS = {fact: {fact: 1} for result in RESULTS for fact in result.facts}


def name_of(result, before='sub-01'):
    return before + result.ending_of('MNI152NLin2009cAsym', 'HOSPA')


@pytest.mark.parametrize('result', [*RESULTS, *PIECES], ids=lambda result: result.name)
def test_each_result_is_known_by_its_name(result):
    assert identify(name_of(result), 'sub-01', result.datatype) is result
    long = name_of(result, 'sub-01_ses-2_acq-a_run-1')
    assert identify(long, 'sub-01_ses-2', result.datatype) is result
    assert identify(long, 'sub-01', result.datatype) is None
    assert identify(name_of(result, 'sub-010'), 'sub-01', result.datatype) is None


def test_no_name_is_there_twice():
    names = [result.name for result in (*RESULTS, *PIECES)]
    paths = [(result.datatype, result.ending) for result in (*RESULTS, *PIECES)]
    assert len(set(names)) == len(names)
    assert len(set(paths)) == len(paths)


def test_what_a_run_may_delete_is_its_own_and_no_review():
    assert is_of_run('sub-01_space-SWI_desc-brain_mask.json', 'sub-01', 'anat')
    assert is_of_run('sub-01_from-MNI_to-SWI_mode-image_xfm.h5', 'sub-01', 'anat')
    assert is_of_run('sub-01_space-SWI_desc-nuclei_Chimap.png', 'sub-01', 'figures')
    assert not is_of_run('sub-01_desc-review_dseg.tsv', 'sub-01', 'anat')
    assert not is_of_run('sub-01_desc-review_dseg.json', 'sub-01', 'anat')
    assert not is_of_run('sub-01_desc-preproc_T1w.json', 'sub-01', 'anat')
    assert not is_of_run('sub-01_space-SWI_desc-brain_mask.json', 'sub-01', 'figures')


def test_a_finished_unit_has_what_is_read_later_whatever_else_went():
    names = {result.name: name_of(result) for result in results_of(('swi',))}
    there = find_results(['sub-01_notes.txt', *names.values()], 'sub-01')
    assert there == names
    assert missing_results(there) == []
    del there['lesion_table']
    assert [result.name for result in missing_results(there)] == ['lesion_table']
    there = {
        name: file for name, file in names.items() if name not in ('class_table', 'to_template')
    }
    assert missing_results(there) == []
    assert {'t2w', 'qsm', 'review'}.isdisjoint(names)
    assert {'t2w', 'qsm'} <= {result.name for result in results_of(INPUTS)}


def test_every_sidecar_is_complete_and_has_where_its_grid_is_from(tmp_path):
    unit = Unit('01', **{name: tmp_path / f'{name}.nii.gz' for name in INPUTS})
    facts = {**FACTS, **source_facts(unit, {'raw': tmp_path})}
    results = results_of(unit.owed)
    sidecars = complete_sidecars(results, facts)
    for result in results_of(INPUTS):
        in_swi = result.entities.get('space') == 'SWI' and result.extension == '.nii.gz'
        assert (result.name in sidecars) == in_swi, result.name
        if in_swi:
            assert sidecars[result.name]['SpatialReference'] == 'bids:raw:swi.nii.gz'
    assert sidecars['t2w']['Sources'] == ['bids:raw:t2w.nii.gz']
    assert len(sidecars['lesions']['Sources']) == 3
    assert sidecars['lesions']['index']['Format'] == 'integer'
    with pytest.raises(KeyError, match='notes'):
        complete_sidecars(results, {name: fact for name, fact in facts.items() if name != 'notes'})


def test_the_page_shows_every_piece():
    import yaml

    sections = yaml.safe_load(load('report.yml').read_text())['sections']
    asked = {
        (r['bids']['desc'], r['bids']['suffix'], *r['bids']['extension'])
        for section in sections
        for r in section['reportlets']
    }
    assert asked == {(p.entities['desc'], p.suffix, p.extension) for p in PIECES}
    names = {piece.name for piece in pieces_of(('swi',))}
    assert 'structures_on_swi' in names
    assert {'structures_on_t2w', 'nuclei_figure', 'alignment'}.isdisjoint(names)


def test_described_columns_are_json():
    for result in RESULTS:
        if result.columns:
            assert 'index' in json.loads(load(result.columns).read_text())
