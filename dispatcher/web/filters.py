"""Which runs a page shows: what its address says, and the address that says it. So every view can be shared."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlencode

from dispatcher.runs.search import PageCursor, Query
from protocol.errors import UsageError

Span = Literal["hour", "day", "week", "month", ""]

SPANS: dict[str, tuple[str, float]] = {
    "hour": ("the last hour", 3600),
    "day": ("the last 24 hours", 86_400),
    "week": ("the last 7 days", 7 * 86_400),
    "month": ("the last 30 days", 30 * 86_400),
}

_CURSOR = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)~(.{1,128})")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What was asked for, as the address spells it."""

    kind: Sequence[str] = ()
    status: Sequence[str] = ()
    tag: Sequence[str] = ()
    time: str = ""
    since: str = ""  # a day, YYYY-MM-DD
    until: str = ""  # a day, which is part of it
    q: str = ""
    group: str = ""
    parent: str = ""

    def query(self, now: float) -> Query:
        """Return what to look for; a word that is none of the known ones raises UsageError."""
        if self.time and self.time not in SPANS:
            raise UsageError(f"{self.time!r} is no time to choose from: {', '.join(SPANS)}")
        starts = [now - SPANS[self.time][1]] if self.time else []
        starts += [_day(self.since)] if self.since else []
        return Query(
            kinds=self.kind,
            statuses=self.status,
            tags=self.tag,
            since=max(starts, default=None),
            until=_day(self.until, 1) if self.until else None,
            parent=self.parent or None,
            group=self.group or None,
            text=self.q.strip(),
        )

    @property
    def is_set(self) -> bool:
        """Say whether it leaves anything out."""
        return self != Filter()

    def address(self, after: PageCursor | None = None, **changed: str | Sequence[str]) -> str:
        """Return the address of this view, or of one that differs in what is named."""
        wanted = replace(self, **changed)  # type: ignore[arg-type]
        said = {name: value for name in _NAMES if (value := getattr(wanted, name))}
        said |= {"after": f"{after.created_at!r}~{after.id}"} if after else {}
        return f"/runs?{urlencode(said, doseq=True)}" if said else "/runs"


_NAMES = tuple(Filter.__dataclass_fields__)


def cursor(text: str) -> PageCursor | None:
    """Return where a page begins, by its address; one that says nothing raises UsageError."""
    if not text:
        return None
    if (found := _CURSOR.fullmatch(text)) is None:
        raise UsageError("the address of this page is cut: go to the first page of runs")
    return PageCursor(created_at=float(found[1]), id=found[2])


def _day(text: str, later: int = 0) -> float:
    try:
        day = time.strptime(text, "%Y-%m-%d")
        return time.mktime((day.tm_year, day.tm_mon, day.tm_mday + later, 0, 0, 0, 0, 0, -1))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is no day: write it as 2026-11-25") from error
