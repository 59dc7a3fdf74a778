"""Graphs, built without running anything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from deepmir_bids.anatomy.atlas_structures import Structure
from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.anatomical import init_anatomy_wf
from deepmir_bids.workflows.detection import operating_point
from deepmir_bids.workflows.unit_outputs import source_uri
from deepmir_bids.workflows.whole_app import init_deepmir_wf


@pytest.fixture
def files(tmp_path):
    """Settings, and a unit whose files exist but are empty."""
    for name in ('swi', 'qsm', 't2w', 'mask'):
        (tmp_path / f'sub-01_{name}.nii.gz').touch()
    (tmp_path / 'out').mkdir()
    unit = Unit('01', **{k: tmp_path / f'sub-01_{k}.nii.gz' for k in ('swi', 'qsm', 't2w')})
    return Settings(tmp_path, tmp_path / 'out', tmp_path / 'work'), unit


@pytest.fixture
def anatomy(tmp_path):
    structures = (
        Structure(1, 'left putamen', 'deep', 'putamen'),
        Structure(2, 'right caudate', 'deep', 'caudate'),
    )
    paths = {name: tmp_path / name for name in ('template_brain', 'brain_mask', 'labels')}
    return Anatomy('MNI', 'atlas', (), structures=structures, **paths)


def steps(settings, anatomy, unit):
    graph = init_deepmir_wf(settings, anatomy, [unit])._create_flat_graph()
    names = {node.fullname.split('_wf.')[-1]: node for node in graph}
    return graph, names


def test_every_input_has_its_steps(files, anatomy):
    _, names = steps(files[0], anatomy, files[1])
    wanted = {
        'load_swi',
        'align_t2w',
        'register',
        'label_swi',
        'convert_chi',
        'predict',
        'publish',
    }
    assert wanted <= set(names)
    assert 'correct_swi' not in names


def test_without_t2w_the_swi_registers_itself(files, anatomy):
    settings, unit = files
    graph, names = steps(settings, anatomy, replace(unit, t2w=None))
    assert 'align_t2w' not in names
    assert names['correct_swi'] in graph.predecessors(names['register'])


def test_without_qsm_nothing_is_converted(files, anatomy):
    settings, unit = files
    _, names = steps(settings, anatomy, replace(unit, qsm=None))
    assert 'convert_chi' not in names
    assert not any(name.endswith('nuclei_qsm') for name in names)


def test_a_given_brain_mask_reaches_registration_and_labels(files, anatomy, tmp_path):
    settings, unit = files
    unit = replace(unit, brain_mask=tmp_path / 'sub-01_mask.nii.gz')
    graph, names = steps(settings, anatomy, unit)
    assert set(graph.successors(names['load_mask'])) >= {names['register'], names['label_swi']}


def test_the_network_knows_nothing_of_thresholds(files, anatomy):
    """So that another threshold re-runs only what follows it."""
    settings, unit = files
    _, first = steps(settings, anatomy, unit)
    _, second = steps(replace(settings, threshold_cmb=0.123), anatomy, unit)
    assert first['predict'].inputs.get_hashval() == second['predict'].inputs.get_hashval()
    assert first['find'].inputs.thresholds != second['find'].inputs.thresholds


def test_units_do_not_share_names(files, anatomy):
    settings, unit = files
    units = [unit, replace(unit, session='a'), replace(unit, subject='01a')]
    workflow = init_deepmir_wf(settings, anatomy, units)
    assert len(workflow.list_node_names()) == 3 * len(
        init_deepmir_wf(settings, anatomy, [unit]).list_node_names()
    )


def test_own_thresholds_win_over_the_models(files):
    from deepmir_bids.model.model_registry import DEFAULT_MODEL, find_model, read_card

    card = read_card(find_model(DEFAULT_MODEL))
    settings = replace(files[0], threshold_iron=0.5, min_volume=7.0, operating_point='precise')
    thresholds, smallest = operating_point(settings, card, ['swi', 'qsm'])
    assert thresholds == {'CMB': card.thresholds['swi+qsm']['precise']['CMB'], 'iron': 0.5}
    assert smallest == 7.0


def test_sources_are_named_in_the_deepest_dataset():
    settings = Settings(Path('/d'), Path('/o'), Path('/w'), derivatives={'q': Path('/d/deriv/q')})
    unit = Unit('01', swi=Path('/d/sub-01/a.nii'), qsm=Path('/d/deriv/q/sub-01/b.nii'))
    assert source_uri(settings, unit, 'swi') == 'bids:raw:sub-01/a.nii'
    assert source_uri(settings, unit, 'qsm') == 'bids:q:sub-01/b.nii'


def test_how_well_the_t2w_fits_is_told(files, anatomy):
    settings, unit = files
    anatomy_wf = init_anatomy_wf(settings, unit, anatomy)
    output = anatomy_wf.get_node('outputnode')
    links = anatomy_wf._graph.get_edge_data(anatomy_wf.get_node('align_t2w'), output)['connect']
    assert ('mutual_information', 'alignment') in links
    assert anatomy_wf.get_node('correct_t2w').n_procs == 1
