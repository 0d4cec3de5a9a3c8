"""`python -m colab.models`: what `gpudrop models` runs, in a process of its own."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from colab.config import ModelSettings
from colab.models import ModelPlaces, Models, WrongContent
from colab.models.errors import UnsafeWeights
from colab.models.owner import OWNED_KINDS
from colab.models.shop import add, catalogue, chosen, remove, rows
from colab.models.showing import as_json, in_words, line, table, watching
from protocol.errors import EnvironmentNotReady, GpudropError, JobFailed, NotFoundError, UsageError
from protocol.transports import open_drop
from usertext.command_line import INTERRUPTED, USAGE, Misuse, call
from usertext.redaction import guard_logs, legible, without_secrets

EPILOG = (
    "Exit codes: 0 ok · 2 usage · 3 no such model, or not on this machine · 4 a file is not what it should be, or "
    "could run code · 5 the owner's table is wrong · 6 no network, no room, no drop · 130 interrupted; docs/models.md"
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON record, for a program.")]
Drop = Annotated[
    str | None,
    typer.Option(help="A drop, whose shelf of model files is looked at and filled too.", envvar="GPUDROP_WORKER_DROP"),
]
Names = Annotated[list[str] | None, typer.Argument(help="Models, or single files of theirs.", show_default=False)]
Kind = Annotated[str | None, typer.Option(help="Only models for this kind of work.", show_default=False)]

app = typer.Typer(
    name="gpudrop models",
    help="The model files of this machine's worker: which there are, and where.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command("ls")
def ls(names: Names = None, kind: Kind = None, drop: Drop = None, as_record: Json = False) -> None:
    """List the models that a worker may use: size, licence, where they are, and whether that was verified."""
    places = _places(drop)
    known = catalogue(places)
    picked = [known[name] for name in chosen(names or list(known), known) if name in known]
    if names and len(picked) < len(set(names)):
        raise UsageError("ls lists models, not single files of theirs")
    listed = rows(Models(places), [model for model in picked if kind in (None, model.kind)])
    if as_record:
        as_json({"models": [row.record() for row in listed]})
        return
    table(listed)
    for row in listed:
        if names and row.notes:
            line(f"{row.name}: {row.notes}")


@app.command("pull")
def pull(names: Names = None, kind: Kind = None, drop: Drop = None, as_record: Json = False) -> None:
    """Fetch models into this machine's cache, verified; with --drop also onto the drop's shelf, for its workers.

    A pull that was cut goes on where it stopped. What is here already is not fetched again.
    """
    places = _places(drop)
    known = catalogue(places)
    if not names and kind is None:
        raise UsageError("name the models to fetch (`gpudrop models ls` lists them), or give --kind")
    wanted = chosen([*(names or []), *(name for name, model in known.items() if model.kind == kind)], known)
    fetched = []
    with watching(_missing(places, wanted)) as watch:
        models = Models(places, watch=watch)
        for name, files in wanted.items():
            paths = [models.path(file) for file in files]
            shelved = _offered(models, files) if drop else None
            fetched.append({"name": name, "files": [str(path) for path in paths], "in_drop": shelved})
            if shelved is False:
                _warn(f"{name} is here, and could not be put into the drop")
            _note(known[name].notes if name in known and not as_record else "")
            if not as_record:
                line(f"{name}: verified, {paths[0] if len(paths) == 1 else f'{len(paths)} files'}")
    if as_record:
        as_json({"models": fetched})


@app.command("verify")
def verify(names: Names = None, drop: Drop = None, as_record: Json = False) -> None:
    """Read the model files of this machine through, with --drop those of its shelf; exit code 4 if one is wrong.

    A wrong one here is set aside as `.bad`, and is fetched anew when it is needed. On a shelf it is passed over.
    """
    places = _places(drop)
    known = catalogue(places)
    models = Models(places)
    look = models.verify_shelved if drop else models.verify
    files = [file for listed in chosen(names or list(known), known).values() for file in listed]
    there = models.shelved(files) if drop else files
    found = {
        file: {True: "ok", False: "wrong", None: "not here"}[look(file) if file in there else None] for file in files
    }
    if as_record:
        as_json({"files": found})
    else:
        for file, state in found.items():
            if names or state != "not here":
                line(f"{state:<9} {file}")
        if not names and set(found.values()) <= {"not here"}:
            _warn(f"no model files {'on the shelf of the drop' if drop else 'here'}: nothing to verify")
    _judge(found, names, "delete it from the drop, then" if drop else "it was set aside;")


def _judge(found: dict[str, str], names: list[str] | None, hint: str) -> None:
    if wrong := [file for file, state in found.items() if state == "wrong"]:
        raise WrongContent(f"{', '.join(wrong)}: not what the table says; {hint} fetch again: gpudrop models pull")
    if names and (absent := [file for file, state in found.items() if state == "not here"]):
        raise NotFoundError(f"{', '.join(absent)}: not there. Fetch: gpudrop models pull {' '.join(names)}")


@app.command("add")
def add_model(
    name: Annotated[str, typer.Argument(help="What jobs will call it: lower-case letters, digits, '.', '_', '-'.")],
    file: Annotated[list[Path], typer.Option(help="A file of the model; once for each.", show_default=False)],
    kind: Annotated[str, typer.Option(help=f"The kind of work it is for: {', '.join(OWNED_KINDS)}.")],
    licence: Annotated[str, typer.Option(help="Its licence, for the list.")] = "unknown",
    purpose: Annotated[str, typer.Option(help="A line on what it is for, for the list.")] = "",
    drop: Drop = None,
    as_record: Json = False,
) -> None:
    """Add a model of your own to what this worker may use, after a look that its files hold data and no code.

    A worker that is running sees it when it is started again.
    """
    settings = ModelSettings()
    places = _places(drop)
    model = add(places, settings.models_file, name, file, {"kind": kind, "licence": licence, "purpose": purpose})
    models = Models(_places(drop))
    shelved = _offered(models, [entry.name for entry in model.files]) if drop else None
    told = [{"name": entry.name, "size": entry.size, "sha256": entry.sha256} for entry in model.files]
    if as_record:
        as_json({"name": name, "kind": kind, "files": told, "table": str(settings.models_file), "in_drop": shelved})
        return
    for entry in model.files:
        line(f"{entry.name}: {in_words(entry.size)}, sha256 {entry.sha256}")
    line(f"added to {settings.models_file}; a worker that is running sees it when it is started again")


@app.command("rm")
def rm(name: Annotated[str, typer.Argument(help="A model.")], as_record: Json = False) -> None:
    """Delete a model's files from this machine; one of your own is forgotten too. The drop keeps its copies."""
    freed, owned = remove(_places(None), ModelSettings().models_file, name)
    if as_record:
        as_json({"name": name, "freed": freed, "forgotten": owned})
        return
    line(f"{name}: {in_words(freed)} freed" + (", and not known any more" if owned else ""))


@app.command("path")
def path(
    name: Annotated[str, typer.Argument(help="A model, or a single file of one.")], as_record: Json = False
) -> None:
    """Print where a model lies on this machine: the folder of its files, or its one file. Nothing is fetched."""
    places = _places(None)
    models = Models(places)
    files = chosen([name], catalogue(places))[name]
    if lacking := [file for file in files if models.cached(file) is None]:
        raise NotFoundError(f"{', '.join(lacking)}: not on this machine. Fetch: gpudrop models pull {name}")
    paths = {file: str(models.path(file)) for file in files}
    folder = str(models.folder(name)) if all(file.startswith(f"{name}/") for file in files) else None
    if as_record:
        as_json({"name": name, "folder": folder, "files": paths})
        return
    for found in [folder] if folder else paths.values():
        line(found)


def _places(drop: str | None) -> ModelPlaces:
    """Return where models are; a drop that cannot be seen at all is an error at once, not a line in a log."""
    if drop is not None:
        open_drop(drop).close()
    return ModelSettings().places(drop)


def _offered(models: Models, files: Sequence[str]) -> bool:
    """Put files onto the shelf of the drop; say whether all are there, each one having been tried."""
    there = [models.offer(file) for file in files]
    return all(there)


def _missing(places: ModelPlaces, wanted: dict[str, tuple[str, ...]]) -> int:
    models = Models(places)
    known = {file.name: file.size for model in catalogue(places).values() for file in model.files}
    return sum(known.get(file, 0) for files in wanted.values() for file in files if models.cached(file) is None)


def _note(text: str) -> None:
    if text:
        _warn(f"note: {text}")


def _warn(text: str) -> None:
    sys.stderr.write(f"{legible(text)}\n")


def _exit_code(error: GpudropError) -> int:
    """Return the documented code. Here a `JobFailed` is no remote job: what failed is this machine or its network."""
    if isinstance(error, JobFailed) and not isinstance(error, WrongContent | UnsafeWeights):
        return EnvironmentNotReady.exit_code
    return error.exit_code


def _tell(error: GpudropError, code: int) -> None:
    text = without_secrets(str(error))
    if "--json" in sys.argv:
        record: dict[str, Any] = {"event": "error", "type": type(error).__name__, "text": text, "exit_code": code}
        sys.stderr.write(json.dumps(record, ensure_ascii=False) + "\n")
    else:
        sys.stderr.write(f"error: {legible(text)}\n")


def main() -> None:
    """Run the command line; an error is a line and an exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    guard_logs()
    debug = "--debug" in sys.argv
    try:
        code = call(app, [argument for argument in sys.argv[1:] if argument != "--debug"], "gpudrop models")
    except Misuse as error:
        code = USAGE
        _tell(UsageError(str(error)), code)
    except GpudropError as error:
        if debug:
            raise
        code = _exit_code(error)
        _tell(error, code)
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        _warn("interrupted; run the same command again to resume")
    sys.exit(code)


if __name__ == "__main__":
    main()
