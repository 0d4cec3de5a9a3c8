"""Specs made from other formats: recordings of Chrome's DevTools, and specs of the old recorder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dispatcher.tour import devtools_flow, old_specs, spec_errors, spec_file
from dispatcher.tour.spec import Spec
from protocol.errors import SpecError


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A spec as plain JSON, what it was made from, and what its user must know."""

    spec: dict[str, Any]
    format: str
    notes: tuple[str, ...]
    has_relative_paths: bool = False  # to pages, clips and pictures: they start at the spec


def imported(source: Path) -> Imported:
    """Return the spec that a file of another format becomes; it is validated.

    Raises NotFoundError without the file, and SpecError for a file that is neither, or that is a spec already.
    """
    raw, wrong = spec_file.read(source)
    if wrong:
        raise SpecError(str(source), [f"{where}: {what}" for where, what in wrong])
    made = _from_devtools(source, raw) if devtools_flow.is_flow(raw) else _from_old(source, raw)
    try:
        Spec.model_validate(made.spec)
    except ValidationError as error:
        found = [f"{where}: {what}" for where, what in spec_errors.problems(error, Spec)]
        raise SpecError(str(source), found) from error
    return made


def _from_devtools(source: Path, raw: dict[str, Any]) -> Imported:
    flow = devtools_flow.spec_of(raw)
    if not flow.spec["steps"]:
        raise SpecError(str(source), ["$.steps: holds nothing that a tour can record", *flow.notes])
    return Imported(spec=flow.spec, format="a recording of Chrome's DevTools", notes=flow.notes)


def _from_old(source: Path, raw: dict[str, Any]) -> Imported:
    translation = old_specs.translate(raw)
    if "steps" not in raw and "segments" not in raw:
        raise SpecError(str(source), ["$: is neither a recording of Chrome's DevTools (steps with types) nor a spec"])
    if not translation.warnings:
        raise SpecError(str(source), [f"$: is a spec already; record it: gpudrop tour {source}"])
    return Imported(
        spec=translation.spec, format="a spec of the old recorder", notes=translation.warnings, has_relative_paths=True
    )
