"""A video that a worker encodes: cut here, sent, checked and brought home by a real worker on a real folder."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest

from dispatcher.assembly.checks import check_film
from dispatcher.assembly.render import RenderOptions
from dispatcher.assembly.timeline import ENDING_FRAMES, Clip, Timeline
from dispatcher.config import Settings
from dispatcher.connection import connect
from dispatcher.drops.setup import init_drop
from dispatcher.tour.output import encoding
from dispatcher.workers.process import ResidentWorker
from media.ffmpeg import find
from protocol.errors import EnvironmentNotReady, JobFailed, JobTimeout, MediaError, UsageError
from tests.support.media import take, tone
from tests.support.sessions import RecordingScreen, session

WANTED = RenderOptions(size=(320, 240), title="A; title", preset="ultrafast", crf=30)


@pytest.fixture(scope="module")
def timeline(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    """Two short steps, one of them narrated."""
    folder = tmp_path_factory.mktemp("takes")
    first = take(folder / "a.mkv", [(0, (200, 30, 30)), (0.5, (30, 200, 30))], 1.0)
    second = take(folder / "b.mkv", [(0, (30, 30, 200))], 0.5)
    sound = tone(folder / "a.wav", 0.8)
    return Timeline(
        (
            Clip(step_id="a", title="A", take=first, frames=30, narration=sound),
            Clip(step_id="b", title="B", take=second, frames=15),
        )
    )


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A drop with a worker on it that encodes, and has no NVIDIA card."""
    folder = tmp_path_factory.mktemp("shared")
    init_drop(folder / "drop")
    with ResidentWorker(folder / "drop", folder / "worker.log", beat_s=0.5, kinds="encode"):
        yield folder / "drop"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings of a machine of its own."""
    return Settings(data_dir=tmp_path / "data", config_dir=tmp_path / "config", home=tmp_path, beat_s=0.5, poll_s=0.1)


def run(
    timeline: Timeline,
    folder: Path,
    settings: Settings,
    screen: RecordingScreen,
    options: dict[str, Any],
    check: Callable[[Path, Timeline], object] = check_film,
) -> encoding.EncodedTour:
    """Encode the timeline."""
    folder.mkdir(exist_ok=True)
    request = encoding.EncodeRequest(
        program=find(), timeline=timeline, out=folder / "film.mp4", options=WANTED, check=check
    )
    return encoding.encode(request, session(folder, settings=settings, screen=screen, **options))


def test_a_worker_without_a_card_encodes_and_it_is_said(
    timeline: Timeline, drop: Path, settings: Settings, tmp_path: Path
) -> None:
    """The video has its pictures, chapters and title, the rough cut is gone, and who encoded it is not passed over."""
    screen = RecordingScreen()
    options: dict[str, Any] = {"encode_backend": "colab-nvenc", "encode_drop": drop, "encode_timeout_s": 120}
    done = run(timeline, tmp_path / "w", settings, screen, options)
    assert done.engine is not None
    assert done.engine.name == "x264"
    assert screen.stages == ["cutting", "encoding"]
    assert [warned for warned in screen.warned if "no NVENC" in warned]
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == ["film.mp4"]
    with av.open(str(done.film.path)) as film:
        assert film.streams.video[0].frames == 45 + ENDING_FRAMES
        assert [chapter["metadata"]["title"] for chapter in film.chapters()] == ["A", "B"]
        assert film.metadata["title"] == "A; title"


def test_a_card_that_is_required_is_not_replaced(
    timeline: Timeline, drop: Path, settings: Settings, tmp_path: Path
) -> None:
    """There is an error before anything is recorded; later, the intermediate video is kept, and a hint given."""
    screen = RecordingScreen()
    options: dict[str, Any] = {
        "encode_backend": "colab-nvenc",
        "encode_drop": drop,
        "encode_timeout_s": 120,
        "require_nvenc": True,
    }
    with pytest.raises((JobFailed, UsageError), match=r"(?i)nvenc"):
        run(timeline, tmp_path / "w", settings, screen, options)
    assert (tmp_path / "w" / "film.rough.mp4").is_file()
    assert "gpudrop encode" in screen.warned[-1]
    assert not (tmp_path / "w" / "film.mp4").exists()
    with pytest.raises(EnvironmentNotReady, match="--require-nvenc"):
        encoding.check_encoder(session(tmp_path, settings=settings, screen=screen, **options))
    screen = RecordingScreen()
    encoding.check_encoder(session(tmp_path, settings=settings, screen=screen, **options, encode_fallback=True))
    assert "encoded on this machine" in screen.warned[0]


def test_without_a_worker_the_film_is_encoded_here_only_if_that_was_allowed(
    timeline: Timeline, settings: Settings, tmp_path: Path
) -> None:
    """Nobody takes the job: an error in time, or our own video with a warning."""
    init_drop(tmp_path / "empty")
    options: dict[str, Any] = {
        "encode_backend": "colab-nvenc",
        "encode_drop": tmp_path / "empty",
        "encode_timeout_s": 0.2,
    }
    with pytest.raises(JobTimeout):
        run(timeline, tmp_path / "w", settings, RecordingScreen(), options)
    screen = RecordingScreen()
    done = run(timeline, tmp_path / "w", settings, screen, {**options, "encode_fallback": True})
    assert done.engine is None
    assert done.film.path.is_file()
    assert "encoded on this machine" in screen.warned[-1]
    encoding.check_encoder(session(tmp_path, settings=settings, screen=screen, **options))
    assert "no worker has been seen" in screen.warned[-1]


def test_the_job_nobody_did_is_cancelled_before_the_film_is_encoded_here(
    timeline: Timeline, settings: Settings, tmp_path: Path
) -> None:
    """A worker that comes late finds nothing to do; without the fallback the job stays, and can be waited for."""
    drop = tmp_path / "empty"
    init_drop(drop)
    options: dict[str, Any] = {"encode_backend": "colab-nvenc", "encode_drop": drop, "encode_timeout_s": 0.2}
    with pytest.raises(JobTimeout):
        run(timeline, tmp_path / "w", settings, RecordingScreen(), options)
    assert statuses(settings, drop) == ["queued"]
    screen = RecordingScreen()
    run(timeline, tmp_path / "w", settings, screen, {**options, "encode_fallback": True})
    assert "cancelled, also on the worker" in screen.warned[-1]
    assert statuses(settings, drop) == ["cancelled"]
    assert list(drop.rglob("cancel*"))


def statuses(settings: Settings, drop: Path) -> list[str]:
    """Return how the runs of a machine stand."""
    with connect("colab", drop, settings=settings) as connection:
        return [run.status for run in connection.client.store.recent()]


@pytest.mark.parametrize("broken", [MediaError("it has 3 pictures of 45"), OSError(errno.EIO, "Input/output error")])
def test_a_wrong_film_that_came_home_is_no_film(
    timeline: Timeline,
    drop: Path,
    settings: Settings,
    tmp_path: Path,
    broken: Exception,
) -> None:
    """It is encoded here if that is allowed, with a warning; else the intermediate video is kept, with a hint."""

    def wrong(_film: Path, _timeline: Timeline) -> None:
        raise broken

    options: dict[str, Any] = {"encode_backend": "colab-nvenc", "encode_drop": drop, "encode_timeout_s": 120}
    screen = RecordingScreen()
    with pytest.raises(MediaError, match=r"3 pictures|Input/output error"):
        run(timeline, tmp_path / "w", settings, screen, options, wrong)
    assert "the intermediate video is kept" in screen.warned[-1]
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == ["film.rough.mp4"]
    done = run(timeline, tmp_path / "w", settings, screen, {**options, "encode_fallback": True}, wrong)
    assert done.engine is None
    assert "encoded on this machine" in screen.warned[-1]
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == ["film.mp4", "film.rough.mp4"]


def test_without_a_drop_it_is_said_before_anything_is_recorded(settings: Settings, tmp_path: Path) -> None:
    """There is nowhere to send the video."""
    with pytest.raises(EnvironmentNotReady, match="no drop was found"):
        encoding.check_encoder(session(tmp_path, settings=settings, encode_backend="colab-nvenc"))


def test_the_job_says_what_the_spec_says() -> None:
    """Codec, format, preset and a quality that was chosen; the sound is left as it is."""
    job = encoding.job(Path("rough.mkv"), replace(WANTED, container="webm", video_codec="av1"), require_nvenc=True)
    assert job.params == {"format": "webm", "codec": "av1", "preset": "ultrafast", "audio_codec": "copy"}
    assert job.require_engine == "nvenc"
    other = encoding.job(Path("rough.mp4"), replace(WANTED, crf=18), require_nvenc=False)
    assert other.params["quality"] == 18
    assert other.require_engine is None
