"""Whether a simulation ended as its scenario expects."""

from __future__ import annotations

from collections.abc import Iterator

from rollout_simulator.scenario import Expected
from rollout_simulator.simulation import Result


def unmet(expected: Expected, result: Result) -> Iterator[str]:
    """Each expectation that was not met, with what was seen instead."""
    if result.outcome != expected.outcome:
        yield f"outcome: {result.outcome}, not {expected.outcome}: {result.reason}"
    if expected.reason_contains not in result.reason:
        yield f"reason_contains: {expected.reason_contains!r} is not in {result.reason!r}"
    for name, most, seen in (
        ("most_weight_percent", expected.most_weight_percent, result.max_weight_percent),
        ("most_bad_requests", expected.most_bad_requests, result.bad_requests),
    ):
        if most is not None and seen > most:
            yield f"{name}: {seen:g}, more than {most:g}"
    for name, wanted, found in (
        ("final_weight_percent", expected.final_weight_percent, result.final_weight_percent),
        ("lock_free", expected.lock_free, not result.lock_held),
        ("pages", expected.pages, result.pages),
    ):
        if wanted is not None and found != wanted:
            yield f"{name}: {found}, not {wanted}"
    said = "\n".join(f"{message.subject}\n{message.text}" for message in result.messages).lower()
    for text in expected.told:
        if text.lower() not in said:
            yield f"told: {text!r} is in none of {len(result.messages)} messages"
    for text in expected.not_told:
        if text.lower() in said:
            yield f"not_told: {text!r} is in a message"
