"""The JSON Schema of a spec, generated from its models: editors use it to complete and check a spec."""

from __future__ import annotations

from typing import Any

from pydantic import AliasChoices, BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from dispatcher.tour.spec.model import Spec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Supports fields with several spellings, of which one is used."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Leave out titles that only repeat the key."""
        return False

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        result = super().model_schema(schema)
        for names in _spellings(schema["cls"]):
            _add_spellings(result, names)
        return result


def schema() -> dict[str, Any]:
    """Return the schema: it accepts all documented spellings, and no unknown key.

    Rules about several values together (unique ids, codecs that fit the format) are not part of it.
    """
    result = Spec.model_json_schema(schema_generator=_Generator)
    result["anyOf"] = [{"required": ["steps"]}, {"required": ["segments"]}]
    return {"$schema": DIALECT, **result}


def _spellings(model: type[BaseModel]) -> list[list[str]]:
    aliases = (field.validation_alias for field in model.model_fields.values())
    return [[str(name) for name in alias.choices] for alias in aliases if isinstance(alias, AliasChoices)]


def _add_spellings(result: JsonSchemaValue, names: list[str]) -> None:
    """Allow a field under each of its names; a required field needs one of them."""
    first, *others = names
    for name in others:
        result["properties"][name] = {**result["properties"][first], "description": f"Another spelling of {first}."}
    if first in result.get("required", ()):
        result["required"].remove(first)
        result.setdefault("allOf", []).append({"anyOf": [{"required": [name]} for name in names]})
