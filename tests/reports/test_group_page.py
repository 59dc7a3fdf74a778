"""The cohort's page: it tells everything, calls nobody, and shows text as text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from made_outputs import draw_lesions, write_unit

from deepmir_bids.bids.run_records import Record, keep_participants, write_records
from deepmir_bids.group.cohort_tables import make_tables
from deepmir_bids.group.read_cohort import read_cohort
from deepmir_bids.reports import group_page as module
from deepmir_bids.reports.glass_brain import plot_glass_brain
from deepmir_bids.reports.group_page import group_page

EVIL = '<script>alert(1)</script>'


@pytest.fixture
def cohort(tmp_path, monkeypatch):
    """Twelve participants, the first with lesions; one more failed for a reason with a tag."""
    # Drawing brains takes seconds, and has its own test.
    monkeypatch.setattr(module, 'plot_glass_brain', lambda *_: b'PNG')
    out = tmp_path / 'out'
    rng = np.random.default_rng(0)
    for number in range(1, 13):
        kinds = [('CMB', 'lobar', 3.0)] * 2 + [('iron', 'deep', 8.0)] if number == 1 else []
        noise = {'Quality': {'SWINoise': 0.2 if number == 3 else 0.03 + number / 1000}}
        write_unit(out, f'sub-{number:02d}', draw_lesions(kinds, rng), anatomy=noise)
    log_dir = out / 'logs' / '20260101T000000-host-1'
    write_records(
        log_dir,
        [
            *(Record.of(f'sub-{n:02d}', 'done') for n in range(1, 13)),
            Record.of('sub-13', 'failed', EVIL),
        ],
    )
    rows = [f'sub-{n:02d}\t{40 + 3 * n}\t{"MF"[n % 2]}\t{EVIL}' for n in range(1, 14)]
    (tmp_path / 'participants.tsv').write_text(
        '\n'.join(['participant_id\tage\tsex\tsite', *rows])
    )
    keep_participants(log_dir, tmp_path, [f'{n:02d}' for n in range(1, 14)])
    return read_cohort(out)


@pytest.fixture
def page(cohort):
    return group_page(make_tables(cohort, ['site']), {'sub-01.html', 'sub-02.html'})


def read_data(page: str) -> dict:
    return json.loads(re.search(r'id="group-data">(.*?)</script>', page, re.DOTALL).group(1))


class Reader(HTMLParser):
    """Collects tags with their attributes, and the text outside of scripts and styles."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ''
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.cdata_elem is None:
            self.text += data


def test_text_from_data_is_text(page):
    reader = Reader(page)
    assert EVIL not in page
    # The level of site, in its table and caption, and the reason of a failure.
    assert reader.text.count(EVIL) >= 2
    assert sum(tag == 'script' for tag, _ in reader.tags) == 3


def test_nothing_comes_from_elsewhere(page):
    tags = Reader(page).tags
    (policy,) = [a['content'] for t, a in tags if a.get('http-equiv') == 'Content-Security-Policy']
    assert policy.startswith("default-src 'none'")
    assert not [a for tag, a in tags if tag in ('link', 'iframe', 'script') and a.get('src')]
    links = [a['href'] for tag, a in tags if tag == 'a']
    assert not [link for link in links if ':' in link or link.startswith('//')]
    assert all(a['src'].startswith('data:') for tag, a in tags if tag == 'img')
    assert page.count('plotly.js v') == 1


def test_the_numbers_of_the_cohort(page):
    text = re.sub(r'\s+', ' ', Reader(page).text)
    assert 'Research use only' in text
    for name, number in (('participants', 13), ('done', 12), ('failed', 1), ('skipped', 0)):
        assert f' {name} {number} ' in text.replace(f'{name}{number}', f'{name} {number}')
    assert re.search(r'without any lesion ?11', text)
    # One of twelve: Wilson's interval is 1.5 to 35.4 %.
    assert '1 (8 %; 1–35)' in text


def test_units_lead_to_the_pages_that_are_there(page):
    table = read_data(page)['table']
    columns = {column['name']: column['values'] for column in table['columns']}
    assert columns['label'][:3] == ['sub-01', 'sub-02', 'sub-03']
    assert table['pages'][:3] == ['sub-01.html', 'sub-02.html', None]
    assert columns['n_cmb'][:2] == [2, 0]
    assert columns['outliers'][2] == 'swi_noise'
    assert columns['review_status'][:2] == ['none', 'no lesion']
    assert 'reviewed_n_cmb' not in columns


def test_charts_have_every_participant(page):
    charts = {chart['id']: chart for chart in read_data(page)['charts']}
    assert charts['count-CMB']['series'][0]['y'] == [11, 0, 1, 0, 0, 0, 0, 0]
    assert charts['prevalence-age']['x'] == ['40–49', '50–59', '60–69', '70–79']
    assert sum(charts['prevalence-age']['n']) == 12
    assert charts['prevalence-age']['series'][0]['y'][0] == pytest.approx(100 / 3, abs=1e-3)
    assert charts['prevalence-sex']['x'] == ['F', 'M']


def test_measures_have_their_fences(page):
    measures = {one['name']: one for one in read_data(page)['measures']}
    low, high = measures['swi_noise']['fences']
    assert 0.02 < low < 0.031 < 0.042 < high < 0.06


def test_a_review_shows_beside_what_was_found(cohort):
    lesions = cohort.lesions.astype({'verdict': object, 'final_class': object})
    lesions.loc[0, ['verdict', 'final_class']] = ['rejected', None]
    page = group_page(make_tables(replace(cohort, lesions=lesions)), set())
    data = read_data(page)
    columns = {column['name']: column['values'] for column in data['table']['columns']}
    assert (columns['n_cmb'][0], columns['reviewed_n_cmb'][0]) == (2, 1)
    assert [s['name'] for s in data['charts'][0]['series']] == ['as found', 'as reviewed']
    assert 'as reviewed' in Reader(page).text


def test_a_mixture_is_told(cohort):
    units = cohort.units.assign(template=['A'] + ['B'] * 12)
    page = group_page(make_tables(replace(cohort, units=units)), set())
    assert 'template: B (11 units), A (1 unit)' in Reader(page).text


def test_a_cohort_of_failures_has_a_page(tmp_path):
    write_records(tmp_path / 'logs' / '1', [Record.of('sub-01', 'failed', 'no room')])
    text = Reader(group_page(make_tables(read_cohort(tmp_path)), set())).text
    assert 'no room' in text
    assert 'There is no lesion to show' in text
    assert 'Neither age nor sex is known' in text


def test_a_glass_brain_shows_its_lesions():
    import io

    import matplotlib.image

    points = {'CMB': np.array([[-30.0, 0, 20], [np.nan, 0, 0]]), 'iron': np.empty((0, 3))}
    picture = matplotlib.image.imread(io.BytesIO(plot_glass_brain(points, 'yz')))
    red, green = picture[..., 0], picture[..., 1]
    assert ((red - green) > 0.3).sum() > 20
    empty = plot_glass_brain({'CMB': points['iron']}, 'yz')
    picture = matplotlib.image.imread(io.BytesIO(empty))
    assert not ((picture[..., 0] - picture[..., 1]) > 0.3).any()
