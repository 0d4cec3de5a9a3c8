"""Answering probes: somebody measures the channel, and the next beat tells that a probe was seen here."""

from __future__ import annotations

from collections.abc import Sequence

from colab.attach import Attached
from protocol.drop import Entry
from protocol.errors import NameMissing
from protocol.layout import PROBES, parse_probe


def newest_probe(at: Attached, root: Sequence[Entry]) -> str | None:
    """Return the probe that lies in the drop, by the listing of its root; usually there is no folder, and no cost."""
    if not any(entry.name == PROBES and entry.is_folder for entry in root):
        return None
    try:
        found = [(entry.modified or 0, probe) for entry in at.drop.list(PROBES) if (probe := parse_probe(entry.name))]
    except NameMissing:
        return None
    return max(found, key=lambda it: (it[0], int(it[1].rpartition("-")[2])))[1] if found else None
