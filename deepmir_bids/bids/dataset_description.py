"""What stands at the root of the output dataset."""

from __future__ import annotations

import json
from pathlib import Path

from deepmir_bids import __version__
from deepmir_bids.bids.publishing import write_whole
from deepmir_bids.data import load as load_data

BIDS_VERSION = '1.10.0'
#: What a validator need not look at.
BIDSIGNORE = '*.html\nfigures\n*_xfm.*\ngroup_*\nCITATION.md\n'
DESCRIPTIONS = {
    'preproc': 'Prepared for the network: bias-corrected T2w, QSM in ppm; on the grid of the SWI',
    'brain': 'The brain, by registration to the template or as given with --brain-mask-from',
    'deepmir': 'Found by the network and kept at the operating point of the run',
    'lesions': 'One index for each lesion; its table is the lesion table',
    'candidates': 'The same of what stayed just under its threshold: not counted, for a reader',
    'review': 'What a reader made of each lesion and candidate',
}


def describe_dataset(
    out_dir: Path, sources: dict[str, Path], *, methods: str, container: str | None = None
) -> None:
    """
    Write the files at the root of the output dataset; many tasks may do so at once.

    Parameters
    ----------
    out_dir
        Root of the output dataset; made if it is not there.
    sources
        Name and folder of every dataset that was read, ``raw`` first.
    methods
        What was done, in prose, with its references.
    container
        Tag of the container image deepmir runs in, if any.

    """
    generator = {
        'Name': 'deepmir',
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
    write_whole(out_dir / 'README.md', load_data('output_README.md').read_text())
    write_whole(out_dir / 'CITATION.md', methods)


def describe_review(table: Path) -> None:
    """Put the description of its columns beside a reader's table, which comes from a browser."""
    columns = load_data('review_columns.json').read_text(encoding='utf-8')
    write_whole(table.with_suffix('.json'), columns)
