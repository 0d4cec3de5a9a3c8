"""The camera's path, before the first steady picture: its steps are told, and nothing else depends on that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from colab.fake_workbench import FakeWorkbench
from colab.handlers.stabilize import StabilizeHandler, checkpoints, smoothing
from colab.handlers.stabilize.smoothing import MOST_STEPS, Smoothing
from colab.handlers.stabilize.transform import GIVEN_UP, SMOOTHING
from colab.video import frames
from colab.video.segmented import SegmentedVideo
from colab.video.segments import SegmentLength
from colab.work import StopWork
from media import ffmpeg, pipes
from media.ffmpeg import Ffmpeg
from tests.support import odd_media, shake

SHORT = StabilizeHandler(segments=SegmentLength(fewest=10, most=10))
STEP = "  ipm {:3}  mu 1.09e+02  primal 1.00e+00  dual 5.00e-01  bnd 0.00e+00  gap 2.91e+03\n"


@pytest.fixture(scope="module")
def shaky(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that shakes."""
    path = tmp_path_factory.mktemp("shaky") / "shaky.mp4"
    shake.film(path, (96, 64), 40)
    return path


@pytest.fixture(params=["one command", "pieces"])
def handler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> StabilizeHandler:
    """Return a handler that writes a video so."""
    if request.param == "one command":
        return StabilizeHandler()
    monkeypatch.setattr(pipes, "WAITING_S", 0.001)
    return SHORT


@pytest.fixture
def telling(tmp_path: Path) -> None:
    """Need a vid.stab that smooths in steps."""
    if not smoothing.prints_steps(ffmpeg.find(), tmp_path):
        pytest.skip("this ffmpeg's vid.stab smooths in one go")


def job(source: Path, folder: Path, handler: StabilizeHandler, **raw: Any) -> FakeWorkbench:
    raw = {"preset": "ultrafast"} | raw
    return FakeWorkbench(kind="stabilize", raw=raw, folder=folder, sources={"source": source}, handler=handler)


def steadied(source: Path, folder: Path, handler: StabilizeHandler, **raw: Any) -> FakeWorkbench:
    desk = job(source, folder, handler, **raw)
    desk.run()
    return desk


def never() -> None:
    """Say that a path was given up that was not."""
    raise AssertionError("given up")


def smoothed(desk: FakeWorkbench) -> list[tuple[int, int]]:
    """Return how far it was at each step."""
    told = [(done, note.partition("step ")[2]) for done, _, note in desk.progressed if "smoothing" in note]
    return [(done, int(step)) for done, step in told if step]


@pytest.mark.usefixtures("telling")
def test_a_step_is_progress(shaky: Path, tmp_path: Path, handler: StabilizeHandler) -> None:
    """It is told as it is made, before the film is written."""
    desk = steadied(shaky, tmp_path / "desk", handler)
    steps = smoothed(desk)
    assert len({done for done, _ in steps}) > 2
    assert steps == sorted(steps)
    assert all(SMOOTHING[0] < done <= SMOOTHING[1] for done, _ in steps)
    done = [done for done, _, _ in desk.progressed]
    assert done == sorted(done)
    begun = next(place for place, (_, _, note) in enumerate(desk.progressed) if note.startswith("writing"))
    assert not any("smoothing" in note for _, _, note in desk.progressed[begun:])


@pytest.mark.usefixtures("telling")
def test_telling_changes_no_byte(shaky: Path, tmp_path: Path, handler: StabilizeHandler) -> None:
    """The film of a vid.stab that is not asked to tell is the same, and its path is one step without a number."""
    told = steadied(shaky, tmp_path / "told", handler)
    silent = steadied(shaky, tmp_path / "silent", replace(handler, prints_steps=lambda ffmpeg, folder: False))
    assert smoothed(told)
    assert not smoothed(silent)
    assert any(note == "smoothing the camera's path" for _, _, note in silent.progressed)
    assert silent.outputs() == told.outputs()


def test_frames_are_looked_at_without_smoothing(shaky: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is paid for once; frames are found to be as they are after it."""
    looked, look = [], frames.look

    def looking(program: Ffmpeg, shown: Sequence[str], *, folder: Path) -> frames.Frames:
        found = look(program, shown, folder=folder)
        looked.append((shown, found))
        return found

    monkeypatch.setattr(frames, "look", looking)
    decoded: list[Sequence[str | Path]] = []
    passing = SegmentedVideo._pass

    def passed(film: SegmentedVideo) -> bool:
        decoded.append(film.recipe.decode(film.ffmpeg))
        return passing(film)

    monkeypatch.setattr(SegmentedVideo, "_pass", passed)
    odd = odd_media.film(tmp_path / "odd.mkv", rate="20", seconds=2, options=("-vf", "setsar=4/3"))
    for source in (shaky, odd):
        desk = steadied(source, tmp_path / source.stem, SHORT)
        shown, found = looked.pop()
        assert not any("vidstab" in word for word in shown)
        arguments = list(map(str, decoded.pop()))
        assert sum("vidstabtransform" in word for word in arguments) == 1
        assert look(ffmpeg.find(), arguments[1 : arguments.index("-an")], folder=desk.folder) == found


def test_without_a_zoom_the_gaussian_path_is_asked_for(
    shaky: Path, tmp_path: Path, handler: StabilizeHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the one that vid.stab falls back to there: the frames are the same."""
    command: list[str] = []
    run, read = Ffmpeg.run, SegmentedVideo._pass

    def ran(program: Ffmpeg, arguments: Sequence[str | Path], **more: Any) -> str:
        command.extend(word for word in map(str, arguments) if "motion.trf" in word)
        return run(program, arguments, **more)

    def passed(film: SegmentedVideo) -> bool:
        command.extend(word for word in map(str, film.recipe.decode(film.ffmpeg)) if "motion.trf" in word)
        return read(film)

    monkeypatch.setattr(Ffmpeg, "run", ran)
    monkeypatch.setattr(SegmentedVideo, "_pass", passed)
    desk = steadied(shaky, tmp_path / "desk", handler, optzoom=0)
    assert len(command) == 1
    assert ":optalgo=gauss" in command[0]
    sums = []
    for chain in (command[0], command[0].replace(":optalgo=gauss", "")):
        name = f"sums{len(sums)}"
        run(
            ffmpeg.find(),
            ["-i", shaky.absolute(), "-vf", chain, "-f", "framemd5", name],
            folder=desk.folder,
        )
        sums.append((desk.folder / name).read_bytes())
    assert sums[0] == sums[1]


@pytest.mark.usefixtures("telling")
def test_the_gaussian_path_is_taken_where_it_is_asked_for(
    shaky: Path, tmp_path: Path, handler: StabilizeHandler
) -> None:
    """It takes no steps, and makes another film than the best one; `smoothing` says how smooth it is."""
    gauss, smoother = (steadied(shaky, tmp_path / str(n), handler, path="gauss", smoothing=n) for n in (10, 30))
    assert not smoothed(gauss)
    assert checkpoints.GAUSSIAN not in gauss.checkpoints
    best = steadied(shaky, tmp_path / "best", handler)
    assert len({*gauss.outputs().values(), *smoother.outputs().values(), *best.outputs().values()}) == 3


def test_a_path_that_stands_still_is_no_progress() -> None:
    """A hung vid.stab says no step: what is told does not rise, however long it takes, so that its time runs out."""
    told: list[tuple[float, int]] = []
    path = Smoothing(report=lambda done, step: told.append((done, step)), give_up=never)
    path.hear(STEP.format(3))
    for _ in range(3):
        path.tick()
    path.hear("frame=  1 fps=0.0\n")
    path.tick()
    assert len(set(told)) == 1


def test_every_step_up_to_the_last_is_heard() -> None:
    """A unit lasts no more than a few of them."""
    told: list[float] = []
    path = Smoothing(report=lambda done, step: told.append(done), give_up=never)
    for step in range(MOST_STEPS):
        path.hear_and_report(STEP.format(step))
    units = [int(done * (SMOOTHING[1] - SMOOTHING[0])) for done in told]
    assert max(units.count(unit) for unit in units) <= 8
    assert told == sorted(told)
    assert told[-1] <= 1


@pytest.mark.usefixtures("telling")
def test_a_stop_is_obeyed_in_it(
    shaky: Path, tmp_path: Path, handler: StabilizeHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before there is a picture."""
    desk = job(shaky, tmp_path / "desk", handler)
    say = desk.progress

    def progress(done: int, total: int, note: str = "") -> None:
        say(done, total, note)
        if "step" in note:
            raise StopWork

    monkeypatch.setattr(desk, "progress", progress)
    with pytest.raises(StopWork):
        desk.run()
    assert not desk.published
    assert "step" in desk.progressed[-1][2]


def test_a_vidstab_that_does_not_tell_is_not_asked_to(tmp_path: Path) -> None:
    """One with another solver would write its steps where the pictures go."""
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\necho 'GLPK Simplex Optimizer' \necho 'frame=1' >&2\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    assert not smoothing.prints_steps(Ffmpeg(path=tmp_path / "ffmpeg", version="1"), tmp_path)


def test_the_times_base_is_found_behind_half_a_line(tmp_path: Path) -> None:
    """vid.stab ends no line where it finds no path, and showinfo's first is the rest of it."""
    film = SegmentedVideo(work=None, recipe=None, ffmpeg=None, length=1, report=None)  # type: ignore[arg-type]
    film._hear(
        "[vid.stab @ 0x7f] L1 camera path: stalled (built-in interior point, 9 rows, 4 cols)config in time_base: 1/20,"
    )
    assert film.times.base.denominator == 20


@pytest.mark.usefixtures("telling")
def test_a_path_that_was_given_up_is_not_looked_for_again(
    shaky: Path, tmp_path: Path, handler: StabilizeHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is left that it was; another attempt asks for the Gaussian one, which vid.stab goes on with, at once."""
    monkeypatch.setattr(smoothing, "_GIVEN_UP", re.compile("  ipm finished"))
    first = job(shaky, tmp_path / "first", handler)
    assert first.run().summary["notes"] == [GIVEN_UP]
    assert first.checkpoints.count(checkpoints.GAUSSIAN) == 1
    earlier = {path: first.output(path) for path in first.checkpoints if path.endswith(".json")}
    again = job(shaky, tmp_path / "again", handler)
    again.earlier = earlier
    assert again.run().summary["notes"] == [GIVEN_UP]
    assert not smoothed(again)
    assert checkpoints.GAUSSIAN not in again.checkpoints
    assert again.outputs() != first.outputs()  # its path was not given up in truth


def test_what_vidstab_says_when_it_gives_up_is_understood() -> None:
    """It is told once, however often it is asked."""
    given_up: list[bool] = []
    path = Smoothing(report=lambda done, step: None, give_up=lambda: given_up.append(True))
    path.hear("[vid.stab @ 0x7f] L1 camera path: interior point method stalled at an accuracy of 1.40e-04 (built-in)")
    path.tick()
    path.tick()
    assert given_up == [True]
