"""Logs in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rollout.core.why.function_log import LogLine
from rollout.core.why.logs import Called, FunctionLog, Page, Search, StageLog
from rollout.errors import TargetMissing
from rollout_simulator.fakes.trouble import Troubled
from rollout_simulator.moto_patches.log_patterns import matches

if TYPE_CHECKING:
    from rollout.core.target import Target

LINES_OF_A_PAGE = 1_000


class FakeLogs(Troubled):
    """Implements `Logs`. `stage` is what every stage writes, `functions` who is called by whom (the aliases are the
    values of a stage variable), `versions` what their aliases stand for.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stage = StageLog()
        self.functions: Sequence[Called] = ()
        self.versions: dict[tuple[str, str], str] = {}
        self.lines: dict[str, list[LogLine]] = {}
        self.searches: list[Search] = []

    def write(self, group: str, stream: str, at: datetime, message: str) -> None:
        """Add a line, and the group if need be."""
        self.lines.setdefault(group, []).append(LogLine(stream, int(at.timestamp() * 1000), message))

    def of_stage(self, target: Target) -> StageLog:  # noqa: ARG002 - it finds what it is told
        """What `stage` says.

        Raises: the `trouble`.
        """
        self._called()
        return self.stage

    def called(self, target: Target, variables: Mapping[str, str]) -> Sequence[Called]:  # noqa: ARG002 - as above
        """`functions`, with the qualifier that the stage variable of its name gives.

        Raises: the `trouble`.
        """
        self._called()
        return [Called(each.route, each.function, variables.get(each.qualifier, "")) for each in self.functions]

    def of_function(self, function: str, qualifier: str) -> FunctionLog:
        """The usual group, and the version that `versions` has.

        Raises: the `trouble`.
        """
        self._called()
        name = function.rpartition(":")[2]
        return FunctionLog(f"/aws/lambda/{name}", self.versions.get((name, qualifier), "$LATEST"))

    def page(self, search: Search, token: str = "") -> Page:
        """A page of the lines that fit.

        Raises: the `trouble`; TargetMissing.
        """
        self._called()
        self.searches.append(search)
        if search.group not in self.lines:
            raise TargetMissing(f"there is no log group {search.group}")
        first, last = (int(moment.timestamp() * 1000) for moment in (search.first, search.last))
        found = [
            line
            for line in sorted(self.lines[search.group], key=lambda each: each.at)
            if first <= line.at <= last and matches(search.pattern, line.message)
        ]
        start = int(token or 0)
        end = start + LINES_OF_A_PAGE
        return Page(found[start:end], str(end) if end < len(found) else "")
