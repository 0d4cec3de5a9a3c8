"""A run database with a past: many runs of every kind and status, each as the product's own verbs leave it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dispatcher.runs.record import Artifact, AttemptRecord, Ended, Group, ResultRecord, Run, RunExtras, Status
from dispatcher.runs.store import RunStore

NAMES = ("harbour at dawn", "interview-02", "talk", "drone pass", "bikes", "kitchen", "lecture 7", "old tape", "photo")
KINDS = {
    "upscale": ".mp4",
    "stabilize": ".mp4",
    "transcribe": ".srt",
    "encode": ".mp4",
    "analyze": ".json",
    "tts": ".wav",
}
TAGS = ("holiday", "client-a", "draft", "night")
DROPS = (
    ("/home/ana/gdrive/gpudrop", "a1b2c3d4e5f60718"),
    ("/home/ana/.local/share/gpudrop/local/drop", "00ff00ff00ff00ff"),
)
Drops = tuple[tuple[str, str], tuple[str, str]]
ERRORS = (
    ("ENGINE", "CUDA ran out of memory at frame 212; use a smaller tile (--tile 256) or another worker"),
    ("BAD_INPUT", "the film is cut: 3.20 of 12.00 s are there; copy it again"),
)
PAST: tuple[tuple[Status, int], ...] = (
    ("completed", 86),
    ("failed", 6),
    ("crashed", 2),
    ("cancelled", 4),
    ("expired", 2),
)
DAY_S = 86_400.0


def run_of(number: int, at: float, kind: str, **more: Any) -> Run:
    """Return a pending run."""
    drop, drop_id = DROPS[number % 7 == 0]
    run_id = f"{number:06d}-{int(at) % 1_000_000:06d}-{number * 2654435761 % 2**32:08x}"
    plain: dict[str, Any] = {
        "id": run_id,
        "key": f"key of {run_id}",
        "kind": kind,
        "status": "pending",
        "drop": drop,
        "drop_id": drop_id,
        "job": run_id,
        "digest": f"{number:064x}",
        "request": b'{"params": {"scale": 2}}',
        "created_at": at,
        "updated_at": at,
        "title": f"{NAMES[number % len(NAMES)]}{KINDS.get(kind, '')}",
        "user": "ana",
        "machine": "laptop",
        "execution_config": {"params": {"scale": 2, "engine": "auto"}, "backend": "colab"},
    }
    return Run(**(plain | more))


def fill(
    store: RunStore, number: int, *, now: float, days: float = 30, seed: int = 1, drops: Drops = DROPS
) -> list[Run]:
    """Add so many runs that have ended, the oldest first; return them as they were added.

    `drops` are the addresses and ids of two, the one used most first.
    """
    chance = random.Random(seed)
    made: list[Run] = []
    group: str | None = None
    for n in range(number):
        at = now - days * DAY_S * (1 - (n + 0.5) / number)
        if n % 40 == 0:
            group = f"group-{n:06d}"
            store.search.begin_group(Group(id=group, sort="batch", title=f"upscale {n} films", created_at=at))
        parent = made[-1].id if n % 5 == 4 else None
        kind = chance.choice(list(KINDS))
        drop, drop_id = drops[n % 7 == 0]
        more = {"parent_id": parent, "group_id": group if n % 40 < 6 else None, "drop": drop, "drop_id": drop_id}
        run = run_of(n, at, kind, **more)
        tags = [chance.choice(TAGS)] if chance.random() < 0.3 else []
        store.add_or_find(run, extras=RunExtras(tags=tags))
        _end(store, run, chance)
        made.append(run)
    return made


def _end(store: RunStore, run: Run, chance: random.Random) -> None:
    """Let a run be worked at and end as most do."""
    ((status, _),) = chance.choices(PAST, weights=[weight for _, weight in PAST])
    delay_s = chance.lognormvariate(-4 if "local" in run.drop else 1.6, 0.5)
    begun = run.created_at + delay_s
    store.progress(run.id, at=begun, status="running", done=1, total=10, worker="colab-t4", text="taken")
    store.claimed_after(run.id, delay_s)
    code, text = chance.choice(ERRORS) if status == "failed" else (None, None)
    engine = {"name": "real-esrgan", "tier": "neural", "device": "cuda"} if status == "completed" else None
    ended = begun + chance.uniform(3, 400)
    store.commit(run.id, status, at=ended, result=ResultRecord(engine=engine), error_code=code, error_text=text)


def running(store: RunStore, run: Run, *, at: float, done: int, total: int, note: str) -> None:
    """Add a run that a worker is at."""
    store.add_or_find(run)
    told = AttemptRecord(nonce="n1", n=1, worker="colab-t4", status="running", seen_at=at)
    store.progress(
        run.id,
        at=at,
        status="running",
        done=done,
        total=total,
        note=note,
        worker="colab-t4",
        text="taken",
        attempts=[told],
    )


def completed(
    store: RunStore, run: Run, *, at: float, inputs: Sequence[Artifact] = (), outputs: Sequence[Artifact] = ()
) -> None:
    """Add a run that has ended well with these files."""
    store.add_or_find(run, extras=RunExtras(inputs=inputs))
    store.progress(run.id, at=at - 5, status="running", done=0, total=1, worker="colab-t4", text="taken")
    store.commit(
        run.id,
        "completed",
        at=at,
        ended=Ended(files=outputs),
        result=ResultRecord(engine={"name": "lanczos", "tier": "embedded"}),
    )


def file_of(role: Any, name: str, path: Path, **media: Any) -> Artifact:
    """Return a file as it lies there; its digest is not looked at by pages."""
    return Artifact(role=role, name=name, path=str(path), size=path.stat().st_size, sha256="5" * 64, media=media)
