"""Sounds as people have them: many channels, many tracks, late, short, cut, none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from colab.fake_workbench import FakeWorkbench
from colab.handlers.transcribe import HANDLER, TranscribeHandler, kept
from colab.handlers.transcribe.engine import Language
from colab.handlers.transcribe.sphinx import PocketSphinx, speech
from media import ffmpeg
from media.pcm import RATE, SampleStream
from protocol.errors import JobFailed, MediaError
from protocol.kinds.transcribe import read_transcript
from tests.support.odd_media import film
from tests.support.spoken import sentence

Desks = Callable[..., FakeWorkbench]

SAID = "what can you do for your country"


def padded(before_s: float = 0.5, after_s: float = 0.5) -> np.ndarray:
    silence = [np.zeros(round(seconds * RATE), np.float32) for seconds in (before_s, after_s)]
    return np.concatenate([silence[0], sentence(SAID), silence[1]])


def wav(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


def run(*arguments: str | Path) -> None:
    ffmpeg.find().run(["-v", "error", *arguments])


def words_of(work: FakeWorkbench) -> list[str]:
    return [word.word for word in read_transcript(work.outputs()["source.json"]).word_segments]


def error_rate(heard: list[str], said: list[str]) -> float:
    """Return the words that are wrong, missing or too many, as a part of those said (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for place, word in enumerate(said, 1):
        diagonal, row[0] = row[0], place
        for at, other in enumerate(heard, 1):
            diagonal, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, diagonal + (word != other))
    return row[-1] / len(said)


SHAPES: dict[str, Callable[[np.ndarray], tuple[np.ndarray, int]]] = {
    "plain": lambda said: (said, RATE),
    "8 kHz": lambda said: (soxr.resample(said, RATE, 8000), 8000),
    "48 kHz in stereo": lambda said: (np.tile(soxr.resample(said, RATE, 48000)[:, None], (1, 2)), 48000),
    "in the middle of 5.1": lambda said: (said[:, None] * np.array([0, 0, 1, 0, 0, 0]), RATE),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_speech_is_heard_whatever_its_channels_and_rate(
    tmp_path: Path, desk_for: Desks, shape: Callable[[np.ndarray], tuple[np.ndarray, int]]
) -> None:
    """The embedded recogniser gets more than half of the words of the embedded voice."""
    work = desk_for(wav(tmp_path / "a.wav", *shape(padded())), formats=["json"])
    summary = work.run().summary
    assert error_rate(words_of(work), SAID.split()) < 0.5
    assert summary["language"] == "en"
    assert summary["rough"] is True


def test_words_are_timed_by_the_film_not_by_its_sound(tmp_path: Path, desk_for: Desks) -> None:
    """A track that starts late begins with silence; subtitles end with the film."""
    sound, picture = wav(tmp_path / "a.wav", padded(0.2, 0.2)), film(tmp_path / "p.mkv", seconds=6, sound=False)
    late = tmp_path / "late.mkv"
    run("-i", picture, "-itsoffset", "2", "-i", sound, "-c", "copy", late)
    work = desk_for(late, formats=["json", "srt"])
    work.run()
    words = read_transcript(work.outputs()["source.json"]).word_segments
    assert 2.0 < words[0].start < 2.9
    assert words[-1].end < 2.4 + len(sentence(SAID)) / RATE


def test_the_track_asked_for_is_heard(tmp_path: Path, desk_for: Desks) -> None:
    """By default the first; one that is not there is refused, and those that are are named."""
    still, said = wav(tmp_path / "s.wav", np.zeros(RATE * 3)), wav(tmp_path / "a.wav", padded())
    both = tmp_path / "both.mkv"
    tags = ["-metadata:s:a:0", "language=ger", "-metadata:s:a:1", "language=eng"]
    run("-i", still, "-i", said, "-map", "0:a", "-map", "1:a", *tags, "-c", "copy", both)
    first, second = desk_for(both, formats=["json"]), desk_for(both, formats=["json"], track=2)
    assert first.run().summary["nobody_speaks"] is True
    second.run()
    assert words_of(second)
    with pytest.raises(JobFailed, match=r"no sound track 3; it has: 1 \(ger\), 2 \(eng\)") as failed:
        desk_for(both, track=3).run()
    assert failed.value.code == "BAD_REQUEST"


def test_a_film_without_a_sound_is_refused_with_the_hint(tmp_path: Path, desk_for: Desks) -> None:
    """Before any engine is opened."""
    with pytest.raises(JobFailed, match="no sound") as failed:
        desk_for(film(tmp_path / "f.mp4", sound=False)).run()
    assert failed.value.code == "BAD_REQUEST"


@pytest.mark.parametrize("ending", ["wav", "flac", "m4a"])
def test_a_sound_that_is_cut_is_refused(tmp_path: Path, desk_for: Desks, ending: str) -> None:
    """Half a transcript would pass for a whole one."""
    whole, cut = tmp_path / f"whole.{ending}", tmp_path / f"cut.{ending}"
    faststart = ["-movflags", "+faststart"] if ending == "m4a" else []
    run("-i", wav(tmp_path / "a.wav", padded()), *faststart, whole)
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    work = desk_for(cut)
    with pytest.raises(JobFailed, match="is cut") as failed:
        work.run()
    assert failed.value.code == "INPUT_CORRUPT"
    assert not work.published


@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.5])
def test_next_to_nothing_is_an_empty_transcript(tmp_path: Path, desk_for: Desks, seconds: float) -> None:
    """With and without looking for speech."""
    source = wav(tmp_path / "a.wav", padded()[8000 : 8000 + round(seconds * RATE)])
    for vad in (True, False):
        work = desk_for(source, formats=["json", "srt"], vad=vad)
        assert work.run().summary["seconds"] == pytest.approx(seconds, abs=0.01)


@pytest.mark.parametrize("more", [0, 1, 240])
def test_words_at_the_very_end_are_heard(more: int) -> None:
    """Wherever the sound ends in a frame of the one that looks for speech: pieces are cut anywhere."""
    samples = padded(0.5, 0.0)
    samples = samples[: samples.size // 480 * 480 - 480 + more]
    (start, end), *_ = speech((samples * 32767).astype("<i2"))
    assert (start, end) == (pytest.approx(0.3 * RATE, abs=3000), samples.size)


def test_a_resumed_job_does_not_hear_again_what_was_heard(
    tmp_path: Path, desk_for: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its words, and the language, are those of the checkpoint; what was heard after the last one is heard again."""
    handler = TranscribeHandler(piece_s=3.5, checkpoint_s=0.0)
    source = wav(tmp_path / "a.wav", np.concatenate([padded(), padded()]))
    whole = desk_for(source, handler=handler, formats=["json"])
    whole.run()
    resumed = desk_for(source, handler=handler, formats=["json"])
    resumed.earlier = {whole.checkpoints[0]: whole.output(whole.checkpoints[0])}
    told = json.loads(whole.output(whole.checkpoints[0]).read_text())
    assert told["utterances"]
    heard: list[float] = []
    hear = PocketSphinx.hear
    monkeypatch.setattr(
        PocketSphinx, "hear", lambda self, piece, *rest: heard.append(piece.size) or hear(self, piece, *rest)
    )
    summary = resumed.run().summary
    assert resumed.outputs() == whole.outputs()
    assert sum(heard) == soundfile.info(source).frames - told["end"]
    assert summary["resumed_at_s"] == pytest.approx(told["end"] / RATE, abs=0.001)
    assert resumed.progressed[0][0] == int(told["end"] / RATE)


def test_a_checkpoint_of_more_than_there_is_is_not_used(tmp_path: Path, desk_for: Desks) -> None:
    """It cannot be of this sound."""
    source = wav(tmp_path / "a.wav", padded())
    whole, again = desk_for(source, formats=["json"]), desk_for(source, formats=["json"])
    whole.run()
    kept.write(tmp_path / "c.json", 0, 100 * RATE, Language(code="de"), [])
    again.earlier = {kept.path_of(0): tmp_path / "c.json"}
    assert "resumed_at_s" not in again.run().summary
    assert again.outputs() == whole.outputs()


def test_noise_does_not_hang(tmp_path: Path, desk_for: Desks) -> None:
    """Three seconds of loud noise end in bounded time, whatever was understood."""
    noise = np.random.default_rng(1).standard_normal(RATE * 3) * 0.3
    desk = desk_for(wav(tmp_path / "n.wav", noise))
    desk.run()
    assert sorted(desk.outputs()) == sorted(desk.published)
    assert desk.published


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"language": "de"}, "English only"),
        ({"task": "translate"}, "does not translate"),
        ({"model": "medium"}, "medium"),
    ],
)
def test_what_the_embedded_recogniser_cannot_is_refused(
    tmp_path: Path, desk_for: Desks, asked: dict[str, str], says: str
) -> None:
    """With what to do about it; never silently something else."""
    with pytest.raises(JobFailed, match=says) as failed:
        desk_for(wav(tmp_path / "a.wav", padded()), **asked).run()
    assert failed.value.code == "UNSUPPORTED"
    assert "gpudrop models pull" in str(failed.value)


def test_what_was_heard_before_has_no_influence(tmp_path: Path, desk_for: Desks) -> None:
    """The decoder stays open between jobs; its words depend on the file alone."""
    said = wav(tmp_path / "a.wav", padded())
    first = desk_for(said, formats=["json"])
    first.run()
    desk_for(wav(tmp_path / "n.wav", np.random.default_rng(2).standard_normal(RATE * 3) * 0.3)).run()
    again = desk_for(said, formats=["json"])
    again.run()
    assert first.outputs() == again.outputs()


def test_substation_ends_at_ten_hours(tmp_path: Path, desk_for: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its times have one digit for the hours: another format is named."""
    monkeypatch.setattr("colab.handlers.transcribe.LONGEST_ASS_S", 1)
    with pytest.raises(JobFailed, match="srt") as failed:
        desk_for(wav(tmp_path / "a.wav", padded()), formats=["ass"]).run()
    assert failed.value.code == "BAD_REQUEST"


def test_a_stream_says_why_it_cannot_be_decoded(tmp_path: Path) -> None:
    """With ffmpeg's words."""
    path = tmp_path / "a.wav"
    path.write_bytes(b"no sound at all")
    with (
        SampleStream(ffmpeg.find(), path, "wav", 0, longest_s=5) as stream,
        pytest.raises(MediaError, match=r"the audio cannot be decoded: .*Invalid data"),
    ):
        stream.read(10)


def test_a_stream_ends_where_it_is_told_to(tmp_path: Path) -> None:
    """Whatever times a file tells of, no more than that is read; leaving early ends ffmpeg."""
    path = wav(tmp_path / "a.wav", np.zeros(RATE * 4))
    with SampleStream(ffmpeg.find(), path, "wav", 0, longest_s=1.5) as stream:
        assert (stream.read(100).size, stream.read(10 * RATE).size) == (100, 1.5 * RATE - 100)
    with SampleStream(ffmpeg.find(), path, "wav", 0, longest_s=4) as stream:
        stream.read(1)
        process = stream._process
    assert process.returncode is not None


def test_the_card_says_what_can_be_asked_for(desk_for: Desks, tmp_path: Path) -> None:
    """Without a model there is the embedded recogniser, for English."""
    models = desk_for(tmp_path).models
    assert [record.name for record in HANDLER.engines(models)] == ["pocketsphinx"]
    assert HANDLER.choices(models)["pocketsphinx"]["language"] == ("auto", "en")
