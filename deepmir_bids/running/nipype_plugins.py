"""Nipype's plugins: how, and on which machines, the steps of a run are carried out."""

from __future__ import annotations

import getpass
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from deepmir_bids.bids.schema import FLAG, TEXT, Kind, fault, number
from deepmir_bids.bids.text_files import read_text
from deepmir_bids.errors import UsageError, in_brief
from deepmir_bids.settings import Settings

LOCAL = ('Linear', 'MultiProc', 'LegacyMultiProc')
CLUSTER = (
    'SLURM', 'SLURMGraph', 'PBS', 'PBSGraph', 'SGE', 'SGEGraph', 'LSF', 'OAR', 'Condor',
    'CondorDAGMan',
)  # fmt: skip
#: Arguments that a scheduler's plugin hands to the command which submits a step.
SUBMISSION = ('sbatch_args', 'qsub_args', 'bsub_args', 'oarsub_args')
#: What SLURM is asked for, whatever else a plugin file wants of it.
SLURM_RESOURCES = '--cpus-per-task={threads} --mem={mem_gb}G'
_PLAIN = Kind('text, a number, true or false', lambda value: isinstance(value, str | int | float))
#: What a plugin's arguments may be.
ARGUMENTS = {
    'n_procs': number(1, 100_000, whole=True),
    'memory_gb': number(0.1, 1e6),
    'max_jobs': number(1, 1e6, whole=True),
    'raise_insufficient': FLAG,
    **dict.fromkeys(SUBMISSION, TEXT),
    '*': _PLAIN,
}
#: A process needs this much (GB) for what it imports, however little its step needs.
LEAST_GB = 1


@dataclass(frozen=True)
class Plugin:
    """A plugin's name and arguments, as Nipype takes them."""

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def submits(self) -> bool:
        """Whether it ends when all is submitted, and not when all is done."""
        return self.name.endswith(('Graph', 'DAGMan'))

    @property
    def poll_s(self) -> float:
        """How often to ask what is done: a scheduler that everyone shares, seldom."""
        return 0.02 if self.name in LOCAL else 2.0

    def for_nipype(self, on_status: Callable[..., None]) -> dict[str, Any]:
        """Return the arguments of a workflow's ``run``; it reports to ``on_status`` if it can."""
        arguments = dict(self.arguments)
        if not self.submits:
            arguments['status_callback'] = on_status
        if self.name in ('MultiProc', 'Linear'):
            from deepmir_bids.running.unit_by_unit import OneByOnePlugin, UnitByUnitPlugin

            plugin = UnitByUnitPlugin if self.name == 'MultiProc' else OneByOnePlugin
            return {'plugin': plugin(plugin_args=arguments)}
        return {'plugin': self.name, 'plugin_args': arguments}


def choose_plugin(settings: Settings) -> Plugin:
    """Return the plugin of a run: as asked for, one process, or several.

    Raises
    ------
    UsageError
        The file of the plugin is none, or the plugin does not do what else is asked for.

    """
    if settings.use_plugin is not None:
        plugin = read_plugin(settings.use_plugin)
        if plugin.submits and settings.clean_workdir:
            raise UsageError(
                f'--clean-workdir does not go with {plugin.name}, which ends before the steps do: '
                'leave it out.'
            )
        return plugin
    if settings.nprocs == 1:
        return Plugin('Linear')
    arguments: dict[str, Any] = {'n_procs': settings.nprocs, 'raise_insufficient': False}
    if settings.mem_gb:
        arguments['memory_gb'] = settings.mem_gb
    return Plugin('MultiProc', arguments)


def read_plugin(path: Path) -> Plugin:
    """Read a plugin file: YAML with ``plugin`` and, perhaps, ``plugin_args``.

    Raises
    ------
    UsageError
        It is no such file, or names no plugin that Nipype has.

    """
    import yaml

    cure = 'give a YAML file with "plugin" and "plugin_args"'
    text = read_text(path, f'--use-plugin takes a YAML file: {cure}', UsageError)
    try:
        content = yaml.safe_load(text)
    except (ValueError, TypeError, RecursionError, yaml.YAMLError) as error:
        raise UsageError(
            f'--use-plugin {path} cannot be read as YAML ({in_brief(error)}): {cure}.'
        ) from error
    content = content if isinstance(content, dict) else {}
    name, arguments = content.get('plugin'), content.get('plugin_args') or {}
    if name not in LOCAL + CLUSTER:
        raise UsageError(
            f'--use-plugin {path} has no "plugin" that Nipype knows: '
            f'the names are {", ".join(LOCAL + CLUSTER)}.'
        )
    if not isinstance(arguments, dict) or not all(isinstance(key, str) for key in arguments):
        raise UsageError(f'--use-plugin {path}: "plugin_args" must be names with values.')
    if wrong := fault(arguments, ARGUMENTS):
        raise UsageError(f'--use-plugin {path}: in "plugin_args", {wrong}.')
    if name not in CLUSTER:
        arguments.setdefault('raise_insufficient', False)
    return Plugin(name, arguments)


def share_threads(settings: Settings, plugin: Plugin, units: int) -> Settings:
    """Let each of several units use its share of this machine's processes only.

    A step of several threads has to wait until as many processes are free, and units side by side
    leave none idle.
    """
    if plugin.name not in LOCAL:
        return settings
    share = max(1, settings.nprocs // max(1, units))
    return replace(settings, omp_nthreads=min(settings.omp_nthreads, share))


def request_resources(workflow, plugin: Plugin) -> None:
    """Let each step ask the scheduler for the threads and the memory that it needs.

    ``{threads}`` and ``{mem_gb}`` in the plugin's submission arguments become those of the step.
    SLURM is asked for them in any case; what the plugin file says comes after, and wins.
    """
    if plugin.name not in CLUSTER:
        return
    # Nipype names jobs after it, and containers often lack it.
    os.environ.setdefault('LOGNAME', getpass.getuser())
    wanted = {name: plugin.arguments[name] for name in SUBMISSION if name in plugin.arguments}
    if plugin.name.startswith('SLURM'):
        wanted['sbatch_args'] = f'{SLURM_RESOURCES} {wanted.get("sbatch_args", "")}'.strip()
    for name in workflow.list_node_names():
        node = workflow.get_node(name)
        resources = {
            '{threads}': str(node.n_procs),
            '{mem_gb}': str(max(LEAST_GB, math.ceil(node.mem_gb))),
        }
        filled = dict(wanted)
        for option, text in wanted.items():
            for place, value in resources.items():
                text = text.replace(place, value)
            filled[option] = text
        node.plugin_args = {**filled, 'overwrite': True}
