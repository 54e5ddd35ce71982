"""What an analysis costs more by routes.

Counted are the metrics of one GetMetricData (a metric with up to five statistics is one, as it is priced), the bytes of
the evidence in the record, and the processor's time of what an analysis does with a minute: evidence read from its
stored form, the minute observed and judged, the evidence stored again. Reading CloudWatch is not in it.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from statistics import median
from time import process_time_ns
from typing import Any

from rollout.core.judge import Count, Evidence, JudgeSettings, MinuteReading, Pair, Route, Step, begin, judge, observe

PRICE_PER_METRIC = json.loads(Path(__file__).with_name("prices.json").read_text())["cloudWatchMetricRequested"]
METRICS_PER_ROUTE = 4
"""5XXError and 4XXError of base and canary."""
WARM_UP_MINUTES, MINUTES = 20, 60
PLAN = (Step(Decimal(5), 100),)


NUMBERS = (0, 10, 50)


def measured() -> list[dict[str, Any]]:
    """For so many routes what one analysis costs."""
    found = []
    for routes in NUMBERS:
        milliseconds, size = _analysis(routes)
        metrics = METRICS_PER_ROUTE * routes
        dollars = metrics * PRICE_PER_METRIC
        found.append(
            {"routes": routes, "metrics": metrics, "dollars": dollars, "milliseconds": milliseconds, "bytes": size}
        )
    return found


def _analysis(routes: int) -> tuple[float, int]:
    """Milliseconds of an analysis with so many routes (the median), and the bytes of their evidence in the record."""
    names = [f"GET /catalogue/{{shop}}/items/{number}" for number in range(routes)]
    settings = JudgeSettings.of()._replace(routes=tuple(Route(name, 1_000) for name in names))
    evidence = begin(settings, PLAN, {})
    took = []
    for minute in range(1, WARM_UP_MINUTES + MINUTES + 1):
        pairs = {metric.name: Pair(Count(600, 6), Count(11_400, 114)) for metric in settings.judged}
        stored = json.dumps(evidence.to_dict())
        began = process_time_ns()
        evidence = observe(Evidence.from_dict(json.loads(stored)), MinuteReading(minute, 0, pairs), settings, PLAN)
        judge(evidence, settings, PLAN)
        json.dumps(evidence.to_dict())
        if minute > WARM_UP_MINUTES:
            took.append((process_time_ns() - began) / 1e6)
    return median(took), len(json.dumps(evidence.to_dict()["routes"]))
