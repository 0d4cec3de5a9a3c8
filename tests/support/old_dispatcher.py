"""The dispatcher that existing users run, rebuilt from its description alone: it imports nothing of ours.

`python old_dispatcher.py --jobs DIR --spec SPEC --out DIR` writes `<job>/request.json`, polls for the markers and
copies `audio/step-<id>.wav`. It prints what it got as one JSON object; an `error.marker` is an error message and exit
code 1.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path


class ColabTTSError(Exception):
    """The worker failed, or did not answer in time."""


def submit(jobs: Path, job: str, spec: dict) -> Path:
    """Write the request, straight into its place."""
    folder = jobs / job
    folder.mkdir(parents=True)
    request = {
        "voice": spec.get("voice", "am_michael"),
        "speed": spec.get("speed", 1.0),
        "language": spec.get("language", "en-us"),
        "steps": [{"id": step["id"], "narration": step["narration"]} for step in spec["steps"]],
    }
    (folder / "request.json").write_text(json.dumps(request, indent=2))
    return folder


def wait(folder: Path, timeout_s: float, poll_s: float) -> dict:
    """Poll for a marker; what it says is believed."""
    deadline = time.time() + timeout_s
    while time.time() < deadline:
        if (folder / "error.marker").exists():
            told = json.loads((folder / "error.marker").read_text())
            raise ColabTTSError(told.get("error", "unknown error"))
        if (folder / "done.marker").exists():
            return json.loads((folder / "done.marker").read_text())
        time.sleep(poll_s)
    raise ColabTTSError(f"no answer within {timeout_s:.0f} s")


def collect(folder: Path, spec: dict, out: Path) -> dict[str, str]:
    """Copy the clips of every step."""
    out.mkdir(parents=True, exist_ok=True)
    clips = {}
    for step in spec["steps"]:
        name = f"step-{step['id']}.wav"
        if not (folder / "audio" / name).exists():
            raise ColabTTSError(f"done, but audio/{name} is missing")
        shutil.copy2(folder / "audio" / name, out / name)
        clips[str(step["id"])] = str(out / name)
    return clips


def main() -> int:
    """Run one job."""
    options = argparse.ArgumentParser()
    options.add_argument("--jobs", type=Path, required=True)
    options.add_argument("--spec", type=Path, required=True)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--job")
    options.add_argument("--timeout", type=float, default=600)
    options.add_argument("--poll", type=float, default=2)
    given = options.parse_args()
    spec = json.loads(given.spec.read_text())
    try:
        folder = submit(given.jobs, given.job or time.strftime("tour-%Y%m%d-%H%M%S"), spec)
        done = wait(folder, given.timeout, given.poll)
        sys.stdout.write(json.dumps({"done": done, "clips": collect(folder, spec, given.out)}) + "\n")
    except ColabTTSError as error:
        sys.stderr.write(f"ColabTTSError: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
