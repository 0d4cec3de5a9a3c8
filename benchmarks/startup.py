"""How long commands take to start: ours beside those of comparable tools, in one run.

    .venv/bin/python -m benchmarks.startup [--times 15] [--json FILE]

Measures the processor time (user and system) and the wall time of whole processes: `gpudrop --version`, `--help` and
`runs ls` on an empty database, `uv --version`, `huey_consumer --help` and `prefect --version`. The commands take turns
in random order with random gaps; the first round, which compiles bytecode, is not counted. `make bench-startup`
installs the peers, Prefect in a separate environment, as its dependencies conflict with ours. One that is missing is
listed as skipped.

Targets, in processor time: at most 0.25 s for `--version` and `--help`, 0.6 s for `runs ls`. docs/performance.md says
which are met.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

GAP_S = (0.05, 0.3)
TARGETS_S = {"gpudrop --version": 0.25, "gpudrop --help": 0.25, "gpudrop runs ls": 0.6}
COMMANDS = (*TARGETS_S, "uv --version", "huey_consumer --help", "prefect --version")
BIN = Path(sys.executable).parent
PREFECT = BIN.parents[1] / ".venv-prefect" / "bin"


def main() -> None:
    """Run, print a table, write JSON."""
    options = _options()
    found = {command: path for command in COMMANDS if (path := _program(command)) is not None}
    with tempfile.TemporaryDirectory(prefix="gpudrop-startup-") as home:
        times = _measure(found, options.times, _environment(Path(home)))
    rows = [_row(command, times.get(command)) for command in COMMANDS]
    for row in rows:
        print(_line(row), flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps({"rows": rows, **_machine()}, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=15, help="how often each command is run")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _program(command: str) -> str | None:
    """Return the path of a command's program, in this environment, in Prefect's, or on PATH."""
    return shutil.which(command.split()[0], path=os.pathsep.join([str(BIN), str(PREFECT), os.environ.get("PATH", "")]))


def _environment(home: Path) -> dict[str, str]:
    """Return an environment with folders of its own, in which bytecode is cached as in any installation."""
    rest = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **rest,
        "GPUDROP_DATA_DIR": str(home / "data"),
        "GPUDROP_CONFIG_DIR": str(home / "config"),
        "PREFECT_HOME": str(home / "prefect"),
        "DO_NOT_TRACK": "1",
    }


def _measure(
    found: Mapping[str, str], times: int, environment: Mapping[str, str]
) -> dict[str, list[tuple[float, float]]]:
    """Return (processor seconds, wall seconds) of each run of each command, in random order with random gaps."""
    measured: dict[str, list[tuple[float, float]]] = {command: [] for command in found}
    for number in range(times + 1):
        for command in random.sample(list(found), len(found)):
            time.sleep(random.uniform(*GAP_S))
            seconds = _run([found[command], *command.split()[1:]], environment)
            if number:  # the first round compiles bytecode and fills the caches of the disk
                measured[command].append(seconds)
    return measured


def _run(command: list[str], environment: Mapping[str, str]) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    ran = subprocess.run(command, env=dict(environment), capture_output=True, text=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        raise SystemExit(f"{' '.join(command)} failed with exit code {ran.returncode}:\n{ran.stderr}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, wall


def _row(command: str, times: list[tuple[float, float]] | None) -> dict[str, Any]:
    if times is None:
        return {"command": command, "skipped": "not installed"}
    processor, wall = ([seconds[column] for seconds in times] for column in (0, 1))
    target = TARGETS_S.get(command)
    median = statistics.median(processor)
    return {
        "command": command,
        "times": len(times),
        "processor_s": round(median, 3),
        "processor_min_s": round(min(processor), 3),
        "wall_s": round(statistics.median(wall), 3),
        **({} if target is None else {"target_s": target, "met": median <= target}),
    }


def _line(row: Mapping[str, Any]) -> str:
    if "skipped" in row:
        return f"{row['command']:<22}skipped: {row['skipped']}"
    target = "" if "met" not in row else f"  target {row['target_s']} s {'met' if row['met'] else 'missed'}"
    return (
        f"{row['command']:<22}processor {row['processor_s']:.3f} s (fastest {row['processor_min_s']:.3f} s)  "
        f"wall {row['wall_s']:.3f} s{target}"
    )


def _machine() -> dict[str, Any]:
    installed = {each.metadata["Name"].lower(): each.version for each in distributions(path=_packages())}
    return {
        "machine": {"cpus": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "versions": {name: installed[name] for name in ("gpudrop", "uv", "huey", "prefect") if name in installed},
        "command": " ".join(["python -m benchmarks.startup", *sys.argv[1:]]),
    }


def _packages() -> list[str]:
    return [*sys.path, *map(str, PREFECT.parent.glob("lib/python*/site-packages"))]


if __name__ == "__main__":
    main()
