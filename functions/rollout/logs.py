"""Structured log lines: every one names the rollout, its target and its step."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from rollout.errors import RolloutError

if TYPE_CHECKING:
    from rollout.core.events import StateChanged
    from rollout.core.rollout import Rollout
    from rollout.core.target import Json
    from rollout.ports import Ports

logger = Logger(service="rollout-pilot")


def log_about(at: Ports, rollout_id: str, message: str, **words: object) -> None:
    """One log line about a rollout as it now stands."""
    logger.info(message, extra={**about(rollout_id, as_it_stands(at, rollout_id)), **words})


def about(rollout_id: str, rollout: Rollout | None) -> Json:
    """The keys by which every log line is found; a request that was refused has no target and step -1."""
    return {
        "rollout_id": rollout_id,
        "target": rollout.settings.target.key if rollout else "",
        "step": rollout.step if rollout else -1,
    }


def about_event(event: StateChanged) -> Json:
    """The same of a `Rollout State Changed` event."""
    target = event["target"]
    return {
        "rollout_id": event["rolloutId"],
        "target": "/".join(str(part) for part in target.values()) if isinstance(target, dict) else "",
        "step": event.get("step", -1),
    }


def as_it_stands(at: Ports, rollout_id: str) -> Rollout | None:
    """The rollout, if it can be read: what has been done must not fail for want of a log line."""
    with suppress(RolloutError):
        return at.store.load(rollout_id)
    return None
