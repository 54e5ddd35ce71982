"""What every `RolloutStore` promises, kept by the DynamoDB adapter and by its fake."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError

from rollout.adapters.dynamodb_store import SIGNAL_PAUSES, DynamoDbStore
from rollout.core.account import AccountFacts
from rollout.core.budget import size_of
from rollout.core.decision import Decision, Phase
from rollout.core.rollout import MOST_ALARMS, Outcome, Rollout
from rollout.core.signals import Signal, SignalKind
from rollout.core.target import Json, Target
from rollout.errors import Busy, NotAllowed, RecordChanged, RecordFull, Refused, Repeated, RolloutError, Unavailable
from rollout.ports import RolloutStore
from rollout_simulator.fakes import FakeStore
from tests.contract.aws import client, create_table, in_trouble, refusing, requests_of
from tests.rollouts import NOON, PROD, rollout, settings

TABLE = "rollouts"
LINE: Json = {"at": NOON.isoformat(), "state": "Analyze", "reason": "because"}
OTHER = Target("apigateway-stage", {"restApiId": "a1b2c3d4e5", "stageName": "test"})
ABORT = Signal(SignalKind.ABORT, NOON.isoformat(), "ada", "looks wrong", step=1)


class World(Protocol):
    """An empty store, and what else touches its records."""

    @property
    def store(self) -> RolloutStore: ...

    def bake(self, rollout_id: str, token: str, seen: int) -> bool:
        """What the state Bake writes; whether it could."""

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]: ...


class OverDynamoDb:
    def __init__(self) -> None:
        create_table(TABLE)
        self.client = client("dynamodb")
        self.adapter = DynamoDbStore(self.client, TABLE, history_days=30)
        self.store = self.adapter

    def bake(self, rollout_id: str, token: str, seen: int) -> bool:
        try:
            self.client.update_item(
                TableName=TABLE,
                Key={"pk": {"S": f"ROLLOUT#{rollout_id}"}, "sk": {"S": "RECORD"}},
                UpdateExpression="SET taskToken = :token",
                ConditionExpression="signalCount = :seen",
                ExpressionAttributeValues={":token": {"S": token}, ":seen": {"N": str(seen)}},
            )
        except self.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def item(self, pk: str, sk: str) -> Any:
        return self.client.get_item(TableName=TABLE, Key={"pk": {"S": pk}, "sk": {"S": sk}}).get("Item")

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        code, status = {NotAllowed: ("AccessDeniedException", 400), Unavailable: ("ThrottlingException", 400)}[error]
        return refusing("dynamodb", code, status)


class InMemory:
    def __init__(self) -> None:
        self.fake = FakeStore()
        self.store = self.fake

    def bake(self, rollout_id: str, token: str, seen: int) -> bool:
        return self.fake.bake(rollout_id, token, seen)

    def failing(self, error: type[RolloutError]) -> AbstractContextManager[None]:
        return in_trouble(self.fake, error)


@pytest.fixture
def dynamodb(aws: None) -> OverDynamoDb:
    return OverDynamoDb()


@pytest.fixture(params=["adapter", "fake"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        return InMemory()
    over_dynamodb: OverDynamoDb = request.getfixturevalue("dynamodb")
    return over_dynamodb


def opened(world: World, **fields: Any) -> Rollout:
    """A rollout that is stored."""
    begun = rollout(**fields)
    world.store.open(begun)
    return loaded(world, begun.rollout_id)


def loaded(world: World, rollout_id: str = "r-1") -> Rollout:
    found = world.store.load(rollout_id)
    assert found is not None
    return found


def ended(stored: Rollout) -> Rollout:
    return replace(stored, phase=Phase.ENDED, outcome=Outcome.PROMOTED, ended_at=NOON, pending_decision=None)


def watching(*alarms: str) -> dict[str, Any]:
    return {"settings": settings(alarms=alarms)}


# --- open and load -----------------------------------------------------------------------------------------------


def test_what_was_opened_is_loaded_as_it_was(world: World) -> None:
    assert rollout() == opened(world)


def test_a_rollout_nobody_opened_is_not_there(world: World) -> None:
    assert world.store.load("r-1") is None


def test_a_rollout_is_opened_once(world: World) -> None:
    opened(world)
    with pytest.raises(RecordChanged, match="r-1"):
        world.store.open(rollout(reason="again"))
    assert "" == loaded(world).reason


def test_a_target_that_is_held_is_refused_and_its_holder_named(world: World) -> None:
    opened(world)
    with pytest.raises(
        Refused, match=r"apigateway-stage/a1b2c3d4e5/prod is held by rollout r-1 since 2026-03-02 12:00 UTC; "
    ):
        world.store.open(rollout("r-2", **watching("orders-5xx")))


def test_a_refused_rollout_leaves_nothing_behind(world: World) -> None:
    opened(world)
    with pytest.raises(Refused):
        world.store.open(rollout("r-2", **watching("orders-5xx")))
    assert world.store.load("r-2") is None
    assert [] == list(world.store.watchers("orders-5xx"))


def test_the_holder_of_a_target_is_named_with_the_refusal(world: World) -> None:
    opened(world)
    with pytest.raises(Busy) as refusal:
        world.store.open(rollout("r-2"))
    assert ("r-1", "r-1") == (refusal.value.holder, world.store.holder(PROD))


def test_the_last_rollout_of_a_target_is_known_when_it_is_over(world: World) -> None:
    assert world.store.last(PROD) is None
    world.store.close(ended(opened(world)), entry=LINE)
    assert "r-1" == world.store.last(PROD)
    world.store.open(rollout("r-2"))
    assert "r-2" == world.store.last(PROD)


def test_a_target_nobody_holds_has_no_holder(world: World) -> None:
    assert world.store.holder(PROD) is None
    assert [] == list(world.store.unfinished())


def test_the_rollouts_that_hold_a_target_are_listed(world: World) -> None:
    opened(world)
    world.store.open(rollout("r-2", settings=settings(target=OTHER)))
    assert ["r-1", "r-2"] == sorted(world.store.unfinished())


def test_one_that_has_ended_is_listed_until_it_has_told_the_world(world: World) -> None:
    event = {"eventId": "r-1/2/PROMOTED"}
    untold = world.store.close(replace(ended(opened(world)), pending_events=(event,)), entry=LINE)
    assert ["r-1"] == list(world.store.unfinished())
    world.store.save(replace(untold, pending_events=()))
    assert [] == list(world.store.unfinished())


def test_a_request_is_accepted_once_for_a_target(world: World) -> None:
    world.store.close(ended(opened(world, request_id="build-7")), entry=LINE)
    with pytest.raises(Repeated, match="build-7") as repeated:
        world.store.open(rollout("r-2", request_id="build-7"))
    assert "r-1" == repeated.value.rollout_id
    assert world.store.load("r-2") is None
    assert world.store.holder(PROD) is None


def test_another_target_may_have_the_same_request(world: World) -> None:
    opened(world, request_id="build-7")
    world.store.open(rollout("r-2", request_id="build-7", settings=settings(target=OTHER)))
    assert "r-2" == world.store.holder(OTHER)


def test_a_request_that_was_refused_may_be_made_again(world: World) -> None:
    held = opened(world)
    with pytest.raises(Busy):
        world.store.open(rollout("r-2", request_id="build-7"))
    world.store.close(ended(held), entry=LINE)
    world.store.open(rollout("r-3", request_id="build-7"))
    assert "r-3" == world.store.holder(PROD)


def test_another_target_is_another_lock(world: World) -> None:
    opened(world)
    world.store.open(rollout("r-2", settings=settings(target=OTHER)))
    assert ("r-1", "r-2") == (world.store.holder(PROD), world.store.holder(OTHER))


# --- save --------------------------------------------------------------------------------------------------------


def test_what_was_saved_is_loaded(world: World) -> None:
    saved = world.store.save(replace(opened(world), pending_decision=Decision.ADVANCE, reason="proven"))
    assert (Decision.ADVANCE, "proven", 1) == (saved.pending_decision, saved.reason, saved.revision)
    assert saved == loaded(world)


def test_of_two_who_read_the_same_revision_one_writes(world: World) -> None:
    stored = opened(world)
    world.store.save(replace(stored, reason="first"))
    with pytest.raises(RecordChanged, match="r-1"):
        world.store.save(replace(stored, reason="second"), entry=LINE)
    assert "first" == loaded(world).reason
    assert [] == list(world.store.history("r-1"))


def test_a_rollout_nobody_opened_cannot_be_saved(world: World) -> None:
    with pytest.raises(RecordChanged):
        world.store.save(rollout())
    assert world.store.load("r-1") is None


def test_a_signal_does_not_keep_the_rollout_from_being_saved(world: World) -> None:
    stored = opened(world)
    world.store.signal("r-1", ABORT)
    world.store.save(replace(stored, reason="later"))
    assert ("later", (ABORT,)) == (loaded(world).reason, loaded(world).signals)


def test_unless_signalled_a_signal_keeps_it_from_being_saved(world: World) -> None:
    stored = opened(world)
    world.store.signal("r-1", ABORT)
    with pytest.raises(RecordChanged):
        world.store.save(replace(stored, reason="up"), unless_signalled=True)
    assert "" == loaded(world).reason


def test_unless_signalled_a_signal_that_was_read_is_no_obstacle(world: World) -> None:
    opened(world)
    world.store.signal("r-1", replace(ABORT, kind=SignalKind.APPROVE))
    world.store.save(replace(loaded(world), reason="up"), unless_signalled=True)
    assert "up" == loaded(world).reason


def test_without_a_signal_it_is_saved_unless_signalled(world: World) -> None:
    assert "up" == world.store.save(replace(opened(world), reason="up"), entry=LINE, unless_signalled=True).reason


# --- history -----------------------------------------------------------------------------------------------------


def test_the_history_has_a_line_for_each_write_that_had_something_to_tell(world: World) -> None:
    stored = opened(world)
    for number in range(12):
        stored = world.store.save(stored, entry={**LINE, "reason": str(number)})
        stored = world.store.save(stored)
    assert [str(number) for number in range(12)] == [line["reason"] for line in world.store.history("r-1")]


def test_the_newest_lines_of_a_history_are_read_alone_and_in_order(world: World) -> None:
    stored = opened(world)
    for number in range(5):
        stored = world.store.save(stored, entry={**LINE, "reason": str(number)})
    assert ["3", "4"] == [line["reason"] for line in world.store.history("r-1", newest=2)]
    assert 5 == len(world.store.history("r-1", newest=9))


def test_a_rollout_nobody_opened_has_no_history(world: World) -> None:
    assert [] == list(world.store.history("r-1"))


# --- close -------------------------------------------------------------------------------------------------------


def test_closing_keeps_the_rollout_as_it_ended(world: World) -> None:
    closed = world.store.close(ended(opened(world)), entry=LINE)
    assert closed == loaded(world)
    assert (Phase.ENDED, Outcome.PROMOTED, [LINE]) == (closed.phase, closed.outcome, list(world.store.history("r-1")))


def test_closing_releases_the_target(world: World) -> None:
    world.store.close(ended(opened(world)), entry=LINE)
    world.store.open(rollout("r-2"))
    assert "r-2" == loaded(world, "r-2").rollout_id


def test_closing_releases_the_alarms(world: World) -> None:
    world.store.close(ended(opened(world, **watching("orders-5xx", "orders-slow"))), entry=LINE)
    assert [] == [*world.store.watchers("orders-5xx"), *world.store.watchers("orders-slow")]


def test_a_rollout_that_moved_on_is_not_closed_and_keeps_its_lock(world: World) -> None:
    stored = opened(world, **watching("orders-5xx"))
    world.store.save(stored)
    with pytest.raises(RecordChanged):
        world.store.close(ended(stored), entry=LINE)
    with pytest.raises(Refused):
        world.store.open(rollout("r-2"))
    assert ["r-1"] == list(world.store.watchers("orders-5xx"))


def test_a_rollout_is_closed_once(world: World) -> None:
    stored = opened(world)
    world.store.close(ended(stored), entry=LINE)
    world.store.open(rollout("r-2"))
    with pytest.raises(RecordChanged):
        world.store.close(ended(loaded(world)), entry=LINE)
    with pytest.raises(Refused, match="r-2"):
        world.store.open(rollout("r-3"))


def test_a_rollout_whose_lock_somebody_deleted_ends_as_it_ended(world: World) -> None:
    stored = opened(world)
    world.store.release("r-1")
    world.store.close(ended(stored), entry=LINE)
    assert Phase.ENDED is loaded(world).phase


def test_a_lock_that_another_rollout_has_taken_since_stays_theirs(world: World) -> None:
    stored = opened(world)
    world.store.release("r-1")
    world.store.open(rollout("r-2"))
    world.store.close(ended(stored), entry=LINE)
    assert (Phase.ENDED, "r-2") == (loaded(world).phase, world.store.holder(PROD))


def test_a_lock_is_released_once(world: World) -> None:
    opened(world)
    assert [True, False] == [world.store.release("r-1"), world.store.release("r-1")]
    assert world.store.holder(PROD) is None


def test_the_first_order_for_an_execution_stands(world: World) -> None:
    world.store.order("r-1-undo", {"undo": "r-1", "actor": "ada"})
    world.store.order("r-1-undo", {"undo": "r-1", "actor": "somebody else"})
    assert {"undo": "r-1", "actor": "ada"} == world.store.ordered("r-1-undo")
    assert world.store.ordered("r-2") is None


# --- account ---------------------------------------------------------------------------------------------------------


def test_of_an_account_that_nobody_has_probed_nothing_is_known(world: World) -> None:
    assert world.store.account() is None


def test_what_the_last_probe_has_found_of_the_account_is_kept(world: World) -> None:
    first = {"probedAt": "2026-03-02T12:00:00+00:00", "answers": {"base-semantics": "inclusive", "lateness": 4}}
    world.store.keep_account(first)
    world.store.keep_account({**first, "answers": {"base-semantics": "exclusive", "lateness": None}})
    assert AccountFacts(probed_on="2026-03-02", inclusive=False) == world.store.account()


# --- learned -----------------------------------------------------------------------------------------------------


def test_a_target_of_which_nothing_is_known_has_taught_nothing(world: World) -> None:
    assert {} == world.store.learned(PROD)


def test_what_a_promoted_rollout_learned_is_there_for_the_next_one_of_its_target(world: World) -> None:
    stored = replace(opened(world), learned={"5XXError": {"minutes": 30.0, "squares": 60.0, "variance": 30.0}})
    assert {} == world.store.learned(PROD)
    world.store.close(ended(stored), entry=LINE)
    assert ({"5XXError": {"minutes": 30.0, "squares": 60.0, "variance": 30.0}}, {}) == (
        world.store.learned(PROD),
        world.store.learned(OTHER),
    )


def test_a_rollout_that_was_not_promoted_teaches_nothing(world: World) -> None:
    stored = replace(opened(world), learned={"5XXError": {"minutes": 30.0, "squares": 60.0, "variance": 30.0}})
    world.store.close(replace(ended(stored), outcome=Outcome.ROLLED_BACK), entry=LINE)
    assert {} == world.store.learned(PROD)


# --- reject ------------------------------------------------------------------------------------------------------


def rejection(reason: str = "no such stage") -> Json:
    return {"rolloutId": "r-1", "state": "REJECTED", "reason": reason, "at": NOON.isoformat(), "request": {"a": [1]}}


def test_a_refused_request_is_kept_and_is_no_rollout(world: World) -> None:
    assert rejection() == world.store.reject("r-1", rejection())
    assert world.store.load("r-1") is None


def test_the_record_of_a_refused_request_is_read_back(world: World) -> None:
    world.store.reject("r-1", rejection())
    opened(world, rollout_id="r-2")
    assert (rejection(), None, None) == tuple(world.store.rejection(name) for name in ("r-1", "r-2", "r-3"))


def test_the_newest_rollouts_come_first_refused_requests_among_them(world: World) -> None:
    world.store.reject("r-1", {**rejection(), "at": (NOON - timedelta(hours=1)).isoformat()})
    opened(world, rollout_id="r-2")
    newest = {"rolloutId": "r-2", "startedAt": NOON.isoformat(), "target": PROD.key, "state": "BAKING"}
    assert newest == world.store.recent(1)[0]
    assert [("r-2", "BAKING"), ("r-1", "REJECTED")] == [(e["rolloutId"], e["state"]) for e in world.store.recent(9)]


@pytest.mark.parametrize(("target", "shown"), [(PROD.to_document(), PROD.key), (None, ""), ({"type": 7}, "")])
def test_a_refused_request_is_listed_with_the_target_it_names(world: World, target: object, shown: str) -> None:
    world.store.reject("r-1", {**rejection(), "target": target})
    assert [shown] == [each["target"] for each in world.store.recent(9)]


def test_a_request_is_refused_once_and_the_first_reason_stands(world: World) -> None:
    world.store.reject("r-1", rejection())
    assert rejection() == world.store.reject("r-1", rejection("another reason"))


def test_a_refused_request_cannot_be_opened_any_more(world: World) -> None:
    world.store.reject("r-1", rejection())
    with pytest.raises(RecordChanged):
        world.store.open(rollout())


def test_a_refused_request_holds_no_target(world: World) -> None:
    world.store.reject("r-1", rejection())
    world.store.open(rollout("r-2"))


def test_a_rollout_that_is_stored_cannot_be_rejected(world: World) -> None:
    stored = opened(world)
    with pytest.raises(RecordChanged):
        world.store.reject("r-1", rejection())
    assert stored == loaded(world)


def test_a_refused_request_cannot_be_signalled(world: World) -> None:
    world.store.reject("r-1", rejection())
    with pytest.raises(Refused, match="r-1"):
        world.store.signal("r-1", ABORT)


# --- signal and bake ---------------------------------------------------------------------------------------------


def test_a_signal_is_appended_as_it_came(world: World) -> None:
    opened(world)
    world.store.signal("r-1", ABORT)
    assert (ABORT,) == loaded(world).signals
    assert [ABORT] == list(loaded(world).pending_signals)


def test_signals_are_kept_in_order(world: World) -> None:
    opened(world)
    signals = [replace(ABORT, kind=kind) for kind in SignalKind]
    for signal in signals:
        world.store.signal("r-1", signal)
    assert tuple(signals) == loaded(world).signals


def test_the_same_signal_is_recorded_once(world: World) -> None:
    opened(world)
    world.store.signal("r-1", ABORT)
    world.store.signal("r-1", replace(ABORT, reason="delivered again"))
    assert (ABORT,) == loaded(world).signals


def test_the_same_alarm_at_another_time_is_another_signal(world: World) -> None:
    opened(world)
    again = replace(ABORT, at=(NOON + timedelta(minutes=1)).isoformat())
    world.store.signal("r-1", ABORT)
    world.store.signal("r-1", again)
    assert (ABORT, again) == loaded(world).signals


def filled(world: World, kind: SignalKind, text: str = "€" * 1_024) -> int:
    """How many signals of this kind the record took, each as long as may be."""
    for nth in range(1_000):
        try:
            world.store.signal("r-1", Signal(kind, (NOON + timedelta(seconds=nth)).isoformat(), text, text, step=1))
        except RecordFull:
            return nth
    raise AssertionError("a thousand, and it is not full")


def test_whatever_commands_and_alarms_have_filled_there_is_room_for_an_abort(world: World) -> None:
    opened(world)
    taken = [filled(world, kind) for kind in (SignalKind.APPROVE, SignalKind.ALARM)]
    assert taken[0] >= 36
    assert taken[1] >= 5
    world.store.signal("r-1", ABORT)
    assert ABORT == loaded(world).signals[-1]
    stored = world.store.save(replace(loaded(world), reason="€" * 5_000), entry=LINE)
    ended = replace(stored, phase=Phase.ENDED, outcome=Outcome.ROLLED_BACK, ended_at=NOON)
    world.store.close(ended, entry=LINE)
    assert Phase.ENDED is loaded(world).phase


def test_what_a_signal_says_is_cut_to_what_a_record_takes(world: World) -> None:
    opened(world)
    world.store.signal("r-1", replace(ABORT, source="\x1b" * 1_000, reason="€" * 1_024))
    signal = loaded(world).signals[0]
    assert signal.reason.endswith("…")
    assert (True, True) == (size_of(signal.source) <= 602, size_of(signal.reason) <= 2_050)


def test_half_a_character_is_stored_as_its_number(world: World) -> None:
    opened(world)
    world.store.signal("r-1", replace(ABORT, reason="\ud800 half"))
    assert "⟨U+D800⟩ half" == loaded(world).signals[0].reason


def test_what_is_noted_is_in_the_history_once_and_no_signal(world: World) -> None:
    stored = world.store.save(opened(world), entry=LINE)
    alarm = Signal(SignalKind.ALARM, NOON.isoformat(), "orders-5xx", "6 errors")
    for _ in range(2):
        world.store.note(stored, alarm, entry={**LINE, "state": "Noted", "reason": str(alarm)})
    lines = world.store.history("r-1")
    assert ["Analyze", "Noted"] == [line["state"] for line in lines]
    assert ("alarm orders-5xx is firing: 6 errors", ()) == (lines[-1]["reason"], loaded(world).signals)


def test_what_is_stored_is_utf_8_and_not_escaped(dynamodb: OverDynamoDb) -> None:
    opened(dynamodb)
    dynamodb.store.save(replace(loaded(dynamodb), reason="größer"), entry={**LINE, "reason": "größer"})
    dynamodb.store.signal("r-1", replace(ABORT, reason="größer"))
    item = dynamodb.item("ROLLOUT#r-1", "RECORD")
    texts = [item["document"]["S"], item["signals"]["L"][0]["S"]]
    texts.append(dynamodb.item("ROLLOUT#r-1", "HISTORY#00000001")["line"]["S"])
    assert [True] * 3 == ["größer" in text for text in texts]


def test_a_signal_without_a_bake_gives_no_token(world: World) -> None:
    opened(world)
    assert world.store.signal("r-1", ABORT) is None


def test_a_signal_after_the_bake_began_gives_its_token(world: World) -> None:
    opened(world)
    assert world.bake("r-1", "t-1", seen=0)
    assert "t-1" == world.store.signal("r-1", ABORT)


def test_a_repeated_signal_gives_the_token_again_for_its_first_waking_may_have_been_lost(world: World) -> None:
    opened(world)
    world.bake("r-1", "t-1", seen=0)
    world.store.signal("r-1", ABORT)
    assert "t-1" == world.store.signal("r-1", ABORT)


def test_a_bake_does_not_begin_after_a_signal_that_was_not_seen(world: World) -> None:
    opened(world)
    world.store.signal("r-1", ABORT)
    assert not world.bake("r-1", "t-1", seen=0)


def test_a_bake_begins_after_a_signal_that_was_seen(world: World) -> None:
    opened(world)
    world.store.signal("r-1", ABORT)
    world.store.save(replace(loaded(world), signals_seen=1))
    assert world.bake("r-1", "t-1", seen=1)


def test_saving_does_not_lose_the_token(world: World) -> None:
    stored = opened(world)
    world.bake("r-1", "t-1", seen=0)
    world.store.save(stored, entry=LINE)
    assert "t-1" == world.store.signal("r-1", ABORT)


def test_a_rollout_nobody_opened_cannot_be_signalled(world: World) -> None:
    with pytest.raises(Refused, match="r-1"):
        world.store.signal("r-1", ABORT)


@pytest.mark.parametrize("signal", [ABORT, replace(ABORT, source="bob")], ids=["repeated", "new"])
def test_a_rollout_that_has_ended_cannot_be_signalled(world: World, signal: Signal) -> None:
    opened(world)
    world.store.signal("r-1", ABORT)
    world.store.close(ended(loaded(world)), entry=LINE)
    with pytest.raises(Refused, match="ended"):
        world.store.signal("r-1", signal)


# --- watchers ----------------------------------------------------------------------------------------------------


def test_every_running_rollout_that_watches_an_alarm_is_found(world: World) -> None:
    opened(world, **watching("orders-5xx", "orders-slow"))
    world.store.open(rollout("r-2", settings=settings(target=OTHER, alarms=("orders-5xx",))))
    assert ["r-1", "r-2"] == sorted(world.store.watchers("orders-5xx"))
    assert ["r-1"] == list(world.store.watchers("orders-slow"))


def test_an_alarm_nobody_watches_has_no_watchers(world: World) -> None:
    opened(world, **watching("orders-5xx"))
    assert [] == list(world.store.watchers("orders"))


# --- what goes wrong ---------------------------------------------------------------------------------------------

CALLS: dict[str, Callable[[RolloutStore], object]] = {
    "open": lambda store: store.open(rollout("r-2")),
    "load": lambda store: store.load("r-1"),
    "save": lambda store: store.save(rollout()),
    "save with a line": lambda store: store.save(rollout(), entry=LINE),
    "close": lambda store: store.close(ended(rollout()), entry=LINE),
    "reject": lambda store: store.reject("r-2", rejection()),
    "signal": lambda store: store.signal("r-1", ABORT),
    "note": lambda store: store.note(rollout(), ABORT, entry=LINE),
    "order": lambda store: store.order("r-2", {"undo": "r-1"}),
    "ordered": lambda store: store.ordered("r-2"),
    "release": lambda store: store.release("r-1"),
    "watchers": lambda store: store.watchers("orders-5xx"),
    "holder": lambda store: store.holder(PROD),
    "last": lambda store: store.last(PROD),
    "unfinished": lambda store: store.unfinished(),
    "learned": lambda store: store.learned(PROD),
    "account": lambda store: store.account(),
    "keep_account": lambda store: store.keep_account({"answers": {}}),
    "history": lambda store: store.history("r-1"),
    "recent": lambda store: store.recent(5),
    "rejection": lambda store: store.rejection("r-1"),
}


def test_what_goes_wrong_is_tried_with_every_call_of_the_port() -> None:
    assert {name for name in vars(RolloutStore) if not name.startswith("_")} == {call.split()[0] for call in CALLS}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("error", [NotAllowed, Unavailable])
def test_what_aws_denies_or_fails_is_called_so(world: World, call: str, error: type[RolloutError]) -> None:
    stored = opened(world)
    with world.failing(error), pytest.raises(error, match="as the test wants"):
        CALLS[call](world.store)
    assert stored == loaded(world)


# --- DynamoDB alone ----------------------------------------------------------------------------------------------


def test_the_most_alarms_that_a_rollout_may_watch_are_opened_and_closed(dynamodb: OverDynamoDb) -> None:
    names = tuple(f"alarm-{number}" for number in range(MOST_ALARMS))
    stored = opened(dynamodb, **watching(*names))
    dynamodb.store.close(ended(stored), entry=LINE)
    assert [] == list(dynamodb.store.watchers(names[-1]))


def test_a_transaction_cancelled_by_a_conflict_is_no_refusal(
    dynamodb: OverDynamoDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": "TransactionConflict"}],
    }

    def cancelled(**_: Any) -> None:
        raise ClientError(error, "TransactWriteItems")  # type: ignore[arg-type]

    monkeypatch.setattr(dynamodb.client, "transact_write_items", cancelled)
    with pytest.raises(Unavailable, match="TransactionConflict"):
        dynamodb.store.open(rollout())


def test_a_lock_that_was_released_just_now_is_worth_another_try(
    dynamodb: OverDynamoDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(dynamodb)
    monkeypatch.setattr(dynamodb.adapter, "_get", lambda _pk, _sk: None)
    with pytest.raises(Unavailable, match="released"):
        dynamodb.store.open(rollout("r-2"))


def test_a_running_rollout_does_not_expire(dynamodb: OverDynamoDb) -> None:
    dynamodb.store.save(opened(dynamodb))
    assert "expiresAt" not in dynamodb.item("ROLLOUT#r-1", "RECORD")


def test_what_has_ended_expires_after_the_days_of_history(dynamodb: OverDynamoDb) -> None:
    dynamodb.store.close(ended(opened(dynamodb)), entry=LINE)
    expected = {"N": str(int((NOON + timedelta(days=30)).timestamp()))}
    assert expected == dynamodb.item("ROLLOUT#r-1", "RECORD")["expiresAt"]
    assert expected == dynamodb.item("ROLLOUT#r-1", "HISTORY#00000001")["expiresAt"]


def test_all_rollouts_are_listed_by_when_they_began(dynamodb: OverDynamoDb) -> None:
    dynamodb.store.reject("r-0", {**rejection(), "at": (NOON - timedelta(hours=1)).isoformat()})
    opened(dynamodb)
    listed = dynamodb.client.query(
        TableName=TABLE,
        IndexName="recent",
        KeyConditionExpression="kind = :kind",
        ExpressionAttributeValues={":kind": {"S": "rollout"}},
    )["Items"]
    assert [("r-0", "REJECTED"), ("r-1", "BAKING")] == [(item["rolloutId"]["S"], item["state"]["S"]) for item in listed]


READS: dict[str, Callable[[RolloutStore], object]] = {
    "a target that is held": lambda store: store.open(rollout("r-2")),
    "a request that was accepted before": lambda store: store.open(rollout("r-2", request_id="build-7")),
    "load": lambda store: store.load("r-1"),
    "a signal that is recorded already": lambda store: store.signal("r-1", ABORT),
    "a rejection that is recorded already": lambda store: store.reject("r-0", rejection()),
    "watchers": lambda store: store.watchers("orders-5xx"),
    "holder": lambda store: store.holder(PROD),
    "last": lambda store: store.last(PROD),
    "learned": lambda store: store.learned(PROD),
    "account": lambda store: store.account(),
    "ordered": lambda store: store.ordered("r-2"),
    "rejection": lambda store: store.rejection("r-0"),
}


@pytest.mark.parametrize("read", READS)
def test_every_read_upon_which_something_is_decided_is_consistent(dynamodb: OverDynamoDb, read: str) -> None:
    """DynamoDB reads eventually consistently unless it is asked otherwise: a signal just written may not be there."""
    opened(dynamodb, request_id="build-7", **watching("orders-5xx"))
    dynamodb.store.signal("r-1", ABORT)
    dynamodb.store.reject("r-0", rejection())
    with requests_of("dynamodb") as asked, suppress(Busy, Repeated):
        READS[read](dynamodb.store)
    reads = [params for operation, params in asked if operation in ("GetItem", "Query")]
    assert reads
    assert [True] * len(reads) == [params.get("ConsistentRead") for params in reads]


CONFLICT = "TransactionConflictException"


def test_a_signal_that_meets_a_transaction_on_the_record_is_tried_again_at_once(
    dynamodb: OverDynamoDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try but the last one meets one; the pauses together are far shorter than a new delivery would take."""
    opened(dynamodb)
    pauses, conflicts = [], ExitStack()
    conflicts.enter_context(refusing("dynamodb", CONFLICT, operation="UpdateItem"))

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == len(SIGNAL_PAUSES):
            conflicts.close()

    monkeypatch.setattr("rollout.adapters.dynamodb_store.time.sleep", sleep)
    with conflicts:
        dynamodb.store.signal("r-1", ABORT)
    assert (ABORT,) == loaded(dynamodb).signals
    assert len(pauses) >= 3
    assert 0 < sum(pauses) < 1


def test_a_signal_that_meets_transactions_for_ever_is_for_its_event_to_deliver_again(
    dynamodb: OverDynamoDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(dynamodb)
    monkeypatch.setattr("rollout.adapters.dynamodb_store.time.sleep", lambda _seconds: None)
    with refusing("dynamodb", CONFLICT, operation="UpdateItem"), pytest.raises(Unavailable, match=CONFLICT):
        dynamodb.store.signal("r-1", ABORT)
