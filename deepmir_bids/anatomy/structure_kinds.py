"""The kind of a structure (caudate, thalamus, ...), whatever an atlas calls it and its side."""

from __future__ import annotations

import re

#: Words that name each kind, in lower case. The first kind that a name holds the words of is its
#: kind: a part goes before the whole. Spellings and abbreviations are those of FreeSurfer, AAL3,
#: CIT168, Harvard-Oxford, Tian's and the JHU atlas.
_WORDS = {
    'subthalamic nucleus': ('subthalamic', 'sub thalamic', 'stn', 'sth'),
    'substantia nigra': (
        'substantia nigra', 'substancia nigra', 'sn', 'snc', 'snr', 'snpc', 'snpr',
    ),
    'red nucleus': ('red nucleus', 'red n', 'nucleus ruber', 'rn'),
    'dentate': ('dentate', 'nucleus dentatus'),
    'accumbens': ('accumbens', 'n acc', 'nac', 'nacc'),
    'caudate': ('caudate', 'nucleus caudatus', 'cau'),
    'putamen': ('putamen', 'put'),
    'pallidum': ('pallidum', 'pallidus', 'gp', 'gpe', 'gpi'),
    'thalamus': ('thalamus', 'thalamic nucleus', 'thalamic nuclei', 'thal', 'tha'),
    'hippocampus': ('hippocampus', 'hip'),
    'amygdala': ('amygdala', 'amy'),
    'lateral ventricle': ('lateral ventricle', 'lateral ventrical', 'lat vent'),
    'corpus callosum': ('corpus callosum', 'cc anterior', 'cc mid', 'cc central', 'cc posterior'),
    'internal capsule': ('internal capsule',),
    'external capsule': ('external capsule',),
    'brainstem': ('brainstem', 'brain stem'),
    'cerebellum': (
        'cerebellum', 'cerebelum', 'cerebellar cortex', 'cerebellar white matter',
        'cerebellar vermis',
    ),
    'insula': ('insula', 'insular cortex'),
    'frontal lobe': ('frontal lobe',),
    'parietal lobe': ('parietal lobe',),
    'temporal lobe': ('temporal lobe',),
    'occipital lobe': ('occipital lobe',),
    'deep white matter': ('deep white matter',),
    'cerebral white matter': ('cerebral white matter',),
    'cerebral cortex': ('cerebral cortex',),
}  # fmt: skip
#: Words by which a name means something else, although it holds the words of that kind.
_OTHER_THAN = {
    'thalamus': {'hypo', 'epi', 'sub', 'radiation', 'radiations', 'peduncle', 'csf'},
    # It belongs to the basal forebrain, below the anterior commissure: neither as rich in iron as
    # the globus pallidus, nor a place where readers look for deposits.
    'pallidum': {'ventral'},
    'amygdala': {'extended'},
    'dentate': {'gyrus', 'fascia'},
    'insula': {'wm'},
}
#: All kinds that are known.
KINDS = tuple(_WORDS)

_CAMEL_CASE = re.compile('(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})')


_SIDES = {'left': 'left', 'l': 'left', 'lh': 'left', 'right': 'right', 'r': 'right', 'rh': 'right'}
_SIDE_FIRST = re.compile(rf'({"|".join(_SIDES)})[\W_]+(.+)', re.IGNORECASE)
_SIDE_LAST = re.compile(rf'(.+?)[\W_]+({"|".join(_SIDES)})', re.IGNORECASE)


def split_side(name: str) -> tuple[str, str]:
    """Take the side out of a structure's name.

    Returns
    -------
    side, rest
        ``'left'``, ``'right'`` or ``''``; and the name without it.

    Examples
    --------
    >>> split_side('Left-Caudate'), split_side('Putamen_R'), split_side('brainstem')
    (('left', 'Caudate'), ('right', 'Putamen'), ('', 'brainstem'))

    """
    if first := _SIDE_FIRST.fullmatch(name):
        return _SIDES[first[1].lower()], first[2]
    if last := _SIDE_LAST.fullmatch(name):
        return _SIDES[last[2].lower()], last[1]
    return '', name


def kind_of(name: str) -> str:
    """Recognise the kind of a structure by whole words of its name.

    Parameters
    ----------
    name
        Name of the structure, with or without a side, in any atlas's spelling.

    Returns
    -------
    kind
        One of `KINDS`, or ``''`` for a name that says none of them.

    Examples
    --------
    >>> kind_of('Left-Thalamus-Proper'), kind_of('right GlobusPallidus externa')
    ('thalamus', 'pallidum')
    >>> kind_of('Hypothalamus')
    ''

    """
    words = re.findall('[a-z]+', _CAMEL_CASE.sub(' ', name).lower())
    text = f' {" ".join(words)} '
    for kind, namings in _WORDS.items():
        named = any(f' {naming} ' in text for naming in namings)
        if named and not _OTHER_THAN.get(kind, set()) & set(words):
            return kind
    return ''
