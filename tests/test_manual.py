"""The manual keeps to the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Fewer letters than this and a text of the code would fit almost any message.
LETTERS = 8
#: What argparse writes, and what is shown of an error that nobody foresaw.
FOREIGN = ('argument --', 'ValueError: ')


def texts() -> list[re.Pattern]:
    """Every longer text in the code, with anything in place of its variables."""
    found = []
    for folder in ('deepmir_bids', 'interfaces', 'workflows'):
        for path in sorted((ROOT / folder).rglob('*.py')):
            for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
                pattern = _pattern(node)
                if len(re.findall(r'[a-z]', pattern)) >= LETTERS:
                    found.append(re.compile(pattern))
    return found


def _pattern(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return ''.join(
            '.+' if isinstance(v, ast.FormattedValue) else _pattern(v) for v in node.values
        )
    return ''


def messages() -> list[str]:
    """Return every message that the manual explains."""
    page = (ROOT / 'docs' / 'faq.md').read_text(encoding='utf-8')
    shown = re.findall(r'```text\n(.+?)\n```', page)
    return [message for message in shown if not message.startswith(FOREIGN)]


def test_messages_in_the_manual_are_those_of_the_code():
    known = texts()
    unknown = [m for m in messages() if not any(p.fullmatch(m) for p in known)]
    assert messages()
    assert not unknown
