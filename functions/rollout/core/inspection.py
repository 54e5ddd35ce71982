"""What can be seen of a target besides its state: how it is built, logged and tagged.

None is "not known", and is no finding against anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from rollout.core.access_log import AccessLog
from rollout.core.api_definition import FunctionName


@dataclass(frozen=True, slots=True)
class AlarmMetric:
    """The series that an alarm watches."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        of = ", ".join(f"{name}={value}" for name, value in self.dimensions)
        return f"{self.namespace} {self.metric}" + (f" of {of}" if of else "")


@dataclass(frozen=True, slots=True)
class AlarmState:
    """An alarm as CloudWatch shows it. `since` is when it entered its present state.

    metric: the one series that it watches; None of a composite alarm, and of one with metric math.
    """

    name: str
    state: str
    since: datetime
    reason: str
    metric: AlarmMetric | None = None


@dataclass(frozen=True, slots=True)
class OtherApi:
    """An HTTP or WebSocket API. protocol: which of the two. aliases: those of functions that it calls, by (function,
    alias).
    """

    protocol: str
    aliases: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Backend:
    """A Lambda function that the candidate calls, as a method's integration or as an authorizer.

    called_as: how the caller's ARN ends, such as `API/STAGE/METHOD/path` or `API/authorizers/ID`. caller: that ARN.
    exists and callable: None where that is not known. version: what the name leads to, and instead_of: by which name
    the base calls the same version of it; both "" where that is not known or another. live: whether the base calls
    it under the same name for the same, so that what is wrong with it is wrong already.
    """

    name: FunctionName
    caller: str
    exists: bool | None
    callable: bool | None
    version: str = ""
    instead_of: str = ""
    live: bool = False

    @property
    def called_as(self) -> str:
        """For what it is called: `GET /orders`, or `the authorizer ID`."""
        return caller_in_words(self.caller.split(":", 5)[5])


def caller_in_words(called_as: str) -> str:
    """`API/STAGE/GET/orders` as `GET /orders`, `API/authorizers/ID` as `the authorizer ID`."""
    _, stage, rest = called_as.split("/", 2)
    return f"the authorizer {rest}" if stage == "authorizers" else rest.replace("/", " /", 1)


@dataclass(frozen=True, slots=True)
class VpcLink:
    """A VPC link that a method of the candidate uses. status: as GetVpcLink shows it, "" where there is none."""

    identity: str
    method: str
    status: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """The facts about a target that a preflight looks at.

    functions: those of which the rollout would move an alias, with their tags `rollout-pilot`, "" for none.
    variables_used: the stage variables that the API's definition names; all_variables_to: what is given all of them,
    whatever their names, in words. backends, links: what the candidate calls. unset_variables: the stage variables in
    the names of those that have no value, each with what calls them. access_log: its format is "" where the stage
    writes none.
    namesakes: the ids of other REST APIs of the same name that have a stage of the same name, too.
    stack: the CloudFormation stack that the stage belongs to, by its tags, "" for none. cache_cluster: whether it has
    one.
    timeout_seconds: the larger Timeout of the versions that share an alias's requests; 0 where it is not known.
    unreadable: what could not be looked at, in words.
    """

    execution_logging: bool | None = None
    access_log: AccessLog | None = None
    variables_used: frozenset[str] | None = None
    all_variables_to: str = ""
    backends: tuple[Backend, ...] = ()
    links: tuple[VpcLink, ...] = ()
    unset_variables: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    namesakes: tuple[str, ...] = ()
    stack: str = ""
    cache_cluster: bool = False
    timeout_seconds: int = 0
    unreadable: tuple[str, ...] = field(default=())
