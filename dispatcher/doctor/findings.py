"""The findings of an examination, and what an error during a check becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from protocol.errors import GpudropError

State = Literal["ok", "warn", "fail"]
"""Fine; works, but may cause problems; does not work."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: what was checked, its state, and a hint if something is wrong."""

    check: str
    state: State
    said: str
    hint: str = ""


@dataclass(kw_only=True)
class DoctorReport:
    """All findings. `drop` has empty values without a drop. `latency` and `soak` hold measured seconds."""

    findings: list[Finding] = field(default_factory=list)
    workers: list[dict[str, Any]] = field(default_factory=list)
    drop: dict[str, str] = field(default_factory=lambda: {"address": "", "origin": ""})
    latency: dict[str, float] | None = None
    soak: dict[str, Any] | None = None

    @property
    def ready(self) -> bool:
        """Say whether nothing failed."""
        return not any(finding.state == "fail" for finding in self.findings)

    def told(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {"ready": self.ready, **asdict(self)}


def checked(check: str, examine: Callable[[], Iterable[Finding]], worst: State = "fail") -> list[Finding]:
    """Return what an examination finds; an error that ends it becomes its last finding, with the error's own hint."""
    findings: list[Finding] = []
    try:
        for finding in examine():
            findings.append(finding)
    except GpudropError as error:
        said, _, hint = str(error).partition(". ")
        findings.append(Finding(check=check, state=worst, said=said.rstrip("."), hint=hint))
    return findings
