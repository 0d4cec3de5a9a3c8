"""`gpudrop init`: find or make the drop, put the worker's package into it, and print the next steps."""

from __future__ import annotations

import json
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from dispatcher import config_file
from dispatcher.config import Settings
from dispatcher.drops import setup
from dispatcher.drops.default import choose
from dispatcher.workers.package import build_wheel, notebook
from protocol.errors import EnvironmentNotReady
from protocol.google_drive import COLAB_MY_DRIVE

_MADE = """\
drop      {drop}
package   {package}

"""
_ON_COLAB = """\
On Colab, once for each session:
  1. Open the notebook from Google Drive (right-click, Open with, Google Colaboratory):
     {notebook}
  2. Runtime, Change runtime type: choose a GPU.
  3. In the form set DROP to "{colab}"
     and tick the consent after reading the policy above it.
  4. Runtime, Run all, and allow access to Drive. The last cell serves jobs until it has been idle for a while.
Here:
  5. gpudrop tour tutorial.json --tts-backend colab{option}
"""
_ELSEWHERE = """\
This folder is not in a Google Drive folder of this machine. On the machine with the GPU, which must see it too:
  1. gpudrop worker --drop PATH    (the folder as that machine sees it)
Here:
  2. gpudrop tour tutorial.json --tts-backend colab{option}
If a Colab notebook sees the folder, open {notebook} there instead,
and set DROP to its path on Colab ({my_drive}/… if it is in your Drive).
"""


def init(
    drop: Annotated[
        str | None,
        typer.Option(
            "--drop",
            help="A folder or rclone:REMOTE:PATH; by default GPUDROP_DROP, your default drop, or a usual Drive folder.",
        ),
    ] = None,
    default: Annotated[bool, typer.Option("--default/--no-default", help="Make it your default drop.")] = True,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find or make the drop, put the worker's notebook and wheel into it, and print the steps for Colab."""
    settings = Settings()
    choice = choose(drop, settings)
    if choice is None:
        raise EnvironmentNotReady(
            f"no Google Drive folder found under {settings.home}. Name the shared folder: gpudrop init --drop PATH"
        )
    setup.check_apart(choice.address, settings.data_dir)
    if not choice.by_flag:
        setup.check_mounted(choice.address, settings.home)
    made = _make(choice.address if isinstance(choice.address, str) else choice.address.absolute(), settings.home)
    if default:
        _remember(str(made["drop"]), settings)
    sys.stdout.write(json.dumps(made, ensure_ascii=False) + "\n" if json_ else _steps(made, is_default=default))


def _remember(drop: str, settings: Settings) -> None:
    """Make a drop the default, and report the change."""
    before = settings.defaults.get("drop")
    if before != drop:
        config_file.write(settings.config_file, "drop", drop)
        was = f" instead of {before}" if before else ""
        sys.stderr.write(f"{drop} is now the default drop{was} ({settings.config_file})\n")


def _make(path: str | Path, home: Path) -> dict[str, str | None]:
    drop_id = setup.init_drop(path)
    with tempfile.TemporaryDirectory() as folder:
        package = setup.publish_package(path, build_wheel(Path(folder)), notebook())
    return {
        "drop": str(path),
        "id": drop_id,
        "package": f"{path}/{package}",
        "notebook": f"{path}/{package}/{setup.NOTEBOOK}",
        "colab": setup.seen_by_colab(path, home),
    }


def _steps(made: dict[str, str | None], *, is_default: bool) -> str:
    option = "" if is_default else f" --drop {shlex.quote(str(made['drop']))}"
    steps = _MADE + (_ON_COLAB if made["colab"] else _ELSEWHERE)
    return steps.format(**{**made, "my_drive": COLAB_MY_DRIVE, "option": option})
