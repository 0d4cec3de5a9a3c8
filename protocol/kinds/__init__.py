"""The table of kinds: what may be asked for, and what must come back.

Every module of this folder that defines `KIND` is a row. It is the one table that is read from a folder instead of
being written down: docs/why/a-kind-is-two-places.md says why.
"""

from __future__ import annotations

import importlib
import pkgutil

from protocol.kinds.kind import Kind


def _kinds() -> dict[str, Kind]:
    """Return the kinds of this folder, by name. A module whose kind has another name is our own mistake."""
    found: dict[str, Kind] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        kind = getattr(importlib.import_module(f"{__name__}.{module}"), "KIND", None)
        if isinstance(kind, Kind):
            assert kind.name == module, f"protocol/kinds/{module}.py defines the kind {kind.name}"
            found[kind.name] = kind
    return found


KINDS: dict[str, Kind] = _kinds()
