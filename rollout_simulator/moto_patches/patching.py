"""The one way a patch puts its code into moto: an attribute is replaced for as long as a context is open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def replaced(owner: Any, name: str, new: Any) -> Iterator[Any]:
    """Replace `owner.name` by `new` while the context is open; yields what stood there before.

    Raises:
        AttributeError: `owner` has no such attribute, so the patch no longer fits this version of moto.
    """
    old = owner.__dict__[name] if isinstance(owner, type) and name in owner.__dict__ else getattr(owner, name)
    setattr(owner, name, new)
    try:
        yield old
    finally:
        setattr(owner, name, old)
