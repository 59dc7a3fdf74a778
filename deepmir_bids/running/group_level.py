"""The group level: a cohort's outputs, summed up in tables, maps and a page."""

from __future__ import annotations

import time
from pathlib import Path

from deepmir_bids import __version__
from deepmir_bids.bids.dataset_description import check_ownership
from deepmir_bids.bids.publishing import finish_all
from deepmir_bids.bids.whole_files import sweep
from deepmir_bids.errors import UsageError
from deepmir_bids.running.preflight import check_writable
from deepmir_bids.settings import Settings


def run_group(settings: Settings) -> int:
    """Sum up what the participant level left in a folder.

    Raises
    ------
    UsageError
        There is nobody to sum up, a column of ``by`` is unknown, or the results were made in
        different ways, or not by deepmir; nothing was written.

    """
    from deepmir_bids.group.cohort_tables import make_tables
    from deepmir_bids.group.mixed_results import find_mixtures
    from deepmir_bids.group.read_cohort import read_cohort
    from deepmir_bids.group.site_review import review_site
    from deepmir_bids.group.write_group import write_group

    out_dir = settings.out_dir
    begin = time.monotonic()
    check_writable(out_dir, 'out_dir')
    check_ownership(out_dir)
    if not settings.dry_run:
        finish_all(out_dir)
        sweep(out_dir)
    cohort = read_cohort(out_dir, settings.nprocs) if out_dir.is_dir() else None
    if cohort is None or cohort.units.empty:
        raise UsageError(
            f'{out_dir} has no participant: run deepmir at the participant level first.'
        )
    mixtures = find_mixtures(cohort.units)
    if mixtures and not settings.allow_mixed:
        raise UsageError(
            f'{out_dir} holds results that were made in different ways: {"; ".join(mixtures)}. '
            'Run deepmir on all participants in the same way, or give --allow-mixed.'
        )
    site = review_site(cohort, out_dir, settings.bids_dir)
    group = make_tables(cohort, settings.by, site)
    if not settings.dry_run:
        from deepmir_bids.reports.group_page import write_group_page

        write_group(group, out_dir)
        write_group_page(group, out_dir)
    _report(group, out_dir, time.monotonic() - begin)
    return 0


def _report(group, out_dir: Path, seconds: float) -> None:
    """Say what came out, and at the end which participants are not in it, and why."""
    counts = group.participants['status'].value_counts()
    print(
        f'deepmir {__version__}: {len(group.participants)} participants, '
        f'{counts.get("done", 0)} done, {counts.get("failed", 0)} failed, '
        f'{counts.get("skipped", 0)} skipped, in {seconds:.1f} s: {out_dir / "group.html"}'
    )
    for mixture in group.mixtures:
        print(f'mixed: {mixture}')
    for problem in group.units['review_problem'].dropna():
        print(f'review not counted: {problem}')
    for status in ('skipped', 'failed'):
        for unit in group.units[group.units['status'] == status].itertuples():
            print(f'{status}: {unit.label}: {unit.reason}')
