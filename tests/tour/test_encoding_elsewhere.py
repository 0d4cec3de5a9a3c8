"""A film that a worker encodes: cut here, sent, checked and brought home by a real worker on a real folder."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import av
import pytest

from dispatcher.assembly.render import RenderOptions
from dispatcher.assembly.timeline import ENDING_FRAMES, Clip, Timeline
from dispatcher.config import Settings
from dispatcher.connection import connect
from dispatcher.drops.setup import init_drop
from dispatcher.jobs.job import Progress
from dispatcher.tour import encoding
from dispatcher.tour.options import Options
from dispatcher.workers.process import ResidentWorker
from media.ffmpeg import find
from protocol.errors import EnvironmentNotReady, JobFailed, JobTimeout, MediaError, UsageError
from tests.support.media import take, tone

WANTED = RenderOptions(size=(320, 240), title="A; title", preset="ultrafast", crf=30)


@dataclass
class Heard:
    """A screen that remembers what was said."""

    warned: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Take what happens."""

    def warn(self, text: str) -> None:
        """Remember it."""
        self.warned.append(text)

    def confirm(self, lines: Sequence[str]) -> bool:
        """Refuse."""
        return False

    @contextlib.contextmanager
    def stage(self, title: str) -> Iterator[Heard]:
        """Remember that it was there."""
        self.stages.append(title)
        yield self

    def update(self, done: float, total: float, note: str = "") -> None:
        """Take how far it is."""

    def job(self, progress: Progress) -> None:
        """Take how a job stands."""


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


def run(timeline: Timeline, folder: Path, settings: Settings, screen: Heard, options: Options) -> encoding.Encoded:
    folder.mkdir(exist_ok=True)
    program = find()
    return encoding.encode(program, timeline, folder / "film.mp4", WANTED, options, settings, folder, screen)


def test_a_worker_without_a_card_encodes_and_it_is_said(
    timeline: Timeline, drop: Path, settings: Settings, tmp_path: Path
) -> None:
    """The film has its pictures, chapters and title, the rough cut is gone, and who encoded it is not passed over."""
    screen = Heard()
    options = Options(encode_backend="colab-nvenc", encode_drop=drop, encode_timeout_s=120)
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
    """It is said before anything is filmed; where it is found out late, the cut is kept and how to go on is said."""
    screen = Heard()
    options = Options(encode_backend="colab-nvenc", encode_drop=drop, encode_timeout_s=120, require_nvenc=True)
    with pytest.raises((JobFailed, UsageError), match=r"(?i)nvenc"):
        run(timeline, tmp_path / "w", settings, screen, options)
    assert (tmp_path / "w" / "film.rough.mp4").is_file()
    assert "gpudrop encode" in screen.warned[-1]
    assert not (tmp_path / "w" / "film.mp4").exists()
    with pytest.raises(EnvironmentNotReady, match="--require-nvenc"):
        encoding.foretell(options, settings, screen)
    screen = Heard()
    encoding.foretell(replace(options, encode_fallback=True), settings, screen)
    assert "encoded here" in screen.warned[0]


def test_without_a_worker_the_film_is_encoded_here_only_if_that_was_allowed(
    timeline: Timeline, settings: Settings, tmp_path: Path
) -> None:
    """Nobody takes the job: an error in time, or our own film with a warning."""
    init_drop(tmp_path / "empty")
    options = Options(encode_backend="colab-nvenc", encode_drop=tmp_path / "empty", encode_timeout_s=0.2)
    with pytest.raises(JobTimeout):
        run(timeline, tmp_path / "w", settings, Heard(), options)
    screen = Heard()
    done = run(timeline, tmp_path / "w", settings, screen, replace(options, encode_fallback=True))
    assert done.engine is None
    assert done.film.path.is_file()
    assert "encoded here" in screen.warned[-1]
    encoding.foretell(options, settings, screen)
    assert "no worker was ever seen" in screen.warned[-1]


def test_the_job_nobody_did_is_cancelled_before_the_film_is_encoded_here(
    timeline: Timeline, settings: Settings, tmp_path: Path
) -> None:
    """A worker that comes late finds nothing to do; without the fallback the job stays, and can be waited for."""
    drop = tmp_path / "empty"
    init_drop(drop)
    options = Options(encode_backend="colab-nvenc", encode_drop=drop, encode_timeout_s=0.2)
    with pytest.raises(JobTimeout):
        run(timeline, tmp_path / "w", settings, Heard(), options)
    assert statuses(settings, drop) == ["queued"]
    screen = Heard()
    run(timeline, tmp_path / "w", settings, screen, replace(options, encode_fallback=True))
    assert "cancelled, on the worker too" in screen.warned[-1]
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
    monkeypatch: pytest.MonkeyPatch,
    broken: Exception,
) -> None:
    """It is encoded here where that was allowed, and said; else the cut is kept, and how to go on is said."""

    def wrong(_film: Path, _timeline: Timeline) -> None:
        raise broken

    monkeypatch.setattr(encoding, "check_film", wrong)
    options = Options(encode_backend="colab-nvenc", encode_drop=drop, encode_timeout_s=120)
    screen = Heard()
    with pytest.raises(MediaError, match=r"3 pictures|Input/output error"):
        run(timeline, tmp_path / "w", settings, screen, options)
    assert "the cut is kept" in screen.warned[-1]
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == ["film.rough.mp4"]
    done = run(timeline, tmp_path / "w", settings, screen, replace(options, encode_fallback=True))
    assert done.engine is None
    assert "encoded here" in screen.warned[-1]
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == ["film.mp4", "film.rough.mp4"]


def test_without_a_drop_it_is_said_before_anything_is_filmed(settings: Settings) -> None:
    """There is nowhere to send the film."""
    with pytest.raises(EnvironmentNotReady, match="no drop was found"):
        encoding.foretell(Options(encode_backend="colab-nvenc"), settings, Heard())


def test_the_job_says_what_the_spec_says() -> None:
    """Codec, format, preset and a quality that was chosen; the sound is left as it is."""
    job = encoding.job(Path("rough.mkv"), replace(WANTED, container="webm", video_codec="av1"), require_nvenc=True)
    assert job.params == {"format": "webm", "codec": "av1", "preset": "ultrafast", "audio_codec": "copy"}
    assert job.require_engine == "nvenc"
    other = encoding.job(Path("rough.mp4"), replace(WANTED, crf=18), require_nvenc=False)
    assert other.params["quality"] == 18
    assert other.require_engine is None
