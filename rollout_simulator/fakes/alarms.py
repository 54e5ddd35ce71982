"""Alarms in memory; a test puts them into a state."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rollout.core.inspection import AlarmMetric, AlarmState
from rollout.core.target import Target
from rollout_simulator.fakes.trouble import Troubled


class FakeAlarms(Troubled):
    """Implements `Alarms`."""

    def __init__(self) -> None:
        super().__init__()
        self._alarms: dict[str, AlarmState] = {}
        self._tags: dict[str, set[str]] = {}
        self.silent: frozenset[AlarmMetric] = frozenset()

    def put(
        self,
        name: str,
        state: str,
        since: datetime,
        reason: str = "",
        *,
        tagged: Target | None = None,
        metric: AlarmMetric | None = None,
    ) -> None:
        """Make the alarm, or put it into another state."""
        self._alarms[name] = AlarmState(name, state, since, reason, metric)
        if tagged is not None:
            self._tags.setdefault(tagged.key, set()).add(name)

    def delete(self, name: str) -> None:
        """Delete the alarm, and its tags with it."""
        del self._alarms[name]
        for names in self._tags.values():
            names.discard(name)

    def named(self, names: Sequence[str]) -> Sequence[AlarmState]:
        """The states of these alarms; those that do not exist are missing.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return [self._alarms[name] for name in names if name in self._alarms]

    def seen(self, metrics: Sequence[AlarmMetric], now: datetime) -> frozenset[AlarmMetric]:  # noqa: ARG002 - it knows
        """All of them but the `silent`.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return frozenset(metrics) - self.silent

    def tagged_for(self, target: Target) -> Sequence[str]:
        """The names of the alarms with the tag for this target, sorted.

        Raises: the `trouble`, such as Unavailable.
        """
        self._called()
        return sorted(self._tags.get(target.key, ()))
