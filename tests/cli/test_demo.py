"""`make demo`: a good release by the ramp and a bad one, in words for somebody who has never seen a rollout."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rollout_cli import demo
from rollout_simulator import simulation

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_it_shows_a_promotion_and_a_rollback_and_says_what_happened(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main() == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "PROMOTED: " in shown
    assert (
        "So each raise of the good release was proven, it did no harm at 95 %, and was through in 60 simulated "
        "minutes, watch included." in shown
    )
    assert "ROLLED BACK: 5XX: " in shown
    assert "So the bad release never served more than 5 % of the requests" in shown
    assert str(ROOT) not in shown


def test_it_fails_when_a_rollout_does_not_end_as_it_should(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*arguments: Any, **others: Any) -> simulation.Result:
        return replace(simulation.simulate(*arguments, **others), outcome="HELD")

    monkeypatch.setattr(demo, "SHOWN", ("all-fail",))
    monkeypatch.setattr(demo, "simulate", other)
    assert demo.main() == 1
