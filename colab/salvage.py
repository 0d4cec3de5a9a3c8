"""What an ended attempt has left and another one may keep (FORMAT.md R11): fetched, verified, never taken on trust."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colab.attach import Attached
from media.audio import check_wav
from protocol.errors import BadMessage, ChannelError, MediaError, StorageFull, VerificationError
from protocol.integrity import check_sizes, fetch
from protocol.kinds import KINDS
from protocol.kinds.kind import CHECKPOINTS
from protocol.layout import Attempt
from protocol.messages import EngineRecord, OutputFile, Part


@dataclass(frozen=True, kw_only=True)
class Leftover:
    """One verified output of an ended attempt: its entry for the next manifest, its engine, and the copy here."""

    file: OutputFile
    engine: EngineRecord
    local: Path

    @property
    def content(self) -> tuple[int, str]:
        """Its size and sha256, as they were verified."""
        return self.file.size, self.file.sha256

    def told(self) -> dict[str, Any]:
        """Return what the bench is told of it."""
        return {"engine": self.engine.model_dump(mode="json", exclude_none=True), "local": str(self.local)}


def salvage(
    at: Attached, job: str, kind: str, ended: Mapping[Attempt, Iterable[Part]], folder: Path
) -> dict[str, Leftover]:
    """Return {path: leftover} of the ended attempts, newest first, verified in `folder`.

    Only kinds whose outputs stand for themselves, or that leave checkpoints, leave any, and only attempts that told
    which engine made them. What cannot be fetched now is left: it is made again.
    """
    found: dict[str, Leftover] = {}
    if not (KINDS[kind].independent_outputs or KINDS[kind].checkpoints):
        return found
    for attempt, parts in sorted(ended.items(), key=lambda item: -item[0].n):
        target = folder / attempt.nonce
        for part in parts:
            found |= _verified(at, job, kind, attempt, part, target, known=set(found))
    return found


def _verified(
    at: Attached, job: str, kind: str, attempt: Attempt, part: Part, target: Path, known: set[str]
) -> dict[str, Leftover]:
    wanted = {file.path: file for file in part.files if file.path not in known and _may_be_kept(file, kind)}
    if part.engine is None or not wanted:
        return {}
    target.mkdir(parents=True, exist_ok=True)
    try:
        check_sizes(wanted.values())
        problems = fetch(at.drop, job, wanted.values(), target)
    except StorageFull:
        raise  # what has no room here now would have none when it is made again
    except (ChannelError, VerificationError):
        return {}
    return {
        path: Leftover(file=_of(file, attempt), engine=part.engine, local=target / path)
        for path, file in wanted.items()
        if path not in problems and _is_whole(path, target / path, kind)
    }


def _may_be_kept(file: OutputFile, kind: str) -> bool:
    return KINDS[kind].checkpoints if file.path.startswith(CHECKPOINTS) else KINDS[kind].independent_outputs


def _is_whole(path: str, local: Path, kind: str) -> bool:
    """Say whether an output can be read: its hash proves who promised it, not that it was any good.

    Checkpoints are the handler's to read.
    """
    read_json = KINDS[kind].read_json
    if path.startswith(CHECKPOINTS):
        return True
    try:
        if local.suffix == ".wav":
            check_wav(local)
        if local.suffix == ".json" and read_json is not None:
            read_json(local.read_bytes())
    except (BadMessage, MediaError):
        return False
    return True


def _of(file: OutputFile, attempt: Attempt) -> OutputFile:
    """Return the entry with the attempt it comes from; one that was itself kept keeps its origin."""
    return file if file.from_ else file.model_copy(update={"from_": attempt.nonce})
