"""The page of a cohort: one file that needs nothing else and calls nobody."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from deepmir_bids import CLASSES
from deepmir_bids.anatomy.atlas_structures import REGIONS
from deepmir_bids.bids.whole_files import write_whole
from deepmir_bids.group.cohort_qc import MEASURES, fences
from deepmir_bids.group.cohort_tables import Group
from deepmir_bids.group.lesion_counts import SOURCES, lesions_of
from deepmir_bids.group.participant_rows import first_finished
from deepmir_bids.group.participant_strata import decades_of, levels_of
from deepmir_bids.group.prevalence import raw_column, summarise
from deepmir_bids.reports.glass_brain import VIEWS, plot_glass_brain
from deepmir_bids.reports.html_pieces import data_uri, render, web_text
from deepmir_bids.reports.participant_page import head
from deepmir_bids.reports.threshold_curves import threshold_curves
from deepmir_bids.reports.unit_summary import CAUTION

#: Numbers of lesions a participant, as the distribution shows them: name, least and most.
BINS = {
    **{str(n): (n, n) for n in range(5)},
    '5–9': (5, 9),
    '10–19': (10, 19),
    '20+': (20, None),
}
#: What a measure is called above its chart, and in the table.
MEASURE_TITLES = {
    'registration_mi': ('Registration (mutual information)', 'Registration'),
    'alignment_mi': ('T2w and SWI (mutual information)', 'T2w and SWI'),
    'qsm_correlation': ('QSM and SWI (correlation of their veins)', 'QSM and SWI'),
    'brain_volume_ml': ('Brain mask (mL)', 'Brain (mL)'),
    'swi_noise': ('Noise of the SWI (share of the signal)', 'Noise'),
    'chi_caudate_ppm': ('Susceptibility of the caudate (ppm)', 'Caudate (ppm)'),
    'chi_putamen_ppm': ('Susceptibility of the putamen (ppm)', 'Putamen (ppm)'),
    'chi_pallidum_ppm': ('Susceptibility of the pallidum (ppm)', 'Pallidum (ppm)'),
}
SOURCE_TITLES = {'found': 'as found', 'reviewed': 'as reviewed'}
#: What the raw participants.tsv calls the columns that the page knows by itself.
AGE, SEX = ('age',), ('sex', 'gender')


def write_group_page(group: Group, out_dir: Path) -> None:
    """Write ``group.html`` beside the participants' pages, to which it leads."""
    pages = {name for name in os.listdir(out_dir) if name.endswith('.html')}
    write_whole(out_dir / 'group.html', group_page(group, pages))


def group_page(group: Group, pages: set[str]) -> str:
    """Make the page.

    Parameters
    ----------
    group
        The cohort, summed up.
    pages
        Names of the participants' pages that are there.

    """
    from plotly.offline import get_plotlyjs

    units = group.units
    sources = SOURCES if group.lesions['verdict'].notna().any() else SOURCES[:1]
    charts = [*_distributions(group, sources), *_prevalences(group, sources)]
    measures = _measures(group.qc)
    curves = list(threshold_curves(group.site)) if group.site else []
    left_out = units[units['status'] != 'done']
    return render(
        'group.html.j2',
        head=head(),
        style=web_text('group.css'),
        caution=CAUTION,
        tallies=_tallies(group),
        made_with=_made_with(units),
        mixtures=group.mixtures,
        problems=list(units['review_problem'].dropna()),
        sources=sources,
        source_titles=SOURCE_TITLES,
        summary=list(_summary_rows(group, sources)),
        groups=list(_group_rows(group, sources[-1])),
        charts=charts,
        site=group.site,
        curves=curves,
        glass_brain=_glass_brain(group),
        maps=[
            f'group_space-{template}_label-{name}_density.nii.gz'
            for template in sorted(set(units['template'].dropna()))
            for name in CLASSES
        ],
        measures=measures,
        left_out=[
            {**row, 'page': _page(row['label'], pages)}
            for row in left_out[['label', 'status', 'reason']].to_dict('records')
        ],
        data={
            'charts': charts,
            'curves': curves,
            'measures': measures,
            'table': _table(group, pages, sources),
        },
        plotly=get_plotlyjs(),
        script=web_text('group.js'),
    )


def _tallies(group: Group) -> dict[str, int]:
    people, units = group.participants, group.units
    done = people[people['status'] == 'done']
    return {
        'participants': len(people),
        'done': len(done),
        'failed': int((people['status'] == 'failed').sum()),
        'skipped': int((people['status'] == 'skipped').sum()),
        'without any lesion': int(((done['n_cmb'] == 0) & (done['n_iron'] == 0)).sum()),
        'sessions done': int((units['status'] == 'done').sum()),
        'lesions found': int(units['lesions_found'].sum()),
        'lesions judged by a reader': int(units['lesions_looked_at'].sum()),
    }


def _made_with(units: pd.DataFrame) -> dict[str, str]:
    """Name each thing that should be the same in all units, and its values."""
    names = {
        'template': 'Template',
        'atlas': 'Atlas',
        'model': 'Model',
        'operating_point': 'Operating point',
        'version': 'deepmir',
        'inputs_used': 'Inputs',
    }
    return {
        title: ', '.join(f'{value} ({n})' for value, n in units[name].value_counts().items())
        for name, title in names.items()
    }


def _summary_rows(group: Group, sources) -> Iterator[dict[str, Any]]:
    """Rows of the main table: a class and region, and its figures of each source."""
    whole = group.summary[group.summary['group'] == 'all'].to_dict('records')
    figures = {(row['class'], row['region'], row['source']): row for row in whole}
    for name in CLASSES:
        for region in ('all', *REGIONS) if name == 'CMB' else ('all',):
            own = [figures[name, region, source] for source in sources]
            yield {'class': name, 'region': region, 'figures': own}


def _group_rows(group: Group, source: str) -> Iterator[dict[str, Any]]:
    """Tables of the columns that divide the cohort."""
    summary = group.summary[group.summary['source'] == source]
    divided = summary[(summary['group'] != 'all') & (summary['region'] == 'all')]
    for column, own in divided.groupby('group', sort=False):
        yield {'column': column, 'source': SOURCE_TITLES[source], 'rows': own.to_dict('records')}


def _distributions(group: Group, sources) -> Iterator[dict[str, Any]]:
    """How many participants have how many lesions."""
    people = group.participants[group.participants['status'] == 'done']
    for name, title in (('CMB', 'Microbleeds'), ('iron', 'Iron deposits')):
        series = []
        for source in sources:
            prefix = '' if source == 'found' else f'{source}_'
            counts = people[f'{prefix}n_{name.lower()}'].astype(float)
            inside = [
                int(((counts >= low) & ((counts <= high) if high is not None else True)).sum())
                for low, high in BINS.values()
            ]
            series.append({'name': SOURCE_TITLES[source], 'y': inside, 'class': name})
        yield {
            'id': f'count-{name}',
            'section': 'distributions',
            'title': f'{title} per participant',
            'x_title': f'{title} in a participant',
            'y_title': 'participants',
            'x': list(BINS),
            'series': series,
        }


def _prevalences(group: Group, sources) -> Iterator[dict[str, Any]]:
    """Share of participants with lesions by age and sex, where the raw dataset tells them."""
    people = list(group.participants['participant_id'])
    raw = group.cohort.raw
    for names, what, divide in ((AGE, 'age', decades_of), (SEX, 'sex', levels_of)):
        column = next((name for name in raw.columns if name.lower() in names), None)
        levels = divide(raw_column(column, people, raw)) if column else {}
        if not levels:
            continue
        table = summarise(group.cohort, {(what, level): own for level, own in levels.items()})
        chosen = table[(table['region'] == 'all') & (table['source'] == sources[-1])]
        numbers = chosen[chosen['class'] == 'CMB']['participants']
        yield {
            'id': f'prevalence-{what}',
            'section': 'prevalence',
            'title': f'Participants with lesions, by {what} ({SOURCE_TITLES[sources[-1]]})',
            'x_title': what,
            'y_title': '% of participants',
            'x': list(levels),
            'n': numbers.tolist(),
            'series': [_with_interval(name, own) for name, own in chosen.groupby('class')],
        }


def _with_interval(name, own: pd.DataFrame) -> dict[str, Any]:
    percent = {key: _plain(100 * own[key]) for key in own if str(key).startswith('prevalence')}
    return {
        'name': name,
        'class': name,
        'y': percent['prevalence'],
        'low': percent['prevalence_low'],
        'high': percent['prevalence_high'],
    }


def _glass_brain(group: Group) -> list[dict[str, str]]:
    """Pictures of the lesions that the density maps hold; none where there is no lesion."""
    people = first_finished(group.units)
    lesions = lesions_of(group.cohort.lesions, SOURCES[1])
    lesions = lesions[lesions['label'].isin(people['label'])]
    if lesions.empty:
        return []
    points = {
        name: lesions.loc[lesions['class'] == name, ['x_mni', 'y_mni', 'z_mni']].to_numpy(float)
        for name in CLASSES
    }
    numbers = ' and '.join(f'{len(own)} {name}' for name, own in points.items())
    return [
        {
            'src': data_uri(plot_glass_brain(points, views), 'image/png'),
            'alt': f'{numbers} in a transparent brain, {seen}',
        }
        for seen, views in VIEWS.items()
    ]


def _measures(qc: pd.DataFrame) -> list[dict[str, Any]]:
    """Measures that some unit has, with their fences."""
    return [
        {'name': name, 'title': MEASURE_TITLES[name][0], 'fences': fences(qc[name])}
        for name in MEASURES
        if qc[name].notna().any()
    ]


def _table(group: Group, pages: set[str], sources) -> dict[str, Any]:
    """Columns of the table of units: name → title and values."""
    done = group.units[group.units['status'] == 'done']
    qc = group.qc.loc[done.index]
    numbers = {'n_cmb': 'CMB', 'n_iron': 'iron'}
    if len(sources) > 1:
        numbers |= {f'reviewed_{name}': f'{title} reviewed' for name, title in numbers.items()}
    short = {name: title for name, (_, title) in MEASURE_TITLES.items()}
    titles: Mapping[str, str] = {**numbers, **short}
    columns = [{'name': 'label', 'title': 'Unit', 'values': _plain(done['label'])}]
    for name, title in titles.items():
        values = done[name] if name in numbers else qc[name]
        columns.append({'name': name, 'title': title, 'values': _plain(values)})
    # A review is complete where there is nothing to look at, which nobody would call reviewed.
    review = done['review_status'].where(done['lesions_found'] > 0, 'no lesion')
    columns += [
        {'name': 'review_status', 'title': 'Review', 'values': _plain(review)},
        {'name': 'n_notes', 'title': 'Notes', 'values': _plain(qc['n_notes'])},
        {'name': 'flags', 'title': 'Flags', 'values': _plain(qc['flags'])},
        {'name': 'outliers', 'title': 'Stands out in', 'values': _plain(qc['outliers'])},
    ]
    return {'columns': columns, 'pages': [_page(label, pages) for label in done['label']]}


def _page(label: str, pages: set[str]) -> str | None:
    name = f'{label}.html'
    return quote(name) if name in pages else None


def _plain(values: pd.Series) -> list:
    """Values as JSON knows them: None where missing, four decimals."""
    return [
        None if pd.isna(value) else round(value, 4) if isinstance(value, float) else value
        for value in values.astype(object)
    ]
