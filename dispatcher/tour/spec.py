"""A tour's spec: read strictly, with every problem named by its JSON path and its hint, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from pydantic import ConfigDict, Field, ModelWrapValidatorHandler, PrivateAttr, ValidationError, model_validator

from dispatcher.tour import devtools_flow, old_specs, spec_errors, spec_file, spec_files
from dispatcher.tour.parts import Meta, Output, Part, Settings, expand
from dispatcher.tour.slides import rules
from dispatcher.tour.slides.content import Deck, SlideShow
from dispatcher.tour.spec_file import Problem, shown
from dispatcher.tour.steps import Segment, SlidesSegment, Step
from protocol.errors import SpecError, UsageError

MAX_STEPS = 500
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}(?:[/?#].*)?")


class Spec(Part):
    """A whole tour. What is filmed is `steps`, also where it was written as segments."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="gpudrop tour")

    schema_: Annotated[str | None, Field(alias="$schema")] = None
    meta: Meta = Meta()
    settings: Settings = Settings()
    pre_setup: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    steps: tuple[Step, ...] = ()
    segments: tuple[Segment, ...] | None = None
    slides: Deck | None = None
    output: Output = Output()
    _source: Path = PrivateAttr(default=Path("tour.json"))
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _segments_are_steps(cls, raw: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        spec = handler(raw)
        return spec if spec.segments is None else spec.model_copy(update={"steps": spec.segments})

    @property
    def source(self) -> Path:
        """Return the file it was read from; relative paths in the spec start beside it."""
        return self._source

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return how what was written for another recorder, or may be meant otherwise, was understood."""
        return self._warnings

    def with_base_url(self, url: str) -> Self:
        """Return the spec with another base url. Raises UsageError for one that no address can be joined to."""
        if wrong := _base_problem(url):
            raise UsageError(f"--base-url {wrong}")
        return self.model_copy(update={"settings": self.settings.model_copy(update={"base_url": url})})

    def resolve_url(self, step: Step) -> str | None:
        """Return the address a step opens, or None for one that stays on its page.

        A relative url continues base_url (so `/lab` on `http://host/user/` is `http://host/user/lab`, as behind a
        proxy); without one it is the url of a file, starting beside the spec.
        """
        if step.url is None or urlsplit(step.url).scheme:
            return step.url
        if (base := self.settings.base_url) is not None:
            return urljoin(base.rstrip("/") + "/", step.url.lstrip("/"))
        parts = urlsplit(step.url)
        rest = SplitResult("", "", "", parts.query, parts.fragment).geturl()
        return self._file(parts.path).as_uri() + rest

    def check_urls(self) -> list[str]:
        """Return every address that leads nowhere, as far as that shows without opening it; one line each."""
        base = self.settings.base_url
        wrong = _base_problem(base) if base is not None else None
        found = [f"$.settings.base_url: {wrong}"] if wrong else []
        for n, step in enumerate(self.steps):
            if wrong := self._url_problem(n, step):
                found.append(f"$.{self._list}[{n}].url: {wrong}")
        return found

    def output_path(self) -> Path:
        """Return where the film goes: output.path, else a name beside the spec."""
        if self.output.path is not None:
            return expand(self.output.path, self.source.parent)
        return self.source.with_suffix(f".{self.output.format}").absolute()

    @property
    def _list(self) -> str:
        return "steps" if self.segments is None else "segments"

    def _file(self, path: str) -> Path:
        return expand(unquote(path), self.source.parent)

    def _url_problem(self, n: int, step: Step) -> str | None:
        if step.url is None:
            return self._missing_url(n) if step.show is None else None
        try:
            parts = urlsplit(step.url)
        except ValueError as error:
            return f"{shown(step.url)} is no address: {error}"
        if parts.scheme or _HOST_AND_PORT.fullmatch(step.url):
            return _address_problem(step.url)
        if self.settings.base_url is None and not _is_file(self._file(parts.path)):
            return f"{shown(step.url)} is no file beside the spec; set settings.base_url or pass --base-url"
        return None

    def _missing_url(self, n: int) -> str | None:
        if all(step.show is not None for step in self.steps[:n]):
            what = "step" if self.segments is None else "demo segment"
            return f'is missing; the first {what} opens a page ("about:blank" is an empty one)'
        if self.settings.mode == "independent":
            return 'is missing; add it, or set settings.mode to "continuous" to stay on the page of the step before'
        return None


def load(path: Path, *, base_url: str | None = None, is_filmed: bool = True) -> Spec:
    """Return the spec in `path`, with `base_url` in place of its own if given.

    Where its addresses lead is looked at only if it `is_filmed`. Raises SpecError with every problem at once,
    NotFoundError without the file, UsageError for a wrong `base_url`.
    """
    read, wrong = spec_file.read(path)
    if devtools_flow.is_flow(read):
        what = f"is a recording of Chrome's DevTools; make a spec of it: gpudrop tour import {path} -o tour.json"
        raise SpecError(str(path), [f"$: {what}"])
    translation = old_specs.translate(read)
    raw = translation.spec
    try:
        spec = Spec.model_validate(raw)
    except ValidationError as error:
        wrong += _new(spec_errors.problems(error, Spec), wrong)
        spec = _addresses(raw)
    wrong += _list_problems(raw) + _new(rules.problems(raw, path.absolute().parent), wrong)
    if is_filmed:
        wrong += _new(spec_files.problems(raw, path.absolute().parent), wrong)
    spec._source, spec._warnings = path.absolute(), translation.warnings
    spec = spec if base_url is None else spec.with_base_url(base_url)
    lines = [f"{translation.written.get(where, where)}: {what}" for where, what in wrong]
    if lines := lines + (spec.check_urls() if is_filmed else []):
        raise SpecError(str(path), lines)
    return spec


def _addresses(raw: dict[str, Any]) -> Spec:
    """Return what a wrong spec says of addresses, so that these are checked in the same go. Not for any other use."""
    settings = raw.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    base, mode = settings.get("base_url"), settings.get("mode", "independent")
    written = raw.get("segments")
    steps = written if isinstance(written, list) else raw.get("steps")
    return Spec.model_construct(
        settings=Settings.model_construct(base_url=base if isinstance(base, str) else None, mode=mode),
        segments=() if isinstance(written, list) else None,
        steps=tuple(_bare(step, isinstance(written, list)) for step in (steps if isinstance(steps, list) else ())),
    )


def _bare(step: object, segment: bool) -> Step:
    """Return a step with nothing but its address; a harmless one where something else is wrong with it already."""
    kind = step.get("type") if segment and isinstance(step, dict) else "demo"
    if kind == "slides":
        return SlidesSegment.model_construct(id="", type="slides", slides=SlideShow())
    url = step.get("url") if isinstance(step, dict) and kind == "demo" else "about:blank"
    return Step.model_construct(id="", url=url if url is None or (isinstance(url, str) and url) else "about:blank")


def _new(found: Iterable[Problem], known: list[Problem]) -> list[Problem]:
    """Return what is not said already: a NaN is out of range too."""
    said = {where for where, _ in known}
    return [problem for problem in found if problem[0] not in said]


def _list_problems(raw: dict[str, Any]) -> list[Problem]:
    """Return what only shows when all steps are looked at together: their number, and ids that are alike."""
    name = "steps" if raw.get("segments") is None else "segments"
    if name == "steps" and "steps" not in raw:
        return [("$.steps", "is missing; add it, or segments in its place")]
    found = [("$.segments", "stands beside steps; keep one of the two")] if name != "steps" and "steps" in raw else []
    steps = raw[name]
    if not isinstance(steps, list):
        return found
    if not steps:
        return [*found, (f"$.{name}", f"holds no {name[:-1]}; add at least one")]
    if len(steps) > MAX_STEPS:
        found.append((f"$.{name}", f"holds {len(steps)} {name}; a tour has at most {MAX_STEPS}: split it"))
    return found + list(_alike(steps, name))


def _alike(steps: list[Any], where: str) -> Iterator[Problem]:
    seen: dict[str, tuple[int, str]] = {}
    for n, step in enumerate(steps):
        name = step.get("id") if isinstance(step, dict) else None
        if not isinstance(name, str):
            continue
        first, other = seen.setdefault(name.casefold(), (n, name))
        if first != n:
            alike = "is the id of" if other == name else f"differs only by case from {shown(other)}, the id of"
            what = f"{shown(name)} {alike} {where[:-1]} {first + 1}; ids name files: choose another"
            yield f"$.{where}[{n}].id", what


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system here could hold
        return False


def _base_problem(url: str) -> str | None:
    """Say why addresses cannot be joined to this one, or None where they can."""
    if wrong := _address_problem(url):
        return wrong
    parts = urlsplit(url)
    if parts.scheme == "about" or parts.query or parts.fragment:
        return f"{shown(url)} cannot be continued; give an address without '?' and '#', such as http://localhost:8888"
    return None


def _address_problem(url: str) -> str | None:
    """Say why a whole address cannot be opened, or None if only opening it can tell."""
    if _HOST_AND_PORT.fullmatch(url):
        return f"{shown(url)} has no scheme; write http://{url}"
    try:
        parts = urlsplit(url)
        _ = parts.port  # read for its check
    except ValueError as error:
        return f"{shown(url)} is no address: {error}"
    if parts.scheme == "file" or url == "about:blank":
        return None
    if parts.scheme not in ("http", "https"):
        return f"{shown(url)} cannot be opened; write an address with http:, https: or file:, or about:blank"
    return None if parts.hostname else f"{shown(url)} has no host; write it as http://host/path"
