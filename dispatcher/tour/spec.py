"""A tour's spec: read strictly, with every problem named by its JSON path and its cure, before anything runs."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Annotated, Any, get_args
from urllib.parse import urljoin, urlsplit

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from dispatcher.tour.parts import ACTIONS, ASSERTIONS, NOT_YET, Meta, Output, Part, Scroll, Settings, expand
from protocol.errors import NotFoundError, SpecError
from protocol.kinds.tts import MAX_CHARACTERS
from protocol.layout import check_portable_name

MAX_STEPS = 500
SCHEMES = ("http", "https", "file", "about")


class _Choice:
    """Turns `{"type": …}` into the model of that type, from one of the tables."""

    def __init__(self, what: str, table: dict[str, type[Part]]) -> None:
        self._what, self._table = what, table

    def __call__(self, value: Any) -> Any:
        if isinstance(value, Part):
            return value
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            raise ValueError(f"must be an object with a type, one of {', '.join(self._table)}")
        name = value["type"]
        if name in NOT_YET:
            raise ValueError(f"{NOT_YET[name]} are not supported yet: leave {name!r} out")
        if name not in self._table:
            raise ValueError(f"unknown {self._what} {name!r}; {_nearest(name, list(self._table))}")
        return self._table[name].model_validate(value)


class Step(Part):
    """One step: what is said while the actions are done."""

    id: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(check_portable_name)]
    title: str | None = None
    url: Annotated[str, Field(min_length=1)] | None = None
    narration: Annotated[str, Field(max_length=MAX_CHARACTERS)] = ""
    actions: tuple[Any, ...] = ()
    assertions: tuple[Any, ...] = ()
    scroll: Scroll | None = None


class Spec(Part):
    """A whole tour. `source` is the file it was read from."""

    meta: Meta = Meta()
    settings: Settings = Settings()
    pre_setup: tuple[str, ...] = ()
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    output: Output = Output()
    source: Annotated[Path, Field(exclude=True)] = Path("tour.json")

    def resolve_url(self, step: Step) -> str | None:
        """Return the address a step opens, or None for one that stays on its page."""
        if step.url is None or urlsplit(step.url).scheme in SCHEMES:
            return step.url
        if self.settings.base_url is not None:
            return urljoin(self.settings.base_url.rstrip("/") + "/", step.url.lstrip("/"))
        return expand(step.url, self.source.parent).as_uri()

    def output_path(self) -> Path:
        """Return where the film goes: output.path, else a name beside the spec."""
        if self.output.path is not None:
            return expand(self.output.path, self.source.parent)
        return self.source.with_suffix(f".{self.output.format}").absolute()


def load(path: Path, *, base_url: str | None = None) -> Spec:
    """Return the spec in `path`, with `base_url` in place of its own if given. Raises SpecError with every problem."""
    raw = _read(path)
    if base_url is not None and isinstance(raw.get("settings", {}), dict):
        raw["settings"] = {**raw.get("settings", {}), "base_url": base_url}
    problems = list(_problems(raw))
    if not problems:
        spec = Spec.model_validate({**_parsed(raw), "source": path.absolute()})
        problems = list(_url_problems(spec))
    if problems:
        raise SpecError(str(path), problems)
    return spec


def _read(path: Path) -> dict[str, Any]:
    """Return the JSON object in `path`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise NotFoundError(f"{path} does not exist") from error
    except UnicodeDecodeError as error:
        raise SpecError(str(path), [f"$: is not UTF-8 (byte {error.start}); save it as UTF-8"]) from error
    except OSError as error:
        raise SpecError(str(path), [f"$: cannot be read: {error.strerror}"]) from error
    try:
        raw = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SpecError(str(path), [f"$: is not JSON: {error.msg} at {where}"]) from error
    except (ValueError, RecursionError) as error:
        raise SpecError(str(path), [f"$: {error}"]) from error
    if not isinstance(raw, dict):
        raise SpecError(str(path), ["$: must be a JSON object with the key steps"])
    return raw


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"the key {key!r} stands twice in one object; keep one")
        made[key] = value
    return made


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number in JSON")


def _parsed(raw: dict[str, Any]) -> dict[str, Any]:
    """Return the raw spec with its actions and assertions made."""
    steps = []
    for step in raw["steps"]:
        made = dict(step)
        for key, choose in (("actions", _ACTION), ("assertions", _ASSERTION)):
            made[key] = tuple(choose(item) for item in step.get(key, ()))
        steps.append(made)
    return {**raw, "steps": steps}


_ACTION, _ASSERTION = _Choice("action", ACTIONS), _Choice("assertion", ASSERTIONS)


def _problems(raw: dict[str, Any]) -> Any:
    """Yield every problem of a raw spec as one line."""
    steps = raw.get("steps")
    if not isinstance(steps, list):
        yield from _model_problems(Spec, {**raw, "steps": steps if "steps" in raw else []}, "$")
        return
    yield from _model_problems(Spec, {**raw, "steps": [_bare(step) for step in steps]}, "$")
    for n, step in enumerate(steps):
        if isinstance(step, dict):
            yield from _choice_problems(step, n)
    yield from _id_problems(steps)


def _bare(step: Any) -> Any:
    return {**step, "actions": [], "assertions": []} if isinstance(step, dict) else step


def _choice_problems(step: dict[str, Any], n: int) -> Any:
    for key, choose in (("actions", _ACTION), ("assertions", _ASSERTION)):
        items = step.get(key, [])
        if not isinstance(items, list):
            yield f"$.steps[{n}].{key}: must be a list"
            continue
        for k, item in enumerate(items):
            where = f"$.steps[{n}].{key}[{k}]"
            try:
                choose(item)
            except ValidationError as error:
                yield from _lines(error, choose._table[item["type"]], where)
            except ValueError as error:
                yield f"{where}: {error}"


def _id_problems(steps: list[Any]) -> Any:
    seen: dict[str, tuple[int, str]] = {}
    for n, step in enumerate(steps):
        step_id = step.get("id") if isinstance(step, dict) else None
        if not isinstance(step_id, str):
            continue
        before = seen.setdefault(step_id.casefold(), (n, step_id))
        if before[0] != n:
            alike = "is the id of" if before[1] == step_id else "differs only by case from the id of"
            yield f"$.steps[{n}].id: {step_id!r} {alike} step {before[0]}; ids name files: choose another"


def _model_problems(model: type[BaseModel], value: Any, where: str) -> Any:
    try:
        model.model_validate(value)
    except ValidationError as error:
        yield from _lines(error, model, where)


def _lines(error: ValidationError, model: type[BaseModel], where: str) -> Any:
    for found in error.errors():
        path = where + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in found["loc"])
        yield f"{path}: {_text(found, model)}"


def _text(found: Any, model: type[BaseModel]) -> str:
    """Say what is wrong, and what would be right."""
    key = str(found["loc"][-1]) if found["loc"] else ""
    match found["type"]:
        case "extra_forbidden" if key in NOT_YET:
            return f"{NOT_YET[key]} are not supported yet: leave it out"
        case "extra_forbidden":
            return f"is not known here; {_nearest(key, _keys(model, found['loc'][:-1]))}"
        case "missing":
            return "is missing; add it"
        case "too_short" if key == "steps":
            return "holds no step; a tour has at least one"
        case "too_long" if key == "steps":
            return f"holds {found['ctx'].get('actual_length') or 'too many'} steps; a tour has at most {MAX_STEPS}"
        case "value_error":
            return str(found["ctx"]["error"])
    return f"{found['msg'][0].lower()}{found['msg'][1:]}, not {json.dumps(found['input'], default=str)[:60]}"


def _keys(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Return the keys that are known at a place below a model."""
    for part in path:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return [name for name in model.model_fields if name != "source"]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in get_args(annotation) if (model := _model_in(inner))), None)


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    return f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are: {', '.join(known)}"


def _url_problems(spec: Spec) -> Any:
    """Yield the addresses that lead nowhere, as far as that can be known without opening them."""
    for n, step in enumerate(spec.steps):
        if step.url is None:
            if n == 0 or spec.settings.mode == "independent":
                yield f"$.steps[{n}].url: is missing; only later steps of a continuous tour stay on their page"
        elif (url := spec.resolve_url(step) or "").startswith("file:") and "://" not in step.url:
            if not expand(step.url.split("#")[0].split("?")[0], spec.source.parent).exists():
                yield (
                    f"$.steps[{n}].url: {step.url!r} is no file beside the spec; set settings.base_url or --base-url"
                )
        elif not urlsplit(url).netloc and not url.startswith(("file:", "about:")):
            yield f"$.steps[{n}].url: {step.url!r} has no host"
