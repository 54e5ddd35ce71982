"""The JSON Schema of what the world is told, made of the types that the code itself is checked against."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, TypeAdapter, with_config
from pydantic.json_schema import GenerateJsonSchema

from rollout.core.events import CauseDocument, CountDocument, MomentsDocument, StateChanged, VerdictDocument
from rollout.core.target import Json


class _Untitled(GenerateJsonSchema):
    """Without the titles that only repeat the fields' names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002
        """Never."""
        return False


def state_changed(*, strict: bool = False) -> TypeAdapter[StateChanged]:
    """Validates the detail of a `Rollout State Changed` event.

    A receiver ignores fields that it does not know, for a later version may have more; `strict` refuses them.
    """
    config = with_config(ConfigDict(extra="forbid" if strict else "ignore", use_attribute_docstrings=True))
    for part in (CauseDocument, CountDocument, MomentsDocument, VerdictDocument, StateChanged):
        config(part)
    return TypeAdapter(StateChanged)


def state_changed_schema() -> Json:
    """The JSON Schema of the detail of a `Rollout State Changed` event."""
    schema = state_changed().json_schema(schema_generator=_Untitled)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Rollout State Changed"}
