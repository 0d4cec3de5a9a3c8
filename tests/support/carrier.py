"""A sync tool between two folders, on a clock that the test turns: small files at once, outputs as a script says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.workers import Clock

TEMPORARY = ".syncthing.{}.tmp"


@dataclass
class Carrier:
    """Brings every new file of one folder to the other. Names are written once, so nothing is ever brought twice.

    `share` says how much of an output is there so many seconds after it was written: None for nothing of it yet, 1.0
    for all of it under its own name, and in between under a name of the tool's.
    """

    near: Path
    far: Path
    clock: Clock
    share: Callable[[float], float | None] = lambda since_s: 1.0
    temporary: str = TEMPORARY
    first_seen: dict[Path, float] = field(default_factory=dict)

    def carry(self) -> None:
        """Bring what there is to bring by now, both ways."""
        for source, target in ((self.near, self.far), (self.far, self.near)):
            for path in sorted(it for it in source.rglob("*") if it.is_file()):
                if not self._is_own(path):
                    self._bring(path, target / path.relative_to(source))

    def _is_own(self, path: Path) -> bool:
        before, after = self.temporary.split("{}")
        return path.name.startswith(before or "\0") or path.name.endswith(after or "\0")

    def _bring(self, path: Path, target: Path) -> None:
        if target.exists():
            return
        since_s = self.clock.now - self.first_seen.setdefault(path, self.clock.now)
        share = self.share(since_s) if ".out-" in path.name else 1.0
        if share is None:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(self.temporary.format(target.name))
        data = path.read_bytes()
        partial.write_bytes(data[: int(len(data) * share)])
        if share >= 1:
            partial.rename(target)
