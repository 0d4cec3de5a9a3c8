"""`gpudrop init`: find or make the drop, put the worker's package into it, say what to do on Colab."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from dispatcher import drops
from dispatcher.config import Settings
from dispatcher.workers.package import build_wheel, notebook
from protocol.errors import EnvironmentNotReady
from protocol.google_drive import COLAB_MY_DRIVE

_STEPS = """\
drop      {drop}
package   {package}

On Colab, once for each session:
  1. Open the notebook from Google Drive (right-click, Open with, Google Colaboratory):
     {notebook}
  2. Runtime, Change runtime type: choose a GPU.
  3. In the form set DROP to {colab}
     and tick the consent after reading the policy above it.
  4. Runtime, Run all, and allow the access to Drive. The last cell keeps serving until it is idle for a while.
Here:
  5. record_tour.py tutorial.json --tts-backend colab --colab-drive-path {drop}
"""


def init(
    drop: Annotated[
        str | None,
        typer.Option(
            "--drop",
            help="A folder or rclone:REMOTE:PATH, else COLAB_TTS_DRIVE_PATH, else the usual Drive folders.",
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Find or make the drop, put the worker's notebook and wheel into it, and print the steps for Colab."""
    settings = Settings()
    found = drops.find(drop, settings.drop, settings.home)
    if found is None:
        raise EnvironmentNotReady(
            f"no Google Drive folder found under {settings.home}. Name the shared folder: gpudrop init --drop PATH"
        )
    drops.check_apart(found, settings.data_dir)
    made = _make(found if isinstance(found, str) else found.absolute(), settings.home)
    sys.stdout.write(json.dumps(made, ensure_ascii=False) + "\n" if json_ else _steps(made))


def _make(path: str | Path, home: Path) -> dict[str, str | None]:
    drop_id = drops.init_drop(path)
    with tempfile.TemporaryDirectory() as folder:
        package = drops.publish_package(path, build_wheel(Path(folder)), notebook())
    return {
        "drop": str(path),
        "id": drop_id,
        "package": f"{path}/{package}",
        "notebook": f"{path}/{package}/{drops.NOTEBOOK}",
        "colab": drops.seen_by_colab(path, home),
    }


def _steps(made: dict[str, str | None]) -> str:
    colab = f'"{made["colab"]}"' if made["colab"] else f"that folder as Colab sees it: {COLAB_MY_DRIVE}/…"
    return _STEPS.format(**{**made, "colab": colab})
