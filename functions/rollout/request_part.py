"""What every part of a request has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

BELOW = "below"
"""The type of an error found in a whole part, whose message begins with the field below it that is at fault."""


class Part(BaseModel):
    """Names are camelCase, unknown fields are errors, and nothing is converted silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)
