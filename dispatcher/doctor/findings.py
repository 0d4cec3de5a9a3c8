"""What an examination finds, and what becomes of a check that cannot be made."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from protocol.errors import GpudropError

State = Literal["ok", "warn", "fail"]
"""Well; works, and could hurt; or does not work."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line: what was looked at, how it is, and the hint where it is not well."""

    check: str
    state: State
    said: str
    hint: str = ""


@dataclass(kw_only=True)
class Report:
    """Everything that was found. `drop` is empty where there is none. `latency` and `soak` hold measured seconds."""

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
    """Return what an examination finds; one that cannot be made is a finding itself, with the error's own hint."""
    try:
        return list(examine())
    except GpudropError as error:
        said, _, hint = str(error).partition(". ")
        return [Finding(check=check, state=worst, said=said.rstrip("."), hint=hint)]
