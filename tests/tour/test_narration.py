"""Narration: what is taken from the cache, what is asked for, and that one engine speaks a video."""

from __future__ import annotations

import json
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job, Result
from dispatcher.tour.narration.clip_cache import ClipCache
from dispatcher.tour.narration.clips import Narration, NarrationVoice
from dispatcher.tour.narration.narrator import copy_clips, narrate
from dispatcher.tour.options import Reuse
from protocol.errors import NotFoundError
from protocol.kinds import tts
from protocol.messages import EngineRecord

ESPEAK = EngineRecord(
    name="espeak", version="1.52", voice="en-us", provider="espeakng-loader", device="cpu", tier="embedded"
)
KOKORO = EngineRecord(name="kokoro", version="1.0", voice="af_heart", provider="cuda", device="T4", tier="neural")
VOICE = NarrationVoice(name="default", speed=1.0, language="en-us")
TEXTS = (("a", "First."), ("b", "Second."))


@dataclass
class Speaker:
    """Stands in for a client whose worker speaks with one engine; remembers what it was asked to speak."""

    folder: Path
    engine: EngineRecord | None = ESPEAK
    summary: Mapping[str, Any] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    anew: list[bool] = field(default_factory=list)

    def submit(self, job: Job) -> Speaker:
        """Speak at once."""
        folder = self.folder / str(len(self.asked))
        files = {}
        for step in job.params["steps"]:
            wav, words = folder / tts.wav_path(step["id"]), folder / tts.words_path(step["id"])
            wav.parent.mkdir(parents=True, exist_ok=True)
            with wave.open(str(wav), "wb") as file:
                file.setparams((1, 2, 24000, 0, "NONE", ""))
                file.writeframes(b"\1\0" * 2400 * max(1, len(step["narration"])))
            words.write_text(json.dumps({"seconds": 1, "exact": True, "words": [[step["narration"], 0, 0.1]]}))
            files[tts.wav_path(step["id"])] = wav
            if self.engine is not None:
                files[tts.words_path(step["id"])] = words
        self.asked.append([step["id"] for step in job.params["steps"]])
        self.anew.append(job.anew)
        self.result = Result(
            run="r",
            folder=folder,
            files=files,
            engine=self.engine,
            summary=self.summary,
            verified="full" if self.engine else "legacy",
        )
        return self

    def wait(self, *_: object, **__: object) -> Result:
        """Return what was spoken."""
        return self.result


@pytest.fixture
def cache(tmp_path: Path) -> ClipCache:
    """An empty cache."""
    return ClipCache(tmp_path / "cache")


def speak(
    speaker: Speaker | None,
    cache: ClipCache,
    texts: Sequence[tuple[str, str]] = TEXTS,
    voice: NarrationVoice = VOICE,
    **reuse: Any,
) -> Narration:
    """Narrate."""
    return narrate(cast(Client, speaker), texts, voice, cache=cache, reuse=Reuse(**reuse), timeout_s=1)


def test_what_was_spoken_is_not_spoken_again(tmp_path: Path, cache: ClipCache) -> None:
    """A second tour with one changed text asks for that text only, whatever its steps are called."""
    speaker = Speaker(tmp_path)
    assert speak(speaker, cache).cached == 0
    again = speak(speaker, cache, (("z", "First."), ("b", "Second, changed.")))
    assert speaker.asked == [["a", "b"], ["b"]]
    assert again.cached == 1
    assert again.clips["z"].seconds == pytest.approx(0.6)
    assert again.clips["z"].words[0].text == "First."
    assert list(again.clips) == ["z", "b"]


def test_one_engine_speaks_a_film(tmp_path: Path, cache: ClipCache) -> None:
    """Where the new clip is by another engine than the kept ones, all are spoken again by one job."""
    speak(Speaker(tmp_path / "e"), cache)
    neural = Speaker(tmp_path / "k", KOKORO)
    made = speak(neural, cache, (*TEXTS, ("c", "Third.")))
    assert neural.asked == [["c"], ["a", "b", "c"]]
    assert made.engine == "kokoro 1.0 (neural, T4)"
    assert made.cached == 0


def test_mixed_voices_only_where_allowed(tmp_path: Path, cache: ClipCache) -> None:
    """--allow-mixed-voices keeps the clips of the other engine, and every engine is named."""
    speak(Speaker(tmp_path / "e"), cache)
    neural = Speaker(tmp_path / "k", KOKORO)
    made = speak(neural, cache, (*TEXTS, ("c", "Third.")), mixed=True)
    assert neural.asked == [["c"]]
    assert made.engine == "espeak 1.52 (embedded, cpu), kokoro 1.0 (neural, T4)"


def test_a_better_engine_that_is_offered_speaks_anew(tmp_path: Path, cache: ClipCache) -> None:
    """Kept clips of the embedded engine do not stand in for the neural one that is there now; the reverse is fine."""
    speak(Speaker(tmp_path / "e"), cache)
    neural = Speaker(tmp_path / "k", KOKORO)
    assert speak(neural, cache, offered=("kokoro", "espeak")).engine.startswith("kokoro")
    assert neural.asked == [["a", "b"]]
    embedded = Speaker(tmp_path / "e2")
    assert speak(embedded, cache, offered=("espeak",)).engine.startswith("kokoro")
    assert embedded.asked == []


def test_a_stand_in_gives_way_to_the_voice_that_was_asked_for(tmp_path: Path, cache: ClipCache) -> None:
    """A kept clip in another voice than asked for is used again only while no other engine could have that voice."""
    summary = {"substituted": {"voice": "af_heart", "by": "en-us+f3", "engine": "espeak"}}
    speaker = Speaker(tmp_path, summary=summary)
    speak(speaker, cache)
    assert speak(speaker, cache, offered=("espeak",)).cached == 2
    assert speak(speaker, cache, offered=("espeak", "kokoro-onnx")).cached == 0
    assert len(speaker.asked) == 2


def test_a_required_engine_is_required_of_kept_clips_too(tmp_path: Path, cache: ClipCache) -> None:
    """--require-engine espeak does not take a kept clip of a better one."""
    speak(Speaker(tmp_path / "k", KOKORO), cache)
    embedded = Speaker(tmp_path / "e")
    strict = NarrationVoice(name="default", speed=1.0, language="en-us", require_engine="espeak")
    assert speak(embedded, cache, voice=strict).engine.startswith("espeak")
    assert embedded.asked == [["a", "b"]]


def test_only_kept_clips_and_nothing_else(tmp_path: Path, cache: ClipCache) -> None:
    """--skip-tts needs no client; a step whose text, voice, speed or language changed is named, and nothing is used."""
    speak(Speaker(tmp_path), cache)
    assert speak(None, cache, only=True).cached == 2
    with pytest.raises(NotFoundError, match=r"step\(s\) b "):
        speak(None, cache, (("a", "First."), ("b", "Changed.")), only=True)
    for change in ({"name": "af_sky"}, {"speed": 1.2}, {"language": "de"}):
        with pytest.raises(NotFoundError, match=r"step\(s\) a, b "):
            speak(
                None,
                cache,
                voice=NarrationVoice(**{"name": "default", "speed": 1.0, "language": "en-us", **change}),
                only=True,
            )


def test_kept_clips_of_two_engines_are_not_put_together(tmp_path: Path, cache: ClipCache) -> None:
    """--skip-tts with one step kept by each of two engines names what is missing of the one that covers most."""
    speak(Speaker(tmp_path / "e"), cache, (("a", "First."),))
    speak(Speaker(tmp_path / "k", KOKORO), cache, (("b", "Second."),), nothing=True)
    with pytest.raises(NotFoundError, match=r"step\(s\) a "):
        speak(None, cache, only=True)
    assert speak(None, cache, only=True, mixed=True).cached == 2


def test_respeak_asks_for_everything(tmp_path: Path, cache: ClipCache) -> None:
    """--respeak takes nothing from the cache."""
    speaker = Speaker(tmp_path)
    speak(speaker, cache)
    assert speak(speaker, cache, nothing=True).cached == 0
    assert speaker.asked == [["a", "b"], ["a", "b"]]
    assert speaker.anew == [False, True]


def test_a_result_that_may_be_read_otherwise_is_not_reused(tmp_path: Path, cache: ClipCache) -> None:
    """A text with a reading of its own is spoken by this version's rules, though a run of it was completed before."""
    speaker = Speaker(tmp_path)
    speak(speaker, cache, (("a", "It costs $5."),))
    speak(speaker, cache, (("b", "Hello there."),))
    assert speaker.anew == [True, False]


def test_a_clip_of_an_unknown_engine_is_used_once(tmp_path: Path, cache: ClipCache) -> None:
    """An old worker does not say who spoke: its clips are used, said to be unverified, and not kept."""
    old = Speaker(tmp_path, engine=None)
    made = speak(old, cache)
    assert made.engine == "an old worker (engine unknown)"
    assert "without hashes" in made.warnings[0]
    assert made.clips["a"].exact is False
    assert speak(old, cache).cached == 0


def test_what_was_not_as_asked_is_said_of_kept_clips_too(tmp_path: Path, cache: ClipCache) -> None:
    """A voice that was not there is a warning each time; silent steps are one when they are made."""
    summary = {"substituted": {"voice": "am_michael", "by": "en-us", "engine": "espeak"}, "silent": ["b"]}
    speaker = Speaker(tmp_path, summary=summary)
    first = speak(speaker, cache)
    assert first.warnings == (
        "voice am_michael is not available: spoken by en-us of espeak (--require-engine makes this an error)",
        "nothing to speak in step(s) b",
    )
    assert speak(speaker, cache).warnings == first.warnings[:1]


def test_empty_texts_get_no_clip(tmp_path: Path, cache: ClipCache) -> None:
    """Nothing is asked for a step without narration, nor for a tour without any."""
    speaker = Speaker(tmp_path)
    assert list(speak(speaker, cache, (("a", "First."), ("b", " \n"))).clips) == ["a"]
    assert speak(speaker, cache, (("a", ""),)).clips == {}
    assert speaker.asked == [["a"]]


def test_clips_are_put_into_the_work_folder(tmp_path: Path, cache: ClipCache) -> None:
    """The work folder holds audio/step-<id>.wav of this very narration, also where an older one lies."""
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio" / "step-a.wav").write_text("old")
    made = speak(Speaker(tmp_path), cache)
    placed = copy_clips(made, tmp_path / "audio")
    assert sorted(path.name for path in (tmp_path / "audio").iterdir()) == ["step-a.wav", "step-b.wav"]
    assert placed.clips["a"].wav.read_bytes() == made.clips["a"].wav.read_bytes()


def test_a_doubtful_clip_is_warned_of_and_not_kept(tmp_path: Path, cache: ClipCache) -> None:
    """What may not sound right is told with its step and reason, and spoken again the next time."""
    speaker = Speaker(tmp_path, summary={"doubtful": {"b": ["too short"]}, "silent": ["a"], "unstressed": ["b"]})
    told = speak(speaker, cache).warnings
    assert "nothing to speak in step(s) a" in told
    assert "the engine does not support emphasis: step(s) b are spoken without it" in told
    assert "step b may not sound right, listen to it: too short" in told
    speak(speaker, cache)
    assert speaker.asked == [["a", "b"], ["b"]]


def test_marks_and_respellings_decide_what_is_kept(tmp_path: Path, cache: ClipCache) -> None:
    """A clip is spoken again when its marks or the respelling of one of its words change, and only then."""
    speaker = Speaker(tmp_path)
    speak(speaker, cache)
    speak(speaker, cache, (("a", "*First.*"), ("b", "Second.")))
    speak(
        speaker, cache, voice=NarrationVoice(name="default", speed=1.0, language="en-us", lexicon={"second": "sekund"})
    )
    assert speaker.asked == [["a", "b"], ["a"], ["b"]]


def test_an_old_worker_does_not_heed_marks(tmp_path: Path, cache: ClipCache) -> None:
    """Its answer is taken, shown with the plain words, and what it left out is said."""
    told = speak(Speaker(tmp_path, engine=None), cache, (("a", "Go *on* [pause 1s] now."),))
    assert [word.text for word in told.clips["a"].words] == ["Go", "on", "now."]
    assert any("does not support pauses, emphasis" in warning for warning in told.warnings)


def test_what_says_nothing_is_not_sent(tmp_path: Path, cache: ClipCache) -> None:
    """Pauses alone, emoji and dots need no worker: the pause lasts, and a text that is not heard is a warning."""
    speaker = Speaker(tmp_path)
    told = speak(speaker, cache, (("a", "First."), ("b", "[pause 2s]"), ("c", "🎉"), ("d", "..."), ("e", " ")))
    assert speaker.asked == [["a"]]
    assert told.pauses == {"b": 2.0}
    assert told.seconds == {"b": 2.0, "a": told.clips["a"].seconds}
    assert told.warnings == ("nothing to speak in step(s) c, d: they are silent and have no captions",)
    assert speak(speaker, cache, (("b", "[pause 2s]"),)).seconds == {"b": 2.0}
