"""The camera: it is where something happens when it happens, stays near it, and shows every new page whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import imageio_ffmpeg
import numpy as np
import pytest

from dispatcher.assembly.render import RenderOptions, render
from dispatcher.assembly.timeline import ENDING_FRAMES, FPS, Clip, Focus, Timeline
from dispatcher.assembly.zoom import MOVE_S, View, camera, camera_filter
from media.ffmpeg import MAX_ARGUMENT, find
from tests.support.media import take


def place(start_s: float, end_s: float, x: float = 0.5, y: float = 0.5, half: float = 0.05) -> Focus:
    """Return an act at a place."""
    return Focus(start_s=start_s, end_s=end_s, left=x - half, top=y - half, right=x + half, bottom=y + half)


def film(*steps: tuple[float, tuple[Focus, ...]]) -> Timeline:
    """Return a timeline of steps of these lengths in seconds."""
    return Timeline(
        tuple(
            Clip(step_id=str(n), title="", take=Path("t.mkv"), frames=round(seconds * FPS), focus=focus)
            for n, (seconds, focus) in enumerate(steps)
        )
    )


def test_it_is_there_when_it_happens() -> None:
    """The camera sets out before the act, arrives when the act begins, stays for a while and goes back."""
    out, there, leaves, back = camera(film((10, (place(3, 4),))), "auto")
    assert [view.frame / FPS for view in (out, there, leaves, back)] == pytest.approx([2.4, 3, 5, 5.6], abs=0.02)
    assert (out.width, back.width) == (1, 1)
    assert (there.left, there.top, there.width) == pytest.approx((1 / 6, 1 / 6, 2 / 3))
    assert (leaves.left, leaves.width) == (there.left, there.width)


def test_the_strength_follows_the_mode_and_the_size_of_the_place() -> None:
    """mobile is nearer than auto, off does nothing, and a large place is never cut off."""
    steps = film((10, (place(3, 4),)))
    assert camera(steps, "off") == ()
    assert camera(steps, "mobile")[1].width == pytest.approx(0.5)
    wide = camera(film((10, (place(3, 4, half=0.4),))), "mobile")[1]
    assert wide.width == pytest.approx(0.88)


def test_it_never_leaves_the_page() -> None:
    """A place in the corner is shown with the page's edge, not with what lies beyond it."""
    corner = camera(film((10, (place(3, 4, x=0.98, y=0.02),))), "auto")[1]
    assert (corner.left + corner.width, corner.top) == pytest.approx((1, 0))


def test_it_goes_from_place_to_place_where_they_follow_soon() -> None:
    """Two acts some seconds apart are one visit; after a long pause the camera has been back."""
    near = camera(film((20, (place(3, 4, x=0.2), place(6, 7, x=0.8)))), "auto")
    assert [view.width < 1 for view in near] == [False, True, True, True, True, False]
    assert near[2].frame == round((6 - MOVE_S) * FPS)
    far = camera(film((20, (place(3, 4, x=0.2), place(12, 13, x=0.8)))), "auto")
    assert [view.width < 1 for view in far] == [False, True, True, False] * 2


def test_it_waits_longer_for_what_is_in_sight() -> None:
    """An act eight seconds later at nearly the same place finds the camera there, unmoved; after 15 s it is gone."""
    views = camera(film((30, (place(3, 4), place(12, 13, x=0.6)))), "auto")
    assert [view.width < 1 for view in views] == [False, True, True, False]
    assert views[1].left == views[2].left
    assert views[2].frame == round(14 * FPS)
    assert len(camera(film((30, (place(3, 4), place(19, 20)))), "auto")) == 8


def on_one_page(timeline: Timeline) -> Timeline:
    """Return the timeline with all its steps on one page."""
    return Timeline(tuple(replace(clip, opens_on="/a", ends_on="/a") for clip in timeline.clips))


def test_a_cut_on_one_page_does_not_move_it() -> None:
    """Acts at the end of a step and at the start of the next, near one another, are one visit across the cut."""
    steps = film((6, (place(5, 5.2),)), (9, (place(1, 2, x=0.55),)))
    views = camera(on_one_page(steps), "auto")
    assert [view.width < 1 for view in views] == [False, True, True, False]
    assert views[1].frame < 6 * FPS < views[2].frame
    other = camera(steps, "auto")
    assert [view.width < 1 for view in other] == [False, True, True, False] * 2


def test_a_new_page_is_shown_whole_at_once() -> None:
    """Without time to go back before a cut to another page, the camera stays at its place and the cut takes it back."""
    views = camera(film((6, (place(5, 5.2),)), (4, ())), "auto")
    assert [(view.frame / FPS, view.width < 1) for view in views[-2:]] == [(6, True), (6, False)]
    text = camera_filter(views)
    assert text.count("if(lt(on,180)") >= 1


def test_the_end_stays_where_it_is() -> None:
    """A film that ends soon after an act fades at that place: the camera does not jump back in the fade."""
    assert camera(film((6, (place(5, 5.2),))), "auto")[-1].width < 1


def test_quick_acts_are_one_place() -> None:
    """Two clicks within a second: one view that holds both, no hurried swing."""
    views = camera(film((10, (place(3, 3.2, x=0.3), place(3.5, 4, x=0.7)))), "auto")
    assert len(views) == 4
    assert views[1].left <= 0.25
    assert views[1].left + views[1].width >= 0.75


def test_every_page_begins_with_the_whole_of_it() -> None:
    """Also where the act is the first or the last thing in its step; one that is too short gets no visit."""
    views = camera(
        film((4, (place(0, 0.5),)), (3, (place(2.9, 3),)), (1, (place(0.2, 0.4),)), (4, (place(1, 4),))), "auto"
    )
    assert views[0] == View(frame=0)
    assert views[3].width == 1
    assert [view.frame for view in views] == sorted(view.frame for view in views)
    assert not [view for view in views if 4 * FPS < view.frame < 8 * FPS]


def test_what_ffmpeg_shows(tmp_path: Path) -> None:
    """A white square in the middle of a black page covers 1.5 x 1.5 times as much while the camera is there."""
    views = camera(film((4, (place(1.5, 2),))), "auto")
    source = "color=black:s=320x180:r=30:d=4,drawbox=x=140:y=80:w=40:h=20:color=white:t=fill,format=yuv420p"
    find().run(["-f", "lavfi", "-i", source, "-vf", camera_filter(views), "-c:v", "ffv1", tmp_path / "z.mkv"])
    with av.open(str(tmp_path / "z.mkv")) as made:
        lit = [float((frame.to_ndarray(format="gray") > 128).mean()) for frame in made.decode(video=0)]
    assert len(lit) == 120
    whole = 40 * 20 / (320 * 180)
    assert lit[0] == pytest.approx(whole, rel=0.15)
    assert lit[60] == pytest.approx(whole * 2.25, rel=0.15)
    assert lit[-1] == pytest.approx(whole, rel=0.15)
    assert max(abs(np.diff(lit[20:50]))) < whole * 0.25


def both_ffmpegs() -> list[Path]:
    """Return the system's ffmpeg and the embedded one: they read filters from a file by different options."""
    return [find().path, Path(imageio_ffmpeg.get_ffmpeg_exe())]


@pytest.mark.parametrize("program", both_ffmpegs(), ids=["found", "embedded"])
def test_a_night_of_clicks_is_a_filter_that_ffmpeg_reads(program: Path, tmp_path: Path) -> None:
    """500 steps with four places each: the expression is answered in few questions, and does not pass by argument."""
    busy = tuple(place(2 + 5 * n, 3 + 5 * n, x=0.1 + 0.2 * n) for n in range(4))
    text = camera_filter(camera(film(*[(24.0, busy)] * 500), "auto"))
    assert len(text) > MAX_ARGUMENT
    ffmpeg = find(program)
    arguments = ffmpeg.filter_arguments("filter:v", text, tmp_path / "filter.txt")
    source = "color=black:s=64x64:r=30:d=0.2"
    ffmpeg.run(["-f", "lavfi", "-i", source, *arguments, "-c:v", "ffv1", tmp_path / "z.mkv"])
    assert (tmp_path / "z.mkv").stat().st_size > 0


def test_a_film_through_the_camera_is_as_long_as_without(tmp_path: Path) -> None:
    """The camera changes what is shown, not for how long; the place that was busy fills the picture."""
    corner = Focus(start_s=1, end_s=2, left=0, top=0, right=0.2, bottom=0.2)
    take(tmp_path / "t.mkv", [(0.0, (200, 30, 30))], 4.0)
    clip = Clip(step_id="a", title="a", take=tmp_path / "t.mkv", frames=120, focus=(corner,))
    options = RenderOptions(size=(320, 240), preset="ultrafast", zoom="mobile")
    made = render(find(), Timeline((clip,)), tmp_path / "film.mp4", options)
    with av.open(str(made.path)) as opened:
        frames = [frame.to_ndarray(format="rgb24") for frame in opened.decode(video=0)]
    assert len(frames) == 120 + ENDING_FRAMES
    for frame in (frames[0], frames[45], frames[119]):
        assert frame.mean(axis=(0, 1)) == pytest.approx((200, 30, 30), abs=6)
