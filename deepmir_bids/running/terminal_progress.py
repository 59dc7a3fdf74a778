"""What a person sees while a run goes on: units done, what each one is at, and the time."""

from __future__ import annotations

import time
from collections import Counter

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

#: What a step does, in words, by the name of its node; steps that take no time are not shown.
STEPS = {
    'combine': 'reading the echoes',
    'load_swi': 'reading the SWI',
    'load_t2w': 'reading the T2w',
    'load_qsm': 'reading the QSM',
    'correct_swi': 'correcting the SWI’s shading',
    'correct_t2w': 'correcting the T2w’s shading',
    'align_t2w': 'aligning the T2w with the SWI',
    'register': 'registering to the template',
    'label_swi': 'labelling the brain',
    'reconstruct': 'making SWI and QSM',
    'convert_chi': 'converting the QSM',
    'predict': 'running the network',
    'measure': 'measuring lesions',
    'assemble': 'making the report',
    'publish': 'writing the results',
}

#: A step that ends sooner was not run: its result was found in the work folder.
REUSED_S = 0.03


class RunProgress:
    """Show the steps of a run as they start and end.

    On a terminal a bar stays at the bottom; elsewhere (a SLURM log) each step is a line.
    Its :meth:`on_status` is Nipype's ``status_callback``.
    """

    def __init__(self, labels: dict[str, str], console: Console | None = None):
        self.labels = labels
        self.console = console or Console(highlight=False)
        self.started: dict[str, float] = {}
        self.running: dict[str, str] = {}
        self.failed: set[str] = set()
        self.published: set[str] = set()
        self._stuck: set[str] = set()
        self.ended: Counter[str] = Counter()
        self.begin = time.monotonic()
        self.bar = Progress(
            TextColumn('{task.completed:.0f}/{task.total:.0f} units'),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn('{task.description}'),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        self.task = self.bar.add_task('starting', total=len(labels))

    def __enter__(self) -> RunProgress:
        self.bar.start()
        return self

    def __exit__(self, *_) -> None:
        self.bar.stop()

    def on_status(self, node, status: str) -> None:
        """Take note of a node that starts, ends or fails."""
        unit = self._unit(node.fullname)
        # Nipype reports a step that failed in the main process a second time, as ended, and so it
        # does with the steps that are not run for that.
        not_run = unit in self._stuck and node.fullname not in self.started
        if unit is None or node.fullname in self.failed or (status == 'end' and not_run):
            return
        if node.name in STEPS:
            self._show(node, unit, status)
        if status == 'exception':
            self.failed.add(node.fullname)
            self._stuck.add(unit)
            self._finish(unit)
        elif status == 'end' and node.name == 'publish':
            self.published.add(unit)
            self._finish(unit)
        now = '; '.join(f'{name}: {step}' for name, step in self.running.items())
        self.bar.update(self.task, description=now)

    def _show(self, node, unit: str, status: str) -> None:
        if status == 'start':
            self.started[node.fullname] = time.monotonic()
            self.running[unit] = STEPS[node.name]
        else:
            self._line(unit, f'{STEPS[node.name]}: {self._how(node, status)}')

    def _how(self, node, status: str) -> str:
        """What became of a step that has ended."""
        begin = self.started.get(node.fullname)
        seconds = None if begin is None else time.monotonic() - begin
        took = '' if seconds is None else f'{seconds:.1f} s'
        if status == 'exception':
            return f'[red]failed[/red], {took}'.removesuffix(', ')
        # MultiProc says nothing of the beginning of what it finds done, or does not hand on.
        if node.run_without_submitting:
            return took or 'done'
        return 'done before' if seconds is None or seconds < REUSED_S else took

    def _finish(self, unit: str) -> None:
        if not self.ended[unit]:
            self.bar.advance(self.task)
        self.ended[unit] += 1
        self.running.pop(unit, None)

    def _line(self, unit: str, text: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - self.begin), 60)
        self.console.print(f'{minutes:3d}:{seconds:02d}  {unit}  {text}')

    def _unit(self, fullname: str) -> str | None:
        for part in fullname.split('.'):
            if part in self.labels:
                return self.labels[part]
        return None
