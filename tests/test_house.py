"""The house: a module's name is used once, no module is long, and imports go down only."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import networkx as nx
import pytest

REPOSITORY = Path(__file__).parents[1]
#: Folder of the repository → the package that it is installed as.
PACKAGES = {
    'deepmir_bids': 'deepmir_bids',
    'workflows': 'deepmir_bids.workflows',
    'interfaces': 'deepmir_bids.interfaces',
    'data': 'deepmir_bids.data',
}
#: From the ground up: a package imports from its own floor and from those below.
FLOORS = (
    ('errors', 'settings', 'threads', 'processes', 'data'),
    ('bids', 'imaging'),
    ('lesions', 'model', 'anatomy', 'reconstruction'),
    ('reports', 'group', 'training', 'simulation', 'evaluation', 'cluster'),
    ('interfaces',),
    ('workflows',),
    ('running',),
    ('acceptance',),
    ('cli',),
)
FLOOR = {package: number for number, floor in enumerate(FLOORS) for package in floor}
#: Who may know Nipype.
NIPYPE = ('interfaces', 'workflows', 'running', 'cli')
LONGEST = 300


def _modules() -> dict[str, Path]:
    modules = {}
    for folder, package in PACKAGES.items():
        for path in (REPOSITORY / folder).rglob('*.py'):
            parts = path.relative_to(REPOSITORY / folder).with_suffix('').parts
            name = '.'.join([package, *parts])
            modules[name.removesuffix('.__init__')] = path
    return modules


MODULES = _modules()


def _imports(path: Path) -> set[str]:
    """What a module imports, at its top or anywhere in it, save for type checks alone."""
    tree = ast.parse(path.read_text(encoding='utf-8'))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, 'id', '') == 'TYPE_CHECKING':
            node.body = []
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f'{node.module}.{alias.name}' for alias in node.names)}
    return names


IMPORTS = {name: _imports(path) for name, path in MODULES.items()}


def _package(module: str) -> str:
    """Name of the package below deepmir_bids, or of the module that lies there."""
    return module.split('.')[1] if '.' in module else ''


def test_a_modules_name_is_used_once():
    names = [name for name in MODULES if MODULES[name].name != '__init__.py']
    packages = {_package(name) for name in MODULES}
    counts = Counter(name.split('.')[-1] for name in names)
    assert [name for name, count in counts.items() if count > 1] == []
    # An interface may be called like the package that it wraps.
    wrapped = [
        name
        for name in names
        if name.split('.')[-1] in packages and name.count('.') > 1
        and _package(name) != 'interfaces'
    ]  # fmt: skip
    assert wrapped == []


def test_no_class_has_the_name_of_another():
    counts: Counter[str] = Counter()
    for path in MODULES.values():
        tree = ast.parse(path.read_text(encoding='utf-8'))
        counts.update(node.name for node in tree.body if isinstance(node, ast.ClassDef))
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize('name', MODULES)
def test_a_module_is_short(name):
    assert len(MODULES[name].read_text(encoding='utf-8').splitlines()) <= LONGEST


@pytest.mark.parametrize('name', MODULES)
def test_imports_go_down(name):
    known = {module for module in IMPORTS[name] if module in MODULES}
    above = [
        module for module in known if _package(module) and _package(name)
        and FLOOR[_package(module)] > FLOOR[_package(name)]
    ]  # fmt: skip
    assert above == []


@pytest.mark.parametrize('name', MODULES)
def test_nipype_is_known_to_the_upper_floors_only(name):
    knows = any(module.split('.')[0] == 'nipype' for module in IMPORTS[name])
    assert not knows or _package(name) in NIPYPE


def test_there_is_no_circle():
    modules, packages = nx.DiGraph(), nx.DiGraph()
    for name, imports in IMPORTS.items():
        for module in imports & set(MODULES):
            modules.add_edge(name, module)
            if _package(name) and _package(module) and _package(name) != _package(module):
                packages.add_edge(_package(name), _package(module))
    assert [c for c in nx.strongly_connected_components(modules) if len(c) > 1] == []
    assert [c for c in nx.strongly_connected_components(packages) if len(c) > 1] == []
