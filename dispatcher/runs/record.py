"""What the database remembers of a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

Status = Literal["pending", "queued", "running", "verifying", "completed", "failed", "crashed", "cancelled", "expired"]

TERMINAL: frozenset[str] = frozenset({"completed", "failed", "crashed", "cancelled", "expired"})
"""A run that has one of these never changes its status again."""

OPEN: frozenset[str] = frozenset(get_args(Status)) - TERMINAL
"""Of the runs of one key, at most one has one of these."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One GPU operation. Times are Unix seconds of this machine."""

    id: str  # readable, and sorts by time
    key: str  # what makes two submissions the same job: drop and digest
    kind: str
    status: Status
    drop: str  # the drop's address here
    drop_id: str
    job: str  # the job's folder in the drop; another one after a torn request
    digest: str
    request: bytes  # fixed before the drop hears of it
    created_at: float
    updated_at: float
    worker: str | None = None  # who was last seen at it
    progress_done: int = 0  # units of its work
    progress_total: int = 0  # 0 until a worker has said how many there are
    progress_note: str = ""
    nonce: str | None = None  # the accepted attempt
    results_dir: str | None = None
    engine: dict[str, Any] | None = None
    verified: Literal["full", "legacy"] | None = None
    done_seal: str | None = None
    error_code: str | None = None
    error_text: str | None = None
    cleaned_at: float | None = None  # when its folder was removed from the drop
    claim_delay_s: float | None = None  # from the offer to the sight of a claim; None where it was not the channel's

    def __post_init__(self) -> None:
        if self.status not in OPEN | TERMINAL:
            raise ValueError(f"{self.status!r} is no status of a run")
        if not (self.id and self.key and self.job and self.request):
            raise ValueError("a run has an id, a key, a job and a request")
        if not (math.isfinite(self.created_at) and math.isfinite(self.updated_at)):
            raise ValueError("the times of a run are finite")
