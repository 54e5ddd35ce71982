"""What can be seen of a target besides its state: how it is built, logged and tagged.

None is "not known", and is no finding against anybody.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

_LOG_VARIABLE = re.compile(r"\$context(?:\.[A-Za-z0-9_-]+)+")


@dataclass(frozen=True, slots=True)
class AlarmState:
    """An alarm as CloudWatch shows it. `since` is when it entered its present state."""

    name: str
    state: str
    since: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Backend:
    """A Lambda function that the candidate calls by a name made of overridden stage variables.

    function: its ARN without the qualifier; qualifier: the alias or version, "" for neither; called_as: the
    `stage/METHOD/path` for which it is called; exists and callable: None where that is not known.
    """

    function: str
    qualifier: str
    called_as: str
    exists: bool | None
    callable: bool | None

    @property
    def name(self) -> str:
        """The function's name with its qualifier."""
        return ":".join([self.function.rpartition(":")[2], *([self.qualifier] if self.qualifier else [])])


@dataclass(frozen=True, slots=True)
class Inspection:
    """The facts about a target that a preflight looks at.

    functions: those of which the rollout would move an alias, with their tags `rollout-pilot`, "" for none.
    variables_used: the stage variables that the API's definition names. access_log_format: "" without an access log.
    namesakes: the ids of other REST APIs of the same name that have a stage of the same name, too.
    timeout_seconds: the larger Timeout of the versions that share an alias's requests; 0 where it is not known.
    unreadable: what could not be looked at, in words.
    """

    execution_logging: bool | None = None
    access_log_format: str | None = None
    variables_used: frozenset[str] | None = None
    backends: tuple[Backend, ...] = ()
    functions: Mapping[str, str] = field(default_factory=dict)
    namesakes: tuple[str, ...] = ()
    timeout_seconds: int = 0
    unreadable: tuple[str, ...] = field(default=())


def logged_variables(log_format: str) -> frozenset[str] | None:
    """The `$context` variables of an access log's format, by their names; None when the format is no JSON object.

    Unquoted variables stand for numbers, as in `"status":$context.status`.
    """
    try:
        line = json.loads(_LOG_VARIABLE.sub("0", log_format))
    except ValueError:
        return None
    if not isinstance(line, dict):
        return None
    return frozenset(found.removeprefix("$context.") for found in _LOG_VARIABLE.findall(log_format))
