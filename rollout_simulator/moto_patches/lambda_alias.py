"""Lambda aliases with optimistic locking and checked weights.

moto ignores RevisionId, never rotates it, and stores any routing it is given. AWS:

- A RevisionId that is not the alias's own is refused with 412 (recorded); each update gives a new one.
- `AdditionalVersionWeights` names at most one published version besides the alias's own, with a weight below
  1; `$LATEST` is allowed on neither side (recorded). An empty map clears it (recorded), after which GetAlias
  shows no RoutingConfig. An update without RoutingConfig leaves the weights as they are (from memory).
- A version that does not exist is not found.

The weights route nothing here: the traffic models read them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import unquote

from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    LambdaClientError,
    PreconditionFailedException,
)
from moto.awslambda.models import LambdaAlias, LambdaBackend
from moto.awslambda.responses import LambdaResponse
from moto.moto_api._internal import mock_random

from rollout_simulator.moto_patches import lambda_provisioned_concurrency, lambda_runtime_management
from rollout_simulator.moto_patches.lambda_provisioned_concurrency import configured
from rollout_simulator.moto_patches.patching import replacements

LATEST = "$LATEST"
_STALE = (
    "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to "
    "retrieve the latest Revision Id"
)

_BACKEND = replacements(
    LambdaBackend,
    create_alias="stores any routing it is given",
    update_alias="ignores RevisionId, never rotates it, and stores any routing it is given",
    delete_alias="is where an alias goes, of which listeners are told",
)
_RESPONSE = replacements(LambdaResponse, update_alias="does not read RevisionId")
_ALIAS = replacements(LambdaAlias, to_json="shows an empty RoutingConfig")

AliasView = Mapping[str, Any]
"""An alias as GetAlias shows it."""


class AliasChange(NamedTuple):
    """One write to an alias that succeeded."""

    when: datetime
    function_name: str
    alias_name: str
    before: AliasView | None
    """None if the write created the alias."""
    after: AliasView | None
    """None if the write deleted the alias."""


@dataclass
class AliasHistory:
    """Whoever wants to know of changes to aliases adds itself to `listeners`."""

    listeners: list[Callable[[AliasChange], None]] = field(default_factory=list)
    weight_decimals: int | None = None
    """To how many decimals a weight is rounded; None: to none. Which of them AWS does is unknown."""
    _one_at_a_time: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def rounded(self, routing: Mapping[str, Any]) -> dict[str, Any]:
        """The routing as it is stored."""
        weights = routing.get("AdditionalVersionWeights")
        if not weights or self.weight_decimals is None:
            return dict(routing)
        shown = {version: round(weight, self.weight_decimals) for version, weight in weights.items()}
        return {**routing, "AdditionalVersionWeights": shown}

    @contextmanager
    def writing(self, backend: Any, function_name: str, name: str) -> Iterator[None]:
        """Do one write to an alias, alone, and tell the listeners once it has succeeded."""
        aliases = backend._lambdas._get_function_aliases(function_name)
        with self._one_at_a_time:
            before = _view(aliases.get(name))
            yield
            short_name = backend.get_function(function_name).function_name
            change = AliasChange(datetime.now(UTC), short_name, name, before, _view(aliases.get(name)))
            for listener in self.listeners:
                listener(change)


@contextmanager
def patched(history: AliasHistory | None = None) -> Iterator[AliasHistory]:
    """Give moto's Lambda aliases their locking and checks for as long as this is open."""
    history = history if history is not None else AliasHistory()
    with ExitStack() as stack:
        stack.enter_context(lambda_provisioned_concurrency.patched())
        stack.enter_context(lambda_runtime_management.patched())
        stack.enter_context(_BACKEND(**{new.__name__: new for new in _operations(history)}))
        stack.enter_context(_RESPONSE(update_alias=update_alias))
        stack.enter_context(_ALIAS(to_json=_without_empty_routing(LambdaAlias.to_json)))
        yield history


def _without_empty_routing(to_json: Any) -> Any:
    def shown(alias: Any) -> dict[str, Any]:
        view: dict[str, Any] = to_json(alias)
        if not (view["RoutingConfig"] or {}).get("AdditionalVersionWeights"):
            del view["RoutingConfig"]
        return view

    return shown


def _view(alias: Any | None) -> AliasView | None:
    return None if alias is None else alias.to_json()


def _operations(history: AliasHistory) -> tuple[Any, ...]:
    create_in_moto: Any = LambdaBackend.create_alias
    delete_in_moto: Any = LambdaBackend.delete_alias

    def create_alias(backend: Any, *, name: str, function_name: str, **given: Any) -> Any:
        _check_routing(backend, function_name, given["function_version"], given["routing_config"])
        with history.writing(backend, function_name, name):
            return create_in_moto(backend, name=name, function_name=function_name, **given)

    def update_alias(
        backend: Any,
        *,
        name: str,
        function_name: str,
        function_version: str | None,
        description: str | None,
        routing_config: Mapping[str, Any] | None,
        revision_id: str | None = None,
    ) -> Any:
        with history.writing(backend, function_name, name):
            alias = backend.get_alias(name, function_name)
            if revision_id is not None and revision_id != alias.revision_id:
                raise PreconditionFailedException(_STALE)
            version = function_version or alias.function_version
            backend.get_function(function_name, version)
            routing = alias.routing_config if routing_config is None else routing_config
            _check_routing(backend, function_name, version, routing)
            short_name = backend.get_function(function_name).function_name
            if (routing or {}).get("AdditionalVersionWeights") and (short_name, name) in configured(backend):
                raise InvalidParameterValueException("Invalid alias configuration for Provisioned Concurrency")
            alias.update(description, version, history.rounded(routing or {}))
            alias.revision_id = str(mock_random.uuid4())
            return alias

    def delete_alias(backend: Any, name: str, function_name: str) -> None:
        with history.writing(backend, function_name, name):
            delete_in_moto(backend, name, function_name)

    return create_alias, update_alias, delete_alias


def _check_routing(backend: Any, function_name: str, version: str, routing: Mapping[str, Any] | None) -> None:
    weights: Mapping[str, float] = (routing or {}).get("AdditionalVersionWeights") or {}
    if len(weights) > 1:
        raise InvalidParameterValueException("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for additional, weight in weights.items():
        if not 0.0 <= weight < 1.0:
            raise _invalid(
                f"{additional}={weight}",
                "Map value",
                "Member must have value less than or equal to 1.0, "
                "Member must have value greater than or equal to 0.0, Member must not be null",
            )
        if additional == version:
            raise InvalidParameterValueException(
                f"Invalid function version {version}. Function version {version} is already included in "
                "routing configuration."
            )
        if version == LATEST:
            raise InvalidParameterValueException(
                "$LATEST is not supported for an alias pointing to more than 1 version"
            )
        if not additional.isdecimal():
            raise _invalid(
                f"{additional}={weight}",
                "Map keys",
                "Member must have length less than or equal to 1024, "
                "Member must have length greater than or equal to 1, "
                "Member must satisfy regular expression pattern: [0-9]+",
            )
        backend.get_function(function_name, additional)


def _invalid(given: str, what: str, required: str) -> LambdaClientError:
    return LambdaClientError(
        "ValidationException",
        f"1 validation error detected: Value '{{{given}}}' at 'routingConfig.additionalVersionWeights' "
        f"failed to satisfy constraint: {what} must satisfy constraint: [{required}]",
    )


def update_alias(response: Any) -> Any:
    """Answer UpdateAlias."""
    *_, function_name, _, alias_name = response.path.split("/")
    given = response.json_body
    alias = response.backend.update_alias(
        name=unquote(alias_name),
        function_name=unquote(function_name),
        function_version=given.get("FunctionVersion"),
        description=given.get("Description"),
        routing_config=given.get("RoutingConfig"),
        revision_id=given.get("RevisionId"),
    )
    return 200, {"status": 200}, json.dumps(alias.to_json())
