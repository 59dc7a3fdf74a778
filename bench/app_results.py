"""What the whole app finds, with the brain masks and nuclei that it finds itself.

    python bench/app_results.py 'NAME=TRUTH,RESULTS' ['NAME=TRUTH,RESULTS' …] [--table TSV]

TRUTH are class maps as deepmir-simulate leaves them, RESULTS an output folder of deepmir for the
same participants. Writes docs/results/app.tsv, and the page docs/results.md anew; or, of other
runs, another table alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from results_page import DOCS, SUMMARY, write_page
from results_sections import APP
from results_summary import Summary

from deepmir_bids.bids.tsv import write_tsv
from deepmir_bids.evaluation.evaluation_tables import evaluate

#: What the page shows.
MEASURES = ('true', 'TP', 'sensitivity', 'precision', 'F1', 'FP_per_subject')


def main() -> None:
    """Evaluate each folder of results, and write table and page."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('results', nargs='+', metavar='NAME=TRUTH,RESULTS')
    parser.add_argument('--table', type=Path, default=APP)
    options = parser.parse_args()
    parts = []
    for text in options.results:
        name, _, folders = text.partition('=')
        evaluation = evaluate(*map(Path, folders.split(',')))
        summary = evaluation.tables['summary']
        kept = summary[summary['measure'].isin(MEASURES)]
        columns = ['class', 'measure', 'pooled', 'pooled_low', 'pooled_high']
        units = len(evaluation.facts['units'])
        parts.append(kept[columns].assign(run=name, participants=units))
    write_tsv(pd.concat(parts), options.table)
    if options.table == APP:
        write_page(Summary.read(SUMMARY), DOCS / 'results.md')


if __name__ == '__main__':
    main()
