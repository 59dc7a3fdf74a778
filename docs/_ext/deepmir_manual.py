"""Three directives that take what the manual says of deepmir from deepmir itself.

``{columns} lesion_columns.json`` shows the columns of a table as their description in ``data/``
has them, the same that goes beside the table as its sidecar; ``{columns} group_columns.json qc``
shows a part of one. ``{results}`` shows the table of a unit's results. ``{help}
deepmir_bids.cli.deepmir_model
import-keras`` shows what a command prints for ``--help``.
"""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stdout, suppress
from importlib import import_module
from typing import Any
from unittest.mock import patch

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from deepmir_bids.bids.output_files import RESULTS, readable
from deepmir_bids.data import load

#: When a result is there, by what it needs.
NEEDS = {'t2w': 'with a T2w', 'qsm': 'with a QSM', 'review': 'once a reader put it there'}
#: Width of a line of help, as in a terminal.
COLUMNS = '88'


class ColumnsDirective(SphinxDirective):
    """Describe the columns of a table."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a table with a row for each column."""
        file, *parts = self.arguments
        path = load(file)
        self.env.note_dependency(str(path))
        described = json.loads(path.read_text(encoding='utf-8'))
        for part in parts:
            described = described[part]
        rows = [
            [
                nodes.paragraph('', '', nodes.literal(text=name)),
                nodes.paragraph(text=about.get('Units', '')),
                _meaning(about),
            ]
            for name, about in described.items()
        ]
        return [_table(['column', 'unit', 'meaning'], rows)]


class ResultsDirective(SphinxDirective):
    """List the files of a unit."""

    def run(self) -> list[nodes.Node]:
        """Return a table with a row for each result."""
        rows = [
            [
                nodes.paragraph('', '', nodes.literal(text=f'sub-01{readable(result.ending)}')),
                nodes.paragraph(text=result.text),
                nodes.paragraph(text=NEEDS.get(result.needs, 'always')),
            ]
            for result in RESULTS
        ]
        return [_table(['file', 'holds', 'there'], rows)]


class HelpDirective(SphinxDirective):
    """Show what a command prints for ``--help``."""

    required_arguments = 1
    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the text, as it is."""
        module, *words = self.arguments
        command = import_module(module)
        self.env.note_dependency(str(command.__file__))
        text = io.StringIO()
        with patch.dict(os.environ, COLUMNS=COLUMNS), redirect_stdout(text), suppress(SystemExit):
            command.main([*words, '--help'])
        return [nodes.literal_block(text.getvalue(), text.getvalue(), language='none')]


def _meaning(about: dict[str, Any]) -> nodes.Element:
    """Return what a column means, with each of its levels."""
    levels = nodes.bullet_list()
    for level, meaning in about.get('Levels', {}).items():
        said = nodes.paragraph('', '', nodes.literal(text=level), nodes.Text(f': {meaning}'))
        levels += nodes.list_item('', said)
    text = nodes.paragraph(text=about.get('Description', ''))
    return nodes.container('', text, *([levels] if levels.children else []))


def _table(header: list[str], rows: list[list[nodes.Element]]) -> nodes.table:
    head = _row([nodes.paragraph(text=name) for name in header])
    group = nodes.tgroup('', cols=len(header))
    group += [nodes.colspec(colwidth=1) for _ in header]
    group += [nodes.thead('', head), nodes.tbody('', *map(_row, rows))]
    return nodes.table('', group)


def _row(cells: list[nodes.Element]) -> nodes.row:
    return nodes.row('', *[nodes.entry('', cell) for cell in cells])


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directives known to Sphinx."""
    app.add_directive('columns', ColumnsDirective)
    app.add_directive('help', HelpDirective)
    app.add_directive('results', ResultsDirective)
    return {'parallel_read_safe': True}
