"""What the listing of a job folder tells by itself, before any file in it is read."""

from __future__ import annotations

from collections.abc import Iterable

from protocol.drop import Entry
from protocol.layout import parse_job_name, temporary_of


def sizes_of(entries: Iterable[Entry]) -> dict[str, int]:
    """Return the size of every file; of several that carry one name the largest."""
    sizes: dict[str, int] = {}
    for entry in entries:
        if not entry.is_folder:
            sizes[entry.name] = max(entry.size, sizes.get(entry.name, 0))
    return sizes


def outputs_here(entries: Iterable[Entry]) -> dict[str, int]:
    """Return how much of each output lies here, under its own name or in a temporary file of a sync tool."""
    found: dict[str, int] = {}
    for entry in entries:
        name = parse_job_name(entry.name)
        output = entry.name if name is not None and name.role == "out" else temporary_of(entry.name)
        if output is not None and not entry.is_folder:
            here = entry.size if entry.stored is None else entry.stored
            found[output] = max(here, found.get(output, 0))
    return found
