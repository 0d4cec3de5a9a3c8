"""`gpudrop key`: make the keys of both sides, and show how to configure each side with them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.config import Settings
from dispatcher.drops.default import choose
from protocol import keys
from protocol.errors import NotFoundError, UsageError
from protocol.signing import Key, PublicKey, Role, new_key, read_key, read_trusted

app = typer.Typer(name="key", help="Make and show the keys that sign messages.", no_args_is_help=True)

_MADE = """\
made      {folder}  (only you can read it; keep it out of every drop)

This machine, to send signed jobs and accept only signed results:
  export GPUDROP_AUTH=require{keyring}
A worker on this machine:
  export GPUDROP_WORKER_AUTH=require
A worker on Colab: three secrets (the key symbol at the left of the notebook, "Notebook access" on):
{secrets}
A worker elsewhere: the same three as environment variables.
"""
_KEYRING = " GPUDROP_KEY=keyring"
_SECRETS = """\
  GPUDROP_WORKER_AUTH    require
  GPUDROP_WORKER_KEY     what this prints: gpudrop key show --secret worker
  GPUDROP_WORKER_TRUST   {trusted}
"""

Folder = Annotated[
    Path | None, typer.Option("--folder", help="The folder of the keys, by default in the configuration folder.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the public keys as JSON.")]


@app.command("new")
def new(
    folder: Folder = None,
    keyring: Annotated[
        bool, typer.Option("--keyring", help="Store the dispatcher's key in the system keyring instead of a file.")
    ] = False,
    json_: Json = False,
) -> None:
    """Make a key for each side. Existing keys are not replaced, and keys are not written into a drop."""
    settings = Settings()
    place = _place(folder, settings)
    choice = choose(None, settings)
    if (drop := keys.drop_around(place / keys.TRUSTED, choice.address if choice else None)) is not None:
        raise UsageError(f"{place} is inside the drop {drop}, which others can read. Use another folder: --folder DIR")
    made = [new_key("dispatcher"), new_key("worker")]
    _write(place, made, keyring=keyring)
    text = _MADE.replace("{folder}", str(place)).replace("{keyring}", _KEYRING if keyring else "")
    _show([key.public for key in made], json_, text)


def _write(place: Path, made: list[Key], *, keyring: bool) -> None:
    """Write the keys; write nothing if one of them exists."""
    names = [*(keys.key_file(place, key.role) for key in made), place / keys.TRUSTED]
    if there := [path for path in names if path.exists()]:
        raise UsageError(f"{there[0]} already exists, and workers may trust it. Delete it first, or use --folder DIR")
    for key in made:
        if keyring and key.role == "dispatcher":
            keys.to_keyring(key)
        else:
            keys.write_file(keys.key_file(place, key.role), key.spell_secret() + "\n")
    keys.write_file(place / keys.TRUSTED, "".join(f"{key.public}\n" for key in made))


@app.command("show")
def show(
    folder: Folder = None,
    secret: Annotated[
        str | None,
        typer.Option(
            "--secret", metavar="ROLE", help="Print the secret key of this role instead: dispatcher or worker."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Print the public keys and the settings of a worker; with --secret, print a secret key."""
    place = _place(folder, Settings())
    if secret is not None:
        sys.stdout.write(_secret(place, secret).spell_secret() + "\n")
        return
    path = place / keys.TRUSTED
    if not path.exists():
        raise NotFoundError(f"there are no keys in {place}. Run: gpudrop key new")
    _show(list(read_trusted(path.read_text("ascii"))), json_, "{secrets}")


def _secret(place: Path, name: str) -> Key:
    role: Role
    if name == "dispatcher":
        role = "dispatcher"
    elif name == "worker":
        role = "worker"
    else:
        raise UsageError(f"--secret {name}: the roles are: dispatcher, worker")
    path = keys.key_file(place, role)
    if not path.exists():
        raise NotFoundError(f"{path} does not exist. Run: gpudrop key new")
    return read_key(keys.read_file(path))


def _place(folder: Path | None, settings: Settings) -> Path:
    return (folder.expanduser() if folder else settings.keys_dir).absolute()


def _show(public: list[PublicKey], as_json: bool, text: str) -> None:
    if as_json:
        sys.stdout.write(json.dumps({key.role: {"id": key.id, "public": str(key)} for key in public}) + "\n")
        return
    sys.stdout.write("".join(f"{key.role:<12}{key.id}  {key}\n" for key in public))
    sys.stdout.write(text.replace("{secrets}", _SECRETS.format(trusted=",".join(map(str, public))).rstrip("\n")) + "\n")
