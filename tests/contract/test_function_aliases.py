"""Pointing a function's alias to another version, whatever Lambda answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.stub import Stubber

from rollout.adapters.function_aliases import FunctionAliases
from rollout.errors import ForeignChange, RolloutError, Unavailable
from tests.contract.aws import client

ALIAS = {"FunctionName": "orders", "Name": "next"}
POINTED = {
    **ALIAS,
    "FunctionVersion": "2",
    "RoutingConfig": {"AdditionalVersionWeights": {}},
    "RevisionId": "rev-1",
}
"""The revision that was read goes with the call, so that a change in between is refused."""


@pytest.fixture
def stub() -> Iterator[Stubber]:
    """Lambda, which answers what it is told to, and only to what is expected."""
    with Stubber(client("lambda")) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def shows(stub: Stubber, version: str, **weights: float) -> None:
    """The next GetAlias shows this."""
    routing: dict[str, Any] = {"RoutingConfig": {"AdditionalVersionWeights": weights}} if weights else {}
    stub.add_response("get_alias", {"FunctionVersion": version, "RevisionId": "rev-1", **routing}, ALIAS)


def point() -> None:
    FunctionAliases(client("lambda")).point("orders:next", "1", "2")


def test_an_alias_is_pointed_from_the_revision_that_was_read(stub: Stubber) -> None:
    shows(stub, "1")
    stub.add_response("update_alias", {}, POINTED)
    point()


def test_an_alias_that_is_not_on_what_was_seen_is_left_alone(stub: Stubber) -> None:
    shows(stub, "3")
    with pytest.raises(ForeignChange, match="alias orders:next: it is on 3, was on 1"):
        point()


@pytest.mark.parametrize(
    ("shown", "error", "words"),
    [("1", Unavailable, "UpdateAlias"), ("2", None, ""), ("3", ForeignChange, "it is on 3, was on 1")],
    ids=["as it was: try again", "as wanted: the first answer was lost", "on another: somebody else"],
)
def test_when_the_revision_has_moved_on_what_the_alias_is_on_now_tells_by_whom(
    stub: Stubber, shown: str, error: type[RolloutError] | None, words: str
) -> None:
    shows(stub, "1")
    stub.add_client_error("update_alias", "PreconditionFailedException", http_status_code=412)
    shows(stub, shown)
    if error is None:
        point()
    else:
        with pytest.raises(error, match=words):
            point()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("ResourceConflictException", Unavailable),
        ("ResourceNotFoundException", ForeignChange),
        ("InvalidParameterValueException", ForeignChange),
    ],
)
def test_what_lambda_refuses_is_called_what_it_is(stub: Stubber, code: str, error: type[RolloutError]) -> None:
    shows(stub, "1")
    stub.add_client_error("update_alias", code, "why", http_status_code=400)
    with pytest.raises(error, match="why"):
        point()
