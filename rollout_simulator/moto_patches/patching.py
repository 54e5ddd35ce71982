"""How a patch puts its code into moto, and the register of everything that is replaced there.

    _TABLE = replacements(Table, query="sorts all items of the table for each query")

    with _TABLE(query=query):
        ...

A module declares what it replaces when it is imported. Each replaced attribute is one entry of `REGISTER`. The table
`replaced_in_moto.txt` beside this module holds the entries as they were found in the pinned version of moto:

    <owner>.<attribute> <signature> #<fingerprint of the source>
        <patch>: <what moto does there that AWS does not>

`changes()` compares the two. After an upgrade of moto it lists every entry that no longer fits. When each of them has
been looked at, `python -m rollout_simulator.moto_patches.patching` writes the table anew.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("replaced_in_moto.txt")
ABSENT = "absent"
_NOTHING: Any = object()


@dataclass(frozen=True)
class Replacement:
    """One attribute of moto (or of botocore) that a patch replaces or adds.

    `patch` is the module that declares it; `why` says what is wrong or missing there.
    """

    owner: Any
    attribute: str
    why: str
    patch: str

    @property
    def name(self) -> str:
        """The attribute's full name, such as `moto.dynamodb.models.table.Table.query`."""
        return f"{_name_of(self.owner)}.{self.attribute}"

    def found(self) -> str:
        """The name, signature and fingerprint in the installed moto. Call it while nothing is patched."""
        return f"{self.name} {_shape(_plain(self.owner, self.attribute))}"


REGISTER: list[Replacement] = []
"""Everything that the imported patches replace, in the order of their imports."""


class Replacements:
    """The attributes of one owner that a patch replaces together. Call it to replace them."""

    def __init__(self, owner: Any, rows: Mapping[str, Replacement], *, added: bool) -> None:
        self._owner = owner
        self._rows = rows
        self._added = added

    @contextmanager
    def __call__(self, **new: Any) -> Iterator[None]:
        """Replace every declared attribute by its new value while the context is open.

        Raises:
            TypeError: the names given are not exactly those declared.
            AttributeError: the owner lacks an attribute to be replaced, or has one that was to be added.
        """
        if new.keys() != self._rows.keys():
            raise TypeError(f"{_name_of(self._owner)}: declared {sorted(self._rows)}, given {sorted(new)}")
        with ExitStack() as stack:
            for name, value in new.items():
                stack.enter_context((_added if self._added else replaced)(self._owner, name, value))
            yield


def replacements(owner: Any, **why: str) -> Replacements:
    """Declare that the calling module replaces these attributes of `owner`, a class or a module of moto."""
    return _declared(owner, why, added=False)


def additions(owner: Any, **why: str) -> Replacements:
    """Declare that the calling module adds these attributes, which `owner` lacks in the pinned version of moto."""
    return _declared(owner, why, added=True)


def _declared(owner: Any, why: Mapping[str, str], *, added: bool) -> Replacements:
    caller = sys._getframe(2).f_globals["__name__"].rpartition(".")[2]
    rows = {name: Replacement(owner, name, reason, caller) for name, reason in why.items()}
    REGISTER.extend(rows.values())
    return Replacements(owner, rows, added=added)


@contextmanager
def replaced(owner: Any, name: str, new: Any) -> Iterator[Any]:
    """Replace `owner.name` by `new` while the context is open; yields what stood there before.

    For what is not moto's. Patches of moto declare what they replace by `replacements`.

    Raises:
        AttributeError: `owner` has no such attribute.
    """
    own = name in vars(owner)
    old = vars(owner)[name] if own else getattr(owner, name)
    setattr(owner, name, new)
    try:
        yield old
    finally:
        if own:
            setattr(owner, name, old)
        else:
            delattr(owner, name)


@contextmanager
def _added(owner: Any, name: str, new: Any) -> Iterator[None]:
    if hasattr(owner, name):
        raise AttributeError(f"{_name_of(owner)} has {name} already")
    setattr(owner, name, new)
    try:
        yield
    finally:
        delattr(owner, name)


# --- the register against the installed moto -------------------------------------------------------------------


def changes() -> list[str]:
    """Every entry that does not fit the installed moto, with what was expected and what is there.

    An attribute is gone, was added upstream, has another signature, or has another body. Read a body that changed: the
    patch may rest on what the old one did. Entries that no patch declares any more are listed, too.
    """
    load_patches()
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith(" ")]
    expected = dict(line.split(" ", 1) for line in lines)
    found = dict(replacement.found().split(" ", 1) for replacement in REGISTER)
    return [
        f"{name}: expected {expected.get(name, 'no entry')}, found {found.get(name, 'no patch')}"
        for name in sorted(expected.keys() | found.keys())
        if expected.get(name) != found.get(name)
    ]


def load_patches() -> None:
    """Import every module of the simulator, so that the register is complete."""
    package = importlib.import_module("rollout_simulator")
    for module in pkgutil.walk_packages(package.__path__, "rollout_simulator."):
        importlib.import_module(module.name)


def table() -> str:
    """The table's text for the installed moto. Call it while nothing is patched."""
    load_patches()
    entries: dict[str, list[str]] = {}
    for replacement in REGISTER:
        entries.setdefault(replacement.found(), []).append(f"    {replacement.patch}: {replacement.why}")
    return "".join("\n".join([found, *sorted(why)]) + "\n" for found, why in sorted(entries.items()))


def _plain(owner: Any, name: str) -> Any:
    """The attribute as it was written: a static method is not yet bound."""
    return inspect.getattr_static(owner, name, _NOTHING)


def _shape(value: Any) -> str:
    """`(parameters) #fingerprint` of a function; for other values their type."""
    if value is _NOTHING:
        return ABSENT
    function = inspect.unwrap(value.__func__ if isinstance(value, staticmethod | classmethod) else value)
    if not inspect.isfunction(function):
        return f"a {type(value).__name__}"
    parameters = [each.replace(annotation=each.empty) for each in inspect.signature(function).parameters.values()]
    fingerprint = hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:8]
    return f"{inspect.Signature(parameters)} #{fingerprint}"


def _name_of(owner: Any) -> str:
    return f"{owner.__module__}.{owner.__qualname__}" if isinstance(owner, type) else str(owner.__name__)


if __name__ == "__main__":
    # The patches know this module by its name, not as `__main__`.
    TABLE.write_text(importlib.import_module("rollout_simulator.moto_patches.patching").table())
