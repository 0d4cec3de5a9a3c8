"""Making specs from other formats: recordings of Chrome's DevTools, and specs of the old recorder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dispatcher.tour.spec import devtools, error_messages, json_file, old_specs
from dispatcher.tour.spec.model import Spec
from protocol.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class ImportedSpec:
    """A spec as plain JSON, its original format, and notes for the user."""

    spec: dict[str, Any]
    format: str
    notes: tuple[str, ...]
    has_relative_paths: bool = False  # of pages, clips and images, which start at the spec


def import_spec(source: Path) -> ImportedSpec:
    """Return the validated spec that a file of another format is converted to.

    Raises NotFoundError without the file, and SpecError if it has neither format, or is a spec already.
    """
    raw, wrong = json_file.read(source)
    if wrong:
        raise SpecError(str(source), [f"{where}: {what}" for where, what in wrong])
    result = _from_devtools(source, raw) if devtools.is_recording(raw) else _from_old(source, raw)
    try:
        Spec.model_validate(result.spec)
    except ValidationError as error:
        found = [f"{where}: {what}" for where, what in error_messages.problems(error, Spec)]
        raise SpecError(str(source), found) from error
    return result


def _from_devtools(source: Path, raw: dict[str, Any]) -> ImportedSpec:
    flow = devtools.spec_of(raw)
    if not flow.spec["steps"]:
        raise SpecError(str(source), ["$.steps: has nothing that a tour can record", *flow.notes])
    return ImportedSpec(spec=flow.spec, format="a recording of Chrome's DevTools", notes=flow.notes)


def _from_old(source: Path, raw: dict[str, Any]) -> ImportedSpec:
    translation = old_specs.translate(raw)
    if "steps" not in raw and "segments" not in raw:
        raise SpecError(str(source), ["$: is neither a recording of Chrome's DevTools (steps with types) nor a spec"])
    if not translation.warnings:
        raise SpecError(str(source), [f"$: is a spec already; record it: gpudrop tour {source}"])
    return ImportedSpec(
        spec=translation.spec, format="a spec of the old recorder", notes=translation.warnings, has_relative_paths=True
    )
