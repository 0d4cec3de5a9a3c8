"""The cache of spoken clips: shared by all tours on this machine, and verified before each use.

A clip is stored under the digest of everything that it depends on (text, voice, speed, language, marks, lexicon, the
recording of a cloned voice) and, below that, under the engine that spoke it. A damaged clip is removed and counts as
missing.
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
"""Clips used within this time are never removed: another tour may be using them."""

log = logging.getLogger(__name__)

EngineIdentity = tuple[str, str, str | None]
"""Engine, version and model. The provider and the device make no audible difference."""


class _ClipRecord(BaseModel):
    """What is stored about a cached clip. Digests are SHA-256 of its files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: EngineRecord
    substituted: str | None = None
    wav: str
    words: str


@dataclass(frozen=True, kw_only=True)
class CachedClip:
    """A clip that has just been verified. `substituted` is the requested voice, if another one was used."""

    wav: Path
    words: Path
    engine: EngineRecord
    substituted: str | None = None


def engine_identity(engine: EngineRecord) -> EngineIdentity:
    """Return the part of an engine's record that makes an audible difference."""
    return engine.name, engine.version, engine.model_sha256


def clip_key(
    params: Mapping[str, Any], step: Mapping[str, Any], inputs: Mapping[str, tuple[int, str]] | None = None
) -> str:
    """Return the digest of everything that a step's clip depends on: the request without the other steps and the id.

    That includes how the text is read aloud: if a newer version reads a text differently, only that text is spoken
    again. `inputs` are (size, sha256) of the input files: the recording of a voice to clone.
    """
    common = {name: value for name, value in params.items() if name != "steps"}
    own = {name: value for name, value in step.items() if name != "id"}
    spoken = reading(params, step)
    read = {"reading": spoken} if spoken else {}
    return codec.digest("tts-clip", {**common, "step": own, **read}, dict(inputs or {}), {})


def reading(params: Mapping[str, Any], step: Mapping[str, Any]) -> str | None:
    """Return how a step's text is read aloud by the rules of this version; None if it is read as written."""
    spoken = pieces(step["narration"], params["language"], Lexicon(params.get("lexicon", {})))
    said = " ".join(piece.text for piece in spoken)
    return None if said == " ".join(step["narration"].split()) else said


class ClipCache:
    """The cached clips of this machine, in one folder."""

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._folder, self._max_bytes = folder, max_bytes

    def find(self, key: str) -> dict[EngineIdentity, CachedClip]:
        """Return the intact clips under a key, by the engine that spoke them."""
        place = self._key_folder(key)
        found = [self._load(folder) for folder in sorted(_subfolders(place)) if not folder.name.startswith(PART)]
        return {engine_identity(clip.engine): clip for clip in found if clip is not None}

    def add(self, key: str, clip: CachedClip) -> CachedClip:
        """Cache a clip and return the copy; an existing copy is kept. Return the clip itself if that fails."""
        target = self._key_folder(key) / hashlib.sha256(repr(engine_identity(clip.engine)).encode()).hexdigest()[:16]
        try:
            self._copy(clip, target)
        except OSError as error:
            log.warning("the clip cannot be cached in %s: %s", self._folder, error)
        return (self._load(target) if target.is_dir() else None) or clip

    def _copy(self, clip: CachedClip, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=PART, dir=target.parent))
        try:
            shutil.copyfile(clip.wav, staging / WAV)
            shutil.copyfile(clip.words, staging / WORDS)
            (staging / RECORD).write_text(_record_of(clip, staging).model_dump_json(), encoding="utf-8")
            with contextlib.suppress(OSError):  # another tour has just cached the same clip
                staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def prune(self, now: float) -> int:
        """Remove old partial copies, and the least recently used clips until the rest fits; return how many clips."""
        for part in self._partial_copies():
            if now - _changed_at(part) > KEEP_S:
                shutil.rmtree(part, ignore_errors=True)
        clips = sorted(((_used_at(folder), folder) for folder in self._clips()), reverse=True)
        total, removed = 0, 0
        for used, folder in clips:
            total += _size(folder)
            if total > self._max_bytes and now - used > KEEP_S:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        return removed

    def unused(self, age_s: float, now: float) -> Iterator[Path]:
        """Yield the folders of clips that have not been used for `age_s` seconds."""
        for folder in self._clips():
            if now - _used_at(folder) > age_s:
                yield folder

    def _key_folder(self, key: str) -> Path:
        return self._folder / key[:2] / key

    def _clips(self) -> Iterator[Path]:
        for key in self._keys():
            yield from (folder for folder in _subfolders(key) if not folder.name.startswith(PART))

    def _partial_copies(self) -> Iterator[Path]:
        for key in self._keys():
            yield from (folder for folder in _subfolders(key) if folder.name.startswith(PART))

    def _keys(self) -> Iterator[Path]:
        for prefix in _subfolders(self._folder):
            yield from _subfolders(prefix)

    def _load(self, folder: Path) -> CachedClip | None:
        try:
            record = _verified_record(folder)
        except (FileNotFoundError, ValidationError, MediaError) as problem:
            log.warning("the cached clip %s is damaged and is removed: %s", folder, problem)
            shutil.rmtree(folder, ignore_errors=True)
            return None
        except OSError as problem:  # a fault of the disk, not of the clip
            log.warning("the cached clip %s cannot be read: %s", folder, problem)
            return None
        with contextlib.suppress(OSError):  # read-only: it counts as less recently used
            os.utime(folder / RECORD)
        return CachedClip(wav=folder / WAV, words=folder / WORDS, engine=record.engine, substituted=record.substituted)


def _verified_record(folder: Path) -> _ClipRecord:
    """Return the record of a clip. Raises MediaError if one of its files has changed."""
    record = _ClipRecord.model_validate_json((folder / RECORD).read_bytes())
    if (sha256_of(folder / WAV)[1], sha256_of(folder / WORDS)[1]) != (record.wav, record.words):
        raise MediaError("its files have changed")
    check_wav(folder / WAV)
    return record


def _record_of(clip: CachedClip, folder: Path) -> _ClipRecord:
    return _ClipRecord(
        engine=clip.engine,
        substituted=clip.substituted,
        wav=sha256_of(folder / WAV)[1],
        words=sha256_of(folder / WORDS)[1],
    )


def _subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder; none if it does not exist, or, with a warning, if it cannot be listed."""
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as problem:
        log.warning("the cached clips in %s are ignored: %s", folder, problem)
        return []


def _used_at(folder: Path) -> float:
    return _changed_at(folder / RECORD)


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return time.time()  # another tour is writing or removing it


def _size(folder: Path) -> int:
    try:
        return sum(file.stat().st_size for file in folder.iterdir())
    except OSError:
        return 0  # another tour is removing it
