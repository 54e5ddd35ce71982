"""Numbers in a request: one rule for all of them.

A number is a JSON number, or text of at most four digits before the point and four after it, because a template or a
shell often has only text. Other text that Python would take for a number is refused ("1_0", "٥", "1e3").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from rollout.core.judge.checks import plain
from rollout.core.target import Json
from rollout.request.validation import not_allowed

AS_TEXT = r"^[0-9]{1,4}(\.[0-9]{1,4})?$"
_AS_TEXT = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4})?", re.ASCII)
_MOST_BITS = 64
"""Of an integer. Every bound is far below it, and to convert a longer one takes time."""


@dataclass(frozen=True, slots=True)
class Number:
    """The bounds of a number; annotates an `int`, which must be whole, a `float`, or a `Decimal`, which stays exact.

    decimals: the most decimal places.
    """

    least: float | None = None
    most: float | None = None
    above: float | None = None
    below: float | None = None
    decimals: int | None = None

    def in_words(self, kind: type) -> str:
        """What is allowed, such as `a whole number from 1 to 60`."""
        words = "a whole number" if kind is int else "a number"
        if self.least is not None and self.most is not None:
            words += f" from {plain(self.least)} to {plain(self.most)}"
        else:
            limits = (("above", self.above), ("at least", self.least), ("at most", self.most), ("below", self.below))
            words += " and".join(f" {name} {plain(limit)}" for name, limit in limits if limit is not None)
        return words + ("" if self.decimals is None else f" with at most {self.decimals} decimal places")

    def read(self, value: object, kind: type) -> Any:
        """The number as a value of this type.

        Raises: PydanticCustomError (it is no number, or not within the bounds).
        """
        number = _exact(value)
        if number is not None and self._allows(number, kind):
            return number if kind is Decimal else kind(number)
        allowed = self.in_words(kind)
        if isinstance(value, str) and number is None:
            allowed += "; as text, at most 4 digits before the point and 4 after it"
        raise not_allowed(allowed)

    def _allows(self, number: Decimal, kind: type) -> bool:
        limits = (self.least, self.above, self.most, self.below)
        least, above, most, below = (None if limit is None else Decimal(str(limit)) for limit in limits)
        return (
            (least is None or number >= least)
            and (above is None or number > above)
            and (most is None or number <= most)
            and (below is None or number < below)
            and (kind is not int or number == number.to_integral_value())
            and (self.decimals is None or number == round(number, self.decimals))
        )

    def __get_pydantic_core_schema__(self, kind: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The one rule, before what pydantic does with the type."""
        return core_schema.no_info_before_validator_function(lambda value: self.read(value, kind), handler(kind))

    def __get_pydantic_json_schema__(self, schema: Any, _: GetJsonSchemaHandler) -> Json:
        """A JSON number within the bounds, or text."""
        limits = {
            "minimum": self.least,
            "exclusiveMinimum": self.above,
            "maximum": self.most,
            "exclusiveMaximum": self.below,
        }
        number: Json = {"type": "integer" if schema["schema"]["type"] == "int" else "number"}
        number |= {name: limit for name, limit in limits.items() if limit is not None}
        return {"anyOf": [number, {"type": "string", "pattern": AS_TEXT}]}


def _exact(value: object) -> Decimal | None:
    """The number exactly as it was written (0.1 is a tenth); None if the value is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value) if value.bit_length() <= _MOST_BITS else None
    if isinstance(value, float | Decimal):
        number = Decimal(str(value))
        return number if number.is_finite() else None
    if isinstance(value, str) and _AS_TEXT.fullmatch(value):
        return Decimal(value)
    return None
