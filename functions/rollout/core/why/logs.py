"""Where the logs of a target are, and one page of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rollout.core.why.function_log import LogLine


@dataclass(frozen=True, slots=True)
class StageLog:
    """What a stage writes. group: of its access log, "" where it writes none to CloudWatch Logs; log_format: as the
    stage has it; variables: the stage's own.
    """

    group: str = ""
    log_format: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Called:
    """A Lambda function that a route calls. route: method and resource path; function: its ARN without a qualifier;
    qualifier: the alias or version, "" for neither.
    """

    route: str
    function: str
    qualifier: str = ""

    @property
    def name(self) -> str:
        """The function's name."""
        return self.function.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class FunctionLog:
    """Where a function writes its log, and the version that a qualifier stands for now."""

    group: str
    version: str


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched in a log group: the lines that fit the pattern ("": all), from `first` to `last`."""

    group: str
    pattern: str
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search, which may be empty though more follow. token: of the next one; "" after the last."""

    lines: Sequence[LogLine] = ()
    token: str = ""
