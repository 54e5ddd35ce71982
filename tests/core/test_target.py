"""The target's states, how they follow one another, and when two are the same to a rollout."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.core.target import LONGEST_TARGET_KEY, Behind, Canary, Target, TargetState, target_named, target_of
from tests.rollouts import FOUND, PROD

NAMES = frozenset({"lambdaAlias"})
CANARY = Canary("dep-new", Decimal(5), {"lambdaAlias": "next"})
WITH_CANARY = replace(FOUND, canary=CANARY)

texts = st.text(max_size=8)
variables = st.dictionaries(texts, texts, max_size=4)
weights = st.decimals(0, 100, places=2)
canaries = st.builds(Canary, texts, weights, variables, st.booleans())
states = st.builds(TargetState, texts, st.none() | canaries, variables)
states_with_canary = st.builds(TargetState, texts, canaries, variables)


# --- transitions -------------------------------------------------------------------------------------------------


def test_another_weight_changes_the_weight_alone() -> None:
    assert replace(FOUND, canary=replace(CANARY, weight_percent=Decimal(50))) == WITH_CANARY.with_weight(Decimal(50))


def test_a_promotion_makes_the_canary_the_base_and_merges_its_overrides() -> None:
    assert TargetState("dep-new", None, {"lambdaAlias": "next", "table": "orders"}) == WITH_CANARY.promoted()


def test_a_promotion_that_moves_the_live_aliases_drops_the_overrides_that_lead_around_them() -> None:
    behind = Behind({"lambdaAlias": "next"}, {"orders:next": "7"}, {"orders:live": "7"})
    canary = Canary("dep-new", Decimal(5), {"lambdaAlias": "next", "table": "orders-2"})
    state = replace(FOUND, canary=canary, aliases={"orders:next": "7", "orders:live": "6"})
    promoted = {"lambdaAlias": "live", "table": "orders-2"}, {"orders:next": "7", "orders:live": "7"}
    assert TargetState("dep-new", None, *promoted) == state.promoted(behind)


def test_an_alias_on_another_version_is_another_state() -> None:
    state = replace(FOUND, aliases={"orders:next": "7"})
    assert not state.agrees_with(replace(FOUND, aliases={"orders:next": "8"}), NAMES)


def test_a_record_of_an_earlier_version_knows_no_aliases() -> None:
    document = FOUND.to_document()
    del document["aliases"]
    assert FOUND == TargetState.from_document(document)


def test_without_its_canary_the_base_is_as_it_was() -> None:
    assert FOUND == WITH_CANARY.without_canary()


@pytest.mark.parametrize(
    "transition",
    [lambda: FOUND.with_weight(Decimal(5)), FOUND.promoted],
    ids=["weight", "promoted"],
)
def test_without_a_canary_there_is_nothing_to_shift_or_promote(transition: object) -> None:
    with pytest.raises(ValueError, match="without a canary"):
        transition()  # type: ignore[operator]


@given(states_with_canary)
def test_a_promotion_loses_no_variable(state: TargetState) -> None:
    assert state.variables.keys() <= state.promoted().variables.keys()


@given(states, states, st.frozensets(texts, max_size=4))
def test_beside_another_state_only_the_named_variables_are_its_own(
    wanted: TargetState, seen: TargetState, names: frozenset[str]
) -> None:
    both = wanted.beside(seen, names)
    assert both.agrees_with(wanted, names)
    assert {name: value for name, value in both.variables.items() if name not in names} == {
        name: value for name, value in seen.variables.items() if name not in names
    }


# --- agreement ---------------------------------------------------------------------------------------------------


@given(states, st.frozensets(texts, max_size=4))
def test_every_state_agrees_with_itself(state: TargetState, names: frozenset[str]) -> None:
    assert state.agrees_with(state, names)


@given(states, states, st.frozensets(texts, max_size=4))
def test_agreement_is_mutual(one: TargetState, other: TargetState, names: frozenset[str]) -> None:
    assert one.agrees_with(other, names) == other.agrees_with(one, names)


def test_a_variable_that_the_rollout_does_not_override_does_not_matter() -> None:
    theirs = replace(WITH_CANARY, variables={**FOUND.variables, "table": "orders-2", "added": "x"})
    assert WITH_CANARY.agrees_with(theirs, NAMES)


@pytest.mark.parametrize(
    "other",
    [
        replace(WITH_CANARY, base="dep-theirs"),
        replace(WITH_CANARY, canary=None),
        replace(WITH_CANARY, canary=replace(CANARY, weight_percent=Decimal("5.01"))),
        replace(WITH_CANARY, canary=replace(CANARY, revision="dep-theirs")),
        replace(WITH_CANARY, canary=replace(CANARY, overrides={})),
        replace(WITH_CANARY, canary=replace(CANARY, use_stage_cache=True)),
        replace(WITH_CANARY, variables={"lambdaAlias": "theirs", "table": "orders"}),
        replace(WITH_CANARY, variables={"table": "orders"}),
    ],
    ids=["base", "no canary", "weight", "revision", "overrides", "cache", "variable", "variable gone"],
)
def test_whatever_else_differs_is_a_difference(other: TargetState) -> None:
    assert not WITH_CANARY.agrees_with(other, NAMES)


def test_weights_are_compared_as_numbers_however_they_are_written() -> None:
    assert WITH_CANARY.with_weight(Decimal("5.0")).agrees_with(WITH_CANARY.with_weight(Decimal(5)), NAMES)


# --- documents and words -----------------------------------------------------------------------------------------


@given(states)
def test_a_state_comes_back_from_its_document_as_it_was(state: TargetState) -> None:
    assert state == TargetState.from_document(state.to_document())


@given(weights)
def test_a_weight_comes_back_exactly(weight: Decimal) -> None:
    document = replace(CANARY, weight_percent=weight).to_document()
    assert str(weight) == str(Canary.from_document(document).weight_percent)


def test_a_target_comes_back_from_its_document_as_it_was() -> None:
    assert PROD == Target.from_document(PROD.to_document())


def test_a_target_is_called_by_its_kind_and_its_names() -> None:
    assert "apigateway-stage/a1b2c3d4e5/prod" == PROD.key


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (FOUND, "base dep-old, no canary"),
        (WITH_CANARY, "base dep-old, canary dep-new at 5 %, lambdaAlias=next"),
        (replace(FOUND, canary=Canary("dep-new", Decimal("12.50"))), "base dep-old, canary dep-new at 12.5 %"),
        (replace(FOUND, canary=Canary("dep-new", Decimal("1E+1"))), "base dep-old, canary dep-new at 10 %"),
    ],
)
def test_a_state_reads_as_people_would_say_it(state: TargetState, words: str) -> None:
    assert words == str(state)


# --- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "document",
    [None, "prod", [], {}, {"type": "lambda-alias"}, {"stageName": "prod"}, {"type": 7, "stageName": "prod"}]
    + [{"type": "t", "name": name} for name in (7, None, "", "a\tb", "a\nb", "\x1b[2J", "x" * LONGEST_TARGET_KEY)],
)
def test_what_names_no_target_has_no_name(document: object) -> None:
    assert "" == target_named(document)


def test_what_names_a_target_has_its_key_as_name() -> None:
    assert PROD.key == target_named(PROD.to_document())


@pytest.mark.parametrize("ids", [{"restApiId": "a1", "stageName": "prod"}, {"functionName": "f", "aliasName": "live"}])
def test_a_target_is_found_again_by_its_key(ids: dict[str, str]) -> None:
    kind = "apigateway-stage" if "restApiId" in ids else "lambda-alias"
    target = Target(kind, ids)
    assert target_of(target.key) == target


@pytest.mark.parametrize("key", ["", "apigateway-stage", "apigateway-stage/a1", "lambda-alias/a/b/c", "queue/a/b"])
def test_what_is_no_targets_key_names_no_target(key: str) -> None:
    assert target_of(key) is None
