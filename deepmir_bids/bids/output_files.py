"""Every result of a unit, a row each: its name, when it exists, and what its sidecar says.

The one place that knows file names. Writing, reading back, ``--reports-only``, the group level,
the README of the outputs, the manual and the fixtures of the tests all follow it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from deepmir_bids import CLASSES, INPUTS
from deepmir_bids.bids.output_row import Result

#: What a reader reviews; no run may delete it.
REVIEW = 'review'
#: What a label with a meaning of its own (``desc-…``) stands for: ``descriptions.tsv``.
DESCRIPTIONS = {
    'preproc': 'Prepared for the network: bias-corrected T2w, QSM in ppm; on the grid of the SWI',
    'swi': 'Susceptibility-weighted, made by deepmir from magnitude and phase',
    'minip': 'Its minimum intensity projection',
    'local': 'Field of the sources in the brain, without that of those around it',
    'reliable': 'Where a susceptibility that deepmir made is known',
    'brain': 'The brain, by registration to the template or as given with --brain-mask-from',
    'ironarea': 'Where an iron deposit counts: the basal ganglia, widened by a margin',
    'deepmir': 'Found by the network and kept at the operating point of the run',
    'lesions': 'One index for each lesion; its table is the lesion table',
    'candidates': 'The same of what stayed just under its threshold: not counted, for a reader',
    'review': 'What a reader made of each lesion and candidate',
}

_SWI = {'space': 'SWI'}
_OURS = {'space': 'SWI', 'segmentation': 'deepmir'}
_ATLAS = {'space': 'SWI', 'segmentation': '{atlas}'}
_LESIONS = {**_OURS, 'desc': 'lesions'}
_CANDIDATES = {**_OURS, 'desc': 'candidates'}
_DETECTION = ('reference', 'sources', 'detection')


def _of_class(name: str) -> tuple[Result, ...]:
    """Mask and probabilities of a lesion class."""
    return (
        Result(
            f'{name.lower()}_mask',
            f'mask of the {name} lesions',
            'mask',
            entities={**_SWI, 'label': name, 'desc': 'deepmir'},
            facts=_DETECTION,
            constants={'Type': 'Lesion'},
        ),
        Result(
            f'{name.lower()}_probseg',
            f'the network’s probability of {name}',
            'probseg',
            entities={**_OURS, 'label': name},
            facts=_DETECTION,
            core=True,
        ),
    )


def _made(
    name: str,
    text: str,
    suffix: str,
    needs: str = 'made swi',
    *,
    datatype: str = 'anat',
    constants: Mapping[str, Any] = MappingProxyType({'SkullStripped': False}),
    **entities: str,
) -> Result:
    """What is made from magnitude and phase."""
    return Result(
        name,
        text,
        suffix,
        entities={**_SWI, **entities},
        datatype=datatype,
        needs=needs,
        facts=('reference', 'source_swi', 'reconstruction'),
        constants=constants,
    )


#: In the order of their making.
RESULTS = (
    Result(
        't2w',
        'T2w without shading, on the grid of the SWI',
        'T2w',
        entities={**_SWI, 'desc': 'preproc'},
        needs='t2w',
        facts=('reference', 'source_t2w', 'alignment'),
        constants={'SkullStripped': False},
    ),
    Result(
        'qsm',
        'QSM in ppm, paramagnetic positive, on the grid of the SWI',
        'Chimap',
        entities={**_SWI, 'desc': 'preproc'},
        needs='qsm',
        facts=('reference', 'source_qsm', 'conversion', 'reconstruction'),
        constants={'SkullStripped': False},
    ),
    _made('made_swi', 'SWI made from magnitude and phase', 'T2starw', desc='swi'),
    _made('minip', 'its minimum intensity projection over 10 mm', 'T2starw', desc='minip'),
    _made('r2star', 'R2* in 1/s, from three echoes or more', 'R2starmap', 'r2star'),
    _made(
        'field_map',
        'local field in Hz, with `--reconstruct-only`',
        'fieldmap',
        'maps',
        datatype='fmap',
        constants={'Units': 'Hz'},
        desc='local',
    ),
    _made(
        'known',
        'where susceptibility is known, with `--reconstruct-only`',
        'mask',
        'maps',
        constants={'Type': 'ROI'},
        desc='reliable',
    ),
    Result(
        'brain_mask',
        'the brain; its sidecar has the quality of registration and images',
        'mask',
        entities={**_SWI, 'desc': 'brain'},
        facts=('reference', 'anatomy', 'registration', 'quality', 'alignment'),
        constants={'Type': 'Brain'},
        core=True,
    ),
    Result(
        'structures',
        'brain structures, by the atlas',
        'dseg',
        entities=_ATLAS,
        facts=('reference', 'anatomy'),
        columns='structure_columns.json',
        core=True,
    ),
    Result(
        'structure_table',
        'name, volume and susceptibility of each structure',
        'dseg',
        '.tsv',
        entities=_ATLAS,
        core=True,
    ),
    Result(
        'iron_area',
        'where an iron deposit counts: caudate, putamen and pallidum, widened by a margin',
        'mask',
        entities={**_SWI, 'desc': 'ironarea'},
        facts=('reference', 'anatomy'),
        constants={'Type': 'ROI'},
    ),
    *(result for name in CLASSES for result in _of_class(name)),
    Result(
        'class_map',
        'both classes: ' + ', '.join(f'{value} {name}' for name, value in CLASSES.items()),
        'dseg',
        entities=_OURS,
        facts=_DETECTION,
        columns='class_columns.json',
        core=True,
    ),
    Result('class_table', 'what its values mean', 'dseg', '.tsv', entities=_OURS),
    Result(
        'lesions',
        'one index for each lesion',
        'dseg',
        entities=_LESIONS,
        facts=(*_DETECTION, 'methods', 'notes', 'candidates'),
        columns='lesion_columns.json',
        core=True,
    ),
    Result(
        'lesion_table',
        'the lesion table, a row for each; the columns are explained in the .json',
        'dseg',
        '.tsv',
        entities=_LESIONS,
        core=True,
    ),
    Result(
        'candidates',
        'the same of what stayed just under its threshold: not counted, for a reader',
        'dseg',
        entities=_CANDIDATES,
        facts=_DETECTION,
        columns='lesion_columns.json',
        core=True,
    ),
    Result(
        'candidate_table',
        'its table, with the same columns',
        'dseg',
        '.tsv',
        entities=_CANDIDATES,
        core=True,
    ),
    Result(
        'to_template',
        'takes images from the SWI to the template (ANTs)',
        'xfm',
        '.h5',
        entities={'from': 'SWI', 'to': '{template}', 'mode': 'image'},
    ),
    Result(
        'from_template',
        'takes images from the template to the SWI (ANTs)',
        'xfm',
        '.h5',
        entities={'from': '{template}', 'to': 'SWI', 'mode': 'image'},
    ),
    Result(
        REVIEW,
        'a reader’s verdict on each lesion and candidate, saved from the page',
        'dseg',
        '.tsv',
        entities={'desc': 'review'},
        needs=REVIEW,
        columns='review_columns.json',
    ),
)


def _figure(name: str, text: str, suffix: str, desc: str, needs: str = '', extension='.png'):
    entities = {**_SWI, 'desc': desc}
    return Result(name, text, suffix, extension, entities, 'figures', needs)


#: How the name of a review ends.
REVIEW_FILE = RESULTS[-1].ending

#: Pieces of a unit's page. Pictures are kept as results; text is in the page alone.
PIECES = (
    _figure('magnitude_figure', 'magnitude of all echoes', 'T2starw', 'magnitude', 'made'),
    _figure('field_figure', 'local field from the phase', 'T2starw', 'field', 'made'),
    _figure('brain_figure', 'outline of the brain mask over the SWI', 'mask', 'brain'),
    _figure('structures_on_t2w', 'deep nuclei over the T2w', 'T2w', 'template', 't2w'),
    _figure('structures_on_swi', 'deep nuclei over the SWI', 'swi', 'template', 'no t2w'),
    _figure('nuclei_figure', 'deep nuclei over the QSM', 'Chimap', 'nuclei', 'qsm'),
    _figure('summary', 'counts and facts', 'swi', 'summary', extension='.html'),
    _figure('gallery', 'each lesion, to be judged', 'dseg', 'lesions', extension='.html'),
    _figure('viewer', 'the whole images', 'swi', 'viewer', extension='.html'),
    _figure('alignment', 'T2w and SWI in turn', 'T2w', 'coregistration', 't2w', '.html'),
    _figure('nuclei', 'susceptibility of the nuclei', 'Chimap', 'nuclei', extension='.html'),
    _figure('methods', 'how it was done', 'swi', 'methods', extension='.html'),
    _figure('remarks', 'errors and notes', 'swi', 'notes', extension='.html'),
)

#: Inputs that a unit may lack, and with them some results.
INPUTS_OF_RESULTS = tuple(name for name in INPUTS if name != 'swi')
#: Whatever else the results of a run may depend on.
MAY_LACK = (*INPUTS_OF_RESULTS, 'made swi', 'r2star')
#: What a run leaves that only makes images: these, of as many as can be made.
MAPS = ('qsm', 'made_swi', 'minip', 'r2star', 'field_map', 'known')
#: Folders of a unit that hold results.
DATATYPES = ('anat', 'fmap', 'figures')


def results_of(inputs: Iterable[str]) -> list[Result]:
    """Results that a run owes a unit with these inputs; a review is a reader's."""
    there = {'', *inputs}
    return [result for result in RESULTS if result.needs in there]


def pieces_of(inputs: Iterable[str]) -> list[Result]:
    """Pieces of the page of a unit with these inputs."""
    there = {'', *inputs}
    there |= {f'no {name}' for name in INPUTS_OF_RESULTS if name not in there}
    return [piece for piece in PIECES if piece.needs in there]


def as_markdown() -> str:
    """The table for people: file and what it holds, in Markdown."""
    rows = [
        f'| `*{readable(result.ending)}` | {result.text} |'
        for result in RESULTS
    ]  # fmt: skip
    return '\n'.join(['| file | holds |', '| --- | --- |', *rows])


def readable(ending: str) -> str:
    """An ending for people: ``{atlas}`` becomes ``<atlas>``."""
    return ending.replace('{', '<').replace('}', '>')
