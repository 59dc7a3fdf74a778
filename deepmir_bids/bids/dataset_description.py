"""What stands at the root of the output dataset."""

from __future__ import annotations

import json
from pathlib import Path

from deepmir_bids import __version__
from deepmir_bids.bids.output_files import DESCRIPTIONS, as_markdown
from deepmir_bids.bids.text_files import read_json
from deepmir_bids.bids.whole_files import write_whole
from deepmir_bids.data import load as load_data
from deepmir_bids.errors import InputError, UsageError

BIDS_VERSION = '1.10.0'
#: Who made a dataset, by its description.
GENERATOR = 'deepmir'
#: What deepmir and its jobs leave in an output folder before they describe it.
BEFORE_DESCRIPTION = {'code', 'logs', 'work', 'lost+found'}
#: What a validator need not look at.
BIDSIGNORE = '*.html\nfigures\n*_xfm.*\ngroup_*\nCITATION.md\n'


def describe_dataset(
    out_dir: Path, sources: dict[str, Path], *, citation: str, container: str | None = None
) -> None:
    """Write the files at the root of the output dataset; many tasks may do so at once.

    Parameters
    ----------
    out_dir
        Root of the output dataset; made if it is not there.
    sources
        Name and folder of every dataset that was read, ``raw`` first.
    citation
        What to cite, in Markdown.
    container
        Tag of the container image deepmir runs in, if any.

    """
    generator = {
        'Name': GENERATOR,
        'Version': __version__,
        'Description': 'Cerebral microbleeds and basal ganglia iron from SWI, QSM and T2w',
    }
    if container:
        generator['Container'] = {'Type': 'singularity', 'Tag': container}  # type: ignore[assignment]
    description = {
        'Name': 'deepmir: cerebral microbleeds and basal ganglia iron',
        'BIDSVersion': BIDS_VERSION,
        'DatasetType': 'derivative',
        'GeneratedBy': [generator],
        'SourceDatasets': [{'URL': path.absolute().as_uri()} for path in sources.values()],
        'DatasetLinks': {name: path.absolute().as_uri() for name, path in sources.items()},
        'HowToAcknowledge': 'See CITATION.md.',
    }
    rows = ['desc_id\tdescription', *(f'desc-{key}\t{text}' for key, text in DESCRIPTIONS.items())]
    write_whole(out_dir / 'dataset_description.json', json.dumps(description, indent=2) + '\n')
    write_whole(out_dir / '.bidsignore', BIDSIGNORE)
    write_whole(out_dir / 'descriptions.tsv', '\n'.join(rows) + '\n')
    readme = load_data('output_README.md').read_text(encoding='utf-8')
    write_whole(out_dir / 'README.md', readme.replace('{results}', as_markdown()))
    write_whole(out_dir / 'CITATION.md', citation)


def describe_review(table: Path) -> None:
    """Put the description of its columns beside a reader's table, which comes from a browser."""
    columns = load_data('review_columns.json').read_text(encoding='utf-8')
    write_whole(table.with_suffix('.json'), columns)


def check_dataset(bids_dir: Path) -> None:
    """Look whether a folder calls itself a BIDS dataset.

    Raises
    ------
    UsageError
        It does not, or its description lacks what BIDS requires.

    """
    skip = '(--skip-bids-validation runs it all the same)'
    path = bids_dir / 'dataset_description.json'
    if not path.is_file():
        raise UsageError(f'{bids_dir} is not a BIDS dataset: no dataset_description.json {skip}.')
    description = read_json(path, f'mend it {skip}', UsageError)
    missing = [key for key in ('Name', 'BIDSVersion') if key not in description]
    if missing:
        raise UsageError(f'{path} lacks {" and ".join(missing)}, which BIDS requires {skip}.')


def check_ownership(out_dir: Path) -> None:
    """Ask whether an output folder is deepmir's own, or free; nothing else may be written to.

    Raises
    ------
    UsageError
        If another tool, or a person, made what lies there.

    """
    if not out_dir.is_dir():
        return
    names = {path.name for path in out_dir.iterdir() if not path.name.startswith('.')}
    if names <= BEFORE_DESCRIPTION or GENERATOR in _generators(out_dir):
        return
    makers = ', '.join(_generators(out_dir)) or 'somebody else'
    raise UsageError(
        f'{out_dir} holds what {makers} made, and not deepmir: choose a folder that is new or '
        f'empty, such as {out_dir / "deepmir"}.'
    )


def _generators(folder: Path) -> list[str]:
    """Names of the tools that a dataset's description says made it."""
    try:
        description = read_json(folder / 'dataset_description.json', 'mend it')
        return [str(tool['Name']) for tool in description['GeneratedBy']]
    except (InputError, KeyError, TypeError):
        return []
