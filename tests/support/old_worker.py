"""The worker that existing users run, rebuilt from its description alone: it imports nothing of ours.

`python old_worker.py --jobs DIR` scans for folders with a `request.json` and no marker, writes `audio/step-<id>.wav`
(a tone of 60 ms a letter instead of a voice) and then `done.marker` or `error.marker`. Its known faults: without
`--survives-torn` a half-written request ends it, `--late S` lets the clips come after the marker, `--torn N` cuts the
last clip, and one bad step (a narration with "BAD") throws all away.
"""

from __future__ import annotations

import argparse
import json
import math
import struct
import sys
import threading
import time
import wave
from datetime import UTC, datetime
from pathlib import Path

RATE = 24000


def speak(text: str, path: Path) -> float:
    """Write the clip and return its seconds."""
    if "BAD" in text:
        raise ValueError(f"cannot phonemize {text!r}")
    frames = int(RATE * max(0.2, 0.06 * len(text)))
    samples = (int(8000 * math.sin(at / 20)) for at in range(frames))
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as clip:
        clip.setnchannels(1)
        clip.setsampwidth(2)
        clip.setframerate(RATE)
        clip.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return frames / RATE


def write_marker(folder: Path, name: str, told: dict) -> None:
    """Write a marker."""
    (folder / name).write_text(json.dumps(told, indent=2))


def work(folder: Path, request: dict, given: argparse.Namespace) -> None:
    """Speak every step, or none."""
    audio = folder / "audio"
    audio.mkdir(exist_ok=True)
    made = Path(given.scratch or audio) / folder.name if given.late else audio
    seconds = 0.0
    for step in request["steps"]:
        time.sleep(given.slow)
        try:
            seconds += speak(step["narration"], made / f"step-{step['id']}.wav")
        except ValueError as error:
            for clip in made.glob("step-*.wav"):
                clip.unlink()
            write_marker(folder, "error.marker", {"status": "error", "error": str(error), "step": step["id"]})
            return
    if given.torn:
        last = sorted(made.glob("step-*.wav"))[-1]
        last.write_bytes(last.read_bytes()[: -given.torn])
    if given.late:
        threading.Timer(given.late, move_all, (made, audio)).start()
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    told = {"status": "completed", "total_duration": round(seconds, 1), "steps_generated": len(request["steps"])}
    write_marker(folder, "done.marker", {**told, "timestamp": stamp})


def move_all(made: Path, audio: Path) -> None:
    """Let the clips appear one by one, as a sync tool does."""
    for clip in sorted(made.glob("step-*.wav")):
        (audio / clip.name).write_bytes(clip.read_bytes())
        time.sleep(0.2)


def scan(given: argparse.Namespace) -> None:
    """Work on whatever has a request and no marker."""
    for request_file in sorted(given.jobs.glob("*/request.json")):
        folder = request_file.parent
        if (folder / "done.marker").exists() or (folder / "error.marker").exists():
            continue
        try:
            request = json.loads(request_file.read_text())
            request["steps"], request["voice"], request.get("speed"), request.get("language")
        except (ValueError, KeyError):
            if not given.survives_torn:
                raise
            continue
        sys.stdout.write(f"job {folder.name}: {len(request['steps'])} steps\n")
        sys.stdout.flush()
        work(folder, request, given)


def main() -> int:
    """Watch for ever."""
    options = argparse.ArgumentParser()
    options.add_argument("--jobs", type=Path, required=True)
    options.add_argument("--poll", type=float, default=0.2)
    options.add_argument("--slow", type=float, default=0.0)
    options.add_argument("--late", type=float, default=0.0)
    options.add_argument("--scratch", type=Path)
    options.add_argument("--torn", type=int, default=0)
    options.add_argument("--survives-torn", action="store_true")
    given = options.parse_args()
    while True:
        scan(given)
        time.sleep(given.poll)


if __name__ == "__main__":
    sys.exit(main())
