"""How strict the judge is. Values only: a request's reader builds them, `begin` checks them once more.

Rates, tolerances and probabilities are fractions of 1; weights of metrics are relative to one another.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from math import log
from typing import Any, NamedTuple, Self


class MetricKind(StrEnum):
    """What a metric counts, and so which way is worse."""

    ERRORS = "errors"
    LATENCY = "latency"
    BUSINESS_COUNT = "businessCount"
    """Good events per request: fewer is worse."""
    BUSINESS_VALUE = "businessValue"
    """A mean per sample (order value): lower is worse."""

    @property
    def higher_is_better(self) -> bool:
        return self in {MetricKind.BUSINESS_COUNT, MetricKind.BUSINESS_VALUE}


class Tolerance(NamedTuple):
    """tol(p) = relative·p + absolute: the canary's rate that is still acceptable when the base's is p."""

    relative: float
    absolute: float

    def of(self, base_rate: float) -> float:
        return self.relative * base_rate + self.absolute


class FastLane(NamedTuple):
    """When one minute may convict: so many bad canary requests, and either so far above the base (a fraction), or
    against odds that convict on their own."""

    min_bad: int = 20
    excess: float = 0.25


BALANCED = Tolerance(1.25, 0.0002)
PRESETS: Mapping[str, Tolerance] = {
    "sensitive": Tolerance(1.1, 0.0001),
    "balanced": BALANCED,
    "tolerant": Tolerance(1.5, 0.001),
}
"""The tolerance for errors. Latency and business metrics have their own, the same in every preset."""

LATENCY_TOLERANCE = Tolerance(1.0, 0.0)
BUSINESS_TOLERANCE = Tolerance(0.9, 0.0)
REFUSALS_TOLERANCE = Tolerance(1.5, 0.02)
"""For requests that were refused, by the API (4XX) or for want of capacity (throttles): clients have a part in them."""

MAX_EXCESS = 0.02
REFUSALS_MAX_EXCESS = 0.05
LATENCY_WARM_UP_MINUTES = 2

GATE = Tolerance(2.0, 0.005)
ALPHA_PER_METRIC = 0.01
LARGEST_DEFAULT_ALPHA = 0.05
ROUTES_SHARE = 0.2
"""Of a metric's share, so much is spread over its routes, by their requests before the rollout."""
MOST_ROUTES = 50
"""The busiest ones; each costs evidence in the record, and metrics to be read."""
WITH_ROUTES = ("5XXError", "4XXError")
"""The metrics that are also judged by route."""
CAP_SHARE = 0.58
"""Measured against others at the same rate of false rollbacks; two blocks convict, one does not."""


class MetricSettings(NamedTuple):
    """One metric; `name` is the key of its series ("5XXError", "Latency.p90", "OrdersPlaced").

    `dispersion` is φ: how many times more the counts vary than those of independent requests would; None
    is not known, and taken for 1. `weight` is the metric's share in the evidence of harm, relative to the
    others (None counts as 1). `required` must be proven safe before the weight rises. `dry_run` is watched
    and explained, and decides nothing. `max_excess` bounds what the tolerance allows above the base's rate,
    however bad the base is. So many `warm_up_minutes` after each raise are shown and not counted; None is
    the default of the kind. `parent` is the metric of which this is one route, "" for one of the whole target.
    """

    name: str
    kind: MetricKind = MetricKind.ERRORS
    tolerance: Tolerance = BALANCED
    dispersion: float | None = None
    weight: float | None = None
    required: bool = True
    dry_run: bool = False
    max_excess: float = MAX_EXCESS
    warm_up_minutes: int | None = None
    parent: str = ""

    @property
    def phi(self) -> float:
        """The dispersion that the evidence is divided by."""
        return 1.0 if self.dispersion is None else self.dispersion

    @property
    def warm_up(self) -> int:
        """How many minutes after each raise are not counted."""
        if self.warm_up_minutes is None:
            return LATENCY_WARM_UP_MINUTES if self.kind is MetricKind.LATENCY else 0
        return self.warm_up_minutes

    def line(self, base_rate: float) -> Tolerance:
        """The tolerance that holds at this base rate: the smaller of the metric's own and `max_excess` above the base.

        On a bad base r·p + d tolerates more than anybody means (1.25 times a base of 60 % is 75 %). A test of either
        line is valid, and which one is chosen depends only on what was known before.
        """
        relative, absolute = self.tolerance
        if (relative - 1.0) * base_rate + absolute > self.max_excess:
            return Tolerance(1.0, self.max_excess)
        return self.tolerance

    @property
    def decides(self) -> bool:
        return not self.dry_run

    @property
    def gates(self) -> bool:
        """Whether an advance waits for this metric's proof."""
        return self.required and not self.dry_run


def default_tolerance(kind: MetricKind, preset: str = "balanced") -> Tolerance:
    """The tolerance of a metric that names none. Raises KeyError for an unknown preset."""
    if kind is MetricKind.ERRORS:
        return PRESETS[preset]
    return BUSINESS_TOLERANCE if kind.higher_is_better else LATENCY_TOLERANCE


def default_metrics(preset: str = "balanced") -> tuple[MetricSettings, ...]:
    """What is judged when a request names no metrics.

    Server errors must be proven safe; slowness and client errors convict but need not be disproved. A
    well-behaved release that rejects bad input has more client errors, so their tolerance is wide; one that
    answers 403 to everybody is far beyond it.
    """
    errors, latency = default_tolerance(MetricKind.ERRORS, preset), LATENCY_TOLERANCE
    return (
        MetricSettings("5XXError", MetricKind.ERRORS, errors),
        MetricSettings("Latency.p90", MetricKind.LATENCY, latency, required=False),
        MetricSettings("Latency.p99", MetricKind.LATENCY, latency, required=False),
        MetricSettings(
            "4XXError", MetricKind.ERRORS, REFUSALS_TOLERANCE, required=False, max_excess=REFUSALS_MAX_EXCESS
        ),
    )


def default_alpha(metrics: Iterable[MetricSettings]) -> float:
    """0.01 for each metric that decides, at most 0.05 in all."""
    deciding = sum(metric.decides for metric in metrics)
    return min(ALPHA_PER_METRIC * deciding, LARGEST_DEFAULT_ALPHA)


class Route(NamedTuple):
    """One route of the target ("POST /orders"), and how many requests it had before the rollout."""

    name: str
    requests: int


def busiest(routes: Iterable[Route]) -> tuple[Route, ...]:
    """The routes to judge by: the busiest, those without a request left out. None where there is one alone, which is
    the whole target."""
    chosen = sorted((route for route in routes if route.requests > 0), key=lambda route: (-route.requests, route.name))
    return tuple(chosen[:MOST_ROUTES]) if len(chosen) > 1 else ()


def route_metric_name(metric: str, route: str) -> str:
    """The name of a metric of one route: "5XXError POST /orders"."""
    return f"{metric} {route}"


def split_route(name: str) -> tuple[str, str]:
    """The metric and its route; "" for one of the whole target. The inverse of `route_metric_name`."""
    metric, _, route = name.partition(" ")
    return (metric, route) if route and metric in WITH_ROUTES else (name, "")


class JudgeSettings(NamedTuple):
    """All that the judge needs to know besides the plan.

    `alpha` bounds the probability that a rollout within tolerance is ever rolled back, over the whole
    rollout; `beta` the one that a step which is not safe is ever taken for safe. `gate` is the margin of
    the safety proof at 100 %. A step lasts at most `max_bake_factor` times its bake. `cap_share` of the
    way to 1/α is the most that one block can add to a metric's evidence outside the fast lane.
    `tests_split` is off where there are no two arms to compare the traffic of (the watch). `routes` are
    judged besides, each by the metrics `WITH_ROUTES`, for harm only.
    """

    metrics: tuple[MetricSettings, ...]
    alpha: float
    beta: float = 0.05
    gate: Tolerance = GATE
    max_bake_factor: float = 3.0
    cap_share: float = CAP_SHARE
    fast_lane: FastLane = FastLane()
    tests_split: bool = True
    routes: tuple[Route, ...] = ()

    @property
    def judged(self) -> tuple[MetricSettings, ...]:
        """The metrics, and after them those of the routes."""
        return (*self.metrics, *_route_metrics(self.metrics, self.routes)) if self.routes else self.metrics

    @classmethod
    def of(
        cls,
        preset: str = "balanced",
        metrics: Iterable[MetricSettings] | None = None,
        *,
        alpha: float | None = None,
        beta: float = 0.05,
        gate: Tolerance = GATE,
        max_bake_factor: float = 3.0,
        cap_share: float = CAP_SHARE,
        fast_lane: FastLane | None = None,
    ) -> Self:
        """Settings with every default filled in. Raises InvalidSettings."""
        from .checks import check_preset, check_settings  # noqa: PLC0415 - settings are made and checked by Prepare only

        check_preset(preset, PRESETS)
        chosen = default_metrics(preset) if metrics is None else tuple(metrics)
        settings = cls(
            chosen,
            default_alpha(chosen) if alpha is None else alpha,
            beta,
            gate,
            max_bake_factor,
            cap_share,
            FastLane() if fast_lane is None else fast_lane,
        )
        check_settings(settings)
        return settings

    def shares(self) -> dict[str, float]:
        """Each metric's share in the average of the evidence; the shares of those that decide add up to 1.

        One on a dry run is given the share it would have if it decided, so that what it says can be trusted.
        """
        total = sum(_weight(metric) for metric in self.metrics if metric.decides)
        shares = {
            metric.name: _weight(metric) / (total if metric.decides else total + _weight(metric))
            for metric in self.metrics
        }
        if self.routes:
            requests = sum(route.requests for route in self.routes)
            for name in [metric.name for metric in self.metrics if metric.name in WITH_ROUTES]:
                for_routes = ROUTES_SHARE * shares[name]
                shares[name] -= for_routes
                for route in self.routes:
                    shares[route_metric_name(name, route.name)] = for_routes * route.requests / requests
        return shares

    def log_limit(self, share: float = 1.0) -> float:
        """ln(1/(α·share)): the evidence at which a metric of that share convicts, all by itself."""
        return -log(self.alpha * share)

    @property
    def log_proof(self) -> float:
        """ln(1/β): the evidence at which a metric is proven safe."""
        return -log(self.beta)

    def log_cap(self, share: float = 1.0) -> float:
        """The most that one block may add to the capped evidence of a metric of that share, in nats."""
        return self.cap_share * self.log_limit(share)

    def to_dict(self) -> dict[str, object]:
        """The `judge` block of a request with every default written out; JSON."""
        block: dict[str, object] = {
            "alpha": self.alpha,
            "beta": self.beta,
            "gate": _tolerance_to_dict(self.gate),
            "maxBakeFactor": self.max_bake_factor,
            "capShare": self.cap_share,
            "fastLane": {"minBad": self.fast_lane.min_bad, "excess": self.fast_lane.excess},
            "metrics": [_metric_to_dict(metric) for metric in self.metrics],
        }
        return block | {"routes": [list(route) for route in self.routes]} if self.routes else block

    @classmethod
    def from_dict(cls, block: Mapping[str, Any]) -> "JudgeSettings":
        """The inverse of `to_dict`: settings as they were stored, which were checked when they were made."""
        return cls(
            tuple(_metric_from_dict(metric) for metric in block["metrics"]),
            block["alpha"],
            block["beta"],
            Tolerance(**block["gate"]),
            block["maxBakeFactor"],
            block["capShare"],
            FastLane(block["fastLane"]["minBad"], block["fastLane"]["excess"]),
            routes=tuple(Route(name, requests) for name, requests in block.get("routes", ())),
        )


@lru_cache(maxsize=8)
def _route_metrics(metrics: tuple[MetricSettings, ...], routes: tuple[Route, ...]) -> tuple[MetricSettings, ...]:
    """A metric for each route, judged as its parent is, and never required."""
    return tuple(
        metric._replace(name=route_metric_name(metric.name, route.name), required=False, parent=metric.name)
        for metric in metrics
        if metric.name in WITH_ROUTES
        for route in routes
    )


def _weight(metric: MetricSettings) -> float:
    return 1.0 if metric.weight is None else metric.weight


def _tolerance_to_dict(tolerance: Tolerance) -> dict[str, object]:
    return {"relative": tolerance.relative, "absolute": tolerance.absolute}


def _metric_to_dict(metric: MetricSettings) -> dict[str, object]:
    block: dict[str, object] = {
        "name": metric.name,
        "kind": metric.kind.value,
        "tolerance": _tolerance_to_dict(metric.tolerance),
        "dispersion": metric.dispersion,
        "required": metric.required,
        "dryRun": metric.dry_run,
        "maxExcess": metric.max_excess,
        "warmUpMinutes": metric.warm_up_minutes,
    }
    return block if metric.weight is None else block | {"weight": metric.weight}


def _metric_from_dict(block: Mapping[str, Any]) -> MetricSettings:
    return MetricSettings(
        block["name"],
        MetricKind(block["kind"]),
        Tolerance(**block["tolerance"]),
        block["dispersion"],
        block.get("weight"),
        block["required"],
        block["dryRun"],
        block.get("maxExcess", MAX_EXCESS),  # the first edition knew neither
        block.get("warmUpMinutes"),
    )
