"""From answers and error lines to groups: each failed request gets its function's message, then they are counted.

A group is ranked by how many failures the candidate has of it beyond those that it would have if its failures were
mixed as the base's are: what is broken for both stands last.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from rollout.core.why.access_log import Answer
from rollout.core.why.function_log import REPORT, ErrorLine, Span
from rollout.core.why.why import MOST_SAMPLES, Group, Sample

LOWEST_SERVER_ERROR = 500
_BEFORE_ITS_START_MS = 15_000
"""An environment that fails to start says so before the START line of the request it was made for (Lambda's documented
limit of a first start is 10 s)."""
_AFTER_ITS_END_MS = 1_000


@dataclass(frozen=True, slots=True)
class Arm:
    """What was read of one arm: its failed answers, and what its function's log says."""

    failures: Sequence[Answer] = ()
    errors: Sequence[ErrorLine] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read of both. shared: lines of a version that serves both arms. spans: of the failed invocations that
    were looked up, by request id.
    """

    canary: Arm = Arm()
    base: Arm = Arm()
    shared: Sequence[ErrorLine] = ()
    spans: Mapping[str, Span] = field(default_factory=dict)

    @property
    def is_joined(self) -> bool:
        """Whether lines of the function's log were found for answers of the candidate: then what else stands there was
        no failed answer, or one that was left out.
        """
        return any(lines for _, lines in _with_lines(self.canary, self))


def to_look_up(
    failures: Sequence[Answer], errors: Sequence[ErrorLine], most: int
) -> tuple[Sequence[Answer], Sequence[Answer]]:
    """The failures to go on with, and those among them whose invocations have to be found in the log: server's errors
    of which no line says more than that they failed, while there are lines that name no request.

    Where there are more of these than `most`, server's errors are left out, evenly over the time, until there are not.
    """
    telling = [error for error in errors if error.weight > REPORT]
    if all(error.request_id for error in telling):
        return failures, ()
    named = {error.request_id for error in telling}
    of_server = [each for each in failures if each.status >= LOWEST_SERVER_ERROR]
    unknown = sum(_is_unknown(each, named) for each in of_server)
    chosen = of_server if unknown <= most else _evenly(of_server, most * len(of_server) // unknown)
    others = [each for each in failures if each.status < LOWEST_SERVER_ERROR]
    return [*others, *chosen], [each for each in chosen if _is_unknown(each, named)][:most]


def _is_unknown(answer: Answer, named: Container[str]) -> bool:
    return bool(answer.function_request_id) and answer.function_request_id.lower() not in named


def _evenly(answers: Sequence[Answer], number: int) -> Sequence[Answer]:
    return [answers[each * len(answers) // number] for each in range(number)]


class _Key(NamedTuple):
    route: str
    status: int
    message: str

    @property
    def kind(self) -> int:
        """Server's errors, client's errors, and lines of the function's log, which are counted apart."""
        return self.status // 100


def explained(evidence: Evidence) -> tuple[Group, ...]:
    """The groups, the most telling first. What the function's log says of requests that could not be found in the
    access log is a group without route and status.
    """
    alone = not evidence.is_joined
    canary, base = (_tally(_joined(arm, evidence, lines_alone=alone)) for arm in (evidence.canary, evidence.base))
    canary_of, base_of = _by_kind(canary), _by_kind(base)
    groups = [
        Group(
            *key,
            canary=len(samples),
            canary_of=canary_of[key.kind],
            base=len(base.get(key, ())),
            base_of=base_of.get(key.kind, 0),
            samples=_spread(samples),
        )
        for key, samples in canary.items()
    ]
    return tuple(sorted(groups, key=lambda group: (-_excess(group), -group.canary, group.status, group.what)))


def unplaced(evidence: Evidence, most: int = 3) -> Sequence[tuple[str, int]]:
    """The messages of the lines that may be of either arm and that no failed answer could be given, the most frequent
    first, with their numbers.
    """
    if evidence.is_joined:
        return ()
    placed = {
        id(line)
        for arm in (evidence.canary, evidence.base)
        for _, lines in _with_lines(arm, evidence)
        for line in lines
    }
    left = Counter(line.said for line in _one_each([each for each in evidence.shared if id(each) not in placed]))
    return left.most_common(most)


def _excess(group: Group) -> float:
    """How many more there are than if the candidate's failures were mixed as the base's."""
    return group.canary - group.base * group.canary_of / max(1, group.base_of)


Counted = Mapping[_Key, Sequence[Sample]]


def _tally(found: Sequence[tuple[_Key, Sample]]) -> Counted:
    tally: dict[_Key, list[Sample]] = defaultdict(list)
    for key, sample in found:
        tally[key].append(sample)
    return tally


def _by_kind(tally: Counted) -> Mapping[int, int]:
    """How many there are of each kind."""
    numbers: dict[int, int] = defaultdict(int)
    for key, samples in tally.items():
        numbers[key.kind] += len(samples)
    return numbers


def _spread(samples: Sequence[Sample]) -> tuple[Sample, ...]:
    """The first, one from the middle, and the last."""
    if len(samples) <= MOST_SAMPLES:
        return tuple(samples)
    return samples[0], samples[len(samples) // 2], samples[-1]


def _joined(arm: Arm, evidence: Evidence, *, lines_alone: bool) -> list[tuple[_Key, Sample]]:
    """Each failed answer with what is known of it; then, if asked, the arm's own lines that belong to none."""
    found, explaining = list[tuple[_Key, Sample]](), set[int]()
    for answer, lines in _with_lines(arm, evidence):
        explaining.update(map(id, lines))
        best = max(lines, key=lambda each: (each.weight, -each.at), default=None)
        key = _Key(answer.route, answer.status, best.said if best else answer.said)
        found.append((key, Sample(_iso(answer.at), answer.request_id, answer.trace_id)))
    left = [error for error in arm.errors if lines_alone and id(error) not in explaining]
    return found + [(_Key("", 0, error.said), Sample(_iso(error.at), error.request_id)) for error in _one_each(left)]


def _with_lines(arm: Arm, evidence: Evidence) -> Iterator[tuple[Answer, Sequence[ErrorLine]]]:
    """Each failed answer, with what the function's log says of it."""
    by_id: dict[str, list[ErrorLine]] = defaultdict(list)
    by_stream: dict[str, list[ErrorLine]] = defaultdict(list)
    for error in (*arm.errors, *evidence.shared):
        if error.request_id:
            by_id[error.request_id].append(error)
        else:
            by_stream[error.stream].append(error)
    for answer in sorted(arm.failures, key=lambda each: each.at):
        yield answer, _lines_of(answer, by_id, by_stream, evidence.spans)


def _lines_of(
    answer: Answer,
    by_id: Mapping[str, list[ErrorLine]],
    by_stream: Mapping[str, list[ErrorLine]],
    spans: Mapping[str, Span],
) -> list[ErrorLine]:
    """What the function's log says of this request."""
    request_id = answer.function_request_id.lower()
    if not request_id:
        return []
    lines = list(by_id.get(request_id, ()))
    if (span := spans.get(request_id)) is not None:
        beside = by_stream.get(span.stream, ())
        within = [each for each in beside if span.first <= each.at <= span.last + _AFTER_ITS_END_MS]
        if not within:
            spoken_for = [each for each in spans.values() if each.stream == span.stream]
            before = [each for each in beside if span.first - _BEFORE_ITS_START_MS <= each.at < span.first]
            own = [each for each in before if not any(one.first <= each.at <= one.last for one in spoken_for)]
            within = sorted(own, key=lambda each: (each.weight, each.at))[-1:]
        lines += within
    return lines


def _one_each(errors: Sequence[ErrorLine]) -> list[ErrorLine]:
    """Of each request the line that tells most; of lines without an id those that tell more than that it failed."""
    best: dict[str, ErrorLine] = {}
    others = []
    for error in errors:
        if not error.request_id:
            others.append(error)
        elif error.request_id not in best or best[error.request_id].weight < error.weight:
            best[error.request_id] = error
    most = max((error.weight for error in others), default=0)
    return [*best.values(), *(error for error in others if error.weight == most)]


def _iso(at: int) -> str:
    """Milliseconds since the epoch; the epoch itself for what is no moment."""
    try:
        return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC).isoformat(timespec="milliseconds")
