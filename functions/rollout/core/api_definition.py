"""What a REST API calls: the functions, authorizers and VPC links that its methods name, stage variables filled in.

A definition is that of GetResources and GetAuthorizers. URIs of functions are
`…:lambda:path/2015-03-31/functions/FUNCTION_ARN[:QUALIFIER]/invocations`, and any part may be a stage variable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from rollout.core.target import Json

_IN_URI = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_NAMED = re.compile(
    r"stageVariables(?:"
    r"\.get\(\s*['\"](?P<got>\w+)['\"]\s*\)"
    r"|\[\s*['\"](?P<item>\w+)['\"]\s*\]"
    r"|\.(?P<attribute>\w+)\b(?!\s*\())"
)
"""A mapping template, a mapped parameter or a URI names a stage variable in one of these ways (documented)."""
_ANY = re.compile(r"stageVariables\b")
_FUNCTION = re.compile(
    r"/functions/(?P<function>arn:[^:]+:lambda:[^:]+:\d+:function:[^:/]+)(?::(?P<qualifier>[^/:]+))?/"
)
_OF_FUNCTIONS = ":lambda:path/"
_INTEGRATION = "x-amazon-apigateway-integration"
_ANY_METHOD = "x-amazon-apigateway-any-method"
_VPC_LINK = "VPC_LINK"
_LINK_TO_BALANCER = "integrationTarget"
"""An integration that has it uses a VPC link of the newer kind, of which GetVpcLink knows nothing."""


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A Lambda function as an API names it: its ARN, and the alias or version, "" for neither."""

    function: str
    qualifier: str = ""

    @property
    def arn(self) -> str:
        """The ARN with its qualifier."""
        return f"{self.function}:{self.qualifier}" if self.qualifier else self.function

    @property
    def short_name(self) -> str:
        """The function's name alone."""
        return self.function.split(":")[6]

    def __str__(self) -> str:
        return self.arn.split(":", 6)[6]


@dataclass(frozen=True, slots=True)
class Call:
    """That a method, or an authorizer, calls what this URI names.

    called_as: how the caller's ARN ends: `API/STAGE/METHOD/path`, or `API/authorizers/ID`. with_role: with a role of
    the API's own, so that the function's resource policy is not asked.
    """

    called_as: str
    uri: str
    with_role: bool

    def function(self, variables: Mapping[str, str]) -> FunctionName | None:
        """The function that is called where the stage variables have these values; None where it is none, or where one
        of them has no value.
        """
        return None if any(self.unset(variables)) else function_named(_filled(self.uri, variables))

    def unset(self, variables: Mapping[str, str]) -> Iterator[str]:
        """The stage variables in a function's name that have no value."""
        if _OF_FUNCTIONS in self.uri:
            yield from (name for name in _IN_URI.findall(self.uri) if not variables.get(name))


@dataclass(frozen=True, slots=True)
class ApiDefinition:
    """The methods of an API by `METHOD /path`, as GetResources shows them, and its authorizers by their ids."""

    methods: Mapping[str, Json]
    authorizers: Mapping[str, Json] = field(default_factory=dict)

    def only(self, methods: Set[str]) -> ApiDefinition:
        """The same without the methods that a deployment does not have."""
        return ApiDefinition({name: each for name, each in self.methods.items() if name in methods}, self.authorizers)

    def calls(self, api: str, stage: str) -> Iterator[Call]:
        """Everything that a request may call, method by method, then the authorizers that methods use."""
        for name, method in self.methods.items():
            integration = method.get("methodIntegration") or {}
            if "uri" in integration:
                called_as = f"{api}/{stage}/{name.replace(' ', '', 1)}"
                yield Call(called_as, integration["uri"], bool(integration.get("credentials")))
        for identity, authorizer in self._used_authorizers():
            if "authorizerUri" in authorizer:
                with_role = bool(authorizer.get("authorizerCredentials"))
                yield Call(f"{api}/authorizers/{identity}", authorizer["authorizerUri"], with_role)

    def links(self, variables: Mapping[str, str]) -> Mapping[str, str]:
        """The id of each VPC link, with the first method that uses it; "" for one whose variable has no value."""
        used: dict[str, str] = {}
        for name, method in self.methods.items():
            integration = method.get("methodIntegration") or {}
            if integration.get("connectionType") == _VPC_LINK and not integration.get(_LINK_TO_BALANCER):
                written = integration.get("connectionId", "")
                empty = any(not variables.get(each) for each in _IN_URI.findall(written))
                used.setdefault("" if empty else _filled(written, variables), name)
        return used

    def variables_used(self) -> frozenset[str]:
        """The stage variables that something names."""
        found = (match for text in self._texts() for match in _NAMED.finditer(text))
        return frozenset(match["got"] or match["item"] or match["attribute"] for match in found)

    def given_all_variables(self) -> str:
        """What is given all stage variables, whatever they are called, in words; "" for nothing.

        A proxy function and a REQUEST authorizer find them in their event (documented); a mapping template may pass on
        whatever there is.
        """
        for name, method in self.methods.items():
            if (method.get("methodIntegration") or {}).get("type") == "AWS_PROXY":
                return f"the function behind {name}"
        for _, authorizer in self._used_authorizers():
            if authorizer.get("type") == "REQUEST":
                return f"the authorizer {authorizer.get('name', '')}"
        if any(len(_ANY.findall(text)) > len(_NAMED.findall(text)) for text in self._texts()):
            return "a mapping template"
        return ""

    def _used_authorizers(self) -> Iterator[tuple[str, Json]]:
        used = {str(method.get("authorizerId", "")) for method in self.methods.values()}
        return ((identity, each) for identity, each in self.authorizers.items() if identity in used)

    def _texts(self) -> Iterator[str]:
        yield from _texts_in(list(self.methods.values()))
        yield from _texts_in([authorizer for _, authorizer in self._used_authorizers()])


def exported(document: Json, authorizers: Mapping[str, Json]) -> ApiDefinition:
    """The definition in an OpenAPI document of GetExport. `authorizers`: those of the API now, by their ids, for the
    document knows them by name alone.
    """
    identities = {str(each.get("name", "")): identity for identity, each in authorizers.items()}
    methods = {
        f"{'ANY' if verb == _ANY_METHOD else verb.upper()} {path}": _method(operation, identities)
        for path, verbs in document.get("paths", {}).items()
        for verb, operation in verbs.items()
        if isinstance(operation, Mapping)
    }
    return ApiDefinition(methods, authorizers)


def _method(operation: Mapping[str, Any], identities: Mapping[str, str]) -> Json:
    """An operation as GetResources shows the method."""
    integration = dict(operation.get(_INTEGRATION, {}))
    used = [identities[name] for each in operation.get("security", ()) for name in each if name in identities]
    typed = {"type": str(integration["type"]).upper()} if "type" in integration else {}
    return {"methodIntegration": {**integration, **typed}, **({"authorizerId": used[0]} if used else {})}


def function_named(uri: str) -> FunctionName | None:
    """The function of an integration's URI, or of an ARN alone, as HTTP APIs have it; None where it is none."""
    text = uri if uri.startswith("arn:") and _OF_FUNCTIONS in uri else f"/functions/{uri}/"
    found = _FUNCTION.search(text)
    return FunctionName(found["function"], found["qualifier"] or "") if found else None


def _filled(text: str, variables: Mapping[str, str]) -> str:
    return _IN_URI.sub(lambda name: variables.get(name[1]) or name[0], text)


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from (text for each in value.values() for text in _texts_in(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in _texts_in(each))
