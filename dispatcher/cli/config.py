"""`gpudrop config`: show and set your defaults."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from dispatcher import config_file
from dispatcher.cli.commands import EPILOG
from dispatcher.config import Settings
from protocol.transports import read_address

app = typer.Typer(
    name="config",
    help="Show and set your defaults: the drop, the voice, the folder for results.",
    no_args_is_help=True,
    epilog=EPILOG,
)


def _keys() -> list[str]:
    return list(config_file.KEYS)


Key = Annotated[
    str,
    typer.Argument(metavar="KEY", help=f"One of: {', '.join(config_file.KEYS)}.", autocompletion=_keys),
]


@app.command("show")
def show(json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show your defaults and where each comes from: the environment, config.toml, or neither."""
    shown = _in_use(Settings())
    if json_:
        values = {key: {"value": value, "origin": origin} for key, (value, origin) in shown.items()}
        sys.stdout.write(json.dumps(values, ensure_ascii=False, indent=1) + "\n")
        return
    for key, (value, origin) in shown.items():
        sys.stdout.write(f"{key:<7}{value or '-'}  ({origin})\n")


@app.command("set")
def set_(key: Key, value: Annotated[str, typer.Argument(metavar="VALUE", help="The new value.")]) -> None:
    """Set a default in config.toml."""
    settings = Settings()
    config_file.write(settings.config_file, key, config_file.checked(key, value))
    _warn_if_hidden(settings, key)
    if key == "drop" and isinstance(place := read_address(value), Path) and not place.exists():
        sys.stderr.write(f"{place.absolute()} does not exist yet; make it a drop with: gpudrop init\n")


@app.command("unset")
def unset(key: Key) -> None:
    """Remove a default from config.toml."""
    if key not in config_file.KEYS:
        config_file.checked(key, "")
    settings = Settings()
    config_file.write(settings.config_file, key, None)
    _warn_if_hidden(settings, key)


@app.command("path")
def path() -> None:
    """Print the path of config.toml, which may not exist."""
    sys.stdout.write(f"{Settings().config_file}\n")


def _in_use(settings: Settings) -> dict[str, tuple[str, str]]:
    """Return each default and where it comes from."""
    from dispatcher.drops.default import choose  # slow to import, and only `show` needs it

    choice = choose(None, settings)
    return {
        "drop": (str(choice.address), choice.origin) if choice else ("", "no drop found; make one: gpudrop init"),
        "voice": _of(settings, "voice", settings.voice, "the engine's default"),
        "out": _of(settings, "out", settings.out, "results are placed beside each source"),
    }


def _of(settings: Settings, key: str, variable: object, otherwise: str) -> tuple[str, str]:
    if variable:
        return str(variable), f"set by GPUDROP_{key.upper()}"
    value = settings.defaults.get(key, "")
    return value, f"the default in {settings.config_file}" if value else otherwise


def _warn_if_hidden(settings: Settings, key: str) -> None:
    """Warn if an environment variable overrides what was written."""
    told = settings.drop_of_environment
    variables = {
        "drop": told[1] if told else "",
        "voice": "GPUDROP_VOICE" if settings.voice else "",
        "out": "GPUDROP_OUT" if settings.out else "",
    }
    if variables[key]:
        sys.stderr.write(f"{variables[key]} is set and overrides config.toml; unset it to use this default\n")
