"""Transcripts: our handler against the engine's plain interface over the same sound, the model loaded anew each time.

Both ways write srt and json. Whisper's weights are random, and the same words must come out: weights of the smallest
size that is published, and far fewer, where much of the time is spent around the model. PocketSphinx is the real one;
there both ways must get about as many words right.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.kinds.arm import Comparison
from colab.fake_workbench import FakeWorkbench
from colab.handlers.transcribe import engines, sphinx, whisper
from colab.models import ModelPlaces, Models
from media import ffmpeg
from protocol.kinds.kind import SOURCE
from protocol.kinds.transcribe import read_transcript
from tests.support.spoken import spoken
from tests.support.whisper import AS_PUBLISHED, TINIEST, Size, models_with, tiny_whisper

SAID = (
    "what can you do for your country",
    "this is the time to go home",
    "we have seen the water and the stone",
    "nobody was here before the end of the day",
)
SPHINX_TIMES = 3
WORSE = 0.1
"""How many more words than theirs our way may get wrong, as a part of all."""


def comparisons(folder: Path) -> list[Comparison]:
    """Return the recognisers, each on a sound of its own length."""
    short = spoken(folder / "short.wav", *SAID * SPHINX_TIMES, pause_s=0.7)
    without = Models(ModelPlaces(folder=folder / "none", offline=True))
    return [
        _whisper(folder / "published", AS_PUBLISHED, "Whisper as small as published", times=14),
        _whisper(folder / "tiniest", TINIEST, "a model of next to nothing", times=28),
        Comparison(
            name=f"{_seconds(short):.0f} s of speech, pocketsphinx, to srt and json",
            ours=partial(_ours, short, without, "pocketsphinx"),
            theirs=partial(_pocketsphinx, short),
            theirs_is="pocketsphinx's segmenter and decoder",
            equal=partial(_as_right, said=" ".join(SAID * SPHINX_TIMES).split()),
        ),
    ]


def _whisper(folder: Path, size: Size, called: str, *, times: int) -> Comparison:
    weights = tiny_whisper(folder / "whisper", size=size)
    models = models_with(folder / "models", weights, "small")
    sound = spoken(folder / "long.wav", *SAID * times, pause_s=0.7)
    return Comparison(
        name=f"{_seconds(sound):.0f} s of speech, {called}, to srt and json",
        ours=partial(_ours, sound, models, "faster-whisper"),
        theirs=partial(_faster_whisper, sound, weights),
        theirs_is="faster-whisper's batched pipeline",
        equal=_same_words,
    )


def _ours(source: Path, models: Models, engine: str) -> list[str]:
    """Have the handler do the whole job, nothing loaded before."""
    engines.loaded.clear()
    whisper.PIECE_S["cpu"] = whisper.PIECE_S["cuda"]  # the peer takes the whole file at once, as we do on a GPU
    for loaded in (sphinx._decoder, sphinx._measure):
        loaded.cache_clear()
    with tempfile.TemporaryDirectory() as folder:
        raw = {"formats": ["srt", "json"], "language": "en"}
        desk = FakeWorkbench(
            kind="transcribe",
            raw=raw,
            folder=Path(folder) / "work",
            sources={SOURCE: source},
            engine=engine,
            models=models,
        )
        desk.run()
        return [word.word for word in read_transcript(desk.outputs()["source.json"]).word_segments]


def _faster_whisper(source: Path, weights: Path) -> list[str]:
    """Do what the project's own page shows: a pipeline over the file, and its segments written as subtitles."""
    from faster_whisper import BatchedInferencePipeline, WhisperModel

    model = WhisperModel(str(weights), device="cpu", compute_type="int8")
    segments, _ = BatchedInferencePipeline(model).transcribe(
        str(source), batch_size=16, language="en", word_timestamps=True, temperature=0.0
    )
    said = [
        (segment.start, segment.end, [(word.word.strip(), word.start, word.end) for word in segment.words or ()])
        for segment in segments
    ]
    return _written(said)


def _written(said: list[tuple[float, float, list[tuple[str, float, float]]]]) -> list[str]:
    """Write what was said as plainly as a script would, to srt and json; return its words."""
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / "a.srt").open("w") as subtitles:
            for number, (start, end, words) in enumerate(said, 1):
                text = " ".join(word for word, _, _ in words)
                subtitles.write(f"{number}\n{start:.3f} --> {end:.3f}\n{text}\n\n")
        (Path(folder) / "a.json").write_text(json.dumps(said))
    return [word for _, _, words in said for word, _, _ in words]


def _pocketsphinx(source: Path) -> list[str]:
    """Do what its page shows for a file: speech by its segmenter, each stretch decoded at one go."""
    import pocketsphinx

    decode = [str(ffmpeg.find().path), "-v", "error", "-i", str(source), "-ar", "16000", "-ac", "1", "-f", "s16le", "-"]
    said = []
    with subprocess.Popen(decode, stdout=subprocess.PIPE) as sound:
        decoder = pocketsphinx.Decoder(samprate=16_000, cmn="batch", loglevel="FATAL")
        for stretch in pocketsphinx.Segmenter(sample_rate=16_000).segment(sound.stdout):
            decoder.start_utt()
            decoder.process_raw(stretch.pcm, no_search=False, full_utt=True)
            decoder.end_utt()
            at, heard = stretch.start_time, [one for one in decoder.seg() or () if one.word[0] not in "<["]
            words = [(one.word.split("(")[0], at + one.start_frame / 100, at + one.end_frame / 100) for one in heard]
            said.append((at, stretch.end_time, words))
    return _written(said)


def _same_words(ours: Any, theirs: Any) -> str | None:
    if ours == theirs and ours:
        return None
    return f"{len(ours)} words of ours, {len(theirs)} of theirs, and they differ"


def _as_right(ours: Any, theirs: Any, *, said: Sequence[str]) -> str | None:
    wrong: Callable[[Sequence[str]], float] = partial(error_rate, said=said)
    if wrong(ours) <= wrong(theirs) + WORSE:
        return None
    return f"{wrong(ours):.2f} of our words are wrong, {wrong(theirs):.2f} of theirs"


def error_rate(heard: Sequence[str], said: Sequence[str]) -> float:
    """Return the words that are wrong, missing or too many, as a part of those said (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for place, word in enumerate(said, 1):
        diagonal, row[0] = row[0], place
        for at, other in enumerate(heard, 1):
            diagonal, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, diagonal + (word != other))
    return row[-1] / len(said)


def _seconds(path: Path) -> float:
    import soundfile

    return float(soundfile.info(path).duration)
