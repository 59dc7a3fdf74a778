"""How good a site's thresholds are after 2, 5, 10 and 20 reviewed participants.

    python bench/site_thresholds.py STYLE=CACHE [STYLE=CACHE …]
    python bench/site_thresholds.py STYLE=TRUTH,RESULTS[,TRUTH,RESULTS …]

CACHE is what bench/site_heads.py writes, of which the heads of STYLE count; or each TRUTH and
RESULTS are class maps and an output folder of the app. In each of `DRAWS` draws some participants
are reviewed, the threshold is chosen on them as deepmir-model calibrate does, and judged on the
others. Writes docs/results/site_thresholds.tsv, and from it the page docs/site_thresholds.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from site_heads import STYLES

from deepmir_bids import CLASSES
from deepmir_bids.bids.tsv import read_tsv, write_tsv
from deepmir_bids.evaluation.judged_findings import POINT, judged_by_masks, own_thresholds
from deepmir_bids.evaluation.site_thresholds import Judged, at_shift, curve, suggest
from deepmir_bids.evaluation.truth_pairs import Case, find_pairs, read_case
from deepmir_bids.lesions.detection_criteria import DetectionCriteria
from deepmir_bids.model.model_registry import ModelCard, find_model, read_card

DOCS = Path(__file__).parents[1] / 'docs'
TABLE, PAGE = DOCS / 'results' / 'site_thresholds.tsv', DOCS / 'site_thresholds.md'
NUMBERS = (2, 5, 10, 20)
DRAWS = 40
#: Fewer others than this are no test.
LEAST_OTHERS = 5

INTRODUCTION = """# Thresholds of a site: how many reviews?

F1 of the default model on simulated images that it was not calibrated on: with its own threshold,
with one chosen on some reviewed participants ([](review.md#thresholds-for-your-site)) and judged
on the others, and with the best that any threshold gives. Median of {draws} draws of the reviewed
ones. Made by `python bench/site_thresholds.py`; the reader is the truth.

{table}

*Late echo*: 3 T, echo time 45 ms, noisy, coarse voxels. *Thick magnitude*: 1.5 T, a magnitude
that stands in for an SWI, slices of 5 mm, no QSM. *Through the app*: acquisitions like those the
model learnt from, but brain mask and nuclei as the app finds them. A dash: there are not enough
participants to review so many and to keep {others} others.
"""


def main() -> None:
    """Measure each style, and write table and page."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('styles', nargs='+', metavar='STYLE=FOLDER[,RESULTS]')
    options = parser.parse_args()
    card = read_card(find_model('default'))
    rows: list[dict] = []
    for text in options.styles:
        style, _, folders = text.partition('=')
        judged = list(judge(style, folders.split(','), card))
        for name in CLASSES:
            rows += measure(style, name, [of_unit[name] for of_unit in judged])
    write_tsv(pd.DataFrame(rows), TABLE)
    write_page(read_tsv(TABLE))


def judge(style: str, folders: Sequence[str], card: ModelCard) -> Iterator[dict[str, Judged]]:
    """What the truth says of the findings of each participant."""
    for number, (truth, results) in enumerate(zip(folders[::2], folders[1::2], strict=False)):
        for pair in find_pairs(Path(truth), Path(results)):
            own = own_thresholds(card, pair.results.detection['InputsUsed'])
            yield judged_by_masks(read_case(pair), own, f'{number}-{pair.label}')
    if len(folders) > 1:
        return
    for path in sorted(Path(folders[0]).glob(f'{style.replace(" ", "-")}_*.npz')):
        with np.load(path) as arrays:
            part = dict(arrays)
        inputs = ('swi', 'qsm') if STYLES[style].qsm else ('swi',)
        own = own_thresholds(card, inputs)
        case = Case(
            label=path.stem,
            truth=part['truth'],
            found=np.zeros_like(part['truth']),
            probabilities=part['probabilities'],
            brain_mask=part['brain_mask'] > 0,
            iron_area=part['iron_mask'] > 0,
            structures=np.zeros(part['truth'].shape, np.int32),
            names={},
            affine=part['affine'],
            criteria=replace(DetectionCriteria.of_model(card, inputs, POINT), thresholds=own),
        )
        yield judged_by_masks(case, own, path.stem)


def measure(style: str, name: str, judged: Sequence[Judged]) -> Iterator[dict]:
    """F1 of one class with its own, the best, and chosen thresholds."""
    whole = curve(judged)
    facts = {
        'style': style,
        'class': name,
        'participants': len(judged),
        'lesions': sum(one.lesions for one in judged),
        'own': at_shift(whole, 0.0)['F1'],
        'best': whole['F1'].max(),
    }
    rng = np.random.default_rng(0)
    for number in NUMBERS:
        if len(judged) - number < LEAST_OTHERS:
            continue
        chosen, own, best = [], [], []
        for _ in range(DRAWS):
            order = rng.permutation(len(judged))
            suggestion = suggest([judged[i] for i in order[:number]])
            shift = suggestion.shift if suggestion else 0.0
            others = curve([judged[i] for i in order[number:]])
            if not len(others) or others['F1'].isna().all():
                continue
            chosen.append(f1_at(others, shift))
            own.append(f1_at(others, 0.0))
            best.append(others['F1'].max())
        yield facts | {
            'reviewed': number,
            'F1': np.median(chosen),
            'F1_q1': np.quantile(chosen, 0.25),
            'F1_own': np.median(own),
            'F1_best': np.median(best),
        }


def f1_at(table: pd.DataFrame, shift: float) -> float:
    """F1 at a shift, 0 above everything that was found."""
    return float(np.nan_to_num(at_shift(table, shift)['F1']))


def write_page(table: pd.DataFrame) -> None:
    """Write the page."""
    lines = ['| style | class | participants, lesions | own | 2 reviewed | 5 | 10 | 20 | best |']
    lines.append('| --- ' * 9 + '|')
    for (style, name), own in table.groupby(['style', 'class'], sort=False):
        by_number = own.set_index('reviewed')['F1']
        first = own.iloc[0]
        chosen = [f'{by_number[n]:.2f}' if n in by_number else '–' for n in NUMBERS]
        cells = [style, name, f'{first["participants"]}, {first["lesions"]}']
        cells += [f'{first["own"]:.2f}', *chosen, f'{first["best"]:.2f}']
        lines.append(f'| {" | ".join(map(str, cells))} |')
    text = INTRODUCTION.format(draws=DRAWS, table='\n'.join(lines), others=LEAST_OTHERS)
    PAGE.write_text(text, encoding='utf-8')


if __name__ == '__main__':
    main()
