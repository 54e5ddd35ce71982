"""Whose a target is: by its tag, and by the parameters of the controllers that hear the same bus."""

from __future__ import annotations

import pytest

from rollout.core.controllers import Controller, Owner, claim_on
from rollout.core.target import Target

STAGE = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "prod"})
ALIAS = Target("lambda-alias", {"functionName": "orders-api", "aliasName": "live"})
OWN = Controller("shop")
TAGGED = Controller("stock")
BY_ID = Controller("stock", rest_api="a1b2c3d4e5", functions="orders-*")
ELSEWHERE = Controller("stock", rest_api="f6g7h8i9j0", functions="stock")
OWN_BY_ID = Controller("shop", rest_api="a1b2c3d4e5", functions="orders-*")
OWN_ELSEWHERE = Controller("shop", rest_api="f6g7h8i9j0", functions="stock")


@pytest.mark.parametrize("target", [STAGE, ALIAS], ids=lambda target: target.kind)
@pytest.mark.parametrize(
    ("own", "tag", "others", "expected"),
    [
        # The tag says it.
        (OWN, "shop", [TAGGED], Owner.OURS),
        (OWN, "managed", [TAGGED], Owner.OURS),
        (OWN, "managed", [], Owner.OURS),
        (OWN, "stock", [TAGGED], Owner.ANOTHERS),
        (OWN, "stock", [], Owner.NOBODYS),
        (OWN, "no", [TAGGED], Owner.NOBODYS),
        (OWN, "", [], Owner.NOBODYS),
        (OWN, "", [TAGGED], Owner.NOBODYS),
        (OWN, "", [ELSEWHERE], Owner.NOBODYS),
        # The parameters of another say it.
        (OWN, "managed", [BY_ID], Owner.ANOTHERS),
        (OWN, "", [BY_ID], Owner.ANOTHERS),
        (OWN, "shop", [BY_ID], Owner.OURS),
        # Our own parameters say it.
        (OWN_BY_ID, "", [TAGGED], Owner.OURS),
        (OWN_BY_ID, "managed", [TAGGED], Owner.OURS),
        (OWN_BY_ID, "stock", [TAGGED], Owner.ANOTHERS),
        (OWN_BY_ID, "stock", [], Owner.NOBODYS),
        # Our own parameters forbid it; what its tag says cannot be read then.
        (OWN_ELSEWHERE, None, [], Owner.NOBODYS),
        (OWN_ELSEWHERE, None, [ELSEWHERE], Owner.NOBODYS),
        (OWN_ELSEWHERE, None, [BY_ID], Owner.ANOTHERS),
        (OWN_ELSEWHERE, None, [TAGGED], Owner.ANOTHERS),
        # A tag that may not be read is held against nobody.
        (OWN, None, [], Owner.OURS),
        (OWN, None, [BY_ID], Owner.ANOTHERS),
    ],
)
def test_a_target_is_ours_anothers_or_nobodys(
    target: Target, own: Controller, tag: str | None, others: list[Controller], expected: Owner
) -> None:
    claim = claim_on(target, tag, own, others)
    assert claim.owner is expected
    assert (claim.reason == "") is (expected is Owner.OURS)


@pytest.mark.parametrize(
    ("functions", "names"), [("orders-api", True), ("orders-*", True), ("orders", False), ("stock*", False)]
)
def test_a_functions_name_is_whole_or_a_beginning(functions: str, names: bool) -> None:
    assert Controller("shop", functions=functions).names(ALIAS) is names


def test_the_reason_says_who_answers_and_how_to_opt_in() -> None:
    assert "for the controller stock" in claim_on(STAGE, "stock", OWN, [TAGGED]).reason
    missing = claim_on(STAGE, "", OWN, []).reason
    assert "rollout-pilot=managed" in missing
    assert "rollout-pilot=shop" in missing


def test_who_has_another_value_of_the_tag_is_told_how_to_change_it() -> None:
    claim = claim_on(STAGE, "yes", OWN, [])
    assert "its tag rollout-pilot is 'yes'" in claim.reason
    assert "to let it be rolled out: aws apigateway tag-resource" in claim.reason
    assert "tag-resource" not in claim_on(STAGE, "stock", OWN, [TAGGED]).reason
