"""The spec of a tour as a whole, and where the addresses of its steps lead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from pydantic import ConfigDict, Field, ModelWrapValidatorHandler, PrivateAttr, model_validator

from dispatcher.tour.spec.fields import SpecPart, expand
from dispatcher.tour.spec.json_file import quoted
from dispatcher.tour.spec.settings import OutputSettings, SpecSettings, TourMeta
from dispatcher.tour.spec.slide_models import Deck
from dispatcher.tour.spec.steps import Segment, TourStep
from protocol.errors import UsageError

_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}(?:[/?#].*)?")


class Spec(SpecPart):
    """A whole tour. `steps` is what is recorded, also if the spec has segments."""

    model_config = ConfigDict(frozen=True, extra="forbid", title="gpudrop tour")

    schema_: Annotated[str | None, Field(alias="$schema")] = None
    meta: TourMeta = TourMeta()
    settings: SpecSettings = SpecSettings()
    pre_setup: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    steps: tuple[TourStep, ...] = ()
    segments: tuple[Segment, ...] | None = None
    slides: Deck | None = None
    output: OutputSettings = OutputSettings()
    _source: Path = PrivateAttr(default=Path("tour.json"))
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _segments_are_steps(cls, raw: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        spec = handler(raw)
        return spec if spec.segments is None else spec.model_copy(update={"steps": spec.segments})

    @property
    def source(self) -> Path:
        """Return the file that it was read from; relative paths in the spec start in its folder."""
        return self._source

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return how keys of another recorder, and ambiguous values, were interpreted."""
        return self._warnings

    def with_base_url(self, url: str) -> Self:
        """Return the spec with another base url. Raises UsageError if no address can be joined to it."""
        if wrong := _base_problem(url):
            raise UsageError(f"--base-url {wrong}")
        return self.model_copy(update={"settings": self.settings.model_copy(update={"base_url": url})})

    def resolve_url(self, step: TourStep) -> str | None:
        """Return the address that a step opens, or None if it stays on the current page.

        A relative url is appended to base_url (`/lab` on `http://host/user/` is `http://host/user/lab`, as behind a
        proxy); without a base_url it is the url of a file, relative to the spec.
        """
        if step.url is None or urlsplit(step.url).scheme:
            return step.url
        if (base := self.settings.base_url) is not None:
            return urljoin(base.rstrip("/") + "/", step.url.lstrip("/"))
        parts = urlsplit(step.url)
        rest = SplitResult("", "", "", parts.query, parts.fragment).geturl()
        return self._file(parts.path).as_uri() + rest

    def check_urls(self) -> list[str]:
        """Return one line for each address that cannot work, as far as that is known without opening it."""
        base = self.settings.base_url
        wrong = _base_problem(base) if base is not None else None
        found = [f"$.settings.base_url: {wrong}"] if wrong else []
        for n, step in enumerate(self.steps):
            if wrong := self._url_problem(n, step):
                found.append(f"$.{self._list}[{n}].url: {wrong}")
        return found

    def output_path(self) -> Path:
        """Return where the video goes: output.path, else next to the spec, under its name."""
        if self.output.path is not None:
            return expand(self.output.path, self.source.parent)
        return self.source.with_suffix(f".{self.output.format}").absolute()

    @property
    def _list(self) -> str:
        return "steps" if self.segments is None else "segments"

    def _file(self, path: str) -> Path:
        return expand(unquote(path), self.source.parent)

    def _url_problem(self, n: int, step: TourStep) -> str | None:
        if step.url is None:
            return self._missing_url(n) if step.show is None else None
        try:
            parts = urlsplit(step.url)
        except ValueError as error:
            return f"{quoted(step.url)} is not a valid address: {error}"
        if parts.scheme or _HOST_AND_PORT.fullmatch(step.url):
            return _address_problem(step.url)
        if self.settings.base_url is None and not _is_file(self._file(parts.path)):
            return f"{quoted(step.url)} is not a file next to the spec; set settings.base_url or pass --base-url"
        return None

    def _missing_url(self, n: int) -> str | None:
        if all(step.show is not None for step in self.steps[:n]):
            what = "step" if self.segments is None else "demo segment"
            return f'is missing; the first {what} must open a page ("about:blank" is an empty one)'
        if self.settings.mode == "independent":
            return 'is missing; add it, or set settings.mode to "continuous" to stay on the page of the previous step'
        return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system allows
        return False


def _base_problem(url: str) -> str | None:
    """Return why relative addresses cannot be joined to this one, or None if they can."""
    if wrong := _address_problem(url):
        return wrong
    parts = urlsplit(url)
    if parts.scheme == "about" or parts.query or parts.fragment:
        return f"{quoted(url)} cannot be a base; give an address without '?' and '#', such as http://localhost:8888"
    return None


def _address_problem(url: str) -> str | None:
    """Return why an absolute address cannot be opened, or None if that is only known by opening it."""
    if _HOST_AND_PORT.fullmatch(url):
        return f"{quoted(url)} has no scheme; write http://{url}"
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError for a wrong one
    except ValueError as error:
        return f"{quoted(url)} is not a valid address: {error}"
    if parts.scheme == "file" or url == "about:blank":
        return None
    if parts.scheme not in ("http", "https"):
        return f"{quoted(url)} cannot be opened; give an address with http:, https: or file:, or about:blank"
    return None if parts.hostname else f"{quoted(url)} has no host; write http://host/path"
