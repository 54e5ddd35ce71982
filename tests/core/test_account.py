"""What a probe has stored, as Prepare reads it: what it does not know is as if it had not been found."""

from __future__ import annotations

from typing import Any

import pytest

from rollout.core.account import AccountFacts, CanaryMetrics, canary_lacks_series


def facts(**answers: Any) -> AccountFacts:
    document = {
        "probedAt": "2026-03-02T12:00:00+00:00",
        "answers": {name.replace("_", "-"): answers[name] for name in answers},
    }
    return AccountFacts.from_document(document)


def test_every_answer_is_read() -> None:
    assert AccountFacts(
        probed_on="2026-03-02",
        inclusive=False,
        canary_series="{stage}-canary",
        canary_metrics=CanaryMetrics.ALWAYS,
        lag_minutes=5,
    ) == facts(
        base_semantics="exclusive",
        canary_series="{stage}-canary",
        execution_logging="not needed",
        lateness=5,
        other="x",
    )


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"base_semantics": None, "canary_series": None, "execution_logging": None, "lateness": None},
        {"base_semantics": "both", "canary_series": 7, "execution_logging": "perhaps", "lateness": "late"},
        {"canary_series": "none", "lateness": 31},
        {"canary_series": "", "lateness": -1},
        {"canary_series": "x" * 129},
    ],
)
def test_what_is_not_known_or_makes_no_sense_is_nothing(answers: dict[str, Any]) -> None:
    assert AccountFacts(probed_on="2026-03-02") == facts(**answers)


@pytest.mark.parametrize(
    ("found", "logging", "lacks"),
    [
        (None, True, False),
        (None, False, True),
        (None, None, False),
        (CanaryMetrics.WITH_LOGGING, True, False),
        (CanaryMetrics.WITH_LOGGING, False, True),
        (CanaryMetrics.ALWAYS, False, False),
        (CanaryMetrics.NEVER, True, True),
    ],
)
def test_whether_a_canary_has_a_series_goes_by_the_probe_and_by_the_stage(
    found: CanaryMetrics | None, logging: bool | None, lacks: bool
) -> None:
    assert lacks is canary_lacks_series(found, logging)
