"""The acceptance test of a site: two heads, and a crop that no template fits."""

import json
import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from deepmir_bids.acceptance.implanted_head import examine
from deepmir_bids.acceptance.prepared_head import finished_head, see
from deepmir_bids.bids.finished_results import find_files
from deepmir_bids.bids.input_files import collect_units
from deepmir_bids.bids.tsv import read_tsv, write_tsv
from deepmir_bids.lesions.reader_review import COLUMNS
from deepmir_bids.model import load_model
from deepmir_bids.settings import Settings
from deepmir_bids.simulation.implanted_dataset import ImplantPlan

pytestmark = pytest.mark.long


@pytest.fixture(scope='module')
def site(one_subject, one_run, tmp_path_factory):
    """A participant whom the app has done, and a crop of the same head."""
    folder = tmp_path_factory.mktemp('site')
    shutil.copytree(one_subject, folder / 'bids')
    shutil.copytree(one_run.out_dir, folder / 'out' / 'deepmir')
    source = next((one_subject / 'sub-01' / 'anat').glob('*T2starw.nii.gz'))
    crop = folder / 'bids' / 'sub-02' / 'anat' / 'sub-02_T2starw.nii.gz'
    crop.parent.mkdir(parents=True)
    image = nib.as_closest_canonical(nib.load(source))
    nib.save(image.slicer[44:66, 50:72, 30:44], crop)
    crop.with_name('sub-02_T2starw.json').write_text(
        json.dumps({'EchoTime': 0.02, 'MagneticFieldStrength': 3})
    )
    return folder


def test_a_head_without_lesions_gives_what_the_app_found(one_subject, one_run):
    settings = Settings(one_subject, one_run.out_dir, one_run.work_dir, sloppy=True)
    head = finished_head(collect_units(settings)[0], settings)
    seen = see(head.images, head.case.brain_mask, settings, load_model(), 'cpu')
    np.testing.assert_allclose(seen, head.case.probabilities, atol=0.01)


def test_a_lesion_that_a_reader_confirmed_is_no_false_finding(one_subject, one_run, tmp_path):
    out_dir = tmp_path / 'out'
    shutil.copytree(one_run.out_dir, out_dir)
    settings = Settings(one_subject, out_dir, tmp_path, sloppy=True)
    (unit,) = collect_units(settings)
    model, plan = load_model(), ImplantPlan(microbleeds=1, seed=3)
    before = examine(finished_head(unit, settings), settings, plan, model, 'cpu')
    assert not any(row['confirmed'] for row in before.findings)

    files = find_files(out_dir, unit.label)
    tables = [read_tsv(files[name]) for name in ('lesion_table', 'candidate_table')]
    review = pd.concat(tables)[list(COLUMNS[:3] + COLUMNS[-3:])]
    first = review['class'].eq('CMB') & review['index'].isin(tables[0]['index'])
    words = {'verdict': np.where(first, 'accepted', 'n/a')}
    review = review.assign(**words, reviewed_class=np.where(first, 'CMB', 'n/a'), comment='n/a')
    write_tsv(review, files['lesions'].parent / f'{unit.label}_desc-review_dseg.tsv')
    after = examine(finished_head(unit, settings), settings, plan, model, 'cpu')
    assert sum(row['confirmed'] for row in after.findings) == first.sum() > 0
    cmb = [result.judged['CMB'] for result in (before, after)]
    # The lesion put in stays one; nothing else but the verdicts has changed.
    assert cmb[1].lesions == cmb[0].lesions + first.sum()
    assert cmb[1].false == cmb[0].false - first.sum()
    assert after.implants == before.implants


def test_page_and_tables(site, offline, open_page):
    done = site / 'out' / 'deepmir' / 'sub-01.html'
    before = done.stat().st_mtime_ns
    command = offline(
        'accept', site / 'bids', site / 'out', '--sloppy', '--nprocs', '2',
        work_dir=site / 'out' / 'work',
    )  # fmt: skip
    said = command.communicate()[0]
    assert command.returncode == 0, said
    assert done.stat().st_mtime_ns == before  # a finished run is not repeated

    def table(name):
        path = site / 'out' / f'acceptance_{name}.tsv'
        content = read_tsv(path)
        assert set(json.loads(path.with_suffix('.json').read_text())) == set(content.columns)
        return content

    units = table('units').set_index('unit')
    assert units['status'].to_dict() == {'sub-01': 'tested', 'sub-02': 'without nuclei'}
    assert 'does not register' in units.loc['sub-02', 'note']
    whole = table('sensitivity').query('by == "all"').set_index(['class', 'point'])
    assert whole.loc[('CMB', 'balanced'), 'implants'] > 10
    shares = [whole.loc[('CMB', point), 'sensitivity'] for point in ('sensitive', 'precise')]
    assert shares[0] >= shares[1]
    assert shares[0] > 0.3
    implants = table('implants')
    assert set(implants.loc[implants['unit'] == 'sub-02', 'class']) <= {'CMB'}
    assert np.isfinite(table('traits')['median']).all()
    assert {'reading', 'findings', 'thresholds'} <= {
        path.stem.removeprefix('acceptance_') for path in (site / 'out').glob('*.tsv')
    }
    with open_page(site / 'out' / 'acceptance.html') as page:
        headline = page.locator('.headline').first.inner_text()
        assert headline.startswith(f'Of {whole.loc[("CMB", "balanced"), "implants"]} microbleeds')
