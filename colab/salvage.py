"""The outputs of ended attempts that another one can reuse (FORMAT.md R11): fetched and always verified."""

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
    """One verified output of an ended attempt: its entry for the next manifest, its engine, and the local copy."""

    file: OutputFile
    engine: EngineRecord
    local: Path

    @property
    def content(self) -> tuple[int, str]:
        """Its size and sha256, as they were verified."""
        return self.file.size, self.file.sha256

    def told(self) -> dict[str, Any]:
        """Return the form in which the bench gets it."""
        return {"engine": self.engine.model_dump(mode="json", exclude_none=True), "local": str(self.local)}


def salvage(
    at: Attached, job: str, kind: str, ended: Mapping[Attempt, Iterable[Part]], folder: Path
) -> dict[str, Leftover]:
    """Return {path: leftover} of the ended attempts, newest first, verified in `folder`.

    Only kinds with independent outputs or checkpoints have any, and only attempts that recorded their engine. What
    cannot be fetched now is skipped, and made again.
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
        raise  # without room for it now there would be none when it is made again
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
    """Say whether an output can be read: a matching hash does not prove that it is valid.

    Checkpoints are checked by the handler.
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
    """Return the entry with the attempt it comes from; a reused output keeps its first origin."""
    return file if file.from_ else file.model_copy(update={"from_": attempt.nonce})
