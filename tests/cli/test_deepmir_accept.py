"""What the command line of the acceptance test makes of its options."""

from __future__ import annotations

import pytest

from deepmir_bids.acceptance import run_acceptance
from deepmir_bids.cli.deepmir_accept import main


class Reached(Exception):
    """The test would begin."""


def test_the_field_strength_holds_for_the_lesions_and_for_what_is_made(tmp_path, monkeypatch):
    given = []

    def begin(settings, plan, show):
        given.append((settings, plan))
        raise Reached

    monkeypatch.setattr(run_acceptance, 'run_acceptance', begin)
    more = ['--reconstruct', 'always', '--echo-times', '10', '20', '--field-strength', '7']
    with pytest.raises(Reached):
        main([str(tmp_path), str(tmp_path / 'test'), *more])
    ((settings, plan),) = given
    assert settings.field_strength == plan.scan.field_t == 7
    assert (settings.reconstruct, settings.echo_times) == ('always', (10, 20))


def test_no_field_is_below_zero(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main([str(tmp_path), str(tmp_path / 'test'), '--field-strength', '-3'])
    assert 'is not above 0' in capsys.readouterr().err
