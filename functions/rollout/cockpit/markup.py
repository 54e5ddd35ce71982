"""HTML and SVG elements. Whatever is not markup already is text, and is escaped: nothing else can be written.

A hostile name (`"><img onerror=…>`) is shown as text; control characters and bidi controls are shown by their number.
"""

from __future__ import annotations

from html import escape

from rollout.core.texts import visible

VOID = frozenset({"input", "meta"})
"""Elements that have neither children nor an end tag."""


class Markup(str):
    """Text that is HTML already. Only `tag`, `joined` and `raw` make it."""

    __slots__ = ()


def raw(text: str) -> Markup:
    """Markup that is written in this package; never a text from outside."""
    return Markup(text)


def text(child: str | float | None) -> Markup:
    """Markup as it is, everything else escaped; nothing for None."""
    if isinstance(child, Markup):
        return child
    return Markup("" if child is None else escape(visible(str(child)), quote=True))


def joined(*children: str | float | None) -> Markup:
    """The children, one after the other."""
    return Markup("".join(text(child) for child in children))


def tag(name: str, /, *children: str | float | None, **attributes: str | float | None) -> Markup:
    """An element. `class_` is `class`, `aria_label` is `aria-label`, and so on; an attribute of None is left out."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(visible(str(value)), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>" + ("" if name in VOID else f"{joined(*children)}</{name}>"))
