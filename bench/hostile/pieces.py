"""What hostile files are made of: numbers, words, JSON, and sound files that were spoilt."""

from __future__ import annotations

import json
import random
from typing import Any

from hypothesis import strategies as st

NUMBERS = st.sampled_from(
    [
        0,
        1,
        -1,
        2,
        3,
        5,
        7,
        127,
        255,
        348,
        352,
        540,
        1000,
        1024,
        32767,
        32768,
        60000,
        -32768,
        2**31 - 1,
        2**31,
        2**63 - 1,
        2**63,
        1e-6,
        0.5,
        1e9,
        1e38,
        1e300,
        float('inf'),
        float('nan'),
    ]
)
WORDS = st.sampled_from(
    [
        '',
        'swi',
        'qsm',
        'T2w',
        'CMB',
        'iron',
        'n/a',
        'two',
        '../../evil',
        '/tmp/evil',
        'sub-01',
        'sub-..',
        '\ud800',
        '\x1b[31m',
        'a\tb',
        'x' * 300,
        'é',
        '١',
        'null',
        '-1',
        '1e999',
    ]
) | st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
#: Where, and what stands there then.
EDITS = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=6)


def edited(content: bytes, edits: list[tuple[int, int]], reach: int | None = None) -> bytes:
    """Put other bytes into a file, within its first ones if need be."""
    changed = bytearray(content)
    for place, value in edits if changed else ():
        changed[place % (reach or len(changed))] = value
    return bytes(changed)


@st.composite
def spoilt_text(draw, sound: str) -> bytes:
    """A text with lines, cells and bytes lost, doubled and changed."""
    lines = [line.split('\t') for line in sound.split('\n')]
    for _ in range(draw(st.integers(0, 4))):
        row = draw(st.integers(0, len(lines) - 1))
        cell = draw(st.integers(0, max(len(lines[row]) - 1, 0)))
        what = draw(st.sampled_from(['cell', 'drop', 'double', 'column']))
        if what == 'cell' and lines[row]:
            lines[row][cell] = str(draw(WORDS | NUMBERS))
        elif what == 'double':
            lines.insert(row, list(lines[row]))
        elif what == 'drop' and len(lines) > 1:
            del lines[row]
        elif what == 'column' and lines[row]:
            del lines[row][cell]
    content = '\n'.join('\t'.join(line) for line in lines).encode(errors='surrogatepass')
    content = edited(content, draw(EDITS)) if draw(st.booleans()) else content
    return content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


@st.composite
def spoilt_json(draw, sound: Any) -> bytes:
    """A JSON file in which some values are others', or which is none."""
    content = json.loads(json.dumps(sound))
    for _ in range(draw(st.integers(0, 3))):
        place = content
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = draw(st.sampled_from(list(keys)))
            if not isinstance(place[key], dict | list) or draw(st.integers(0, 2)) == 0:
                place[key] = draw(JSON)
                break
            place = place[key]
    if draw(st.integers(0, 9)) == 0:
        content = draw(JSON)
    raw = json.dumps(content).encode()
    if draw(st.integers(0, 5)) == 0:
        raw = edited(raw, draw(EDITS))[: draw(st.integers(0, len(raw)))]
    return raw if draw(st.integers(0, 40)) else b'[' * draw(st.sampled_from([1, 900, 100_000]))


#: Signs that mean something to one format or another.
_SIGNS = '\t\n\r -_./\\"\'{}[]:,0179eEnNaA\x00\x1b\xff\u0661'


def mutated(made: Any, chance: random.Random) -> Any:
    """Change one piece of what was made, at random: much cheaper than to make another one."""
    if isinstance(made, bytes):
        return _mutated_bytes(made, chance)
    if isinstance(made, str):
        place = chance.randrange(len(made) + 1)
        sign = chance.choice(_SIGNS.replace('\x00', '').replace('/', ''))
        return made[:place] + sign + made[place + chance.randrange(2) :]
    if isinstance(made, dict):
        key = chance.choice(sorted(made)) if made else None
        return made if key is None else made | {key: mutated(made[key], chance)}
    if isinstance(made, list | tuple):
        place = chance.randrange(len(made))
        return type(made)(
            mutated(one, chance) if n == place else one for n, one in enumerate(made)
        )
    return made


def _mutated_bytes(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 4])):
        # Headers lie at the beginning.
        reach = chance.choice([16, 512, len(changed)])
        place = chance.randrange(max(1, min(reach, len(changed))))
        what = chance.randrange(4)
        if what == 0 and changed:
            changed[place] ^= 1 << chance.randrange(8)
        elif what == 1:
            changed[place:place] = chance.choice(_SIGNS).encode()
        elif what == 2:
            del changed[place : place + chance.choice([1, 2, 8, 64])]
        else:
            changed[place:place] = changed[place : place + chance.choice([1, 4, 32])]
    return bytes(changed)
