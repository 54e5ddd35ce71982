"""A rollout in an account that is not as believed: not proven without a probe, promoted with what one has found."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflow.world import world

OTHERWISE: dict[str, Any] = {
    "canary_series_name": "{stage}-canary",
    "canary_series_needs_logging": False,
    "base_semantics": "exclusive",
    "late_minutes": 2.0,
}
FOUND = {
    "canary-series": "{stage}-canary",
    "execution-logging": "not needed",
    "base-semantics": "exclusive",
    "lateness": 5,
}
UNATTENDED = {"onInconclusive": "rollback", "plan": {"steps": [{"weightPercent": 20, "bakeMinutes": 5}], "control": 0}}


@pytest.mark.parametrize(("answers", "ended"), [({}, "RolledBack"), (FOUND, None)], ids=["without", "with a probe"])
def test_an_account_of_another_kind_is_rolled_out_on_by_what_a_probe_has_found(
    answers: dict[str, Any], ended: str | None
) -> None:
    with world(metrics=OTHERWISE, api={"execution_logging": False}, request=UNATTENDED) as at:
        at.simulation.store.keep_account({"probedAt": "2026-03-02T12:00:00+00:00", "answers": answers})
        assert ended == at.ended(at.start(at.request())).get("error")
