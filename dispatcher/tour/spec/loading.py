"""Reading a spec: every problem is reported with its JSON path and a fix, all together, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, ValidationError

from dispatcher.tour.spec import devtools, error_messages, json_file, old_specs, slide_rules
from dispatcher.tour.spec.action_models import Upload
from dispatcher.tour.spec.browser_rules import storage_problem
from dispatcher.tour.spec.fields import expand
from dispatcher.tour.spec.json_file import Problem, quoted
from dispatcher.tour.spec.model import Spec
from dispatcher.tour.spec.settings import SpecSettings
from dispatcher.tour.spec.slide_models import SlideShow
from dispatcher.tour.spec.steps import SlidesSegment, TourStep
from protocol.errors import SpecError

MAX_STEPS = 500
MAX_DROP_BYTES = 50 * 1024 * 1024
"""The page holds dropped files in memory."""

_UPLOAD_ALIAS = Upload.model_fields["files"].validation_alias
assert isinstance(_UPLOAD_ALIAS, AliasChoices)
_UPLOAD_KEYS = tuple(str(key) for key in _UPLOAD_ALIAS.choices)


def load(path: Path, *, base_url: str | None = None, is_recorded: bool = True) -> Spec:
    """Return the spec in `path`, with `base_url` instead of its own if given.

    Its addresses and files are checked only if it `is_recorded`. Raises SpecError with all problems together,
    NotFoundError without the file, UsageError for a wrong `base_url`.
    """
    read, wrong = json_file.read(path)
    if devtools.is_recording(read):
        what = f"is a recording of Chrome's DevTools; make a spec from it: gpudrop tour import {path} -o tour.json"
        raise SpecError(str(path), [f"$: {what}"])
    translation = old_specs.translate(read)
    raw = translation.spec
    try:
        spec = Spec.model_validate(raw)
    except ValidationError as error:
        wrong += _new(error_messages.problems(error, Spec), wrong)
        spec = _addresses(raw)
    wrong += _list_problems(raw) + _new(slide_rules.problems(raw, path.absolute().parent), wrong)
    if is_recorded:
        wrong += _new(_file_problems(raw, path.absolute().parent), wrong)
    spec._source, spec._warnings = path.absolute(), translation.warnings
    spec = spec if base_url is None else spec.with_base_url(base_url)
    lines = [f"{translation.written.get(where, where)}: {what}" for where, what in wrong]
    if lines := lines + (spec.check_urls() if is_recorded else []):
        raise SpecError(str(path), lines)
    return spec


def _addresses(raw: dict[str, Any]) -> Spec:
    """Return the addresses of a wrong spec as a Spec, so that they are checked too. Not for any other use."""
    settings = raw.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    base, mode = settings.get("base_url"), settings.get("mode", "independent")
    written = raw.get("segments")
    steps = written if isinstance(written, list) else raw.get("steps")
    return Spec.model_construct(
        settings=SpecSettings.model_construct(base_url=base if isinstance(base, str) else None, mode=mode),
        segments=() if isinstance(written, list) else None,
        steps=tuple(_bare(step, isinstance(written, list)) for step in (steps if isinstance(steps, list) else ())),
    )


def _bare(step: object, segment: bool) -> TourStep:
    """Return a step with only its address; a valid one if the step's url or type is wrong anyway."""
    kind = step.get("type") if segment and isinstance(step, dict) else "demo"
    if kind == "slides":
        return SlidesSegment.model_construct(id="", type="slides", slides=SlideShow())
    url = step.get("url") if isinstance(step, dict) and kind == "demo" else "about:blank"
    return TourStep.model_construct(id="", url=url if url is None or (isinstance(url, str) and url) else "about:blank")


def _new(found: Iterable[Problem], known: list[Problem]) -> list[Problem]:
    """Return the problems at other places than the known ones: a NaN, for example, is also out of range."""
    places = {where for where, _ in known}
    return [problem for problem in found if problem[0] not in places]


def _list_problems(raw: dict[str, Any]) -> list[Problem]:
    """Return the problems of all steps together: their number, and duplicate ids."""
    name = "steps" if raw.get("segments") is None else "segments"
    if name == "steps" and "steps" not in raw:
        return [("$.steps", "is missing; add it, or segments instead")]
    found = (
        [("$.segments", "is there in addition to steps; keep one of them")]
        if name != "steps" and "steps" in raw
        else []
    )
    steps = raw[name]
    if not isinstance(steps, list):
        return found
    if not steps:
        return [*found, (f"$.{name}", f"has no {name[:-1]}; add at least one")]
    if len(steps) > MAX_STEPS:
        found.append((f"$.{name}", f"has {len(steps)} {name}; a tour has at most {MAX_STEPS}: split it"))
    return found + list(_duplicate_ids(steps, name))


def _duplicate_ids(steps: list[Any], where: str) -> Iterator[Problem]:
    seen: dict[str, tuple[int, str]] = {}
    for n, step in enumerate(steps):
        name = step.get("id") if isinstance(step, dict) else None
        if not isinstance(name, str):
            continue
        first, other = seen.setdefault(name.casefold(), (n, name))
        if first != n:
            same = "is also the id of" if other == name else f"differs only in case from {quoted(other)}, the id of"
            what = f"{quoted(name)} {same} {where[:-1]} {first + 1}; ids are file names: choose another"
            yield f"$.{where}[{n}].id", what


def _file_problems(raw: dict[str, Any], beside: Path) -> Iterator[Problem]:
    """Yield a problem for each file that cannot be used; values of a wrong type are reported elsewhere."""
    settings = raw.get("settings")
    context = settings.get("browser_context") if isinstance(settings, dict) else None
    state = context.get("storage_state") if isinstance(context, dict) else None
    if isinstance(state, str) and state and (wrong := storage_problem(expand(state, beside))) is not None:
        yield "$.settings.browser_context.storage_state", f"{quoted(state)} {wrong}"
    for name in ("steps", "segments"):
        steps = raw.get(name)
        for n, step in enumerate(steps if isinstance(steps, list) else ()):
            actions = step.get("actions") if isinstance(step, dict) else None
            for m, action in enumerate(actions if isinstance(actions, list) else ()):
                yield from _uploads(action, f"$.{name}[{n}].actions[{m}]", beside)


def _uploads(action: Any, where: str, beside: Path) -> Iterator[Problem]:
    if not isinstance(action, dict) or action.get("type") != "upload":
        return
    key = next((key for key in _UPLOAD_KEYS if key in action), "files")
    named = action.get(key)
    names = [named] if isinstance(named, str) else named
    for name in names if isinstance(names, list) else ():
        if isinstance(name, str) and name and (wrong := _unusable(expand(name, beside), bool(action.get("drop")))):
            yield f"{where}.{key}", f"{quoted(name)} {wrong}"


def _unusable(path: Path, is_dropped: bool) -> str | None:
    """Return why a file cannot be uploaded, or None if it can."""
    try:
        if path.is_dir():
            return "is a folder; give the files in it"
        with path.open("rb") as file:
            file.read(1)
        if is_dropped and path.stat().st_size > MAX_DROP_BYTES:
            return f"is larger than {MAX_DROP_BYTES // 2**20} MB, too large to be dropped; upload it without drop"
    except FileNotFoundError:
        return "does not exist; correct the path, which starts at the spec"
    except (OSError, ValueError) as error:
        return f"cannot be read ({getattr(error, 'strerror', None) or error}); correct the path or its permissions"
    return None
