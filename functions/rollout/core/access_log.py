"""Whether metric filters make the metrics of an access log that rollouts are judged by.

Judged by data: a line is made as the stage writes it, and given to the filters of its log group. What is not
understood, such as a pattern with a regular expression, counts as right: only what is certain is held against anybody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rollout.core.filter_pattern import NotUnderstood, matches, selected
from rollout.core.target import Json

NAMESPACE = "RolloutPilot/AccessLog"
STATUS = "Status"
LATENCY = "Latency"
VALUES = {STATUS: "status", LATENCY: "responseLatency"}
"""The variable of which each metric is made."""
DIMENSIONS = {"ApiId": "apiId", "Stage": "stage", "Canary": "isCanaryRequest"}
"""The variable of which each dimension is made."""
_VARIABLE = re.compile(r"\$context((?:\.[A-Za-z0-9_-]+)+)")
_FIRST_TOKEN = 90_000_001
_STATUSES = (502, 200)
_LATENCY_MS = 137
"""What the numbers are in the lines that are made."""


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """A metric filter of a log group: which lines it takes, and what it makes of them."""

    name: str
    pattern: str
    namespace: str
    metric: str
    value: str
    dimensions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoggedField:
    """Where a variable stands in a line, such as `$.status`, and whether as a text in quotes."""

    selector: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class AccessLog:
    """A stage's access log. destination: the ARN of a log group or delivery stream. filters: those of the log group;
    None where they are not known.
    """

    destination: str
    format: str
    filters: Sequence[MetricFilter] | None = None

    @property
    def group(self) -> str:
        """The name of the log group; "" where it is none."""
        return self.destination.split(":log-group:", 1)[1].removesuffix(":*") if ":logs:" in self.destination else ""

    @property
    def fields(self) -> Mapping[str, LoggedField] | None:
        """Where each variable stands; None where the format is no JSON object."""
        return logged_fields(self.format)

    def lacks(self, metrics: Sequence[str]) -> Sequence[str] | None:
        """The variables that these metrics are made of and that the log has not; None where it is no JSON."""
        wanted = [*DIMENSIONS.values(), *(VALUES[metric] for metric in metrics)]
        return None if self.fields is None else [name for name in wanted if name not in self.fields]

    def quoted(self, metrics: Sequence[str]) -> Sequence[str]:
        """The numbers of these metrics that stand in quotes."""
        found = self.fields or {}
        return [VALUES[each] for each in metrics if VALUES[each] in found and found[VALUES[each]].quoted]

    def mended(self, metrics: Sequence[str]) -> str:
        """The format with what it lacks, and its numbers without quotes; the whole of ours where it is no JSON."""
        lacking = self.lacks(metrics)
        if lacking is None:
            return _written([*DIMENSIONS.values(), *(VALUES[metric] for metric in metrics)])
        line = self.format.strip()
        for name in self.quoted(metrics):
            line = re.sub(rf'"\$context\.{name}"', f"$context.{name}", line)
        body, more = line[1:-1].strip(), _written(lacking)[1:-1]
        return "{" + ",".join(part for part in (body, more) if part) + "}"

    def problem(self, metric: str, where: Mapping[str, str]) -> str | None:
        """What keeps this metric from being made, in words; None where nothing is known to.

        where: the values of the dimensions `ApiId` and `Stage`.
        """
        if self.filters is None or self.fields is None:
            return None
        found = self.filters_of(metric)
        if not found:
            return f"has no metric filter that makes {NAMESPACE} {metric}"
        try:
            for sample in _samples(where):
                problems = [_problem_of(each, sample, self.format) for each in found]
                if None not in problems:
                    return problems[0]
        except NotUnderstood:
            return None
        return None

    def filters_of(self, metric: str) -> Sequence[MetricFilter]:
        """Those that make this metric."""
        return [each for each in self.filters or () if (each.namespace, each.metric) == (NAMESPACE, metric)]

    def fits(self, metrics: Sequence[str], where: Mapping[str, str]) -> bool:
        """Whether nothing is known to keep these metrics from being made."""
        right = self.group != "" and self.lacks(metrics) == [] and not self.quoted(metrics)
        return right and all(self.problem(metric, where) is None for metric in metrics)


def _samples(where: Mapping[str, str]) -> Iterator[Mapping[str, str | int]]:
    """The variables of a failed and of a good request of each arm: a filter that takes one alone counts wrongly."""
    for status in _STATUSES:
        for is_canary in (True, False):
            yield {
                "apiId": where["ApiId"],
                "stage": where["Stage"],
                "isCanaryRequest": is_canary,
                "status": status,
                "responseLatency": _LATENCY_MS,
            }


def logged_fields(log_format: str) -> Mapping[str, LoggedField] | None:
    """Where each variable stands in a line of this format; None where that is no JSON object."""
    tokens: dict[str, str] = {}
    line = _parsed(log_format, tokens)
    if not isinstance(line, dict):
        return None
    found: dict[str, LoggedField] = {}
    for selector, value in _leaves(line, "$"):
        name = tokens.get(str(value))
        if name is not None:
            found.setdefault(name, LoggedField(selector, isinstance(value, str)))
    return found


def line_of(log_format: str, values: Mapping[str, str | int]) -> Json | None:
    """A line of this format with these variables, all others 0; None where it is no JSON object."""
    tokens: dict[str, str] = {}
    line = _parsed(log_format, tokens)

    def filled(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: filled(each) for name, each in value.items()}
        if isinstance(value, list):
            return [filled(each) for each in value]
        if isinstance(value, int) and str(value) in tokens:
            return values.get(tokens[str(value)], 0)
        if isinstance(value, str):
            return re.sub(r"9\d{7}", lambda token: _text(values.get(tokens.get(token[0], ""), 0)), value)
        return value

    made: Json | None = filled(line) if isinstance(line, dict) else None
    return made


def _parsed(log_format: str, tokens: dict[str, str]) -> Any:
    """The format as JSON, with a number for each variable: numbers may stand with quotes and without.

    `tokens` gets the variable of each number.
    """

    def token(found: re.Match[str]) -> str:
        number = str(_FIRST_TOKEN + len(tokens))
        tokens[number] = found[1].removeprefix(".")
        return number

    try:
        return json.loads(_VARIABLE.sub(token, log_format))
    except ValueError:
        return None


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The values of an object, each with the selector by which filters find it."""
    for name, each in value.items():
        selector = f"{path}.{name}" if re.fullmatch(r"\w+", name) else f"{path}['{name}']"
        if isinstance(each, dict):
            yield from _leaves(each, selector)
        else:
            yield selector, each


def _text(value: Any) -> str:
    """As it stands in a line of JSON."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _problem_of(found: MetricFilter, sample: Mapping[str, str | int], log_format: str) -> str | None:
    """What keeps this filter from making its metric of this request's line; None where nothing is known to."""
    line = line_of(log_format, sample) or {}
    if matches(found.pattern, line) is False:
        what = f"no line of {'a canary' if sample['isCanaryRequest'] else 'the base'} with status {sample['status']}"
        return f"has the metric filter {found.name}, whose pattern {found.pattern} matches {what}"
    if _text(selected(found.value, line)) != _text(sample[VALUES[found.metric]]):
        return f"has the metric filter {found.name}, whose value is {found.value} and not {VALUES[found.metric]}"
    for name, variable in DIMENSIONS.items():
        if name not in found.dimensions or _text(selected(found.dimensions[name], line)) != _text(sample[variable]):
            return f"has the metric filter {found.name}, whose dimension {name} is not {variable}"
    more = [name for name in found.dimensions if name not in DIMENSIONS]
    return f"has the metric filter {found.name}, which has one more dimension, {more[0]}" if more else None


def _written(names: Sequence[str]) -> str:
    """A format that logs these variables, numbers without quotes."""
    numbers = VALUES.values()
    parts = (f'"{name}":$context.{name}' if name in numbers else f'"{name}":"$context.{name}"' for name in names)
    return "{" + ",".join(parts) + "}"
