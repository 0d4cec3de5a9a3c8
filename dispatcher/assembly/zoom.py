"""The camera: the part of the page in every frame of the video, from where the actions happen. Pure functions.

The camera shows the whole page, moves to where something happens, stays while more happens nearby, and moves back
before the next page. It ignores invisible cuts between two steps on one page. Its view is a rectangle with the aspect
ratio of the page, and it moves smoothly between two views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from dispatcher.assembly.timeline import FPS, Clip, Focus, Timeline

STRENGTH = {"off": 1.0, "auto": 1.5, "mobile": 2.0}
"""The zoom factor by mode. `mobile` is for videos that are watched on a phone."""

MOVE_S = 0.6
STAY_S = 1.0
"""How long a move takes, and how long the camera stays after the last action."""

CLOSE_S = 1.0
APART_S = 3.2
NEAR_S = 10.0
"""Actions that follow within CLOSE_S count as one place. The camera waits APART_S for the next place, or NEAR_S for one
in its view; then it moves back."""

MARGIN = 0.08
"""The margin around a place, as a fraction of the page's width."""


@dataclass(frozen=True, kw_only=True)
class View:
    """The view from a frame on, until the camera moves: left, top and width as fractions of the page."""

    frame: int
    left: float = 0.0
    top: float = 0.0
    width: float = 1.0


def camera(timeline: Timeline, mode: str) -> tuple[View, ...]:
    """Return the views of the camera in order; none if it always shows the whole page.

    Frames count from the first frame of the first step. Two views at one frame are a cut.
    """
    views: list[View] = []
    first, least = 0, 1 / STRENGTH[mode]
    for clips in _shots(timeline.clips) if least < 1 else ():
        frames = sum(clip.frames for clip in clips)
        own = (view for scene in _scenes(_acts(clips), least) for view in _visit(scene, frames / FPS, least))
        views += [replace(view, frame=first + view.frame) for view in own]
        first += frames
    while views and views[-1].frame == first:  # the video ends with this view
        views.pop()
    return tuple(views)


def _shots(clips: Sequence[Clip]) -> list[list[Clip]]:
    """Return runs of consecutive clips on one page."""
    shots: list[list[Clip]] = []
    for clip in clips:
        if shots and clip.opens_on is not None and clip.opens_on == shots[-1][-1].ends_on:
            shots[-1].append(clip)
        else:
            shots.append([clip])
    return shots


def _acts(clips: Sequence[Clip]) -> list[Focus]:
    """Return the actions in a shot, with times from the start of the shot."""
    starts = accumulate((clip.frames for clip in clips), initial=0)
    return [
        act.until(clip.seconds).later(first / FPS)
        for clip, first in zip(clips, starts, strict=False)
        for act in clip.focus
    ]


def _scenes(focus: Sequence[Focus], least: float) -> list[list[Focus]]:
    """Return the places of each camera visit; a place is one action, or several in quick succession."""
    scenes: list[list[Focus]] = []
    for act in focus:
        last = scenes[-1][-1] if scenes else None
        if last is None or act.start_s - last.end_s > (NEAR_S if _holds(_view(last, 0, least), act) else APART_S):
            scenes.append([act])
        elif act.start_s - last.end_s < CLOSE_S and act.factor is None and last.factor is None:
            scenes[-1][-1] = last.joined(act)
        else:
            scenes[-1].append(act)
    return scenes


def _visit(places: Sequence[Focus], seconds: float, least: float) -> Iterator[View]:
    """Yield the views of one visit in a shot of this length; none if the camera would hardly arrive before its end.

    It moves back after its last place, or with the cut to the next page if there is no time for that.
    """
    places = [place for place in places if max(place.start_s, MOVE_S) <= seconds - MOVE_S]
    if not places:
        return
    move_s = _move_s(places[0])
    arrive_s = max(places[0].start_s, move_s)
    yield View(frame=_frame(arrive_s - move_s))
    yield (view := _view(places[0], arrive_s, least))
    for place in places[1:]:
        if place.factor is not None or not _holds(view, place):
            yield replace(view, frame=max(view.frame, _frame(place.start_s - _move_s(place))))
            yield (view := _view(place, place.start_s, least))
    leave_s = max(places[-1].end_s, arrive_s) + STAY_S
    stays = leave_s + MOVE_S > seconds
    yield replace(view, frame=_frame(seconds if stays else leave_s))
    yield View(frame=_frame(seconds if stays else leave_s + MOVE_S))


def _view(place: Focus, at_s: float, least: float) -> View:
    """Return the view centred on a place, within the page, with the specified zoom factor if there is one."""
    width = min(1.0, max(least, place.right - place.left + MARGIN, place.bottom - place.top + MARGIN))
    if place.factor is not None:
        width = 1 / place.factor
    return View(
        frame=_frame(at_s),
        left=_within((place.left + place.right) / 2 - width / 2, width),
        top=_within((place.top + place.bottom) / 2 - width / 2, width),
        width=width,
    )


def _move_s(place: Focus) -> float:
    return MOVE_S if place.move_s is None else place.move_s


def _holds(view: View, place: Focus) -> bool:
    """Say whether a place is inside a view."""
    right, bottom = view.left + view.width, view.top + view.width
    sees_across = view.left <= max(place.left, 0.0) and min(place.right, 1.0) <= right
    return sees_across and view.top <= max(place.top, 0.0) and min(place.bottom, 1.0) <= bottom


def _within(edge: float, width: float) -> float:
    return min(max(edge, 0.0), 1.0 - width)


def _frame(seconds: float) -> int:
    return round(seconds * FPS)


def camera_filter(views: Sequence[View]) -> str:
    """Return the ffmpeg filter for the camera; it interpolates between pixels, so that slow moves are smooth.

    It counts frames from 0 at FPS a second, so it must follow `fps`.
    """
    if not views:
        return "null"
    left, top, width = (_course(views, edge) for edge in (_left, _top, _width))
    edges = {"x0": f"W*({left})", "x1": f"W*({left}+{width})", "y0": f"H*({top})", "y2": f"H*({top}+{width})"}
    edges |= {"x2": edges["x0"], "x3": edges["x1"], "y1": edges["y0"], "y3": edges["y2"]}
    corners = ":".join(f"{name}='{edge}'" for name, edge in sorted(edges.items()))
    return f"perspective={corners}:interpolation=cubic:sense=source:eval=frame"


def _left(view: View) -> float:
    return view.left


def _top(view: View) -> float:
    return view.top


def _width(view: View) -> float:
    return view.width


def _course(views: Sequence[View], edge: Callable[[View], float]) -> str:
    """Return one edge as an expression of the frame number: a decision tree, which is fast to evaluate."""
    spans = [_still(edge(View(frame=0)))]
    starts = [views[0].frame]
    for before, after in pairwise(views):
        spans.append(_moving(before.frame, after.frame, edge(before), edge(after)))
        starts.append(after.frame)
    spans.append(_still(edge(views[-1])))
    return _tree(spans, starts)


def _tree(spans: Sequence[str], starts: Sequence[int]) -> str:
    """Return the expression that selects the current span; span k+1 begins at starts[k]."""
    if len(spans) == 1:
        return spans[0]
    middle = len(spans) // 2
    before, after = _tree(spans[:middle], starts[: middle - 1]), _tree(spans[middle:], starts[middle:])
    return before if before == after else f"if(lt(on,{starts[middle - 1]}),{before},{after})"


def _still(value: float) -> str:
    return f"{value:.4f}"


def _moving(first: int, last: int, begin: float, end: float) -> str:
    """Return a move with a smooth start and end: 3p² - 2p³ for p from 0 to 1."""
    if begin == end or first == last:
        return _still(end)
    part = f"(on-{first})/{last - first}"
    return f"({begin:.4f}+({end - begin:.4f})*pow({part},2)*(3-2*{part}))"
