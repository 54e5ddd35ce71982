"""The functions that an API calls: whether each is there, which version it leads to, and who may invoke it.

None of the calls shows a function's configuration or environment: what is asked for is a policy, an alias's version,
and of a version or an unqualified name the setting for runtime updates.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from rollout.adapters.faults import translated
from rollout.core.api_definition import FunctionName
from rollout.core.invoke_permission import may_invoke
from rollout.core.target import Json
from rollout.errors import NotAllowed

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_T = TypeVar("_T")


class InvokedFunctions:
    """Looks each function up once. What may not be looked up is None, and goes to `unreadable` in words."""

    def __init__(self, client: LambdaClient, unreadable: list[str]) -> None:
        self._client = client
        self._unreadable = unreadable
        self._region = client.meta.region_name
        self.policy = cache(self._policy)
        self.version = cache(self._version)

    def exists(self, name: FunctionName, *, by_policy: bool) -> bool | None:
        """Whether there is such a function, with this alias or published version. What has a policy is there.

        Raises: Unavailable.
        """
        if by_policy and self.policy(name):
            return True
        return None if (version := self.version(name)) is None else version != ""

    def callable(self, name: FunctionName, caller: str) -> bool | None:
        """Whether API Gateway may call it for this caller, by its resource policy. Raises: Unavailable."""
        return None if (policy := self.policy(name)) is None else may_invoke(policy, name.arn, caller)

    def _policy(self, name: FunctionName) -> Json | None:
        """Its resource policy, an empty one where it has none or does not exist: GetPolicy gives one answer for both.

        Raises: Unavailable.
        """
        not_found = self._client.exceptions.ResourceNotFoundException
        qualified: Any = {"FunctionName": name.function, **({"Qualifier": name.qualifier} if name.qualifier else {})}

        def read() -> Json:
            with translated(f"GetPolicy {name}"):
                try:
                    policy: Json = json.loads(self._client.get_policy(**qualified)["Policy"])
                except not_found:
                    return {}
            return policy

        return self._looked_up(name, read)

    def _version(self, name: FunctionName) -> str | None:
        """The version that the name leads to; "" where there is no such function, alias or version.

        Raises: Unavailable.
        """
        not_found = self._client.exceptions.ResourceNotFoundException

        def read() -> str:
            qualifier = name.qualifier or "$LATEST"
            try:
                if qualifier.isdecimal() or qualifier == "$LATEST":
                    with translated(f"GetRuntimeManagementConfig {name}"):
                        self._client.get_runtime_management_config(FunctionName=name.function, Qualifier=qualifier)
                    return qualifier
                with translated(f"GetAlias {name}"):
                    return self._client.get_alias(FunctionName=name.function, Name=qualifier)["FunctionVersion"]
            except not_found:
                return ""

        return self._looked_up(name, read)

    def _looked_up(self, name: FunctionName, read: Callable[[], _T]) -> _T | None:
        if (region := name.function.split(":")[3]) != self._region:
            self._unreadable.append(f"function {name}: it is in {region}")
            return None
        try:
            return read()
        except NotAllowed as error:
            self._unreadable.append(str(error))
            return None
