"""What was said and when, out of a run's outputs, for a page that goes along with the player."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pysubs2

from dispatcher.runs.record import Artifact
from protocol.errors import BadMessage
from protocol.kinds.transcribe import MAX_JSON_BYTES, read_transcript

MOST_CUES = 5_000
_SUBTITLES = (".vtt", ".srt", ".ass")


@dataclass(frozen=True, kw_only=True)
class TranscriptCue:
    """One sentence and its seconds."""

    start: float
    end: float
    text: str

    @property
    def at(self) -> str:
        """Return when it begins, as players show it."""
        minutes, seconds = divmod(int(self.start), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


@dataclass(frozen=True, kw_only=True)
class RunTranscript:
    """The cues of a run, or why there are none."""

    cues: Sequence[TranscriptCue] = ()
    error: str = ""
    cut: bool = False


def of(outputs: Sequence[Artifact]) -> RunTranscript | None:
    """Return the transcript among outputs, the exactest form first; None where there is none."""
    for suffix in (".json", *_SUBTITLES):
        for file in outputs:
            if file.name.endswith(suffix) and (found := _read(Path(file.path), suffix)) is not None:
                return found
    return None


def _read(path: Path, suffix: str) -> RunTranscript | None:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            return RunTranscript(error="the transcript is too long to be shown here")
        cues = _from_json(path) if suffix == ".json" else _from_subtitles(path)
    except OSError:
        return None  # it was moved away: the list of files says so
    except BadMessage:
        return None  # JSON of another kind
    except (ValueError, pysubs2.Pysubs2Error) as error:
        return RunTranscript(error=f"the transcript cannot be read: {error}")
    return RunTranscript(cues=cues[:MOST_CUES], cut=len(cues) > MOST_CUES)


def _from_json(path: Path) -> list[TranscriptCue]:
    found = read_transcript(path.read_bytes())
    return [TranscriptCue(start=part.start, end=part.end, text=part.text.strip()) for part in found.segments]


def _from_subtitles(path: Path) -> list[TranscriptCue]:
    events = pysubs2.load(str(path), encoding="utf-8").events
    return [
        TranscriptCue(start=it.start / 1000, end=it.end / 1000, text=it.plaintext) for it in events if not it.is_comment
    ]
