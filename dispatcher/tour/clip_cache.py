"""Spoken clips by what was said: shared by every tour of this machine, checked to the byte before each use.

A clip is kept under the digest of everything that makes two clips the same (text, voice, speed, language, marks,
lexicon, the recording of a cloned voice) and, below that, under who spoke it. What is damaged is removed and counts as
not there.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from media.audio import check_wav
from protocol import codec
from protocol.errors import MediaError
from protocol.integrity import sha256_of
from protocol.messages import EngineRecord
from speech.lexicon import Lexicon
from speech.text import pieces

WAV, WORDS, RECORD = "clip.wav", "words.json", "clip.json"
PART = ".part-"
MAX_BYTES = 1 << 30
KEEP_S = 7 * 24 * 3600.0
"""Clips used within this time stay, however many there are: another tour may be at work with them."""

log = logging.getLogger(__name__)

Maker = tuple[str, str, str | None]
"""Who spoke: engine, version and model. The provider and the device change nothing that is heard."""


class _Record(BaseModel):
    """What is known of a kept clip. Digests are of its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: EngineRecord
    substituted: str | None = None
    wav: str
    words: str


@dataclass(frozen=True, kw_only=True)
class CachedClip:
    """A clip that was checked just now. `substituted` is the voice asked for, where another one spoke."""

    wav: Path
    words: Path
    engine: EngineRecord
    substituted: str | None = None


def maker(engine: EngineRecord) -> Maker:
    """Return who spoke, as far as it can be heard."""
    return engine.name, engine.version, engine.model_sha256


def clip_key(
    params: Mapping[str, Any], step: Mapping[str, Any], inputs: Mapping[str, tuple[int, str]] | None = None
) -> str:
    """Return the digest of what a step's clip depends on: all of the request but the other steps and its own name.

    How the text is read counts too: a newer version that reads it better speaks it anew, and no other text.
    `inputs` are (size, sha256) of the files that come with it: the recording of a voice to clone.
    """
    common = {name: value for name, value in params.items() if name != "steps"}
    own = {name: value for name, value in step.items() if name != "id"}
    spoken = reading(params, step)
    read = {"reading": spoken} if spoken else {}
    return codec.digest("tts-clip", {**common, "step": own, **read}, dict(inputs or {}), {})


def reading(params: Mapping[str, Any], step: Mapping[str, Any]) -> str | None:
    """Return how a step's text is read, by the rules of this version; None where it is read as it is written."""
    spoken = pieces(step["narration"], params["language"], Lexicon(params.get("lexicon", {})))
    said = " ".join(piece.text for piece in spoken)
    return None if said == " ".join(step["narration"].split()) else said


class ClipCache:
    """The clips of this machine, below one folder."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._folder, self._max_bytes = folder, max_bytes

    def find(self, key: str) -> dict[Maker, CachedClip]:
        """Return the whole clips under a key, by who spoke them."""
        place = self._place(key)
        found = [self._load(folder) for folder in sorted(_subfolders(place)) if not folder.name.startswith(PART)]
        return {maker(clip.engine): clip for clip in found if clip is not None}

    def add(self, key: str, clip: CachedClip) -> CachedClip:
        """Keep a copy of a clip and return it; one that is there already stays. Without room it stays where it is."""
        target = self._place(key) / hashlib.sha256(repr(maker(clip.engine)).encode()).hexdigest()[:16]
        try:
            self._copy(clip, target)
        except OSError as error:
            log.warning("the clip cannot be kept in %s: %s", self._folder, error)
        return (self._load(target) if target.is_dir() else None) or clip

    def _copy(self, clip: CachedClip, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=PART, dir=target.parent))
        try:
            shutil.copyfile(clip.wav, staging / WAV)
            shutil.copyfile(clip.words, staging / WORDS)
            (staging / RECORD).write_text(_record(clip, staging).model_dump_json(), encoding="utf-8")
            with contextlib.suppress(OSError):  # another tour has just kept the same clip
                staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def prune(self, now: float) -> int:
        """Remove the clips that were not used for longest until the rest fits, and what kills left; return how many."""
        for part in self._leftovers():
            if now - _changed_at(part) > KEEP_S:
                shutil.rmtree(part, ignore_errors=True)
        kept = sorted(((_used_at(folder), folder) for folder in self._clips()), reverse=True)
        total, removed = 0, 0
        for used, folder in kept:
            total += _size(folder)
            if total > self._max_bytes and now - used > KEEP_S:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        return removed

    def unused(self, age_s: float, now: float) -> Iterator[Path]:
        """Yield the folders of clips that were not used for so long."""
        for folder in self._clips():
            if now - _used_at(folder) > age_s:
                yield folder

    def _place(self, key: str) -> Path:
        return self._folder / key[:2] / key

    def _clips(self) -> Iterator[Path]:
        for key in self._keys():
            yield from (folder for folder in _subfolders(key) if not folder.name.startswith(PART))

    def _leftovers(self) -> Iterator[Path]:
        for key in self._keys():
            yield from (folder for folder in _subfolders(key) if folder.name.startswith(PART))

    def _keys(self) -> Iterator[Path]:
        for shelf in _subfolders(self._folder):
            yield from _subfolders(shelf)

    def _load(self, folder: Path) -> CachedClip | None:
        try:
            record = _checked(folder)
        except (FileNotFoundError, ValidationError, MediaError) as problem:
            log.warning("the kept clip %s cannot be used and is removed: %s", folder, problem)
            shutil.rmtree(folder, ignore_errors=True)
            return None
        except OSError as problem:  # the disk's fault, not the clip's
            log.warning("the kept clip %s cannot be read now: %s", folder, problem)
            return None
        with contextlib.suppress(OSError):  # it may only be read: then others are thought to be in use later than it
            os.utime(folder / RECORD)
        return CachedClip(wav=folder / WAV, words=folder / WORDS, engine=record.engine, substituted=record.substituted)


def _checked(folder: Path) -> _Record:
    """Return what is known of a clip when all its files are as they were written."""
    record = _Record.model_validate_json((folder / RECORD).read_bytes())
    if (sha256_of(folder / WAV)[1], sha256_of(folder / WORDS)[1]) != (record.wav, record.words):
        raise MediaError("its files have changed")
    check_wav(folder / WAV)
    return record


def _record(clip: CachedClip, folder: Path) -> _Record:
    return _Record(
        engine=clip.engine,
        substituted=clip.substituted,
        wav=sha256_of(folder / WAV)[1],
        words=sha256_of(folder / WORDS)[1],
    )


def _subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder; none where there is no folder (any more). That it cannot be listed is told."""
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as problem:
        log.warning("the kept clips in %s are passed over: %s", folder, problem)
        return []


def _used_at(folder: Path) -> float:
    return _changed_at(folder / RECORD)


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()  # being written or removed by another tour just now


def _size(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except OSError:
        return 0  # being removed by another tour just now
