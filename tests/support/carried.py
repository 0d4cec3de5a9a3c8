"""Large and small work over a folder that a real sync tool carries: what it came to, counted in the job's folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job, Progress, Result
from dispatcher.tour.narration.clips import NarrationVoice, speech_job
from media.ffmpeg import find
from protocol.layout import parse_job_name

STEPS = 12


@dataclass
class Journey:
    """One job and its way."""

    result: Result
    attempts: int
    roles: Counter[str]  # what lies in the job's folder here
    outputs: set[str]  # files that the worker has uploaded, by their names
    texts: list[str] = field(default_factory=list)

    @property
    def is_smooth(self) -> bool:
        """Say whether nothing was done, asked for or rejected that would have come anyway."""
        told = self.roles["need"], self.roles["reject"], self.roles["error"], self.roles["done"]
        return self.attempts == 1 and told == (0, 0, 0, 1)


def travel(client: Client, drop: Path, job: Job, timeout_s: float) -> Journey:
    """Send a job and wait for its result; return how it went."""
    handle, texts = client.submit(job), list[str]()

    def note(progress: Progress) -> None:
        text = f"{progress.text}. {progress.hint}".strip()
        if not texts or texts[-1] != text:
            texts.append(text)

    result = handle.wait(timeout_s, on_progress=note)
    names = [path.name for path in (drop / client.store.get(handle.run).job).iterdir()]
    roles = Counter(str(found.role) for name in names if (found := parse_job_name(name)))
    outputs = {name for name in names if (found := parse_job_name(name)) and found.role == "out"}
    return Journey(result, handle.attempts, roles, outputs, texts)


def encode_job(folder: Path, seconds: float) -> Job:
    """Return an encode of a small film whose result is large: about 0.65 MB for each second."""
    source = folder / f"source-{seconds:g}.mp4"
    if not source.exists():
        picture = f"testsrc2=size=640x360:rate=25:duration={seconds},noise=alls=30:allf=t"
        made = ["-f", "lavfi", "-i", picture, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "40", str(source)]
        find().run(made, timeout_s=120)
    return Job(kind="encode", params={"quality": 2, "preset": "ultrafast"}, inputs={"source": source})


def narration_job() -> Job:
    """Return a narration of twelve steps."""
    steps = [(f"step-{n:02}", f"This is step number {n} of the tour, and it says something.") for n in range(STEPS)]
    return speech_job(steps, NarrationVoice(name="default", speed=1, language="en-us"))
