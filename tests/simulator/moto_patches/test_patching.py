"""What the patches replace in moto: declared, all of it, and as it is in the pinned version."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from moto.cloudwatch.responses import CloudWatchResponse
from moto.dynamodb.models.table import Table

from rollout_simulator.embedded_aws import EmbeddedAws
from rollout_simulator.moto_patches import patching
from rollout_simulator.moto_patches.patching import ABSENT, REGISTER, additions, replaced, replacements
from tests.simulator.moto_patches import test_moto_itself

QUERY = "moto.dynamodb.models.table.Table.query"
COMPOSITE = "moto.cloudwatch.responses.CloudWatchResponse.put_composite_alarm"


class Owner:
    """Stands for a class of moto."""

    def kept(self) -> str:
        return "moto's"


class Heir(Owner):
    pass


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The register of one test."""
    entries: list[Any] = []
    monkeypatch.setattr(patching, "REGISTER", entries)
    return entries


def test_everything_that_is_replaced_is_as_the_pinned_moto_has_it() -> None:
    assert patching.changes() == [], "look at each of these, then run python -m rollout_simulator.moto_patches.patching"


def test_the_table_is_what_the_patches_declare() -> None:
    assert patching.TABLE.read_text() == patching.table()


def test_an_upgrade_is_told_all_that_no_longer_fits_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def query(self: Any, hash_key: Any) -> None: ...

    def put_composite_alarm(self: Any) -> None: ...

    written = tmp_path / "table.txt"
    written.write_text(patching.TABLE.read_text() + "moto.gone.Gone.method (self) #00000000\n")
    monkeypatch.setattr(patching, "TABLE", written)
    monkeypatch.setattr(Table, "query", query)
    monkeypatch.delattr(Table, "all_items")
    monkeypatch.setattr(CloudWatchResponse, "put_composite_alarm", put_composite_alarm, raising=False)

    changes = dict(change.split(": ", 1) for change in patching.changes())

    assert changes.keys() == {COMPOSITE, "moto.gone.Gone.method", QUERY, "moto.dynamodb.models.table.Table.all_items"}
    assert changes[COMPOSITE].startswith(f"expected {ABSENT}, found (self) #")
    assert changes["moto.gone.Gone.method"] == "expected (self) #00000000, found no patch"
    assert ", found (self, hash_key) #" in changes[QUERY]
    assert changes["moto.dynamodb.models.table.Table.all_items"].endswith(f"found {ABSENT}")


def test_a_body_that_changed_is_told_although_its_signature_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_items(self: Any) -> None: ...

    monkeypatch.setattr(Table, "all_items", all_items)
    (change,) = patching.changes()
    assert change.startswith("moto.dynamodb.models.table.Table.all_items: expected (self) #")


def test_what_is_declared_is_replaced_for_a_while(register: list[Any]) -> None:
    declared = replacements(Owner, kept="says its own")
    with declared(kept=lambda _: "ours"):
        assert Owner().kept() == "ours"
    assert Owner().kept() == "moto's"
    assert [(each.attribute, each.patch, each.why) for each in register] == [("kept", "test_patching", "says its own")]


def test_what_is_inherited_is_inherited_again_afterwards() -> None:
    with replaced(Heir, "kept", lambda _: "ours"):
        assert (Heir().kept(), Owner().kept()) == ("ours", "moto's")
    assert "kept" not in vars(Heir)


@pytest.mark.parametrize("given", [{}, {"other": None}, {"kept": None, "other": None}])
def test_what_is_replaced_is_exactly_what_is_declared(register: list[Any], given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"declared \['kept'\]"), replacements(Owner, kept="why")(**given):
        pass


def test_what_is_missing_is_not_replaced_and_what_is_there_is_not_added(register: list[Any]) -> None:
    with pytest.raises(AttributeError), replacements(Owner, missing="why")(missing=None):
        pass
    with pytest.raises(AttributeError, match="has kept already"), additions(Owner, kept="why")(kept=None):
        pass
    with additions(Owner, missing="why")(missing=1):
        assert Owner.missing == 1  # type: ignore[attr-defined]
    assert not hasattr(Owner, "missing")


def surface() -> Iterator[tuple[str, Any]]:
    """Every function, class, module and constant table of moto's and botocore's modules and classes, by its name."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in {"moto", "botocore"}:
            owners: dict[str, Any] = {name: module}
            owners |= {
                f"{name}.{each.__qualname__}": each
                for each in vars(module).values()
                if isinstance(each, type) and each.__module__ == name
            }
            for owner_name, owner in owners.items():
                for attribute, value in list(vars(owner).items()):
                    if isinstance(value, FunctionType | ModuleType | type | staticmethod | dict):
                        yield f"{owner_name}.{attribute}", value


def test_nothing_of_moto_is_replaced_that_is_not_declared_and_nothing_stays() -> None:
    patching.load_patches()
    before = dict(surface())
    with EmbeddedAws():
        # moto's state is in dictionaries, too; those that are exchanged as a whole are not state.
        changed = {name for name, value in surface() if name in before and value is not before[name]}
        gone = before.keys() - dict(surface()).keys()
    assert {name for name, value in surface() if before.get(name, value) is not value} == set()
    declared = {each.name for each in REGISTER}
    assert changed - declared == set()
    assert gone - declared == set()  # replaced by what is none of these kinds
    assert len((changed | gone) & declared) > 70


def test_each_patch_shows_what_moto_lacks() -> None:
    mine = {module.stem for module in patching.TABLE.parent.glob("*.py")}
    patches = {each for each in REGISTER if each.patch in mine and not each.why.startswith("is where")}
    shown = test_moto_itself.SHOWN
    missing = {f"{each.patch}: {each.name}" for each in patches if short(each.name) not in shown}
    assert missing == set(), "show in test_moto_itself.py that moto lacks it, or delete the patch"
    assert shown - {short(each.name) for each in patches} == set()


def short(name: str) -> str:
    return ".".join(name.rsplit(".", 2)[1:])
