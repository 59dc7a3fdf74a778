"""The page docs/performance.md and its plots, from what the benches measured.

    python bench/performance_page.py

reads ``docs/results/performance/*.json``: ``unit`` and ``cohort`` are of bench/unit_time.py (the
latter of several units), ``prediction``, ``registration`` and ``growth`` of their own benches,
and ``training-<any>`` of bench/training_time.py, on whatever device.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import mean, median
from typing import Any

import matplotlib as mpl
import pandas as pd
from results_sections import markdown

mpl.use('Agg')
from matplotlib import pyplot as plt

DOCS = Path(__file__).parents[1] / 'docs'
MEASURED = DOCS / 'results' / 'performance'
STEPS, GROWTH = (DOCS / 'images' / f'{name}.png' for name in ('unit_steps', 'growth'))
#: Steps of less than this share a line.
LONG_S = 1.0
#: Key of bench/growth.py, and what it is the time of.
CURVES = {
    'all_s': '`--dry-run` of all participants',
    'one_s': '`--dry-run` of one of them',
    'pybids_s': 'pybids’ own index',
    'group_s': 'group level',
}

PAGE = """# Time and memory

Measured on {processor}, {cores} cores, no GPU, {instructions}. Every figure on this page
is made by `python bench/performance_page.py` from what the benches in `bench/` wrote. Machines
differ, and so do two hours of one machine: ratios say more than seconds.

## A unit

SWI of 256×256×80 voxels, T2w of 1 mm and QSM, from the start of the command to its end
(`python bench/unit_time.py FOLDER`), with TemplateFlow's template and an empty work folder:

{units}

![Seconds of each step](images/unit_steps.png)

The rest is between the steps, before the first and after the last. A cohort of {cohort_units}
such units with `{cohort_options}` took {cohort_wall:.0f} s a unit, {cohort_cpu:.0f} s of a core,
and {cohort_gb:.1f} GB. Shading and registration run on one core each, so that results do not
depend on the number of cores; two units side by side use two.

## The network

The same SWI and QSM, with its mirror image (`python bench/prediction_time.py`):

{prediction}

The multiplications alone would take {limit:.1f} s at the rate of this machine's matrix product,
{share:.0%} of what deepmir takes. Its network has {weights[deepmir]:.1f} million weights,
nnU-Net's {weights[nnU-Net]:.1f}. {difference}

## Registration and shading

T2w of {heads} heads, one core (`python bench/registration_time.py`). Dice is that of caudate,
putamen and pallidum with the true ones:

{registration}

## Training

Patches of 48×48×24 voxels a second (`python bench/training_time.py`): cut and varied, learnt from,
and both, with all that belongs to a training but validation. Every 160 steps it is looked up what
the network takes for lesions: not in the shortest run. The GPUs were in other machines:

{training}

## Cohorts

{growth}

![Seconds against participants](images/growth.png)

Exponents between the two largest (1 is linear): {exponents}.
"""


def main() -> None:
    """Write page and plots."""
    measured = {
        path.stem: json.loads(path.read_text()) for path in sorted(MEASURED.glob('*.json'))
    }
    machine = measured['unit']['machine']
    cohort = measured['cohort']
    (of_cohort,) = cohort['medians'].values()
    prediction = measured['prediction']
    registration = measured['registration']['heads']
    growth = measured['growth']
    plot_steps(measured['unit'])
    plot_growth(growth)
    text = PAGE.format(
        processor=machine['processor'],
        cores=machine['cores'],
        instructions=', '.join(machine['instructions']),
        units=markdown(pd.DataFrame(unit_rows(measured['unit']))),
        cohort_units=cohort['units'],
        cohort_options=' '.join(cohort['options']),
        cohort_wall=of_cohort['wall_s'],
        cohort_cpu=of_cohort['cpu_s'],
        cohort_gb=of_cohort['memory_gb'],
        prediction=markdown(pd.DataFrame(prediction_rows(prediction))),
        limit=prediction['limit']['seconds'],
        share=prediction['limit']['share'],
        weights={name: number / 1e6 for name, number in prediction['weights'].items()},
        difference=difference(prediction['difference']),
        heads=len(registration),
        registration=markdown(pd.DataFrame(registration_rows(registration))),
        training=markdown(pd.DataFrame(training_rows(measured))),
        growth=markdown(pd.DataFrame(growth_rows(growth))),
        exponents=', '.join(
            f'{CURVES[name]} {value:.2f}' for name, value in growth['exponents'].items()
        ),
    )
    (DOCS / 'performance.md').write_text(text, encoding='utf-8')


def unit_rows(report: Mapping[str, Any]) -> Iterable[dict]:
    """One row for each combination of inputs."""
    for inputs, medians in report['medians'].items():
        yield {
            'images': named(inputs),
            'seconds': f'{medians["wall_s"]:.0f}',
            'seconds of a core': f'{medians["cpu_s"]:.0f}',
            'GB': f'{medians["memory_gb"]:.1f}',
        }


def named(inputs: str) -> str:
    """Images as they are written."""
    return inputs.upper().replace('T2W', 'T2w')


def prediction_rows(report: Mapping[str, Any]) -> Iterable[dict]:
    """One row for each way through the volume."""
    for name, seconds in report['seconds'].items():
        yield {
            'way': name,
            'seconds': f'{median(seconds):.1f}',
            'times deepmir’s': f'{report["times_deepmir"][name]:.1f}',
        }


def difference(of_ways: Mapping[str, Mapping[str, Any]]) -> str:
    """How far the results of the same network are apart."""
    return ' '.join(
        f'{name}: a thousandth of the brain’s probabilities differ by more than '
        f'{one["of_a_thousand"]:.3f}, {one["in_both"]} of {one["lesions"][0]} lesions are in both.'
        for name, one in of_ways.items()
    )


def registration_rows(heads: Iterable[Mapping[str, Any]]) -> Iterable[dict]:
    """deepmir and its peers, means of the heads."""
    heads = list(heads)
    for name in ('deepmir', 'SyNQuick'):
        yield {
            'step': f'registration, {name}',
            'seconds': f'{mean(h["registration"]["seconds"][name] for h in heads):.1f}',
            'result': f'Dice {mean(h["registration"]["dice"][name] for h in heads):.3f}',
        }
    apart = mean(head['shading']['difference'] for head in heads)
    for name, result in (('deepmir', f'differs by {apart:.1%}'), ('every other voxel', '')):
        yield {
            'step': f'shading, {name}',
            'seconds': f'{mean(h["shading"]["seconds"][name] for h in heads):.1f}',
            'result': result,
        }


def training_rows(measured: Mapping[str, Any]) -> Iterable[dict]:
    """One row for each device and size of a batch, the slowest first."""
    reports = [part for name, part in measured.items() if name.startswith('training-')]
    for one in sorted(reports, key=lambda report: report['patches_s']):
        yield {
            'device': one['device'],
            'patches at a step': one['batch'],
            'steps': one['steps'],
            'cut': f'{one["cutting_patches_s"]:,.0f}',
            'learnt from': f'{one["learning_patches_s"]:,.0f}',
            'both': f'{one["patches_s"]:,.0f}',
        }


def growth_rows(report: Mapping[str, Any]) -> Iterable[dict]:
    """One row for each size of a cohort."""
    sizes = sorted({int(number) for part in ('raw', 'group') for number in report[part]})
    for size in sizes:
        of_size = report['raw'].get(str(size), {}) | report['group'].get(str(size), {})
        yield {
            'participants': f'{size:,}',
            **{
                text: f'{of_size[name]:.1f} s' if name in of_size else ''
                for name, text in CURVES.items()
            },
            'GB': of_size.get('peak_gb', ''),
            'page, MB': of_size.get('page_mb', ''),
        }


def plot_steps(report: Mapping[str, Any]) -> None:
    """A bar for each combination of inputs, in pieces."""
    figure, axes = plt.subplots(figsize=(9, 2 + 0.6 * len(report['runs'])), layout='constrained')
    colours: dict[str, Any] = {}
    for row, runs in enumerate(report['runs'].values()):
        left = 0.0
        steps = runs[-1]['steps_s']
        long = {name: s for name, s in steps.items() if s >= LONG_S}
        for name, seconds in long.items():
            label = None if name in colours else name.replace('_', ' ')
            colour = colours.setdefault(name, plt.get_cmap('tab20')(len(colours) % 20))
            axes.barh(row, seconds, left=left, color=colour, edgecolor='white', label=label)
            left += seconds
        axes.barh(row, sum(steps.values()) - sum(long.values()), left=left, color='lightgrey')
    axes.set_yticks(range(len(report['runs'])), [named(inputs) for inputs in report['runs']])
    axes.invert_yaxis()
    figure.legend(loc='outside lower center', ncols=5, fontsize=8)
    axes.set_xlabel('seconds in steps (grey: those of less than a second)')
    figure.savefig(STEPS, dpi=110)
    plt.close(figure)


def plot_growth(report: Mapping[str, Any]) -> None:
    """Seconds against participants, both logarithmic."""
    figure, axes = plt.subplots(figsize=(7, 4), layout='constrained')
    for name, text in CURVES.items():
        part = report['group' if name == 'group_s' else 'raw']
        points = sorted((int(number), of_size[name]) for number, of_size in part.items())
        if points:
            axes.loglog(*zip(*points, strict=True), 'o-', label=text.replace('`', ''))
    axes.set_xlabel('participants')
    axes.set_ylabel('seconds')
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(GROWTH, dpi=110)
    plt.close(figure)


if __name__ == '__main__':
    main()
