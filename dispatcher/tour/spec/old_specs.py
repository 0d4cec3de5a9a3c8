"""Translating specs of the old recorder before they are validated: nothing else knows their dialect.

Its units are mixed, so this follows the table in docs/coming-from-the-old-scripts.md, not the names. Each kind of
translation is one warning, however many places there are. Nothing is validated here: unknown keys and wrong types are
left as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from dispatcher.tour.spec.fields import MAX_ZOOM, VIEWPORT, read_size
from dispatcher.tour.spec.json_file import child_path, quoted
from dispatcher.tour.spec.slide_models import MAX_CACHE_KEY, THEMES
from protocol.layout import check_portable_name

MILLISECONDS_FROM = 1000
"""In every time of a spec, a whole number of at least this is milliseconds: nothing takes a quarter of an hour."""

AMBIGUOUS_FROM = 100
"""Whole numbers from here on were milliseconds in the old recorder, and are seconds in a new spec."""

HIDDEN_S, LOAD_S, ADVANCE_S = 10.0, 15.0, 5.0
"""The old recorder's default timeouts, and how long it showed a slide."""

URL = "http://127.0.0.1:8080"
PICTURE = (1920, 1080)
"""The size to which `cx` and `cy` of a zoom refer."""

LEAST_STEPS = 4
"""The least number of steps of the cloning model; with fewer, it produces noise."""

LENIENT = frozenset({"wait_for_load", "wait_for_selector", "wait_for_hidden", "click_selector"})
"""Actions after whose failure the old recorder continued."""

TIMES = ("timeout", "seconds", "duration", "pause_at_bottom")
RENAMED = {"f5_ref_audio": "ref_audio", "f5_ref_text": "ref_text", "f5_nfe_step": "nfe_step"}


@dataclass(frozen=True, kw_only=True)
class Translation:
    """A translated spec, the warnings, and the original JSON path of each renamed one."""

    spec: dict[str, Any]
    warnings: tuple[str, ...]
    written: dict[str, str]


def translate(raw: dict[str, Any]) -> Translation:
    """Return a raw spec, translated. `raw` is not modified; a new spec needs no translation."""
    translator = _Translator(is_old(raw), _viewport(raw))
    return Translation(spec=translator.spec(raw), warnings=translator.warnings(), written=translator.written)


def is_old(raw: dict[str, Any]) -> bool:
    """Say whether a spec is for the old recorder: it has keys or values that only that one had, and no $schema."""
    return "$schema" not in raw and any(_signs(raw))


def _signs(raw: dict[str, Any]) -> Iterator[bool]:
    settings, slides = _object(raw.get("settings")), _object(raw.get("slides"))
    yield not RENAMED.keys().isdisjoint(settings)
    yield settings.get("browser") in ("firefox", "webkit")
    yield "generate" in slides
    for step in _steps(raw):
        interval = _object(step.get("slides")).get("advance_interval")
        yield _is_whole(interval, MILLISECONDS_FROM)
        yield _object(step.get("scroll")).get("speed") == "medium"
        for action in _objects(step.get("actions")):
            yield not {"from_line", "to_line"}.isdisjoint(action)
            yield action.get("type") == "type_text" and "delay" in action
            yield "state" in action and _is_whole(action.get("timeout"), AMBIGUOUS_FROM)
            yield action.get("speed") == "medium"


class _Translator:
    """Translates one spec, and collects the warnings."""

    def __init__(self, old: bool, viewport: tuple[int, int]) -> None:
        self._old, self._viewport = old, viewport
        self._notes: dict[str, _Note] = {}
        self.written: dict[str, str] = {}

    def spec(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return the translated spec; only changed parts are copied."""
        spec = dict(raw)
        self._part(spec, "$", "settings", self._settings)
        self._part(spec, "$", "slides", self._deck)
        self._part(spec, "$", "output", self._output)
        self._each(spec, "$", "steps", self._step)
        self._each(spec, "$", "segments", self._segment)
        return spec

    def warnings(self) -> tuple[str, ...]:
        """Return one line for each kind of translation, in the order of their first places."""
        return tuple(note.describe() for note in self._notes.values())

    def _settings(self, part: dict[str, Any], path: str) -> None:
        for old, new in RENAMED.items():
            if part.get(old) == "":
                del part[old]
            self._rename(part, path, old, new, "; it is used only with --tts-backend colab-f5")
        steps = part.get("nfe_step")
        if child_path(path, "nfe_step") in self.written and type(steps) is int and 1 <= steps < LEAST_STEPS:
            part["nfe_step"] = LEAST_STEPS
            self._note("nfe", child_path(path, "f5_nfe_step"), f"{steps} is read as {LEAST_STEPS}, the minimum")
        browser = part.get("browser")
        if isinstance(browser, str) and browser != "chromium":
            part["browser"] = "chromium"
            self._note(
                "browser", child_path(path, "browser"), f"{quoted(browser)} is ignored: Chromium records the tour"
            )
        self._milliseconds(part, path, "default_step_timeout")

    def _deck(self, part: dict[str, Any], path: str) -> None:
        if part.pop("generate", None) is not None:
            self._note("generate", child_path(path, "generate"), "is not needed: slides are rendered on this machine")
        theme, key = part.get("theme"), part.get("cache_key")
        if _is_foreign_theme(theme):
            del part["theme"]
            what = f"there is no theme {quoted(theme)}: {THEMES[0]} is used; there are: {', '.join(THEMES)}"
            self._note("theme", child_path(path, "theme"), what)
        if self._old and isinstance(key, str) and not _names_a_folder(key):
            del part["cache_key"]
            self._note(
                "cache_key", child_path(path, "cache_key"), f"{quoted(key)} cannot be a folder name, and is ignored"
            )

    def _output(self, part: dict[str, Any], path: str) -> None:
        for clip in ("intro_clip", "outro_clip"):
            if self._old and part.get(clip) == "":
                del part[clip]
        if isinstance(crf := part.get("video_crf"), float) and 0 <= crf <= 63:
            part["video_crf"] = round(crf)
            if crf != round(crf):
                self._note("crf", child_path(path, "video_crf"), f"{crf:g} is read as {round(crf)}")
        if part.get("video_preset") == "placebo":
            part["video_preset"] = "veryslow"
            self._note("preset", child_path(path, "video_preset"), '"placebo" is read as "veryslow"')

    def _step(self, part: dict[str, Any], path: str, *, enter: bool = True) -> None:
        self._each(part, path, "actions", lambda action, where: self._action(action, where, enter=enter))
        self._part(part, path, "scroll", self._scroll)
        self._each(part, path, "assertions", self._times)
        self._part(part, path, "zoom", self._zoom)

    def _segment(self, part: dict[str, Any], path: str) -> None:
        self._step(part, path, enter=False)
        self._milliseconds(part, path, "duration")
        kind = part.get("type")
        if kind == "slides" and self._old and not isinstance(part.get("slides", {}), dict):
            return
        if kind == "slides" and self._old:
            part["slides"] = dict(part.get("slides", {}))
        if kind == "slides":
            self._part(part, path, "slides", self._show)
        elif kind == "demo" and self._old and part.get("url") is None:
            part["url"] = URL
            self._note("url", path, f"has no url and opens {URL}, as it did in the old recorder")

    def _show(self, part: dict[str, Any], path: str) -> None:
        if self._old and part.get("advance_interval") is None:
            part["advance_interval"] = ADVANCE_S
            self._note("advance", path, f"each slide is shown for {ADVANCE_S:g} s, as it was in the old recorder")
        self._milliseconds(part, path, "advance_interval", is_ambiguous=True)

    def _zoom(self, part: dict[str, Any], path: str) -> None:
        if part.keys().isdisjoint({"focus", "z", "cx", "cy", "transition_ms"}):
            return
        self._note("zoom", path, "has the old recorder's keys; it is used only with --zoom auto or mobile")
        for old, new in (("focus", "to"), ("z", "factor"), ("transition_ms", "seconds")):
            self._rename(part, path, old, new)
        if _is_number(factor := part.get("factor")):
            part["factor"] = min(max(factor, 1.0), MAX_ZOOM)
        if child_path(path, "seconds") in self.written and _is_number(part["seconds"]):
            part["seconds"] /= 1000
        middle = [part.pop(key, None) for key in ("cx", "cy")]
        if middle != [None, None] or "to" not in part:
            part["center"] = [self._scaled(value, axis) for axis, value in enumerate(middle)]
            for axis, key in enumerate(("cx", "cy")):
                self.written[child_path(child_path(path, "center"), axis)] = child_path(path, key)

    def _scaled(self, value: Any, axis: int) -> Any:
        if value is None:
            return self._viewport[axis] / 2
        if not _is_number(value):
            return value
        return min(max(value, 0), PICTURE[axis]) * self._viewport[axis] / PICTURE[axis]

    def _scroll(self, part: dict[str, Any], path: str) -> None:
        if part.get("speed") == "medium":
            part["speed"] = "normal"  # only another name
        self._times(part, path)

    def _times(self, part: dict[str, Any], path: str) -> None:
        waits = part.get("type") in ("wait_for_selector", "click_selector")
        for key in TIMES:
            self._milliseconds(part, path, key, is_ambiguous=waits and key == "timeout")

    def _action(self, part: dict[str, Any], path: str, *, enter: bool) -> None:
        kind = part.get("type")
        if kind == "type_text":
            self._rename(part, path, "delay", "delay_ms")
        elif kind == "highlight_lines":
            self._rename(part, path, "from_line", "start")
            self._rename(part, path, "to_line", "end")
        self._scroll(part, path)
        if self._old:
            self._add_old_defaults(part, path, enter=enter)

    def _add_old_defaults(self, part: dict[str, Any], path: str, *, enter: bool) -> None:
        """Add the old recorder's defaults."""
        kind = part.get("type")
        if kind == "terminal_type" and not enter and not {"press_enter", "submit", "enter"} & part.keys():
            part["press_enter"] = False
            self._note("enter", path, "in a segment, Enter is pressed only if press_enter is true")
        if kind == "command_palette" and part.keys().isdisjoint({"command", "text", "value"}):
            part["command"] = ""
        if kind == "wait_for_load":
            part.setdefault("timeout", LOAD_S)
        if kind == "wait_for_hidden":
            part.setdefault("timeout", HIDDEN_S)
        if kind in LENIENT and "optional" not in part:
            part["optional"] = True
            self._note("lenient", path, "a wait or a click that fails is a warning, as it was in the old recorder")

    def _milliseconds(self, part: dict[str, Any], path: str, key: str, *, is_ambiguous: bool = False) -> None:
        """Convert milliseconds to seconds, with a warning; also warn if a number of seconds is ambiguous."""
        value = part.get(key)
        if not _is_whole(value, AMBIGUOUS_FROM if is_ambiguous else MILLISECONDS_FROM):
            return
        if value >= MILLISECONDS_FROM or self._old:
            part[key] = value / 1000
            what = f"{value} is read as milliseconds: write {value / 1000:g}, or {value}.0 if seconds are meant"
        else:
            part[key] = float(value)
            what = f"{value} is read as seconds: write {value}.0, or {value / 1000:g} if milliseconds are meant"
        self._note(f"{key} {what.split(':')[0].split()[-1]}", child_path(path, key), what)

    def _rename(self, part: dict[str, Any], path: str, old: str, new: str, more: str = "") -> None:
        if old not in part:
            return
        value = part.pop(old)
        if new in part:
            self._note(old, child_path(path, old), f"is ignored: {new} is also there")
            return
        part[new] = value
        self.written[child_path(path, new)] = child_path(path, old)
        if not path.endswith(".zoom"):
            self._note(old, child_path(path, old), f"is read as {new}{more}")

    def _part(self, of: dict[str, Any], path: str, key: str, act: Callable[[dict[str, Any], str], None]) -> None:
        if isinstance(of.get(key), dict):
            of[key] = dict(of[key])
            act(of[key], child_path(path, key))

    def _each(self, of: dict[str, Any], path: str, key: str, act: Callable[[dict[str, Any], str], None]) -> None:
        if not isinstance(of.get(key), list):
            return
        of[key] = [dict(item) if isinstance(item, dict) else item for item in of[key]]
        for n, item in enumerate(of[key]):
            if isinstance(item, dict):
                act(item, child_path(child_path(path, key), n))

    def _note(self, kind: str, path: str, what: str) -> None:
        self._notes.setdefault(kind, _Note(path, what)).places += 1


@dataclass
class _Note:
    """One kind of translation: its first place, its description, and the number of places."""

    path: str
    what: str
    places: int = field(default=0)

    def describe(self) -> str:
        more = f" (and {self.places - 1} more)" if self.places > 1 else ""
        return f"{self.path}{more}: {self.what}"


def _viewport(raw: dict[str, Any]) -> tuple[int, int]:
    """Return the spec's viewport; the default if it has no valid one."""
    try:
        return read_size(_object(raw.get("settings")).get("viewport"))
    except ValueError:
        return VIEWPORT


def _is_foreign_theme(theme: Any) -> TypeGuard[str]:
    return isinstance(theme, str) and theme not in THEMES


def _names_a_folder(key: str) -> bool:
    try:
        return bool(check_portable_name(key)) and len(key) <= MAX_CACHE_KEY
    except ValueError:
        return False


def _is_whole(value: Any, least: int) -> TypeGuard[int]:
    return type(value) is int and value >= least


def _is_number(value: Any) -> TypeGuard[int | float]:
    return type(value) in (int, float)


def _steps(raw: dict[str, Any]) -> list[dict[str, Any]]:
    return [*_objects(raw.get("steps")), *_objects(raw.get("segments"))]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
