"""The speech handler as the worker runs it: real espeak, real files, and a listener that measures."""

from __future__ import annotations

import errno
import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile

from colab.handlers.tts import clip as clip_module
from colab.handlers.tts.espeak import Espeak
from colab.work import StopWork
from protocol.errors import JobFailed
from protocol.kinds import tts

SHORT = "Press run now."
PLAIN = "Welcome to the launcher, where every notebook begins."
LONG = (
    "Dr. Smith types 3.5 lines of code: import numpy, then a loop. The plot appears below the cell; its title is bold. "
    "Is that all? No! There are 1,234 more examples, e.g. maps, tables and films."
)
AUDIBLE = 0.02


def is_ordered(clip) -> bool:
    """Every word inside the clip, none before the one before it."""
    edges = [edge for _, start, end in clip.words for edge in (start, end)]
    return edges == sorted(edges) and edges[0] >= 0 and edges[-1] <= clip.seconds + 0.001


def test_a_job_gives_what_the_kind_promises(tell):
    """Every output of the kind is published once, and the summary agrees with the files to the millisecond."""
    told = tell(PLAIN, LONG)
    assert sorted(told.work.published) == sorted(tts.KIND.outputs(told.work.params))
    summary = told.result.summary
    assert summary["steps_generated"] == 2
    assert [line["step"] for line in summary["results"]] == ["s0", "s1"]
    for line, clip in zip(summary["results"], told.clips, strict=True):
        assert line["duration"] == clip.times["seconds"] == pytest.approx(clip.seconds, abs=0.0006)
    assert summary["total_duration"] == pytest.approx(sum(clip.seconds for clip in told.clips), abs=0.002)
    assert "substituted" not in summary
    assert "silent" not in summary


def test_clips_have_the_promised_format(tell):
    """24 kHz, mono, 16 bit, and a header whose sizes are true."""
    clip = tell(PLAIN).clips[0]
    info = soundfile.info(clip.wav)
    assert (info.samplerate, info.channels, info.subtype, info.format) == (24000, 1, "PCM_16", "WAV")
    assert clip.wav.stat().st_size == 44 + 2 * info.frames
    assert int.from_bytes(clip.wav.read_bytes()[4:8], "little") == clip.wav.stat().st_size - 8


def test_the_record_says_who_spoke(tell):
    """The result names engine, version, voice, rate, provider, device and tier."""
    record = tell(PLAIN, voice="en-gb+f3", language="en-gb").result.engine
    assert (record.name, record.voice, record.rate, record.device, record.tier) == (
        "espeak",
        "en-gb+f3",
        22050,
        "cpu",
        "embedded",
    )
    assert re.fullmatch(r"\d+\.\d+.*", record.version)
    assert record.provider


def test_the_same_request_gives_the_same_bytes(tell):
    """Two runs agree byte for byte, and a step does not depend on the steps before it."""
    first, again, alone = tell(LONG, PLAIN), tell(LONG, PLAIN), tell(PLAIN)
    for path in first.work.published:
        assert first.work.output(path).read_bytes() == again.work.output(path).read_bytes()
    assert first.clips[1].wav.read_bytes() == alone.clips[0].wav.read_bytes()


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.5, 2.0])
def test_clips_follow_the_speed(tell, speed):
    """A clip at speed s, pauses and edges included, takes 1/s of its time within 10 %."""
    texts = (SHORT, PLAIN, LONG)
    for clip, normal in zip(tell(*texts, speed=speed).clips, tell(*texts).clips, strict=True):
        assert clip.seconds * speed == pytest.approx(normal.seconds, rel=0.1)


@pytest.mark.parametrize("text", [SHORT, PLAIN, LONG, "Hi!", "shell", "Fish and chips."])
@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_a_clip_begins_and_ends_when_it_should(tell, text, speed):
    """50 ms before the first sound and 120 ms after the last (at speed 1), the first word with its sound."""
    clip = tell(text, speed=speed).clips[0]
    loud = np.flatnonzero(np.abs(clip.samples) > 0.004) / clip.rate
    assert loud[0] == pytest.approx(0.05 / speed, abs=0.02)
    assert clip.seconds - loud[-1] == pytest.approx(0.12 / speed, abs=0.035)
    assert clip.words[0][1] == pytest.approx(loud[0], abs=0.02)


@pytest.mark.parametrize("text", [SHORT, PLAIN, LONG])
def test_words_sound_when_they_should(tell, text):
    """Every written word is there, in order, with speech in its span and none in the pauses between sentences."""
    clip = tell(text).clips[0]
    assert [word for word, _, _ in clip.words] == text.split()
    assert is_ordered(clip)
    assert all(clip.level(start, end) > AUDIBLE for _, start, end in clip.words)
    for (word, _, end), (_, start, _) in zip(clip.words, clip.words[1:], strict=False):
        if start - end > 0.2:
            assert clip.level(end + 0.02, start - 0.02) < AUDIBLE, f"sound after {word!r}"


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_each_word_after_a_pause_starts_with_its_sound(tell, speed):
    """Word starts are right to 60 ms, measured at words that follow silence."""
    clip = tell("One. Buy. Map. Nine. Door. Go. Rain. Line.", speed=speed).clips[0]
    loud = np.flatnonzero(np.abs(clip.samples) > 0.01) / clip.rate
    gaps = np.flatnonzero(np.diff(loud) > 0.1)
    onsets = [loud[0], *loud[gaps + 1]]
    assert len(onsets) == len(clip.words) == 8
    assert [start for _, start, _ in clip.words] == pytest.approx(onsets, abs=0.06)


def test_sentences_are_joined_by_pauses(tell):
    """A pause of 0.35 s after a sentence, 0.65 s after a paragraph, and silence is digital silence."""
    clip = tell("One two. Three four.\n\nFive six.").clips[0]
    ends = [end for _, _, end in clip.words]
    starts = [start for _, start, _ in clip.words]
    assert starts[2] - ends[1] == pytest.approx(0.35, abs=0.03)
    assert starts[4] - ends[3] == pytest.approx(0.65, abs=0.03)
    assert clip.level(ends[1] + 0.05, starts[2] - 0.05) == 0.0


def test_no_clicks_no_offset_no_clipping(tell):
    """Clips start and end at zero, swing around zero, and stay under full scale."""
    for clip in tell(SHORT, PLAIN, LONG, "Ha!", "Fish").clips:
        edge = int(0.01 * clip.rate)
        assert np.abs(clip.samples[:edge]).max() < 1e-4
        assert np.abs(clip.samples[-edge:]).max() < 1e-4
        assert abs(float(clip.samples.mean())) < 1e-3
        assert float(np.abs(clip.samples).max()) < 0.95


def loudness(path: Path) -> float:
    """Integrated loudness (EBU R128) of a clip by ffmpeg, heard three times over so that short ones can be gated."""
    done = subprocess.run(
        [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-nostdin",
            "-stream_loop",
            "2",
            "-i",
            f"file:{path}",
            "-af",
            "ebur128",
            "-f",
            "null",
            "-",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", done.stderr)[-1])


def test_loudness_is_even_across_steps(tell):
    """Steps of very different text, length and speed are within 1 dB of one another."""
    texts = ("Shift and enter.", SHORT, PLAIN, LONG, "We see fish, six of them, swimming in silence.", "Nine " * 30)
    measured = [loudness(clip.wav) for clip in tell(*texts).clips + tell(PLAIN, speed=0.5).clips]
    assert max(measured) - min(measured) <= 1.0, measured


def test_a_missing_voice_is_said(tell):
    """A voice of an engine that is not here is replaced, and the result says by what."""
    told = tell(SHORT, voice="am_michael")
    assert told.result.summary["substituted"] == {"voice": "am_michael", "by": "en-us+m3", "engine": "espeak"}
    assert told.result.engine.voice == "en-us+m3"


def test_a_required_engine_is_required(tell):
    """An engine that is not here is UNSUPPORTED when the request insists on it; ours may be insisted on."""
    with pytest.raises(JobFailed) as failed:
        tell(SHORT, engine="kokoro")
    assert failed.value.code == "UNSUPPORTED"
    assert tell(SHORT, engine="espeak").result.engine.name == "espeak"


def test_an_unknown_language_speaks_nothing(tell):
    """BAD_REQUEST before any work."""
    with pytest.raises(JobFailed, match="it speaks: ") as failed:
        tell(SHORT, language="tlh")
    assert failed.value.code == "BAD_REQUEST"


@pytest.mark.parametrize(("text", "words"), [("", []), (" \u200b\n", []), ("😀", ["😀"]), ("… 🎉", ["…", "🎉"])])
def test_nothing_to_speak_is_a_short_silence(tell, text, words):
    """Empty and emoji-only narration gives 0.3 s of silence at any speed, and it is said."""
    told = tell(text, PLAIN, speed=1.5)
    clip = told.clips[0]
    assert clip.seconds == clip.times["seconds"] == 0.3
    assert not clip.samples.any()
    assert [word for word, _, _ in clip.words] == words
    assert not words or is_ordered(clip)
    assert told.result.summary["silent"] == ["s0"]
    assert any("nothing to speak" in note for _, _, note in told.work.progressed)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello 👋 world 🎉 — done… 👍🏽", "en-us"),
        ("שלום עולם, hello.", "he"),
        ("مرحبا بالعالم", "ar"),
        ("你好，世界。今天很好！ok", "cmn"),
        ('<speak><break time="9s"/>Hello</speak> &amp; <voice name="x">you</voice>', "en-us"),
        ("[[h@l'oU]] \x01+50S world \x1b[31m", "en-us"),
        ("https://example.org/a?b=1&c=2 C:\\temp\\x.py foo_bar(1)", "en-us"),
        ("İstanbul’da ı Ǆ ﬁ ½ ² Ⅷ ℃ ㎏", "tr"),
        ("x" * 700, "en-us"),
        ("a " * 300, "en-us"),
        ("ZALGO h̷̡̢̛͎͓̫̝͔͖̼͇̗e̶̢̨̛̛͚̗̟͎͍͎͍̣̤c̵̢o̷ m̶e̸s", "en-us"),
    ],
)
def test_naughty_narration_is_spoken(tell, text, language):
    """Whatever is in a narration, it is spoken within a sane time and every visible word has its time."""
    clip = tell(text, language=language).clips[0]
    assert is_ordered(clip)
    assert clip.level(0, clip.seconds) > 0.1
    assert len(clip.words) == len(text.replace("\x01", "").replace("\x1b", "").split())
    assert clip.seconds < 1.5 + 0.7 * len(text)


def test_an_estimate_is_marked(tell):
    """`exact` holds when every time comes from the engine, and not when one had to be estimated."""
    assert tell("Hello brave new world.").clips[0].times["exact"] is True
    assert tell("The end of the world.").clips[0].times["exact"] is False


def test_twenty_thousand_characters(tell):
    """A very long narration is spoken to its end, in order, with progress along the way, loudness level throughout."""
    text = ("The quick brown fox jumps over the lazy dog, and nobody minds. " * 320)[:20_000].strip()
    told = tell(text)
    clip = told.clips[0]
    assert [word for word, _, _ in clip.words] == text.split()
    assert is_ordered(clip)
    assert clip.seconds > 900
    assert clip.words[-1][2] == pytest.approx(clip.seconds - 0.12, abs=0.02)
    done = [done for done, _, _ in told.work.progressed]
    assert done == sorted(done)
    assert len(set(done)) > 300
    assert told.work.progressed[-1][:2] == (done[-1], done[-1])


def test_progress_names_the_step(tell):
    """Notes are for people: which step, of how many; the count ends at the total."""
    notes = tell(SHORT, LONG).work.progressed
    assert notes[0][0] == 0
    assert notes[0][2] == "step s0 (1 of 2)"
    assert notes[-1][0] == notes[-1][1]
    assert notes[-1][2] == "step s1 (2 of 2)"


def test_a_cancelled_job_stops_at_once(make_work):
    """StopWork passes through, and no half-written step has been published."""
    steps = (tts.Step(id="a", narration=SHORT), tts.Step(id="b", narration=LONG))
    work = make_work(tts.Params(steps=steps), stop_after=4)
    with pytest.raises(StopWork):
        work.run()
    assert work.published == [tts.wav_path("a"), tts.words_path("a")]


def _raise(problem: Exception):
    def fail(*_args, **_more):
        raise problem

    return fail


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        (JobFailed("espeak could not speak the text (status 2)", code="ENGINE"), "ENGINE"),
        (OSError(errno.ENOSPC, "No space left on device"), "STORAGE"),
        (MemoryError(), "OUT_OF_MEMORY"),
        (PermissionError(errno.EACCES, "denied"), "INTERNAL"),
    ],
)
def test_a_failing_step_is_named(tell, monkeypatch, problem, code):
    """Whatever goes wrong in a step, the failure carries a closed code and the step's id."""
    monkeypatch.setattr(Espeak, "speak", _raise(problem))
    with pytest.raises(JobFailed) as failed:
        tell("", SHORT)
    assert (failed.value.code, failed.value.step) == (code, "s1")


def test_a_soundless_engine_is_said(tell, monkeypatch):
    """An engine that says nothing for a step is not hidden: the step is listed as silent and its times as estimates."""
    monkeypatch.setattr(clip_module, "loud_frames", lambda samples, rate: np.array([], dtype=np.intp))
    told = tell(SHORT)
    assert told.result.summary["silent"] == ["s0"]
    assert told.clips[0].times["exact"] is False
    assert told.clips[0].seconds == 0.3
