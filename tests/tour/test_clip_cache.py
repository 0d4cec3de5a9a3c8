"""The narration cache: what makes two clips the same, and that nothing damaged is ever used."""

from __future__ import annotations

import errno
import os
import wave
from pathlib import Path

import pytest

from dispatcher.tour.narration import clip_cache
from dispatcher.tour.narration.clip_cache import CachedClip, ClipCache, clip_key, engine_identity
from protocol.messages import EngineRecord
from speech import units

ESPEAK = EngineRecord(name="espeak", version="1.52", provider="espeakng-loader", device="cpu", tier="embedded")
KOKORO = EngineRecord(name="kokoro", version="1.0", provider="cuda", device="T4", tier="neural")
PARAMS = {"voice": "af_heart", "speed": 1.0, "language": "en-us", "steps": []}
STEP = {"id": "a", "narration": "Hello."}


def make_clip(folder: Path, engine: EngineRecord = ESPEAK, seconds: float = 0.5) -> CachedClip:
    """Write a clip as an engine would have made it."""
    folder.mkdir(parents=True, exist_ok=True)
    with wave.open(str(folder / "a.wav"), "wb") as file:
        file.setparams((1, 2, 24000, 0, "NONE", ""))
        file.writeframes(b"\1\0" * int(24000 * seconds))
    (folder / "a.json").write_text('{"seconds":0.5,"exact":true,"words":[["Hello.",0.0,0.5]]}')
    return CachedClip(wav=folder / "a.wav", words=folder / "a.json", engine=engine)


def test_a_clip_is_found_again_as_it_was(tmp_path: Path) -> None:
    """Another cache object on the same folder finds the bytes, who spoke them and the voice that was asked for."""
    made = make_clip(tmp_path / "made", KOKORO)
    made = CachedClip(wav=made.wav, words=made.words, engine=made.engine, substituted="bm_george")
    kept = ClipCache(tmp_path / "cache").add("ab12", made)
    assert kept.wav.is_relative_to(tmp_path / "cache")
    found = ClipCache(tmp_path / "cache").find("ab12")
    assert found == {engine_identity(KOKORO): kept}
    assert found[engine_identity(KOKORO)].wav.read_bytes() == made.wav.read_bytes()
    assert kept.substituted == "bm_george"


def test_engines_do_not_replace_each_other(tmp_path: Path) -> None:
    """One text spoken by two engines is two clips; the device that an engine ran on makes no other clip."""
    cache = ClipCache(tmp_path / "cache")
    cache.add("ab12", make_clip(tmp_path / "1", ESPEAK))
    cache.add("ab12", make_clip(tmp_path / "2", KOKORO))
    cache.add("ab12", make_clip(tmp_path / "3", KOKORO.model_copy(update={"device": "cpu", "provider": "cpu"})))
    assert set(cache.find("ab12")) == {engine_identity(ESPEAK), engine_identity(KOKORO)}
    assert cache.find("cd34") == {}


@pytest.mark.parametrize(
    ("params", "step"),
    [
        ({**PARAMS, "voice": "af_bella"}, STEP),
        ({**PARAMS, "speed": 1.1}, STEP),
        ({**PARAMS, "language": "en-gb"}, STEP),
        ({**PARAMS, "lexicon": {"SQL": "sequel"}}, STEP),
        (PARAMS, {**STEP, "narration": "Hello!"}),
        (PARAMS, {**STEP, "pauses": [[0, 0.5]]}),
    ],
)
def test_whatever_is_heard_is_in_the_key(params: dict[str, object], step: dict[str, object]) -> None:
    """Another text, voice, speed, language, lexicon or pause is another clip."""
    assert clip_key(params, step) != clip_key(PARAMS, STEP)


def test_a_text_that_is_read_otherwise_is_another_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    """After an update only the narration whose reading has changed is spoken anew."""
    price, plain = {"id": "a", "narration": "It costs $5."}, {"id": "b", "narration": "Hello."}
    before = [clip_key(PARAMS, step) for step in (price, plain)]
    monkeypatch.setitem(units.CURRENCIES, "$", ("buck", "cent"))
    after = [clip_key(PARAMS, step) for step in (price, plain)]
    assert before[0] != after[0]
    assert before[1] == after[1]


def test_the_name_and_the_neighbours_of_a_step_are_not_in_the_key() -> None:
    """The same sentence in another tour, under another id, is the same clip."""
    other = {**PARAMS, "steps": [STEP, {"id": "b", "narration": "More."}]}
    assert clip_key(other, {"id": "zz", "narration": "Hello."}) == clip_key(PARAMS, STEP)


@pytest.mark.parametrize("name", ["clip.wav", "words.json", "clip.json"])
@pytest.mark.parametrize("damage", [b"", b"something else", None])
def test_a_damaged_clip_is_removed(tmp_path: Path, name: str, damage: bytes | None) -> None:
    """Torn, changed or missing files: the clip counts as not there, and can be kept anew."""
    cache = ClipCache(tmp_path / "cache")
    kept = cache.add("ab12", make_clip(tmp_path / "made"))
    victim = kept.wav.with_name(name)
    victim.unlink() if damage is None else victim.write_bytes(damage)
    assert cache.find("ab12") == {}
    assert not kept.wav.parent.exists()
    cache.add("ab12", make_clip(tmp_path / "made"))
    assert set(cache.find("ab12")) == {engine_identity(ESPEAK)}


def test_a_cache_that_cannot_be_written_loses_no_clip(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without room, or with a file where its folder should be, the clip is used where it lies, and that is said."""
    (tmp_path / "cache").write_text("in the way")
    made = make_clip(tmp_path / "made")
    assert ClipCache(tmp_path / "cache").add("ab12", made) == made
    assert "cannot be cached" in caplog.text


def test_old_clips_make_room_for_new_ones(tmp_path: Path) -> None:
    """What was not used for longest goes first; what was used this week stays, however much there is."""
    cache = ClipCache(tmp_path / "cache", max_bytes=60_000)
    now = 1_000_000_000.0
    for place, days in enumerate((1, 20, 10)):
        kept = cache.add(f"{place}0", make_clip(tmp_path / "made"))
        os.utime(kept.wav.with_name("clip.json"), (now - days * 86400,) * 2)
    assert cache.prune(now) == 1
    assert [bool(cache.find(f"{place}0")) for place in range(3)] == [True, False, True]


def test_a_clip_that_cannot_be_read_now_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk that does not answer, or a folder that may only be read, says nothing of a clip: it stays, and is said."""
    cache = ClipCache(tmp_path / "cache")
    kept = cache.add("ab12", make_clip(tmp_path / "made"))

    def fails(path: Path) -> tuple[int, str]:
        raise OSError(errno.EIO, "Input/output error", str(path))

    with monkeypatch.context() as broken:
        broken.setattr(clip_cache, "sha256_of", fails)
        assert cache.find("ab12") == {}
    assert "Input/output error" in caplog.text
    assert cache.find("ab12") == {engine_identity(ESPEAK): kept}
    monkeypatch.setattr(os, "utime", lambda _path: fails(kept.wav))
    assert cache.find("ab12") == {engine_identity(ESPEAK): kept}  # that its use cannot be noted makes it no worse


@pytest.mark.parametrize("names", [("clip.wav",), ("clip.wav", "words.json", "clip.json")])
def test_clips_that_go_away_meanwhile_end_no_pruning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    """Another tour removes clips and leftovers between two looks of this one: the rest is pruned all the same."""
    now = 1_000_000_000.0
    cache = ClipCache(tmp_path / "cache", max_bytes=10_000)
    for key in ("a0", "b0"):
        kept = cache.add(key, make_clip(tmp_path / "made"))
        os.utime(kept.wav.with_name("clip.json"), (now - 20 * 86400,) * 2)
    gone = tmp_path / "cache" / "a0" / "a0" / ".part-gone"
    gone.mkdir()
    look = Path.stat

    def stat(path: Path, **how: bool) -> os.stat_result:
        if path == gone or (path.name in names and "b0" in path.parts):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        return look(path, **how)

    monkeypatch.setattr(Path, "stat", stat)
    assert cache.prune(now) == 1
    assert not kept_folders(tmp_path / "cache" / "a0")
    assert kept_folders(tmp_path / "cache" / "b0")


def test_a_clip_folder_that_is_gone_when_it_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes no room."""
    cache = ClipCache(tmp_path / "cache", max_bytes=0)
    kept = cache.add("ab12", make_clip(tmp_path / "made")).wav.parent
    monkeypatch.setattr(ClipCache, "_clips", lambda _self: iter([kept.with_name("gone"), kept]))
    assert cache.prune(2_000_000_000.0 + 10**9) == 1
    assert not kept.exists()


def test_a_cache_that_is_no_folder_is_empty(tmp_path: Path) -> None:
    """A file in its place ends neither a search nor a pruning."""
    (tmp_path / "cache").write_text("in the way")
    cache = ClipCache(tmp_path / "cache")
    assert cache.find("ab12") == {}
    assert cache.prune(0.0) == 0


def kept_folders(shelf: Path) -> list[Path]:
    """Return the folders of clips on a shelf."""
    return [folder for folder in shelf.glob("*/*") if not folder.name.startswith(".part-")]
