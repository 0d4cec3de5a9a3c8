"""The JSON Schema of a spec, made from the models that validate it: editors complete and check a spec by it."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from dispatcher.tour.spec.model import Spec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Knows that a field may have several spellings, one of which is written."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave out titles that only repeat the key."""
        return False

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        for names in _spellings(schema["cls"]):
            _add_spellings(made, names)
        return made


def schema() -> dict[str, Any]:
    """Return the schema: it takes the documented spellings of a spec, and no key that is not known.

    What only shows when values are looked at together (ids that are alike, codecs that do not fit) is not in it.
    """
    made = Spec.model_json_schema(schema_generator=_Generator)
    made["anyOf"] = [{"required": ["steps"]}, {"required": ["segments"]}]
    return {"$schema": DIALECT, **made}


def _spellings(model: type[BaseModel]) -> list[list[str]]:
    aliases = (field.validation_alias for field in model.model_fields.values())
    return [[str(name) for name in alias.choices] for alias in aliases if isinstance(alias, AliasChoices)]


def _add_spellings(made: JsonSchemaValue, names: list[str]) -> None:
    """Let a field be written under each of its names; one that is required, under one of them."""
    first, *others = names
    for name in others:
        made["properties"][name] = {**made["properties"][first], "description": f"Another spelling of {first}."}
    if first in made.get("required", ()):
        made["required"].remove(first)
        made.setdefault("allOf", []).append({"anyOf": [{"required": [name]} for name in names]})
