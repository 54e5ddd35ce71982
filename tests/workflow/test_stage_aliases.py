"""A stage whose functions are reached by alias, through the real workflow, broken off wherever a call can break off.

After each run deployment, variables and all aliases are as found or as promoted, nothing in between; and on the way no
request has met a mix of old and new, which is one of the laws that every run is held to.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from rollout_simulator.chaos import Recorded
from rollout_simulator.chaos.plan import Act, AwsFault, What
from tests.workflow.trouble import after, at, before, command, fault, final, is_base, outcome, ran, reason
from tests.workflow.world import world

pytestmark = pytest.mark.slow

MODES = ["mergeVariables", "moveAliases"]
FOUND = {"live": "1", "next": "1"}
PROMOTED = {"mergeVariables": {"live": "1", "next": "2"}, "moveAliases": {"live": "2", "next": "2"}}
VARIABLES = {"mergeVariables": "next", "moveAliases": "live"}
MAKING = [("UpdateAlias", 1), ("UpdateAlias", 2), ("UpdateStage", 1)]
"""The changing calls of Create canary, in order, with two functions."""
PROMOTING = [("UpdateStage", 1), ("UpdateAlias", 1), ("UpdateAlias", 2), ("UpdateStage", 2), ("UpdateStage", 3)]
"""Those of Promote, when it moves the live aliases."""


def rollout(*acts: Act, mode: str = "moveAliases", faults: tuple[AwsFault, ...] = (), **request: Any) -> Recorded:
    """One of two functions behind an API."""
    return ran(*acts, faults=faults, scenario={"api": {"functions": 2, "on_promotion": mode}}, **request)


def aliases(recorded: Recorded) -> list[dict[str, str]]:
    """The versions of each function's aliases in the end."""
    last = recorded.alias_writes[-1].after
    functions = sorted({name.partition(":")[0] for name in last})
    return [{alias: last[f"{function}:{alias}"] for alias in ("live", "next")} for function in functions]


def is_as_found(recorded: Recorded) -> bool:
    return is_base(final(recorded), recorded) and aliases(recorded) == [FOUND] * 2


def is_promoted(recorded: Recorded, mode: str = "moveAliases") -> bool:
    state = final(recorded)
    assert state is not None
    whole = state.canary is None and dict(state.variables)["lambdaAlias"] == VARIABLES[mode]
    return whole and not is_base(state, recorded) and aliases(recorded) == [PROMOTED[mode]] * 2


@pytest.mark.parametrize("mode", MODES)
def test_two_functions_are_promoted_together(mode: str) -> None:
    recorded = rollout(mode=mode)
    assert ("PROMOTED", True) == (outcome(recorded), is_promoted(recorded, mode))


@pytest.mark.parametrize("mode", MODES)
def test_aborted_it_puts_the_spare_aliases_back(mode: str) -> None:
    recorded = rollout(after("ShiftTraffic", "UpdateStage", What.COMMAND, **command("abort")), mode=mode)
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_as_found(recorded))


@pytest.mark.parametrize("seconds", [9, 20, 40, 70])
@pytest.mark.parametrize("moment", [4, 12, 30])
def test_a_canary_that_is_made_after_the_rollback_meets_the_version_that_it_was_made_for(
    seconds: float, moment: int
) -> None:
    late = fault("apigateway", "UpdateStage", mode="late", seconds=seconds, times=1)
    recorded = rollout(at(moment, What.COMMAND, **command("abort")), faults=(late,))
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_as_found(recorded))


@pytest.mark.parametrize("mode", MODES)
def test_an_undo_puts_everything_back(mode: str) -> None:
    recorded = rollout(after("Close", "TransactWriteItems", What.COMMAND, **command("rollback")), mode=mode)
    assert ("PROMOTED", True) == (outcome(recorded), is_as_found(recorded))


@pytest.mark.parametrize("call", MAKING[1:], ids=lambda call: f"{call[0]} {call[1]}")
def test_a_creation_that_dies_at_any_call_is_made_up_for_by_the_retry(call: tuple[str, int]) -> None:
    recorded = rollout(after("CreateCanary", call[0], What.CRASH, call[1]))
    assert ("PROMOTED", True) == (outcome(recorded), is_promoted(recorded))


@pytest.mark.parametrize("call", PROMOTING, ids=lambda call: f"{call[0]} {call[1]}")
def test_a_promotion_that_dies_at_any_call_is_made_up_for_by_the_retry(call: tuple[str, int]) -> None:
    recorded = rollout(after("Promote", call[0], What.CRASH, call[1]))
    assert ("PROMOTED", True) == (outcome(recorded), is_promoted(recorded))


@pytest.mark.parametrize("call", PROMOTING[2:4], ids=lambda call: f"{call[0]} {call[1]}")
def test_an_abort_in_the_middle_of_a_promotion_leads_all_the_way_back(call: tuple[str, int]) -> None:
    recorded = rollout(
        after("Promote", call[0], What.COMMAND, call[1], **command("abort")),
        before("Promote", "GetStage", What.CRASH, 2),
    )
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_as_found(recorded))


@pytest.mark.parametrize("call", [PROMOTING[1], PROMOTING[3]], ids=lambda call: f"{call[0]} {call[1]}")
def test_an_execution_stopped_in_the_middle_of_a_promotion_is_recovered_to_one_known_state(
    call: tuple[str, int],
) -> None:
    recorded = rollout(
        after("Promote", call[0], What.STOP_EXECUTION, call[1]), after("Promote", call[0], What.CRASH, call[1])
    )
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_as_found(recorded))


def test_an_execution_stopped_while_the_aliases_are_pointed_is_recovered() -> None:
    recorded = rollout(
        after("CreateCanary", "UpdateAlias", What.STOP_EXECUTION), after("CreateCanary", "UpdateAlias", What.CRASH)
    )
    assert ("ROLLED_BACK", [FOUND] * 2, []) == (outcome(recorded), aliases(recorded), list(recorded.target_writes))


def test_aliases_that_cannot_be_moved_on_promotion_send_everything_back() -> None:
    broken = fault("lambda", "UpdateAlias", caller="rollout-pilot-PromoteFunction", error="ServiceException")
    recorded = rollout(faults=(broken,))
    assert ("ROLLED_BACK", True) == (outcome(recorded), is_as_found(recorded))
    assert "ServiceException" in reason(recorded)


def test_a_stage_that_is_on_the_alias_already_is_not_moved_all_at_once() -> None:
    """After a merge the names have changed places."""
    with world(api={"on_promotion": "mergeVariables"}) as at:
        at.ended(at.start(at.request(), "first"))
        again = at.request()
        again["candidate"]["functions"][0]["version"] = "1"
        refused = at.ended(at.start(again, "second"))
        (function,) = at.simulation.api.functions
        alias = at.client("lambda").get_alias(FunctionName=function, Name="next")
    assert ("Rejected", "2") == (refused["error"], alias["FunctionVersion"])
    assert "the stage itself is on alias next already" in refused["cause"]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_live_already_is_not_rolled_out_again(mode: str) -> None:
    with world(api={"on_promotion": mode}) as at:
        at.ended(at.start(at.request(), "first"))
        before = len(at.changes())
        again = at.ended(at.start(at.request(), "second"))
    assert ("PROMOTED", before) == (json.loads(again["output"])["outcome"], len(at.changes()))


def test_a_version_that_does_not_exist_is_refused() -> None:
    with world(api={"on_promotion": "moveAliases"}) as at:
        request = at.request()
        request["candidate"]["functions"][0]["version"] = "9"
        refused = at.ended(at.start(request, "first"))
    assert "9 is not a version of function orders" in refused["cause"]
    assert [] == at.changes()
