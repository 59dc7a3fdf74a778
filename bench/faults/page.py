"""The page about a campaign: what was tried, how often, what was lost, what was mended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_HEAD = """\
# Reliability

*Written by `make faults` (`bench/faults`) from its own figures; do not edit.*

Runs are killed, disks fill up, clocks jump, archives hold what nobody should write. `make faults`
does all that to the real commands, again and again at random moments, and looks after each time
whether

- `out_dir` holds whole results of one run: no mixture of two, and no file of an earlier complete
  result is missing. What a run was just putting in its place as it was killed counts as no result
  until the next run has finished that;
- the same command, started again, ends well and leaves what an undisturbed run leaves;
- no process, no lock, no hidden and no temporary file is left;
- nothing was written outside `out_dir`, the work folder and the temporary one;
- all that was said are sentences of deepmir, which name the file or the option, and the exit
  status is the right one;
- nothing hung: no command stood still for five seconds, and no file that is hostile was read for
  more than that, or took more memory than its size allows.

The steps of a unit are a moment's work here, and leave the whole table of results; commands,
locks, records, Nipype, workers, publishing and the group level are those of every run. Commands
are forks of one process, so moments in which Python itself starts are not met. The group level's
files appear whole one by one: after a kill some are new and some old, until it is run again.

## What was tried

"""
_TAIL = """\

## What was found and mended

{mended}
"""
_MENDED = Path(__file__).with_name('mended.md')


def write_page(content: dict[str, Any], path: Path) -> None:
    """Write the page from the figures of a campaign."""
    rows = ['| fault | how often | rules broken |', '| --- | --- | --- |']
    for fault in content['faults']:
        tried = sum(fault['tried'].values())
        kinds = '; '.join(f'{kind}: {times:,}' for kind, times in sorted(fault['tried'].items()))
        rows.append(
            f'| {fault["text"]} | {tried:,} ({kinds}) | {len(fault["broken"]) or "none"} |'
        )
    broken = [(fault, one) for fault in content['faults'] for one in fault['broken']]
    lost = '\n'.join(f'- {fault["name"]}, trial {one["trial"]}' for fault, one in broken)
    minutes = sum(fault['seconds'] for fault in content['faults']) / 60
    cpu_s = sum(fault['cpu_s'] for fault in content['faults'])
    share = f'{content["share"]:g} of the campaign, s' if content['share'] != 1 else 'S'
    about = (
        f'{share}eed {content["seed"]}; {minutes:.0f} minutes, {cpu_s:,.0f} s of processor time. '
        f'{content["machine"]}.'
    )
    lost = f'Rules were broken:\n\n{lost}' if broken else 'Nothing was lost, and no rule broken.'
    text = '\n'.join([*rows, '', lost, '', about, ''])
    mended = _MENDED.read_text(encoding='utf-8').strip()
    path.write_text(_HEAD + text + _TAIL.format(mended=mended), encoding='utf-8')
