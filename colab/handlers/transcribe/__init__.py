"""Transcripts: the glue between a film or a sound and a recogniser. No model library is imported here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from colab.engines.registry import Choice
from colab.handlers.transcribe import engines, sound
from colab.handlers.transcribe.engine import Recogniser
from colab.handlers.transcribe.engines import RecogniserTable
from colab.handlers.transcribe.listening import Transcription
from colab.handlers.transcribe.sentences import fitting, sentences_of
from colab.handlers.transcribe.writing import LONGEST_ASS_S, WRITERS, Written
from colab.job_errors import closed_codes
from colab.models import Models
from colab.work import Work, WorkResult
from media.captions import Cue
from media.cues import CueRules, make_cues
from protocol.errors import JobFailed
from protocol.kinds.kind import SOURCE
from protocol.kinds.transcribe import Params, result_path
from protocol.messages import Choices, EngineRecord

ROUGH = (
    "This transcript is rough: it was made by the embedded recogniser, which gets many words wrong. "
    f"For a good one: {engines.PULL}"
)


@dataclass(frozen=True, kw_only=True)
class TranscribeHandler:
    """Listens to a file once and writes the transcript in every format. The same request gives the same bytes."""

    table: RecogniserTable = engines.ENGINES
    checkpoint_s: float = 30.0  # how much work may be lost, about
    piece_s: float | None = None  # how much sound an engine is given at once; its own length if None
    kind: str = "transcribe"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the engines that can listen here, best first."""
        return tuple(engine.record() for engine in self.table.available(models))

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return the models and languages of each engine."""
        return engines.choices(models, self.table)

    def run(self, work: Work) -> WorkResult:
        """Hear the file and publish every format. Raises `JobFailed` with what is wrong, and the hint."""
        params = cast(Params, work.params)
        with closed_codes("it cannot be transcribed", media="INPUT_CORRUPT"), engines.unloading_what_fails():
            heard = sound.found(work.inputs[SOURCE], params.track)
            _check_length(heard, params)
            choice = self.table.choose(work.models, params, work.engine)
            record = choice.engine.record()
            listening = Transcription(
                work=work,
                engine=choice.engine,
                params=params,
                sound=heard,
                checkpoint_s=self.checkpoint_s,
                piece_s=self.piece_s or choice.engine.piece_s,
            )
            listening.listen(work.begin(record))
            written, shown = _written(listening, params, record)
            for form in params.formats:
                work.output(result_path(form)).write_text(WRITERS[form](written), encoding="utf-8", newline="\n")
                work.publish(result_path(form))
        return WorkResult(engine=record, summary=_summary(choice, listening, written, shown))


def _written(listening: Transcription, params: Params, record: EngineRecord) -> tuple[Written, Sequence[Cue]]:
    length_s = max(listening.heard_s, listening.sound.media.seconds or 0.0)
    code = listening.language.code if listening.language else None
    spoken = "en" if params.task == "translate" else code
    rules = CueRules(
        width=params.line_width,
        count=params.line_count,
        speed=params.reading_speed,
        least_s=params.min_cue_s,
        most_s=params.max_cue_s,
        gap_s=params.gap_s,
    )
    words = fitting(listening.utterances, length_s, params.line_width, spoken or "en")
    shown = make_cues(words, rules, length_s)
    written = Written(
        sentences=sentences_of(listening.utterances, length_s, spoken or "en"),
        cues=shown,
        language=spoken,
        engine={"name": record.name, "version": record.version, "tier": record.tier},
        remark=ROUGH if record.tier == "embedded" else None,
    )
    return written, shown


def _summary(
    choice: Choice[Recogniser], listening: Transcription, written: Written, shown: Sequence[Cue]
) -> dict[str, Any]:
    """Return what the marker says: what was found, and whatever is not as it was asked."""
    language = listening.language
    summary: dict[str, Any] = {
        "seconds": round(listening.heard_s, 3),
        "language": written.language,
        "segments": len(written.sentences),
        "cues": len(shown),
        "words": sum(len(sentence.text.split()) for sentence in written.sentences),
    }
    if language is not None and listening.params.language == "auto" and choice.engine.name != engines.SPHINX:
        summary["language_probability"] = language.probability
    told = {
        "spoken": language.code if language and language.code != written.language else None,
        "nobody_speaks": True if not written.sentences else None,
        "rough": True if written.remark else None,
        "passed_over": list(choice.passed_over) or None,
        "notes": _notes(choice, listening.params, written) or None,
        "resumed_at_s": round(listening.resumed_s, 3) or None,
    }
    return summary | {key: value for key, value in told.items() if value is not None}


def _notes(choice: Choice[Recogniser], params: Params, written: Written) -> list[str]:
    """Return what should not go unsaid, in lines for people."""
    notes = [*filter(None, [written.remark]), *choice.engine.remarks()]
    if not written.sentences:
        notes.append("no speech was found: the transcript is empty")
    if choice.engine.name == engines.SPHINX:
        if params.language == "auto":
            notes.append("the language was assumed to be English, the only one that this recogniser knows")
        if params.prompt or params.hotwords:
            notes.append("prompt and hotwords were not used: this recogniser does not support them")
    return notes


def _check_length(heard: sound.Sound, params: Params) -> None:
    if "ass" in params.formats and heard.told_s >= LONGEST_ASS_S:
        raise JobFailed("ass cannot tell times from ten hours on: ask for srt or vtt", code="BAD_REQUEST")


HANDLER = TranscribeHandler()
