"""The camera: what it shows in every frame of the film, from where the steps were busy. Pure rules.

The camera rests on the whole page, goes to where something is done, stays there meanwhile, and goes back before the
step ends. What it shows is a rectangle of the page's own shape, and between two rectangles it moves smoothly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from dispatcher.assembly.timeline import FPS, Focus, Timeline

STRENGTH = {"off": 1.0, "auto": 1.5, "mobile": 2.0}
"""How much larger a busy place is shown. `mobile` is for films that are watched on a phone."""

MOVE_S = 0.6
STAY_S = 1.0
"""A move takes this long, and the camera stays this long after the last act."""

CLOSE_S = 1.0
APART_S = 3.2
"""Acts that follow within CLOSE_S are shown as one place; after a pause of APART_S the camera has gone back."""

MARGIN = 0.08
"""What is kept around a place, as a part of the page's width."""


@dataclass(frozen=True, kw_only=True)
class View:
    """What is shown from a frame on, until the camera moves: left, top and width as parts of the page's."""

    frame: int
    left: float = 0.0
    top: float = 0.0
    width: float = 1.0


def camera(timeline: Timeline, mode: str) -> tuple[View, ...]:
    """Return the views that the camera passes, in order; none where it always shows the whole page.

    Frames are counted from the first step's first.
    """
    views: list[View] = []
    first = 0
    for clip in timeline.clips if STRENGTH[mode] > 1 else ():
        own = (view for scene in _scenes(clip.focus) for view in _visit(scene, clip.seconds, 1 / STRENGTH[mode]))
        views += [replace(view, frame=first + view.frame) for view in own]
        first += clip.frames
    return tuple(views)


def _scenes(focus: Sequence[Focus]) -> list[list[Focus]]:
    """Return the places of each visit of the camera; a place is one act, or some in quick succession."""
    scenes: list[list[Focus]] = []
    for act in focus:
        if not scenes or act.start_s - scenes[-1][-1].end_s > APART_S:
            scenes.append([act])
        elif act.start_s - scenes[-1][-1].end_s < CLOSE_S:
            scenes[-1][-1] = scenes[-1][-1].joined(act)
        else:
            scenes[-1].append(act)
    return scenes


def _visit(places: Sequence[Focus], seconds: float, least: float) -> Iterator[View]:
    """Yield the views of one visit; none where the step is too short to go there and back."""
    there_s, back_s = (MOVE_S if place.move_s is None else place.move_s for place in (places[0], places[-1]))
    arrive_s = max(places[0].start_s, there_s)
    leave_s = min(places[-1].end_s + STAY_S, seconds - back_s)
    if leave_s <= max(arrive_s, places[-1].start_s):
        return
    yield View(frame=_frame(arrive_s - there_s))
    yield _view(places[0], arrive_s, least)
    for before, after in pairwise(places):
        yield _view(before, after.start_s - MOVE_S, least)
        yield _view(after, after.start_s, least)
    yield _view(places[-1], leave_s, least)
    yield View(frame=_frame(leave_s + back_s))


def _view(place: Focus, at_s: float, least: float) -> View:
    """Return the view that holds a place in its middle, as far as the page reaches; as large as was said, if it was."""
    width = min(1.0, max(least, place.right - place.left + MARGIN, place.bottom - place.top + MARGIN))
    if place.factor is not None:
        width = 1 / place.factor
    return View(
        frame=_frame(at_s),
        left=_within((place.left + place.right) / 2 - width / 2, width),
        top=_within((place.top + place.bottom) / 2 - width / 2, width),
        width=width,
    )


def _within(edge: float, width: float) -> float:
    return min(max(edge, 0.0), 1.0 - width)


def _frame(seconds: float) -> int:
    return round(seconds * FPS)


def camera_filter(views: Sequence[View]) -> str:
    """Return ffmpeg's filter that films through the camera; it resamples between pixels, so that slow moves are smooth.

    Frames are counted from 0 at FPS a second, so it stands after `fps`.
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
    """Return one edge as an expression of the frame number: a tree of questions, so that it is quick to answer."""
    spans = [_still(edge(View(frame=0)))]
    starts = [views[0].frame]
    for before, after in pairwise(views):
        spans.append(_moving(before.frame, after.frame, edge(before), edge(after)))
        starts.append(after.frame)
    spans.append(_still(edge(views[-1])))
    return _tree(spans, starts)


def _tree(spans: Sequence[str], starts: Sequence[int]) -> str:
    """Return the question which of the spans holds; span k+1 begins at starts[k]."""
    if len(spans) == 1:
        return spans[0]
    middle = len(spans) // 2
    before, after = _tree(spans[:middle], starts[: middle - 1]), _tree(spans[middle:], starts[middle:])
    return before if before == after else f"if(lt(on,{starts[middle - 1]}),{before},{after})"


def _still(value: float) -> str:
    return f"{value:.4f}"


def _moving(first: int, last: int, begin: float, end: float) -> str:
    """Return a move that starts and ends gently: 3p² - 2p³ for p from 0 to 1."""
    if begin == end or first == last:
        return _still(end)
    part = f"(on-{first})/{last - first}"
    return f"({begin:.4f}+({end - begin:.4f})*pow({part},2)*(3-2*{part}))"
