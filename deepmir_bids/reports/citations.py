"""References of a text, numbered as they come."""

from __future__ import annotations

import json
import re

from deepmir_bids.data import load as load_data

KEY = re.compile(r'\[@(\w+)\]')


def with_references(text: str) -> str:
    """Number the references of a text and list them at its end, in Markdown.

    Parameters
    ----------
    text
        Refers to the entries of ``data/references.json`` as ``[@key]``.

    Raises
    ------
    KeyError
        If there is no such entry.

    """
    references = json.loads(load_data('references.json').read_text(encoding='utf-8'))
    keys = list(dict.fromkeys(KEY.findall(text)))
    numbered = KEY.sub(lambda match: f'[{keys.index(match[1]) + 1}]', text)
    listed = [f'{number}. {references[key]}' for number, key in enumerate(keys, start=1)]
    return '\n'.join([numbered.rstrip(), '', '## References', '', *listed, ''])
