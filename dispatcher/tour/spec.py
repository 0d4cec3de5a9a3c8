"""A tour's spec: read strictly, with every problem named by its JSON path and its cure, before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from pydantic import AfterValidator, Field, PrivateAttr, ValidationError

from dispatcher.tour import spec_errors, spec_file
from dispatcher.tour.parts import Action, Assertion, Meta, Output, Part, Scroll, Settings, expand
from dispatcher.tour.spec_file import Problem, shown
from protocol.errors import SpecError, UsageError
from protocol.kinds.tts import MAX_CHARACTERS
from protocol.layout import check_portable_name

MAX_STEPS = 500
MAX_ID = 64
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}(?:[/?#].*)?")


class Step(Part):
    """One step: what is said while the actions are done. A step without a url stays on the page of the one before."""

    id: Annotated[str, Field(min_length=1, max_length=MAX_ID), AfterValidator(check_portable_name)]
    title: str | None = None
    url: Annotated[str, Field(min_length=1)] | None = None
    narration: Annotated[str, Field(max_length=MAX_CHARACTERS)] = ""
    actions: tuple[Action, ...] = ()
    assertions: tuple[Assertion, ...] = ()
    scroll: Scroll | None = None


class Spec(Part):
    """A whole tour."""

    meta: Meta = Meta()
    settings: Settings = Settings()
    pre_setup: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    steps: tuple[Step, ...]
    output: Output = Output()
    _source: Path = PrivateAttr(default=Path("tour.json"))

    @property
    def source(self) -> Path:
        """Return the file it was read from; relative paths in the spec start beside it."""
        return self._source

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
                found.append(f"$.steps[{n}].url: {wrong}")
        return found

    def output_path(self) -> Path:
        """Return where the film goes: output.path, else a name beside the spec."""
        if self.output.path is not None:
            return expand(self.output.path, self.source.parent)
        return self.source.with_suffix(f".{self.output.format}").absolute()

    def _file(self, path: str) -> Path:
        return expand(unquote(path), self.source.parent)

    def _url_problem(self, n: int, step: Step) -> str | None:
        if step.url is None:
            return self._missing_url(n)
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
        if n == 0:
            return 'is missing; the first step opens a page ("about:blank" is an empty one)'
        if self.settings.mode == "independent":
            return 'is missing; add it, or set settings.mode to "continuous" to stay on the page of the step before'
        return None


def load(path: Path, *, base_url: str | None = None) -> Spec:
    """Return the spec in `path`, with `base_url` in place of its own if given.

    Raises SpecError with every problem at once, NotFoundError without the file, UsageError for a wrong `base_url`.
    """
    raw, wrong = spec_file.read(path)
    try:
        spec = Spec.model_validate(raw)
    except ValidationError as error:
        wrong += _new(spec_errors.problems(error, Spec), wrong, raw)
        spec = _addresses(raw)
    wrong += _step_problems(raw.get("steps"))
    spec._source = path.absolute()
    spec = spec if base_url is None else spec.with_base_url(base_url)
    if lines := [f"{where}: {what}" for where, what in wrong] + spec.check_urls():
        raise SpecError(str(path), lines)
    return spec


def _addresses(raw: dict[str, Any]) -> Spec:
    """Return what a wrong spec says of addresses, so that these are checked in the same go. Not for any other use."""
    settings = raw.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    base, mode = settings.get("base_url"), settings.get("mode", "independent")
    steps = raw.get("steps")
    return Spec.model_construct(
        settings=Settings.model_construct(base_url=base if isinstance(base, str) else None, mode=mode),
        steps=tuple(
            Step.model_construct(id="", url=_address(step)) for step in (steps if isinstance(steps, list) else ())
        ),
    )


def _address(step: object) -> str | None:
    """Return a step's address; a harmless one where something else is wrong with it already."""
    url = step.get("url") if isinstance(step, dict) else "about:blank"
    return url if url is None or (isinstance(url, str) and url) else "about:blank"


def _new(found: Iterator[Problem], known: list[Problem], raw: dict[str, Any]) -> list[Problem]:
    """Return what is not said already: a NaN is out of range too, and segments stand where steps should."""
    said = {where for where, _ in known}
    if "segments" in raw and "steps" not in raw:
        said.add("$.steps")
    return [problem for problem in found if problem[0] not in said]


def _step_problems(steps: object) -> list[Problem]:
    """Return what only shows when all steps are looked at together: their number, and ids that are alike."""
    if not isinstance(steps, list):
        return []
    if not steps:
        return [("$.steps", "holds no step; add at least one")]
    found: list[Problem] = []
    if len(steps) > MAX_STEPS:
        found.append(("$.steps", f"holds {len(steps)} steps; a tour has at most {MAX_STEPS}: split it"))
    return found + list(_alike(steps))


def _alike(steps: list[Any]) -> Iterator[Problem]:
    seen: dict[str, tuple[int, str]] = {}
    for n, step in enumerate(steps):
        name = step.get("id") if isinstance(step, dict) else None
        if not isinstance(name, str):
            continue
        first, other = seen.setdefault(name.casefold(), (n, name))
        if first != n:
            alike = "is the id of" if other == name else f"differs only by case from {shown(other)}, the id of"
            yield f"$.steps[{n}].id", f"{shown(name)} {alike} step {first}; ids name files: choose another"


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
