"""The examples in the package's docstrings do what they say."""

import doctest
import importlib
import pkgutil

import pytest

import deepmir_bids

#: Modules that a reader comes to first: these have examples.
WITH_EXAMPLES = ['deepmir_bids.model', 'deepmir_bids.lesions.truth_matching']
#: Every module of the package itself; interfaces, workflows and data are other folders.
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(deepmir_bids.__path__, 'deepmir_bids.')
    if not module.name.startswith(
        ('deepmir_bids.interfaces', 'deepmir_bids.workflows', 'deepmir_bids.data')
    )
)


def examples(name):
    tests = doctest.DocTestFinder().find(importlib.import_module(name))
    return [test for test in tests if test.examples]


@pytest.mark.parametrize('name', MODULES)
def test_examples_do_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for test in examples(name):
        runner.run(test)
    assert not runner.summarize(verbose=False).failed


@pytest.mark.parametrize('name', WITH_EXAMPLES)
def test_where_one_looks_first_there_are_examples(name):
    assert examples(name)
