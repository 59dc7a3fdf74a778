"""The page of a unit: put together by nireports, then made one file that needs nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from markupsafe import Markup

from deepmir_bids.data import load as load_data
from deepmir_bids.reports.html_pieces import CONTENT_POLICY, data_uri, render, web_text


def assemble_page(
    reportlets: Path, folder: Path, label: str, subject: str, session: str | None = None
) -> Path:
    """Put the pieces of a page together.

    Parameters
    ----------
    reportlets
        Root of the pieces, named as figures in BIDS-Derivatives.
    folder
        Where the page goes.
    label, subject, session
        Of the unit; the label names the page.

    Returns
    -------
    Path
        The page, with every image inside it.

    """
    from nireports.assembler.report import Report

    # nireports copies the images below the page's folder, and links to them from there.
    report = Report(
        folder,
        None,
        bootstrap_file=load_data('report.yml'),
        reportlets_dir=reportlets,
        out_filename=f'{label}.html',
        metadata={'template': str(load_data('web', 'participant.html.j2'))},
        subject=subject,
        **({'session': session} if session else {}),
    )
    report.header.append(head())
    report.generate_report()
    page = folder / f'{label}.html'
    page.write_text(_with_images(page.read_text(encoding='utf-8'), folder), encoding='utf-8')
    return page


def failure_page(label: str, error: str, crash: str) -> str:
    """Page of a unit that was not finished: why, and where in the program."""
    # Templates escape what they are given.
    notes = Markup(render('notes.html.j2', error=error, crash=crash, notes=[]))  # noqa: S704
    section = {
        'name': 'Errors and notes',
        'reportlets': [{'subtitle': None, 'components': [(notes, None)]}],
    }
    return render(
        'participant.html.j2',
        title=f'deepmir: {label}',
        header=[Markup(head())],  # noqa: S704
        footer=[],
        sections=[section],
    )


def head() -> str:
    """What stands in the head of every page: it may call nobody, and how it looks."""
    return (
        f'<meta http-equiv="Content-Security-Policy" content="{CONTENT_POLICY}">\n'
        f'<style>{web_text("style.css")}</style>'
    )


def _with_images(page: str, folder: Path) -> str:
    """Put the images that nireports links to into the page."""

    def inside(match: re.Match) -> str:
        image = folder / match.group(1)
        return f'src="{data_uri(image.read_bytes(), "image/png")}"'

    return re.sub(r'src="\./([^"]+\.png)"', inside, page)
