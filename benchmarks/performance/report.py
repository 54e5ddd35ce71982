"""Figures → docs/performance.md and its pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.judge.svg import Picture
from benchmarks.performance.cost import LAMBDA_MS, PRICES
from rollout_simulator.template import ROOT

DOCS = ROOT / "docs"
MOST_BYTES = 8 * 1024 * 1024
MOST_RATIO = 1.4
MOST_RATIO_OF = {"on_alarm": 1.15}
MOST_DOLLARS = {"2 hours": 0.02, "14 days": 1.0}
MOST_ADDED_SECONDS = 5.0
MOST_ROLLOUTS = 1_000
WORDS = {
    "cloudWatchAlarmMonth": "alarms",
    "cloudWatchApiCall": "alarm states read",
    "cloudWatchCustomMetricMonth": "own metrics",
    "cloudWatchMetricRequested": "metrics read",
    "dynamoDbReadUnit": "record read",
    "dynamoDbWriteUnit": "record written",
    "eventBridgeEvent": "events",
    "lambdaArmGbSecond": "Lambda time",
    "lambdaRequest": "Lambda requests",
    "logsGbIngested": "logs",
    "snsMessage": "notifications",
    "stepFunctionsTransition": "state transitions",
    "xRayTrace": "traces",
}
"""What each price is for."""

Json = dict[str, Any]


def pages(results: Json) -> Mapping[Path, str]:
    """The files to write."""
    return {
        DOCS / "performance.md": "\n".join(_page(results)),
        DOCS / "pictures" / "performance-startup.svg": str(_startup_picture(results["startup"]["functions"])),
        DOCS / "pictures" / "performance-cost.svg": str(_cost_picture(results["cost"]["rollouts"])),
    }


def _page(results: Json) -> Iterator[str]:
    yield "# Performance and cost\n"
    yield (
        "Measured by `python -m benchmarks.performance` (`startup`, `cost`, `routes`, `scale`, then `report` writes this page). "
        "Goals that are missed say so.\n"
    )
    yield from _startup(results["startup"])
    yield from _cost(results["cost"])
    yield from _routes(results["routes"])
    yield from _scale(results["scale"])


def _startup(found: Json) -> Iterator[str]:
    yield "## Start-up\n"
    artifact = found["artifact"]
    yield (
        f"All functions share one artifact: {artifact['zippedBytes'] / 1e6:.1f} MB zipped, {artifact['bytes'] / 1e6:.1f} MB "
        f"unpacked ({_met(artifact['zippedBytes'] < MOST_BYTES)}: under 8 MB).\n"
    )
    yield (
        "Each function's first answer in a new process, under Lambda's runtime client and the Runtime Interface Emulator, "
        "beside a bare handler (Powertools' Logger, the same boto3 clients, as many calls) and one that does nothing, in "
        f"turn in one run. Compared is the processor time until the answer, the least of {found['repetitions']}, because the "
        "time that passes depends on what else the machine does; the ratio of that, by the median, is beside it. It is a "
        "machine's time, not Lambda's: the ratio is what carries over.\n"
    )
    yield "![start-up](pictures/performance-startup.svg)\n"
    yield "| function | calls | its own, ms | bare handler, ms | empty, ms | ratio | goal | by the clock | warm, ms |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for name, each in sorted(found["functions"].items(), key=lambda item: _ratio(item[1])):
        goal = MOST_RATIO_OF.get(name, MOST_RATIO)
        yield (
            f"| {name} | {len(each['calls'])} | {each['ownCpuMs']:.0f} | {each['baselineCpuMs']:.0f} | "
            f"{each['emptyCpuMs']:.0f} | {_ratio(each):.2f} | {_met(_ratio(each) <= goal)}, {goal:g} | "
            f"{each['ownMs'] / each['baselineMs']:.2f} | {each['warmMs']:.0f} |"
        )
    yield (
        "\n`prepare` alone reads requests, so it alone imports pydantic. It runs once in a "
        "rollout, before anything is touched; functions that stop harm do not wait for it.\n"
    )


def _cost(found: Json) -> Iterator[str]:
    yield "## Cost\n"
    yield (
        "A healthy rollout by the real workflow in the simulator, everything it does counted and priced by "
        f"[one table](../benchmarks/performance/prices.json) ({PRICES_SOURCE}). Every invocation is priced at "
        f"{LAMBDA_MS:.0f} ms of 512 MB.\n"
    )
    yield "![cost](pictures/performance-cost.svg)\n"
    rollouts = _by_length(found["rollouts"])
    yield "| rollout | analyses | transitions | metrics read | dollars | goal |"
    yield "|---|---|---|---|---|---|"
    for name, each in rollouts.items():
        goal = MOST_DOLLARS.get(name)
        verdict = f"{_met(each['total'] < goal)}, {goal:g}" if goal else ""
        amounts = each["amounts"]
        yield (
            f"| {name} | {each['invoked']['AnalyzeFunction']:,} | {amounts['stepFunctionsTransition']:,.0f} | "
            f"{amounts['cloudWatchMetricRequested']:,.0f} | {each['total']:.3f} | {verdict} |"
        )
    yield (
        "\nMost of it is the three transitions of each analysis, and the metrics that are read, by the number of series (up "
        "to five statistics of one count as one) and the number of analyses. Both fall with fewer analyses: `measurement.mostMinutesBetweenAnalyses` (5) says "
        "how long a quiet step may go unobserved, and `judge.metrics` what is read. Alarms stop a rollout at once however "
        "seldom it analyses.\n"
    )
    idle = found["idleMonth"]
    parts = ", ".join(f"{WORDS[name]} {price:.3f}" for name, price in idle["dollars"].items() if price >= 0.001)
    yield (
        f"A month without rollouts costs {idle['total']:.2f} dollars ({parts}) and the table's storage. The alarms are "
        "within the free tier of an account that has fewer than ten; the rest is the sweep for lost locks.\n"
    )


def _routes(found: Sequence[Json]) -> Iterator[str]:
    yield "## Routes\n"
    yield (
        "What one analysis costs more where [harm is judged by route](judge.md#routes), by `python -m "
        "benchmarks.performance routes`. The dollars are those of GetMetricData; a rollout of an hour makes about 60 "
        "analyses. The milliseconds are the judge's own, for a new minute, with the evidence read from the record and "
        "written again. AWS charges for detailed metrics besides, with or without a rollout.\n"
    )
    yield "| routes | metrics more | dollars more | milliseconds in all | evidence of the routes |"
    yield "|---|---|---|---|---|"
    for each in found:
        yield (
            f"| {each['routes']} | {each['metrics']} | {each['dollars']:.4f} | {each['milliseconds']:.1f} | "
            f"{each['bytes'] / 1024:.1f} KB |"
        )
    yield ""


def _scale(found: Sequence[Json]) -> Iterator[str]:
    yield "## Many at once\n"
    yield (
        "All are requested in one instant, and two minutes later all their alarms fire in another, with the account's "
        "documented rates enforced: API Gateway 10 calls a second after a burst of 40, GetMetricData 50, DescribeAlarms 9. "
        "A removal takes three calls, so the last of many waits for the others whatever the controller does: that is "
        "the *queue*. Calls themselves take no time here, so all that is shown is waiting.\n"
    )
    yield "| rollouts | last canary there, s | removal: median, s | p99 | last | the rate's own queue, s | ended |"
    yield "|---|---|---|---|---|---|---|"
    for each in found:
        removal = each["removalSeconds"]
        ended = ", ".join(f"{number:,} {name}" for name, number in each["ended"].items())
        yield (
            f"| {each['rollouts']:,} | {each['lastCanarySeconds']:.0f} | {max(0.0, removal['0.5']):.1f} | "
            f"{max(0.0, removal['0.99']):.1f} | {max(0.0, removal['1']):.1f} | {each['queueSeconds']:.1f} | {ended} |"
        )
    yield ""
    if found[-1]["rollouts"] < MOST_ROLLOUTS:
        yield (
            f"{MOST_ROLLOUTS:,} at once are still to be measured: the simulator takes longer for them than this run had.\n"
        )
    worst = max(max(0.0, each["removalSeconds"]["0.99"] - each["queueSeconds"]) for each in found)
    yield (
        f"Beyond the queue the controller adds {worst:.1f} s at p99 at most ({_met(worst < MOST_ADDED_SECONDS)}: under 5 s).\n"
    )
    refused = found[-1]["refused"]
    if refused:
        most = max(refused, key=lambda name: int(refused[name]))
        yield (
            f"With {found[-1]['rollouts']:,} at once, {sum(refused.values()):,} calls were refused and sent again, most of "
            f"them {most}.\n"
        )


PRICES_SOURCE = str(PRICES["source"])


def _by_length(rollouts: Mapping[str, Json]) -> Mapping[str, Json]:
    return dict(sorted(rollouts.items(), key=lambda item: float(item[1]["minutes"])))


def _ratio(each: Json) -> float:
    return float(each["ownCpuMs"] / each["baselineCpuMs"])


def _met(reached: bool) -> str:
    return "met" if reached else "**missed**"


def _startup_picture(functions: Mapping[str, Json]) -> Picture:
    """A pair of bars for each function, the shortest first."""
    ordered = sorted(functions.items(), key=lambda item: float(item[1]["ownCpuMs"]))
    picture = Picture(760, 80 + 34 * len(ordered), "Start-up: processor time until the first answer, ms")
    scale = 480 / max(float(each["ownCpuMs"]) for _, each in ordered)
    picture.legend(150, 46, [("a", "the function"), ("b", "a bare handler with the same clients and calls")])
    for row, (name, each) in enumerate(ordered):
        y = 62 + 34 * row
        picture.text(140, y + 16, name, "strong", "end")
        for offset, kind, value in ((0, "a", each["ownCpuMs"]), (13, "b", each["baselineCpuMs"])):
            picture.bar(150, y + offset, scale * value, 11, kind)
            picture.text(156 + scale * value, y + offset + 10, f"{value:.0f}")
    return picture


def _cost_picture(rollouts: Mapping[str, Json]) -> Picture:
    """Where the money of each rollout goes, as shares of the whole."""
    picture = Picture(760, 90 + 40 * len(rollouts), "Where a rollout's money goes")
    groups = (
        ("a", "metrics read", ("cloudWatchMetricRequested", "cloudWatchApiCall")),
        ("b", "state transitions", ("stepFunctionsTransition",)),
        ("c", "own metrics, logs, traces", ("cloudWatchCustomMetricMonth", "logsGbIngested", "xRayTrace")),
        ("d", "all else", ()),
    )
    picture.legend(90, 46, [(kind, words) for kind, words, _ in groups])
    for row, (name, each) in enumerate(_by_length(rollouts).items()):
        y, x = 64 + 40 * row, 90.0
        picture.text(80, y + 16, name, "strong", "end")
        left = float(each["total"])
        for kind, _, names in groups:
            part = sum(float(each["dollars"].get(price, 0)) for price in names) if names else left
            left -= part
            picture.bar(x, y, 520 * part / each["total"], 24, kind)
            x += 520 * part / each["total"]
        picture.text(x + 8, y + 16, f"${each['total']:.3f}")
    return picture
