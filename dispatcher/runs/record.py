"""What the database remembers of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Status = Literal["pending", "queued", "running", "verifying", "completed", "failed", "crashed", "cancelled", "expired"]

TERMINAL: frozenset[str] = frozenset({"completed", "failed", "crashed", "cancelled", "expired"})
"""A run that has one of these never changes its status again."""


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
    nonce: str | None = None  # the accepted attempt
    results_dir: str | None = None
    engine: dict[str, Any] | None = None
    verified: Literal["full", "legacy"] | None = None
    done_seal: str | None = None
    error_code: str | None = None
    error_text: str | None = None
    cleaned_at: float | None = None  # when its folder was removed from the drop
