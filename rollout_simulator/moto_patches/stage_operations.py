"""UpdateStage's patch operations on what concerns canaries and deployments.

Recorded from AWS by a public test-suite, and kept:
- any `replace` below /canarySettings on a stage without a canary creates one: at 0 %, on the base deployment
- `add` below /canarySettings is refused
- `copy` knows two pairs, merges variables, and needs a canary; one made earlier in the same request will do
- an unknown deployment is refused
- the whole map of overrides can be neither replaced nor removed
- `remove /canarySettings` takes the key out of GetStage

Documented: operations apply in order; `remove` works on a single override; an operation that a stage does not
support is refused. Unknown, with a switch in `StageRules` for each: whether a request with one bad operation changes
something, what `remove /canarySettings` does without a canary, what becomes of a third decimal of percentTraffic, what
copies alone and a change of the base do under a canary, and for how long a change excludes others. Unknown, so chosen
here: removing an override that is not there changes nothing, and creates no canary; `copy` of overrides that are not
there merges nothing; the texts for a bad percentage, a bad boolean, an unsupported path, and what the switches refuse;
and, from memory, which other paths are supported.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from rollout_simulator.moto_patches.apigateway_errors import BadRequest

CANARY = "/canarySettings"
OVERRIDES = f"{CANARY}/stageVariableOverrides"
_COPIES = {f"{CANARY}/deploymentId": "/deploymentId", OVERRIDES: "/variables"}
_SUPPORTED = frozenset(
    {
        *(("replace", f"/{name}") for name in ("description", "tracingEnabled", "cacheClusterEnabled")),
        *(("replace", f"/{name}") for name in ("cacheClusterSize", "clientCertificateId", "documentationVersion")),
        *(("replace", f"/accessLogSettings/{name}") for name in ("destinationArn", "format")),
        ("remove", "/accessLogSettings"),
    }
)
"""Operations on what is not this module's; those on method settings are recognized by their form."""

_METHOD_SETTING = re.compile(
    "/[^/]+/[^/]+/(metrics/enabled|logging/(loglevel|dataTrace)|throttling/(burstLimit|rateLimit)|"
    "caching/(enabled|ttlInSeconds|dataEncrypted|requireAuthorizationForCacheControl|"
    "unauthorizedCacheControlHeaderStrategy))"
)
_OVERRIDE_PREFIX = f"{OVERRIDES}/"

Canary = dict[str, Any]
"""`canarySettings` as GetStage shows it; `stageVariableOverrides` is absent while there is none."""


@dataclass(kw_only=True)
class StageRules:
    """What is unknown about AWS, as switches, so that a test can play both."""

    removing_no_canary: str = "refused"
    """What `remove /canarySettings` does on a stage without one: "refused" (400) or "ignored"."""

    bad_request: str = "changes nothing"
    """What a request does whose operation is refused: "changes nothing", or "keeps earlier operations"."""

    third_decimal: str = "kept"
    """What becomes of a percentTraffic with more than two decimals: "kept", "rounded" or "refused"."""

    copies_alone: str = "promote"
    """What the two copies do without the documented `replace` of the weight before them: "promote", or "refused"."""

    base_under_canary: str = "allowed"
    """What `replace /deploymentId` does while there is a canary: "allowed" or "refused"."""

    execution_logging: str = "allowed"
    """What turning it on does: "allowed", or "refused" as in an account without a role for API Gateway's logs."""

    exclusive_seconds: float = 0.0
    """For how long after a change of an API's stages the next one is refused with ConflictException.

    That it is, users of infrastructure tools report; for how long is unknown.
    """

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name}: {getattr(self, name)}")


_CHOICES: Mapping[str, frozenset[str]] = {
    "removing_no_canary": frozenset({"refused", "ignored"}),
    "bad_request": frozenset({"changes nothing", "keeps earlier operations"}),
    "third_decimal": frozenset({"kept", "rounded", "refused"}),
    "copies_alone": frozenset({"promote", "refused"}),
    "base_under_canary": frozenset({"allowed", "refused"}),
    "execution_logging": frozenset({"allowed", "refused"}),
}


@dataclass
class StagePointers:
    """The part of a stage that these operations change; `None` for a stage without a canary."""

    deployment_id: str
    variables: MutableMapping[str, str]
    canary: Canary | None
    deployments: Container[str] = field(repr=False)
    rules: StageRules = field(default_factory=StageRules)
    weight_written: bool = False
    """Whether an earlier operation of the same request was a `replace` of the weight."""

    def owns(self, path: str) -> bool:
        """Whether an operation on `path` is this module's; all others are moto's."""
        return path in {"/deploymentId", CANARY} or path.startswith((f"{CANARY}/", "/variables"))

    def apply(self, operation: Mapping[str, str]) -> None:
        """Apply one operation.

        Raises:
            BadRequest: with the text AWS gives, where one is recorded.
        """
        kind, path = operation["op"], operation["path"]
        if kind == "copy":
            self._promote(operation.get("from", ""), path)
        elif path == "/deploymentId":
            self._only_replace(kind, path)
            if self.canary is not None and self.rules.base_under_canary == "refused":
                raise BadRequest("Deployment cannot be changed while Canary is enabled")
            self.deployment_id = self._existing(operation.get("value"))
        elif path.startswith("/variables"):
            self._change_variable(kind, path, operation.get("value"))
        elif kind == "replace":
            self._replace_in_canary(path, operation.get("value"))
        elif kind == "remove":
            self._remove_from_canary(path)
        else:
            raise BadRequest(f"Invalid {kind} operation with path: {path}")

    def _promote(self, source: str, path: str) -> None:
        if _COPIES.get(source) != path:
            raise BadRequest(
                f"Invalid copy operation with path: {path} and from {source}. Valid copy:path are "
                "[/deploymentId, /variables] and valid copy:from are "
                "[/canarySettings/deploymentId, /canarySettings/stageVariableOverrides]"
            )
        if self.canary is None:
            raise BadRequest("Promotion not available. Canary does not exist.")
        if self.rules.copies_alone == "refused" and not self.weight_written:
            raise BadRequest("Promotion not available. Canary still serves.")
        if path == "/deploymentId":
            self.deployment_id = self.canary["deploymentId"]
        else:
            self.variables.update(self.canary.get("stageVariableOverrides", {}))

    def _change_variable(self, kind: str, path: str, value: str | None) -> None:
        name = _named(path, "/variables/")
        if not name or kind not in {"replace", "remove"}:
            raise BadRequest(f"Invalid {kind} operation with path: {path}")
        if kind == "replace":
            self.variables[name] = value or ""
        else:
            self.variables.pop(name, None)

    def _replace_in_canary(self, path: str, value: str | None) -> None:
        if path.startswith(_OVERRIDE_PREFIX):
            name = _named(path, _OVERRIDE_PREFIX)
            self._canary_made().setdefault("stageVariableOverrides", {})[name] = value or ""
        elif path == f"{CANARY}/deploymentId":
            self._canary_made()["deploymentId"] = self._existing(value)
        elif path == f"{CANARY}/percentTraffic":
            self._canary_made()["percentTraffic"] = percent_traffic(value, self.rules)
            self.weight_written = True
        elif path == f"{CANARY}/useStageCache":
            self._canary_made()["useStageCache"] = _boolean(value)
        else:
            raise BadRequest(f"Invalid replace operation with path: {path}")

    def _remove_from_canary(self, path: str) -> None:
        if path == CANARY:
            if self.canary is None and self.rules.removing_no_canary == "refused":
                raise BadRequest(_nothing_to_remove(path))
            self.canary = None
        elif path.startswith(_OVERRIDE_PREFIX):
            overrides = (self.canary or {}).get("stageVariableOverrides", {})
            overrides.pop(_named(path, _OVERRIDE_PREFIX), None)
            if self.canary is not None and not overrides:
                self.canary.pop("stageVariableOverrides", None)
        elif path == OVERRIDES:
            raise BadRequest(_nothing_to_remove(path))
        else:
            raise BadRequest(f"Invalid remove operation with path: {path}")

    def _canary_made(self) -> Canary:
        """The canary, made out of nothing if need be: this is how a late weight step resurrects one."""
        if self.canary is None:
            self.canary = new_canary(self.deployment_id)
        return self.canary

    def _existing(self, deployment_id: str | None) -> str:
        if deployment_id is None or deployment_id not in self.deployments:
            raise BadRequest("Deployment id does not exist")
        return deployment_id

    @staticmethod
    def _only_replace(kind: str, path: str) -> None:
        if kind != "replace":
            raise BadRequest(f"Invalid {kind} operation with path: {path}")


def require_supported(operation: Mapping[str, str], rules: StageRules) -> None:
    """Refuse an operation, other than on canaries and deployments, that a stage does not support.

    Raises: BadRequest.
    """
    kind, path = operation["op"], operation["path"]
    if path.endswith("/logging/loglevel") and operation["value"] != "OFF" and rules.execution_logging == "refused":
        raise BadRequest("CloudWatch Logs role ARN must be set in account settings to enable logging")
    if (kind, path) not in _SUPPORTED and not (kind == "replace" and _METHOD_SETTING.fullmatch(path)):
        raise BadRequest(f"Invalid {kind} operation with path: {path}")


def new_canary(deployment_id: str, given: Mapping[str, Any] | None = None, rules: StageRules | None = None) -> Canary:
    """A canary on `deployment_id` at 0 %, with what CreateDeployment or CreateStage says about it."""
    given = given or {}
    canary: Canary = {
        "percentTraffic": percent_traffic(given.get("percentTraffic", 0.0), rules or StageRules()),
        "deploymentId": deployment_id,
        "useStageCache": bool(given.get("useStageCache", False)),
    }
    if overrides := given.get("stageVariableOverrides"):
        canary["stageVariableOverrides"] = {name: str(value) for name, value in overrides.items()}
    return canary


def percent_traffic(value: str | float | None, rules: StageRules) -> float:
    """A double from 0.0 to 100.0, as documented; the rules say what becomes of more than two decimals.

    Raises: BadRequest.
    """
    try:
        percent = float(value if value is not None else "")
    except ValueError:
        raise BadRequest(f"Invalid canary percent traffic: {value}") from None
    if not 0.0 <= percent <= 100.0:
        raise BadRequest(f"Canary percent traffic must be between 0.0 and 100.0, but was {value}")
    rounded = round(percent, 2)
    if percent == rounded or rules.third_decimal == "kept":
        return percent
    if rules.third_decimal == "refused":
        raise BadRequest(f"Invalid canary percent traffic: {value}")
    return rounded


def _boolean(value: str | None) -> bool:
    if value is None or value.lower() not in {"true", "false"}:
        raise BadRequest(f"Invalid boolean value: {value}")
    return value.lower() == "true"


def _named(path: str, prefix: str) -> str:
    """The name a path ends in, with JSON pointer's two escapes undone; "" if the path names none."""
    if not path.startswith(prefix):
        return ""
    return path[len(prefix) :].replace("~1", "/").replace("~0", "~")


def _nothing_to_remove(path: str) -> str:
    # Recorded for the map of overrides, its trailing space included.
    return f"Cannot remove method setting {path[1:]} because there is no method setting for this method "
