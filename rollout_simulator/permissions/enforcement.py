"""Every AWS call of a function or of the workflow, allowed or refused by its role's policies in the template."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import unquote

from botocore.client import BaseClient
from moto.apigateway.models import apigateway_backends
from moto.awslambda.models import lambda_backends
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from rollout_simulator.moto_patches.invocations import OUTSIDE, STATE_MACHINE, invocation
from rollout_simulator.moto_patches.patching import replacements
from rollout_simulator.moto_patches.stepfunctions_time import present_environment
from rollout_simulator.permissions.calls import Place, needed_by
from rollout_simulator.permissions.policies import Permission, Statement, statements_of
from rollout_simulator.template import Deployment

_CLIENT = replacements(BaseClient, _make_api_call="is where a call begins")

DENIED = "AccessDeniedException"


class Grant(NamedTuple):
    """What a role was allowed by one of its statements."""

    role: str
    sid: str
    granted: Permission


class _Caller(NamedTuple):
    """A function or a state machine of a stack."""

    role: str
    place: Place


@dataclass(slots=True)
class Permissions:
    """The roles' statements by the logical id of the function or state machine, and what they have allowed so far.

    A second stack's roles have its name before the logical id.
    """

    place: Place
    roles: dict[str, list[Statement]] = field(default_factory=dict)
    used: set[Grant] = field(default_factory=set)
    refused: list[tuple[str, Permission]] = field(default_factory=list)
    new_resources_inherit: bool = True
    """Whether a POST on a collection, such as an API's `deployments`, is checked against the API's tags.

    Documented: a Deployment inherits the API's tags for access control (API Gateway's page on resources that can be
    tagged). Unknown: whether that holds for a deployment that is only being made.
    """
    _callers: dict[str, _Caller] = field(default_factory=dict)
    """By the function's name or the state machine's ARN."""
    _known: dict[tuple[str, Permission], bool] = field(default_factory=dict)

    def apply(self, deployment: Deployment) -> None:
        """From now on the roles of this stack are enforced.

        Raises: UnsupportedPolicy.
        """
        machines = [arn for arn in deployment.physical.values() if arn.startswith("arn:aws:states:")]
        place = replace(self.place, state_machine=machines[0]) if machines else self.place
        for logical_id, policies in deployment.policies.items():
            role = f"{deployment.stack_name}/{logical_id}" if logical_id in self.roles else logical_id
            self.roles[role] = statements_of(policies)
            self._callers[deployment.physical[logical_id]] = _Caller(role, place)

    def allow(self, caller: str, needed: Permission) -> bool:
        """Whether the caller may do that; what the stack did not deploy may do everything."""
        if caller not in self._callers:
            return True
        role = self._callers[caller].role
        if (known := self._known.get((role, needed))) is not None:
            return known
        allowed = False
        for statement in self.roles[role]:
            granted = statement.grants(needed, self._tags)
            self.used.update(Grant(role, statement.sid, each) for each in granted)
            allowed = allowed or bool(granted)
        if allowed and not any(statement.asks_for_tags for statement in self.roles[role]):
            self._known[role, needed] = True
        if not allowed:
            self.refused.append((role, needed))
        return allowed

    def check(self, client: Any, operation: str, parameters: Mapping[str, Any]) -> None:
        """Raise the client's own AccessDenied for a call that its caller's role does not allow."""
        caller = _present_machine() if invocation.get() == STATE_MACHINE else invocation.get()
        if (taken := self._role_taken(client)) is not None:
            caller = taken
        if caller == OUTSIDE or caller not in self._callers:
            return
        model = client.meta.service_model.operation_model(operation)
        role, place = self._callers[caller]
        for needed in needed_by(model, parameters, place):
            if not self.allow(caller, needed):
                message = (
                    f"User: arn:aws:sts::{place.account}:assumed-role/{role}Role/{caller} is not "
                    f"authorized to perform: {needed.action} on resource: {needed.resource} because no "
                    f"identity-based policy allows the {needed.action} action"
                )
                answer = {"Error": {"Code": DENIED, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 403}}
                raise client.exceptions.from_code(DENIED)(answer, operation)

    def _role_taken(self, client: Any) -> str | None:
        """The role whose credentials, of AssumeRole, the client has; its policies are enforced from now on."""
        key = client._request_signer._credentials.access_key
        taken = sts_backends[self.place.account]["aws"].get_assumed_role_from_access_key(key)
        if taken is None:
            return None
        name = taken.role_arn.rpartition("/")[2]
        role = next(each for each in iam_backends[self.place.account]["aws"].get_roles() if each.name == name)
        self.roles[name] = statements_of([json.loads(unquote(policy)) for policy in role.policies.values()])
        self._callers[name] = _Caller(name, self.place)
        return name

    def _tags(self, needed: Permission) -> Mapping[str, str]:
        """The tags that a condition on the needed permission's resource sees; none of what does not exist.

        What belongs to a REST API (deployments, resources, stages and more) inherits the API's tags for access control
        alone; a stage's own tags come before them (documented: "API Gateway resources that can be tagged").
        """
        _, _, service, _, _, resource = needed.resource.split(":", 5)
        match [service, *resource.strip("/").split("/")]:
            case ["apigateway", "restapis", api, *rest]:
                found = apigateway_backends[self.place.account][self.place.region].apis.get(api)
                if found is None or (_is_new(needed) and not self.new_resources_inherit):
                    return {}
                stage = found.stages.get(rest[1]) if rest[:1] == ["stages"] and rest[1:] else None
                return {**(found.tags or {}), **(getattr(stage, "tags", None) or {})}
            case ["lambda", function]:
                functions = lambda_backends[self.place.account][self.place.region].list_functions()
                name = function.split(":")[1]
                return next((dict(each.tags or {}) for each in functions if each.function_name == name), {})
        return {}


def _present_machine() -> str:
    """The ARN of the state machine that calls; OUTSIDE when none runs."""
    environment = present_environment()
    if environment is None:
        return OUTSIDE
    return str(environment.states.context_object.context_object_data["StateMachine"]["Id"])


def _is_new(needed: Permission) -> bool:
    """Whether what is needed is to make something in a collection."""
    return needed.action.lower() == "apigateway:post"


@contextmanager
def patched(account: str, region: str) -> Iterator[Permissions]:
    """Let every AWS call of the process pass through `Permissions`, which is yielded, for as long as this is open."""
    permissions = Permissions(Place(account, region))
    original: Any = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, parameters: Any) -> Any:
        permissions.check(client, operation, parameters)
        return original(client, operation, parameters)

    with _CLIENT(_make_api_call=call):
        yield permissions
