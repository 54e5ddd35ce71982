"""Explain: read in the logs why the candidate failed, after the base has got all requests back.

Law: it changes no target and no outcome, and it ends in time. What cannot be read is said, and is no failure: whatever
happens here, the rollout is closed next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from rollout.core.decision import Decision
from rollout.core.rollout import Rollout
from rollout.core.why import Why
from rollout.core.why.access_log import AccessLogFormat, Answer
from rollout.core.why.evidence import LOWEST_SERVER_ERROR, Arm, Evidence, explained, to_look_up, unplaced
from rollout.core.why.function_log import ERRORS, MOST_NAMED, ErrorLine, LogLine, Span, errors_in, naming, spans_in
from rollout.core.why.logs import Called, FunctionLog, Search, StageLog
from rollout.errors import NotAllowed, Refused, RolloutError, TargetMissing, Unavailable
from rollout.ports import Logs, Ports
from rollout.tasks.record import load
from rollout.tasks.task_result import TaskResult, acting

MOST_SECONDS = 30.0
"""After so long no further call is made. A call takes at most 17 s with its second attempt, and the state has 60 s."""
MOST_CALLS = 80
"""Pages of all searches together."""
MOST_PAGES = 10
MOST_LINES = 4_000
MOST_CHARACTERS = 4_000_000
"""Of one search."""
ENOUGH_FAILURES = 200
"""So many of the candidate's failures are enough: older ones are not read."""
MOST_LOOKED_UP = 100
"""Of each arm: failures whose invocation is searched in the function's log."""
MOST_FUNCTIONS = 3
REACHES = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
"""How far back is read: first the last minutes, and only if they have not enough, more."""
ANSWERS_LAST = timedelta(minutes=1)
"""So long after the base has got all requests back the last ones of the candidate may still be answered."""
STARTS_BEFORE = timedelta(seconds=15)
LONGEST_INVOCATION, LOGGED_AFTER = timedelta(minutes=1), timedelta(seconds=10)
"""Around its answer an invocation's lines are searched: API Gateway waits 29 s, unless its quota was raised."""
MOMENT = timedelta(milliseconds=1)
"""A search has the lines of its first and its last millisecond."""
NOT_READ = (NotAllowed, Unavailable, TargetMissing, Refused)

SWITCHED_OFF = "reading logs is switched off: the controller's parameter LogGroupName is empty"
NO_ACCESS_LOG = "the stage writes no access log to CloudWatch Logs, so failures have no route and status"
NO_IDS = "the access log has no $context.integration.requestId, so what the function's log says is not told by request"
IN_PART = "there is more in the logs than was read, so the numbers are of a part"
OUT_OF_TIME = "the logs could not be read to their end in the time and the number of calls that there are"


def explain(ports: Ports, rollout_id: str) -> TaskResult:
    """Store why the candidate failed. Called again, it reads nothing more.

    Raises: what the store raises.
    """
    rollout = load(ports, rollout_id)
    if rollout.wants_explanation:
        rollout = ports.store.save(replace(rollout, why=why(ports, rollout)))
    return acting(rollout, Decision.CLOSE)


def why(ports: Ports, rollout: Rollout) -> Why:
    """What the logs say of the candidate's failures. What could not be read stands in the notes."""
    if ports.logs is None:
        return Why.unread(SWITCHED_OFF)
    now = ports.clock.now()
    seen = max(now, rollout.analyzed_at)  # an embedded AWS may be ahead of the clock of who asks
    until = min(seen, (rollout.restored_at or seen) + ANSWERS_LAST)
    reading = _Reading(ports, ports.logs, rollout, until, now + timedelta(seconds=MOST_SECONDS))
    try:
        evidence = reading.of_stage() if "stageName" in rollout.settings.target.ids else reading.of_alias()
    except NOT_READ as error:
        reading.note(error)
        evidence = Evidence()
    if left := unplaced(evidence):
        said = "; ".join(f"{message} × {number}" for message, number in left)
        reading.note(f"the function's log, of which it cannot be told whether base or candidate wrote it: {said}")
    since = reading.since.isoformat() if reading.has_read else ""
    return Why(explained(evidence), since, until.isoformat() if since else "", tuple(reading.notes)).bounded()


@dataclass(frozen=True, slots=True)
class _Found:
    """The lines of a search. end: of the time that was read, in ms since the epoch; None for all of it."""

    lines: Sequence[LogLine]
    end: int | None = None

    @classmethod
    def part(cls, lines: Sequence[LogLine]) -> _Found:
        """The lines of a search that was broken off."""
        return cls(lines, lines[-1].at if lines else None)


@dataclass(slots=True)
class _Reading:
    """Reads within its bounds. since: from when on it was read; base_since: the same of the base, where that is another
    time.
    """

    ports: Ports
    logs: Logs
    rollout: Rollout
    until: datetime
    ends: datetime
    notes: list[str] = field(default_factory=list)
    since: datetime = field(init=False)
    base_since: datetime | None = None
    has_read: bool = False
    calls: int = 0

    def __post_init__(self) -> None:
        self.since = self._reach(REACHES[0])

    def note(self, words: RolloutError | str) -> None:
        """Keep what could not be read."""
        if str(words) not in self.notes:
            self.notes.append(str(words))

    # --- a stage -------------------------------------------------------------------------------------------

    def of_stage(self) -> Evidence:
        """Raises: NotAllowed, Unavailable, TargetMissing (of the stage itself)."""
        stage = self.logs.of_stage(self.rollout.settings.target)
        canary, base, named = self._answers(stage)
        try:
            by_arm = self._called(stage.variables)
        except NOT_READ as error:
            self.note(error)
            return Evidence(Arm(canary), Arm(base))
        return self._with_functions(Arm(canary), Arm(base), by_arm, named=named)

    def _answers(self, stage: StageLog) -> tuple[Sequence[Answer], Sequence[Answer], bool]:
        """The failures of both arms by the access log, and whether it names the function's invocations."""
        log = AccessLogFormat.of(stage.log_format) if stage.group else None
        if log is None:
            self.note(NO_ACCESS_LOG if not stage.group else "the stage's access log is not in JSON")
            return (), (), False
        if log.missing:
            self.note(f"the stage's access log lacks {', '.join(f'$context.{name}' for name in log.missing)}")
            return (), (), False
        if not log.names_routes:
            self.note("the access log has no $context.resourcePath, so failures have no route")
        return *self._both_arms(stage.group, log), log.names_invocations

    def _both_arms(self, group: str, log: AccessLogFormat) -> tuple[Sequence[Answer], Sequence[Answer]]:
        promoted_at = self._promoted_at
        if promoted_at is None:
            canary = self._recent(group, log, canary=True, since=self.rollout.started_at, until=self.until)
            return canary, self._failures(group, log, canary=False, first=self.since, last=self.until)
        # Since the promotion the candidate serves everybody; the base is what served before.
        canary = self._recent(group, log, canary=None, since=promoted_at, until=self.until)
        self.base_since = max(self.rollout.started_at, promoted_at - (self.until - self.since))
        return canary, self._failures(group, log, canary=False, first=self.base_since, last=promoted_at)

    def _recent(
        self, group: str, log: AccessLogFormat, *, canary: bool | None, since: datetime, until: datetime
    ) -> Sequence[Answer]:
        """The newest failures: enough of them, or all."""
        found: list[Answer] = []
        last = until
        for reach in REACHES:
            first = max(since, until - reach)
            found += self._failures(group, log, canary=canary, first=first, last=last)
            self.since, last = first, first - MOMENT
            if first == since or len(found) >= ENOUGH_FAILURES:
                break
        return found

    def _failures(
        self, group: str, log: AccessLogFormat, *, canary: bool | None, first: datetime, last: datetime
    ) -> Sequence[Answer]:
        """Those of an arm; none, and why, where they cannot be read: what else is known is told all the same."""
        try:
            lines = self._search(group, log.failures(canary=canary), first, last).lines
        except NOT_READ as error:
            self.note(error)
            return ()
        answers = [answer for line in lines if (answer := log.read(line.message, line.at)) is not None]
        return [each for each in answers if each.failed and canary in (None, each.canary)]

    def _called(self, variables: Mapping[str, str]) -> tuple[Sequence[Called], Sequence[Called]]:
        """What the canary and the base call, by route."""
        target, overrides = self.rollout.settings.target, self.rollout.settings.candidate.overrides
        found = {name: value for name, value in self.rollout.original.variables.items() if name in overrides}
        before = {**{name: value for name, value in variables.items() if name not in overrides}, **found}
        base = self.logs.called(target, before)
        return (self.logs.called(target, {**before, **overrides}) if overrides else base), base

    def _with_functions(
        self, canary: Arm, base: Arm, called: tuple[Sequence[Called], Sequence[Called]], *, named: bool
    ) -> Evidence:
        """The same, with what the functions' logs say."""
        evidence = Evidence(canary, base)
        by_canary, by_base = called
        routes = [answer.route for answer in canary.failures]
        calls = {each.function: _calls(each.function, by_canary, routes) for each in by_canary}
        concerned = [function for function, number in calls.items() if number or not any(routes)]
        for function in sorted(concerned, key=lambda each: (-calls[each], each))[:MOST_FUNCTIONS]:
            try:
                evidence = self._with_function(evidence, function, by_canary, by_base, named=named)
            except NOT_READ as error:
                self.note(error)
        return evidence

    def _with_function(
        self, evidence: Evidence, function: str, by_canary: Sequence[Called], by_base: Sequence[Called], *, named: bool
    ) -> Evidence:
        own = next(each for each in by_canary if each.function == function)
        beside = next((each for each in by_base if each.function == function), None)
        log = self._log_of(own, self.rollout.settings.target.behind.spare)
        other = self._log_of(beside, self.rollout.original.aliases).version if beside else None
        found = self._search(log.group, ERRORS, (self.base_since or self.since) - STARTS_BEFORE, self.until)
        errors, shared = errors_in(found.lines), list[ErrorLine]()
        mine, theirs = _of(log.version, errors), _of(other, errors)
        if log.version == other:
            mine, theirs, shared = [], [], mine
        canary, canary_unknown = self._looked_up(
            evidence.canary, function, by_canary, [*mine, *shared], found.end, named=named
        )
        base, base_unknown = self._looked_up(
            evidence.base, function, by_base, [*theirs, *shared], found.end, named=named
        )
        return Evidence(
            Arm(canary, [*evidence.canary.errors, *mine]),
            Arm(base, [*evidence.base.errors, *theirs]),
            [*evidence.shared, *shared],
            {**evidence.spans, **self._spans(log.group, [*canary_unknown, *base_unknown])},
        )

    def _log_of(self, called: Called, versions: Mapping[str, str]) -> FunctionLog:
        """With the version that the rollout knows of the alias, where it moves aliases."""
        found = self.logs.of_function(called.function, called.qualifier)
        return replace(found, version=versions.get(f"{called.name}:{called.qualifier}", found.version))

    def _looked_up(
        self,
        arm: Arm,
        function: str,
        called: Sequence[Called],
        errors: Sequence[ErrorLine],
        end: int | None,
        *,
        named: bool,
    ) -> tuple[Sequence[Answer], Sequence[Answer]]:
        """The arm's failures, and those of them whose invocations are to be found in this function's log. Server's
        errors after the `end` of what was read there are left out: nothing is known of them.
        """
        if not named:
            if errors and arm.failures:
                self.note(NO_IDS)
            return arm.failures, ()
        routes = {each.route for each in called if each.function == function}
        own = [each for each in arm.failures if not each.route or _matching(each.route, routes)]
        others = [each for each in arm.failures if each.route and not _matching(each.route, routes)]
        known = [each for each in own if end is None or each.at <= end or each.status < LOWEST_SERVER_ERROR]
        kept, unknown = to_look_up(known, errors, MOST_LOOKED_UP)
        if len(kept) < len(own):
            self.note(IN_PART)
        return [*others, *kept], unknown

    # --- an alias ------------------------------------------------------------------------------------------

    def of_alias(self) -> Evidence:
        """Raises: NotAllowed, Unavailable, TargetMissing."""
        rollout = self.rollout
        candidate = rollout.settings.candidate.revision or rollout.series.canary.get("ExecutedVersion", "")
        group = self.logs.of_function(rollout.settings.target.ids["functionName"], "").group
        found: list[ErrorLine] = []
        last = self.until
        for reach in REACHES:
            first = max(rollout.started_at, self.until - reach)
            found += errors_in(self._search(group, ERRORS, first, last).lines)
            self.since, last = first, first - MOMENT
            if first == rollout.started_at or sum(each.version == candidate for each in found) >= ENOUGH_FAILURES:
                break
        return Evidence(Arm(errors=_of(candidate, found)), Arm(errors=_of(rollout.original.base, found)))

    # --- searches ------------------------------------------------------------------------------------------

    def _spans(self, group: str, unknown: Sequence[Answer]) -> Mapping[str, Span]:
        """When and where the invocations of these answers were. Those that are searched together lie close together."""
        by_time = sorted(unknown, key=lambda each: each.at)
        lines: list[LogLine] = []
        for start in range(0, len(by_time), MOST_NAMED):
            part = by_time[start : start + MOST_NAMED]
            ids = dict.fromkeys(each.function_request_id.lower() for each in part)
            first, last = (datetime.fromtimestamp(part[end].at / 1000, UTC) for end in (0, -1))
            lines += self._search(group, naming(tuple(ids)), first - LONGEST_INVOCATION, last + LOGGED_AFTER).lines
        return spans_in(lines)

    def _search(self, group: str, pattern: str, first: datetime, last: datetime) -> _Found:
        """What is found, as far as the bounds allow; a pattern that is refused is done without.

        Raises: NotAllowed, Unavailable, TargetMissing, Refused.
        """
        try:
            return self._pages(Search(group, pattern, first, last))
        except Refused:
            if not pattern:
                raise
            return self._pages(Search(group, "", first, last))

    def _pages(self, search: Search) -> _Found:
        lines: list[LogLine] = []
        token, characters = "", 0
        for _ in range(MOST_PAGES):
            if self.ports.clock.now() >= self.ends or self.calls >= MOST_CALLS:
                self.note(OUT_OF_TIME)
                return _Found.part(lines)
            self.calls += 1
            try:
                page = self.logs.page(search, token)
            except Unavailable as error:
                if not lines:
                    raise
                self.note(error)
                return _Found.part(lines)
            self.has_read = True
            lines += page.lines
            characters += sum(len(line.message) for line in page.lines)
            token = page.token
            if not token:
                return _Found(lines)
            if len(lines) >= MOST_LINES or characters >= MOST_CHARACTERS:
                break
        self.note(IN_PART)
        return _Found.part(lines[:MOST_LINES])

    def _reach(self, reach: timedelta) -> datetime:
        return max(self.rollout.started_at, self.until - reach)

    @property
    def _promoted_at(self) -> datetime | None:
        """When the candidate got all requests; None if it never did."""
        whole = self.rollout.series.base == self.rollout.series.canary
        return self.rollout.phase_since if whole else None


def _of(version: str | None, errors: Sequence[ErrorLine]) -> list[ErrorLine]:
    """Those that this version of the function has written."""
    return [each for each in errors if each.version == version]


def _calls(function: str, called: Sequence[Called], routes: Sequence[str]) -> int:
    """How many of these requests the function was called for."""
    own = {each.route for each in called if each.function == function}
    return sum(_matching(route, own) for route in routes)


def _matching(route: str, own: set[str]) -> bool:
    """Whether one of these methods of the API takes the route; ANY takes every verb."""
    return route in own or f"ANY {route.partition(' ')[2]}" in own
