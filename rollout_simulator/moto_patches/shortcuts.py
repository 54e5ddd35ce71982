"""Results that moto and botocore compute for every call although they never change; a third of a run's time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from botocore.signers import RequestSigner
from botocore.useragent import UserAgentString
from moto.core import responses
from moto.core.base_backend import BaseBackend
from moto.core.serialize import AttributePicker, AttributePickerContext, XFormedAttributePicker
from moto.core.utils import method_names_from_class
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node  # type: ignore[attr-defined]

from rollout_simulator.moto_patches.patching import replacements

_RESPONSES = replacements(responses, method_names_from_class="looks the methods of a class up anew for each call")
_USER_AGENT = replacements(UserAgentString, to_string="puts the text together anew for each call")
_BACKEND = replacements(BaseBackend, urls="works out a backend's URL patterns anew for each call")
_PICKER = replacements(AttributePicker, get_possible_keys="works out a member's names anew each time")
_XFORMED_PICKER = replacements(
    XFormedAttributePicker, get_possible_keys="works out a member's names anew for each object"
)
_TRAVERSER = replacements(DepthFirstTraverser, traverse_node_recursively="asks for a node's classes anew each time")
_SIGNER = replacements(RequestSigner, sign="signs each call, and moto reads only who signed")

USER_AGENT = "rollout-pilot-simulator"

PossibleKeys = Callable[[Any, AttributePickerContext], Sequence[str]]


@contextmanager
def taken() -> Iterator[None]:
    """For as long as this is open."""
    with (
        _RESPONSES(method_names_from_class=cache(method_names_from_class)),
        _USER_AGENT(to_string=lambda _: USER_AGENT),
        _BACKEND(urls=property(_urls_worked_out_once())),
        _PICKER(get_possible_keys=_keys_worked_out_once(AttributePicker)),
        _XFORMED_PICKER(get_possible_keys=_keys_worked_out_once(XFormedAttributePicker)),
        _TRAVERSER(traverse_node_recursively=_traversed_by_known_classes()),
        _SIGNER(sign=_signed_in_name_only(RequestSigner.sign)),
    ):
        yield


def _urls_worked_out_once() -> Callable[[BaseBackend], Any]:
    """A backend's URL patterns; they come from its module."""
    of_backend: Any = BaseBackend.__dict__["urls"].fget
    known: dict[type[BaseBackend], Any] = {}

    def urls(backend: BaseBackend) -> Any:
        kind = type(backend)
        if kind not in known:
            known[kind] = of_backend(backend)
        return known[kind]

    return urls


def _keys_worked_out_once(picker_class: type[AttributePicker]) -> PossibleKeys:
    """Under which names an answer's member may stand in moto's object: by the member and the object's class."""
    of_context = picker_class.get_possible_keys
    known: dict[tuple[Any, ...], Sequence[str]] = {}

    def get_possible_keys(picker: AttributePicker, context: AttributePickerContext) -> Sequence[str]:
        member = (type(picker), context.shape, context.key, type(context.obj))
        if member not in known:
            known[member] = tuple(of_context(picker, context))
        return known[member]

    return get_possible_keys


def _traversed_by_known_classes() -> Any:
    """moto's walk through an update expression, bottom up. Whether a traverser processes a node depends on the classes
    of both; asking abstract classes anew for each node took most of the walk.
    """
    known: dict[tuple[type, type], bool] = {}

    def traverse(traverser: Any, node: Any, child_id: int = -1) -> Any:
        classes = type(traverser), type(node)
        if classes not in known:
            known[classes] = isinstance(node, Node) and isinstance(node, traverser.nodes_to_be_processed())
        parent = getattr(node, "parent", None)
        for index, child in enumerate(getattr(node, "children", None) or ()):
            traverser.pre_processing_of_child(node, index)
            traverse(traverser, child, index)
        if not known[classes]:
            return node
        processed = traverser.process(node)
        processed.parent = parent
        if parent:
            parent.children[child_id] = processed
        return processed

    return traverse


def _signed_in_name_only(sign: Any) -> Any:
    """The header that names who signs, which is all that moto reads of a signature."""

    def sign_in_name(signer: Any, operation_name: str, request: Any, *arguments: Any, **others: Any) -> None:
        credentials = signer._credentials
        if arguments or others or credentials is None:
            sign(signer, operation_name, request, *arguments, **others)
            return
        scope = f"20260101/{signer.region_name}/{signer.signing_name}/aws4_request"
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders=host, Signature=none"
        )

    return sign_in_name
