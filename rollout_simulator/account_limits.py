"""The rates that an account may call AWS's control planes at, shared by all who call: token buckets.

A call beyond a rate is refused before it reaches the service, as AWS does it, and costs no token. Figures are AWS's
documented defaults; a burst that is not documented is taken as one second's worth.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from botocore.endpoint import Endpoint

from rollout_simulator.clock import SimulatedClock
from rollout_simulator.faults import refusal
from rollout_simulator.moto_patches.patching import replacements

_ENDPOINT = replacements(Endpoint, _do_get_response="is where a call leaves its client")


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls a second, and so many at once. `error` is what a call beyond that is told."""

    per_second: float
    burst: float
    error: str


EXCEPT = {"lambda": frozenset({"Invoke"})}
"""Operations that a service's own rate does not count."""

RATES: Mapping[tuple[str, str], Rate] = {
    ("apigateway", "*"): Rate(10, 40, "TooManyRequestsException"),
    ("apigateway", "CreateDeployment"): Rate(0.2, 1, "TooManyRequestsException"),
    ("cloudwatch", "GetMetricData"): Rate(50, 50, "Throttling"),
    ("cloudwatch", "DescribeAlarms"): Rate(9, 9, "Throttling"),
    ("lambda", "*"): Rate(15, 15, "TooManyRequestsException"),
}
"""By service and operation as botocore names them; a call has to meet every rate that names it."""


@dataclass(slots=True)
class AccountLimits:
    """Counts calls once `enforced` is set: the calls that prepare the simulation are not limited."""

    clock: SimulatedClock
    enforced: bool = False
    rates: Mapping[tuple[str, str], Rate] = field(default_factory=lambda: RATES)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    _tokens: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def refuses(self, service: str, operation: str) -> str | None:
        """The error for this call, or None if it is admitted; counts it."""
        if not self.enforced or operation in EXCEPT.get(service, ()):
            return None
        keys = [key for key in ((service, "*"), (service, operation)) if key in self.rates]
        for key in keys:
            if self._left(key) < 1:
                self.refused[service, operation] += 1
                return self.rates[key].error
        for key in keys:
            self._tokens[key] = self._left(key) - 1, self.clock.timestamp()
        return None

    def _left(self, key: tuple[str, str]) -> float:
        rate, now = self.rates[key], self.clock.timestamp()
        tokens, at = self._tokens.get(key, (rate.burst, now))
        return min(rate.burst, tokens + (now - at) * rate.per_second)

    def send(self, original: Any, endpoint: Endpoint, request: Any, operation_model: Any, context: Any) -> Any:
        """Botocore's attempt to send a request."""
        error = self.refuses(operation_model.service_model.service_name, operation_model.name)
        if error is not None:
            return refusal(request, error, "Rate exceeded"), None
        return original(endpoint, request, operation_model, context)


@contextmanager
def patched(clock: SimulatedClock) -> Iterator[AccountLimits]:
    """Let every AWS call of the process pass through `AccountLimits`, which is yielded, for as long as this is open."""
    limits = AccountLimits(clock)
    original = Endpoint._do_get_response  # type: ignore[attr-defined]

    def send(endpoint: Endpoint, request: Any, operation_model: Any, context: Any) -> Any:
        return limits.send(original, endpoint, request, operation_model, context)

    with _ENDPOINT(_do_get_response=send):
        yield limits
