"""Graphs, built without running anything."""

from __future__ import annotations

import re
from dataclasses import replace

import networkx as nx
import pytest

from deepmir_bids.anatomy.atlas_structures import Structure
from deepmir_bids.anatomy.template_choice import Anatomy
from deepmir_bids.bids.output_files import MAPS, results_of
from deepmir_bids.bids.scanned_echoes import RawEchoes
from deepmir_bids.bids.unit_of_work import Unit
from deepmir_bids.settings import Settings
from deepmir_bids.workflows.brain import init_brain_wf
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
    graph, names = steps(files[0], anatomy, files[1])
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
    assert names['choose_head'] in graph.predecessors(names['register'])


def test_nothing_is_left_to_do_when_results_are_published(files, anatomy):
    """The work folder of the unit may go."""
    graph, names = steps(files[0], anatomy, files[1])
    assert {*nx.ancestors(graph, names['publish']), names['publish']} == set(graph)


def test_without_t2w_the_swi_registers_itself(files, anatomy):
    settings, unit = files
    graph, names = steps(settings, anatomy, replace(unit, t2w=None))
    assert 'align_t2w' not in names
    assert names['load_swi'] in nx.ancestors(graph, names['choose_head'])


def test_without_qsm_nothing_is_converted(files, anatomy):
    settings, unit = files
    _, names = steps(settings, anatomy, replace(unit, qsm=None))
    assert 'convert_chi' not in names
    assert 'plot_nuclei' in steps(settings, anatomy, unit)[1]
    assert 'plot_nuclei' not in names


def test_a_given_brain_mask_reaches_registration_and_labels(files, anatomy, tmp_path):
    settings, unit = files
    unit = replace(unit, brain_mask=tmp_path / 'sub-01_mask.nii.gz')
    graph, names = steps(settings, anatomy, unit)
    assert names['fit_mask'] in graph.successors(names['load_mask'])
    assert set(graph.successors(names['fit_mask'])) >= {names['register'], names['label_swi']}


def test_the_network_knows_nothing_of_thresholds(files, anatomy):
    """So that another threshold re-runs only what follows it."""
    settings, unit = files
    _, first = steps(settings, anatomy, unit)
    _, second = steps(replace(settings, threshold_cmb=0.123), anatomy, unit)
    assert first['predict'].inputs.get_hashval() == second['predict'].inputs.get_hashval()
    thresholds = [
        {
            name: case.criteria.thresholds['CMB']
            for name, case in one['settle'].inputs.cases.items()
        }
        for one in (first, second)
    ]
    assert set(thresholds[1].values()) == {0.123}
    assert 0.123 not in thresholds[0].values()


def test_units_do_not_share_names(files, anatomy):
    settings, unit = files
    units = [unit, replace(unit, session='a'), replace(unit, subject='01a')]
    workflow = init_deepmir_wf(settings, anatomy, units)
    assert len(workflow.list_node_names()) == 3 * len(
        init_deepmir_wf(settings, anatomy, [unit]).list_node_names()
    )


def test_what_is_said_of_the_methods_is_what_is_run(files, anatomy):
    settings, unit = files

    def methods(unit, used='swi+qsm+t2w'):
        _, names = steps(settings, anatomy, unit)
        return names['settle'].inputs.cases[used].facts['methods']['Description']

    assert 'T2w' in methods(unit)
    assert 'QSM' in methods(unit)
    alone = methods(replace(unit, t2w=None, qsm=None), 'swi')
    assert 'T2w' not in alone
    assert 'QSM' not in alone
    assert 'N4' in alone
    masked = replace(unit, brain_mask=unit.swi)
    given = methods(masked, 'swi+qsm+t2w+brain_mask')
    assert 'brain mask was given' in given.replace('\n', ' ')
    assert 'brain mask is the template’s' in methods(masked).replace('\n', ' ')
    left = methods(unit, 'swi+qsm')
    assert 'T2w could not be used' in left
    assert 'The SWI was registered' in left.replace('\n', ' ')
    # Each reference that is cited is listed, and no other.
    for text in (methods(unit), alone):
        cited = {int(number) for number in re.findall(r'\[(\d+)\]', text)}
        assert cited == {int(number) for number in re.findall(r'^(\d+)\. ', text, re.M)}


def test_a_fall_back_is_recorded(files, anatomy):
    note = 'the built-in anatomy is used'
    graph, names = steps(files[0], replace(anatomy, note=note), files[1])
    for case in names['settle'].inputs.cases.values():
        assert case.facts['anatomy']['TemplateNote'] == note
    (notes,) = (node for node in graph if node.fullname.endswith('sub_01_wf.notes'))
    assert note in notes.inputs.in1


def test_each_result_has_its_connection(files, anatomy):
    """What the table of results names is made by some node, and reaches the last one."""
    settings, unit = files
    for there in (unit, replace(unit, qsm=None), replace(unit, t2w=None)):
        graph, names = steps(settings, anatomy, there)
        publish = names['publish']
        connected = {field for *_, data in graph.in_edges(publish, data=True)
                     for _, field in data['connect']}  # fmt: skip
        owed = {result.name for result in results_of(there.inputs)}
        assert owed <= connected | {'class_table'}


def test_how_well_the_t2w_fits_is_told(files, anatomy):
    settings, unit = files
    brain_wf = init_brain_wf(settings, unit, anatomy)
    align, output = brain_wf.get_node('align_t2w'), brain_wf.get_node('outputnode')
    links = brain_wf._graph.get_edge_data(align, output)['connect']
    assert ('mutual_information', 'alignment') in links
    assert brain_wf.get_node('correct_t2w').n_procs == 1


@pytest.mark.parametrize(
    ('name', 'stands_in'), [('T2starw', True), ('swi', False), ('rec-swi_T2starw', False)]
)
def test_a_magnitude_that_stands_in_may_be_brighter(files, anatomy, tmp_path, name, stands_in):
    settings, unit = files
    swi = tmp_path / f'sub-01_{name}.nii.gz'
    swi.touch()
    _, names = steps(settings, anatomy, replace(unit, swi=swi))
    assert names['check_contrast'].inputs.stands_in == stands_in


@pytest.fixture
def raw_unit(files, tmp_path):
    """A unit whose SWI and QSM are made from three echoes."""
    echoes = RawEchoes(
        tuple((tmp_path / f'{n}_mag.nii', tmp_path / f'{n}_phase.nii') for n in range(3)),
        ('mag', 'phase'),
        (0.01, 0.02, 0.03),
        3.0,
    )
    first = echoes.files[0]
    return replace(files[1], swi=first[0], qsm=first[1], echoes=echoes, made=('swi', 'qsm'))


def test_what_is_made_takes_the_place_of_what_is_ready(files, anatomy, raw_unit):
    graph, names = steps(files[0], anatomy, raw_unit)
    made = {names['load_swi'], names['load_qsm']}
    assert made <= set(graph.successors(names['reconstruct']))
    # The brain is found before there is an SWI, with all that a ready one has.
    assert {'combine', 'align_t2w', 'label_swi'} <= {
        node.name for node in nx.ancestors(graph, names['reconstruct'])
    }
    assert names['convert_chi'].inputs.made
    assert not steps(files[0], anatomy, files[1])[1]['convert_chi'].inputs.made
    assert 'reconstruct' not in steps(files[0], anatomy, files[1])[1]
    case = names['settle'].inputs.cases['swi+qsm+t2w']
    assert 'SWI and QSM were made' in case.facts['methods']['Description']
    assert case.facts['detection']['InputsMade'] == ['swi', 'qsm']
    assert len(case.facts['source_qsm']['Sources']) == 6
    connected = {
        field
        for *_, data in graph.in_edges(names['publish'], data=True)
        for _, field in data['connect']
    }
    assert {'made_swi', 'minip', 'r2star', 'qsm'} <= connected


def test_of_maps_alone_nothing_else_is_made(files, anatomy, raw_unit):
    settings = replace(files[0], reconstruct='always', reconstruct_only=True)
    of = {'swi': 'made_swi', 'qsm': 'qsm'}
    for made in (('swi', 'qsm'), ('swi',), ('qsm',)):
        graph, names = steps(settings, anatomy, replace(raw_unit, made=made))
        assert not {'load_swi', 'load_qsm', 'predict', 'assemble'} & set(names)
        # Nobody can do without what alone was asked for.
        assert not names['reconstruct'].inputs.dispensable
        links = graph.get_edge_data(names['reconstruct'], names['publish'])['connect']
        named = {target for _, target in links} - {'reconstruction'}
        assert named == set(MAPS) - ({'qsm', 'made_swi'} - {of[name] for name in made})


def test_a_ready_swi_stays_where_the_qsm_alone_is_made(files, anatomy, raw_unit):
    unit = replace(raw_unit, swi=files[1].swi, made=('qsm',))
    graph, names = steps(files[0], anatomy, unit)
    assert names['load_swi'].inputs.in_file == str(files[1].swi)
    assert names['reconstruct'].inputs.dispensable
    # The head may have moved between the two.
    links = graph.get_edge_data(names['load_swi'], names['reconstruct'])['connect']
    assert links == [('out_file', 'swi')]
    assert 'combine' not in names
    assert names['load_qsm'] in graph.successors(names['reconstruct'])


def test_units_share_no_connection(files, anatomy, raw_unit):
    """Nipype changes the lists it is given: one for all units would serve the first alone."""
    for settings in (files[0], replace(files[0], reconstruct='always', reconstruct_only=True)):
        units = [raw_unit, replace(raw_unit, subject='02'), replace(files[1], subject='03')]
        units = units[:2] if settings.reconstruct_only else units
        graph = init_deepmir_wf(settings, anatomy, units)._create_flat_graph()
        links = {
            unit.subject: sorted(
                (one.name, other.name, *sorted(data['connect']))
                for one, other, data in graph.edges(data=True)
                if f'sub_{unit.subject}_wf' in one.fullname
            )
            for unit in units
        }
        assert links['01'] == links['02']
