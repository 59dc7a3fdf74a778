"""Reasons for failures are sentences, taken from Nipype's crash files."""

from __future__ import annotations

from deepmir_bids.running.crash_files import find_crashes, reason

CRASH = """Node: deepmir_wf.{unit}.anatomy_wf.load_swi
Working directory: /work

Traceback (most recent call last):
  File "x.py", line 1, in run
nipype.pipeline.engine.nodes.NodeExecutionError: Exception raised while executing Node load_swi.

Traceback:
\tTraceback (most recent call last):
\t  File "y.py", line 2, in _run_interface
\t{error}
"""


def crash(folder, unit, error):
    path = folder / f'crash-{unit}-{len(list(folder.iterdir()))}.txt'
    path.write_text(CRASH.format(unit=unit, error=error))
    return path


def test_the_sentence_for_a_person_is_found(tmp_path):
    crash(tmp_path, 'sub_01_wf', 'deepmir_bids.errors.InputError: /a.nii is cut short: copy it.')
    path = crash(tmp_path, 'sub_02_wf', 'KeyError: 3')
    crash(tmp_path, 'sub_03_wf', 'OSError: [Errno 28] No space left on device')
    crash(tmp_path, 'sub_77_wf', 'KeyError: of another run')
    names = {f'sub_0{n}_wf': f'sub-0{n}' for n in (1, 2, 3)}
    crashes = find_crashes(tmp_path, names)
    failures = {label: reason(file) for label, file in crashes.items()}
    assert set(failures) == {'sub-01', 'sub-02', 'sub-03'}
    assert failures['sub-01'] == '/a.nii is cut short: copy it.'
    assert failures['sub-02'] == f'KeyError: 3 (details in {path}).'
    assert failures['sub-03'].startswith('no room on the disk')
