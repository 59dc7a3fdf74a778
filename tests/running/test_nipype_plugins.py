"""Where the steps of a run are sent, and what they ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from nipype.interfaces import utility as niu
from nipype.pipeline import engine as pe

from deepmir_bids.cli.deepmir import parser, to_settings
from deepmir_bids.errors import UsageError
from deepmir_bids.running.nipype_plugins import (
    Plugin,
    choose_plugin,
    read_plugin,
    request_resources,
    share_threads,
)
from deepmir_bids.running.unit_by_unit import UnitByUnitPlugin
from deepmir_bids.settings import Settings


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a plugin file."""

    def write(text: str) -> Path:
        path = tmp_path / 'plugin.yml'
        path.write_text(text)
        return path

    return write


@pytest.fixture
def workflow():
    """A workflow in another, with a large and a small step."""
    inner = pe.Workflow(name='inner')
    fields = niu.IdentityInterface(fields=['x'])
    inner.add_nodes([pe.Node(fields, name='large', n_procs=4, mem_gb=2.5)])
    outer = pe.Workflow(name='outer')
    outer.add_nodes([inner, pe.Node(fields, name='small')])
    return outer


def asked(workflow, plugin: Plugin, option: str) -> list[str]:
    """What the large and the small step ask the scheduler for."""
    request_resources(workflow, plugin)
    nodes = [workflow.get_node(name) for name in ('inner.large', 'small')]
    assert all(node.plugin_args['overwrite'] for node in nodes)
    return [node.plugin_args[option] for node in nodes]


@pytest.mark.parametrize('name', ['SLURM', 'SLURMGraph'])
def test_slurm_is_told_what_each_step_needs(workflow, name):
    expected = ['--cpus-per-task=4 --mem=3G', '--cpus-per-task=1 --mem=1G']
    assert asked(workflow, Plugin(name), 'sbatch_args') == expected
    own = Plugin(name, {'sbatch_args': '--partition=long --mem=9G'})
    assert asked(workflow, own, 'sbatch_args')[0] == f'{expected[0]} --partition=long --mem=9G'


def test_other_schedulers_are_told_in_their_own_words(workflow):
    plugin = Plugin('PBS', {'qsub_args': '-l select=1:ncpus={threads}:mem={mem_gb}gb -A ${LAB}'})
    large, small = asked(workflow, plugin, 'qsub_args')
    assert large == '-l select=1:ncpus=4:mem=3gb -A ${LAB}'
    assert small == '-l select=1:ncpus=1:mem=1gb -A ${LAB}'


def test_local_plugins_are_left_alone(workflow):
    request_resources(workflow, Plugin('MultiProc', {'n_procs': 2}))
    assert workflow.get_node('small').plugin_args == {}


def test_the_usual_plugins(tmp_path):
    settings = Settings(tmp_path, tmp_path, tmp_path)
    assert choose_plugin(settings) == Plugin('Linear')
    several = choose_plugin(Settings(tmp_path, tmp_path, tmp_path, nprocs=3, mem_gb=6))
    assert several.name == 'MultiProc'
    assert several.arguments == {'n_procs': 3, 'memory_gb': 6, 'raise_insufficient': False}


def test_a_scheduler_is_asked_seldom_and_only_graphs_do_not_wait():
    assert Plugin('SLURM').poll_s >= 2 > Plugin('MultiProc').poll_s
    assert [Plugin(name).submits for name in ('SLURM', 'SLURMGraph', 'MultiProc')] == [
        False,
        True,
        False,
    ]


def test_what_can_report_is_told_to_whom():
    def on_status(node, status):
        pass

    several = Plugin('MultiProc', {'n_procs': 2}).for_nipype(on_status)['plugin']
    assert isinstance(several, UnitByUnitPlugin)
    assert several.plugin_args == {'n_procs': 2, 'status_callback': on_status}
    several.pool.shutdown()
    own = {'sbatch_args': '--qos=low'}
    slurm = {'plugin': 'SLURM', 'plugin_args': {**own, 'status_callback': on_status}}
    assert Plugin('SLURM', own).for_nipype(on_status) == slurm
    graph = {'plugin': 'SLURMGraph', 'plugin_args': own}
    assert Plugin('SLURMGraph', own).for_nipype(on_status) == graph


def test_threads_of_a_step_fit_into_the_processes_of_the_file(written):
    path = written('plugin: MultiProc\nplugin_args: {n_procs: 2, memory_gb: 4}\n')
    options = ['raw', 'out', 'participant', '--use-plugin', str(path)]
    settings = to_settings(parser().parse_args(options))
    assert (settings.nprocs, settings.omp_nthreads) == (2, 2)
    assert choose_plugin(settings).arguments['raise_insufficient'] is False
    assert to_settings(parser().parse_args([*options, '--nprocs', '1'])).nprocs == 1


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ('plugin: SLURMM\n', 'no "plugin" that Nipype knows: the names are Linear, MultiProc'),
        ('SLURM\n', 'no "plugin" that Nipype knows'),
        ('plugin: [\n', 'cannot be read as YAML'),
        ('plugin: MultiProc\nplugin_args: {n_procs: two}\n', 'n_procs is "two", where a whole'),
        ('plugin: MultiProc\nplugin_args: {n_procs: 0}\n', 'n_procs is 0, where a whole'),
        ('plugin: MultiProc\nplugin_args: {n_procs: -2}\n', 'n_procs is -2, where a whole'),
        ('plugin: MultiProc\nplugin_args: {memory_gb: [1]}\n', 'memory_gb is [1], where a'),
        ('plugin: SLURM\nplugin_args: {sbatch_args: 3}\n', 'sbatch_args is 3, where text'),
        ('plugin: SLURM\nplugin_args: {1: x}\n', 'must be names with values'),
        ('plugin: [a]\n', 'no "plugin" that Nipype knows'),
        ('[' * 5000, 'cannot be read as YAML'),
        ('plugin: SLURM\nplugin_args: --mem=3G\n', '"plugin_args" must be names with values'),
    ],
)
def test_a_wrong_file_is_an_error(written, text, says):
    with pytest.raises(UsageError, match='--use-plugin') as error:
        read_plugin(written(text))
    assert says in str(error.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(UsageError, match='cannot be read as text'):
        read_plugin(tmp_path / 'nowhere.yml')


def test_every_plugin_is_one_that_nipype_has():
    from nipype.pipeline import plugins

    from deepmir_bids.running.nipype_plugins import CLUSTER, LOCAL

    assert all(hasattr(plugins, f'{name}Plugin') for name in LOCAL + CLUSTER)


@pytest.mark.parametrize(
    ('units', 'name', 'threads'),
    [(1, 'MultiProc', 4), (2, 'MultiProc', 3), (7, 'MultiProc', 1), (7, 'SLURM', 4)],
)
def test_units_side_by_side_share_the_processes(tmp_path, units, name, threads):
    settings = Settings(tmp_path, tmp_path, tmp_path, nprocs=6, omp_nthreads=4)
    assert share_threads(settings, Plugin(name), units).omp_nthreads == threads
