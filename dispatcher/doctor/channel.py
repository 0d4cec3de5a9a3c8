"""The workers of a drop, and how long a message takes there and back."""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable
from typing import Any

from dispatcher.doctor.findings import Finding
from dispatcher.formatting import rough_time
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from protocol.errors import ChannelError, JobError
from protocol.layout import PROBES, probe_file

TRIES = 3
GAP_S = (0.05, 0.5)
JOB_S = 900.0


def examine_workers(client: Client) -> tuple[list[dict[str, Any]], list[Finding]]:
    """Return every worker ever seen, and whether it sent a heartbeat while we watched (`measure` watches for long)."""
    client.workers.look(time.monotonic())
    leases = client.workers.leases
    living = [boot for boot in client.workers.cards() if leases.has_beaten(boot) and not leases.has_ended(boot)]
    workers = [
        _worker(name, boot, card, shown, boot in living)
        for name, shown in client.workers.seen.items()
        for boot, card in shown.cards.items()
    ]
    workers.sort(key=lambda it: (not it["lives"], it["name"]))
    return workers, _told(workers, client.address)


def _worker(name: str, boot: str, card: Any, shown: Any, lives: bool) -> dict[str, Any]:
    engines = {kind: [record.name for record in records] for kind, records in card.engines.items()}
    return {
        "name": name,
        "boot": boot,
        "lives": lives,
        "gpu": card.gpu,
        "engines": engines,
        "versions": dict(card.versions),
        "last_sign_at": shown.told_at,
        "held": [held.job for beat in [shown.beats.get(boot)] if beat for held in beat.held],
    }


def _told(workers: list[dict[str, Any]], drop: str) -> list[Finding]:
    hint = f"Start the notebook on Colab, or here: gpudrop worker --drop {drop}"
    if not workers:
        return [Finding(check="workers", state="warn", said="no worker was ever seen on this drop", hint=hint)]
    found = []
    for it in [it for it in workers if it["lives"]]:
        kinds = ", ".join(f"{kind} ({engines[0]})" for kind, engines in sorted(it["engines"].items()) if engines)
        found.append(
            Finding(check="workers", state="ok", said=f"{it['name']} is running: {kinds}; GPU: {it['gpu'] or 'none'}")
        )
    if not found:
        last = max(workers, key=lambda it: it["last_sign_at"] or 0)
        ago = f", last heard of {rough_time(time.time() - last['last_sign_at'])} ago" if last["last_sign_at"] else ""
        found.append(
            Finding(check="workers", state="warn", said=f"no worker is running now; {last['name']}{ago}", hint=hint)
        )
    return found


def measure(client: Client, answer_s: float | None = None) -> tuple[dict[str, float], list[Finding]]:
    """Return the seconds until a write is confirmed and, with a live worker, those until its answer is seen here.

    `answer_s` is how long to wait for an answer, instead of the drop's own limit.
    """
    answers = bool(client.cards())
    who, writes, trips = f"doctor-{secrets.token_hex(4)}", [], []
    client.drop.make_folder(PROBES)
    try:
        for k in range(1, TRIES + 1):
            started = time.monotonic()
            client.drop.put(probe_file(who, k), b"probe\n")
            client.drop.barrier()
            writes.append(time.monotonic() - started)
            back = _echo(client, f"{who}-{k}", started, answer_s) if answers else None
            trips += [back] if back is not None else []
            answers = back is not None
    finally:
        client.drop.delete(PROBES)
    latency = {"write_s": round(statistics.median(writes), 4)}
    found = [Finding(check="latency", state="ok", said=f"a small file is written within {_ms(latency['write_s'])}")]
    if trips:
        latency["there_and_back_s"] = round(statistics.median(trips), 4)
        said = f"a worker reads it and its answer arrives within {_ms(latency['there_and_back_s'])}"
        found.append(Finding(check="latency", state="ok", said=said))
    elif any(map(client.workers.leases.has_beaten, client.cards())):
        hint = "It may be busy with a job, or too old. If neither, its files do not arrive here: check the mount"
        found.append(Finding(check="latency", state="warn", said="the worker did not answer a probe", hint=hint))
    return latency, found


def _echo(client: Client, probe: str, started: float, answer_s: float | None) -> float | None:
    ends = started + (client.workers.waits().probe_s if answer_s is None else answer_s)
    while time.monotonic() < ends:
        client.workers.look(time.monotonic())
        beats = [beat for shown in client.workers.seen.values() for beat in shown.beats.values()]
        if any(beat.probe == probe for beat in beats):
            return time.monotonic() - started
        client.wait_for_news(0.2)
    return None


def soak(
    client: Client, count: int, on_progress: Callable[[int], None], *, job_s: float = JOB_S
) -> tuple[dict[str, Any], list[Finding]]:
    """Send small jobs one after the other, with random gaps; count those that were lost or done twice."""
    chance, seconds, lost, executions = secrets.SystemRandom(), [], [], 0
    for number in range(count):
        started = time.monotonic()
        try:
            handle = client.submit(Job(kind="echo", params={"text": f"soak {secrets.token_hex(8)}"}))
            handle.wait(job_s)
            seconds.append(time.monotonic() - started)
            executions += handle.attempts
        except (JobError, ChannelError) as error:
            lost.append(str(error).splitlines()[0])
        on_progress(number + 1)
        time.sleep(chance.uniform(*GAP_S))
    client.clean(older_than_s=-1)
    told = _soaked(count, seconds, lost, executions)
    said = f"{len(seconds)} of {count} jobs succeeded, {told['doubled']} were done twice"
    said += f"; half of them within {_ms(told['p50_s'])}, 99 % within {_ms(told['p99_s'])}" if seconds else ""
    hint = f"The first lost job: {lost[0]}" if lost else ""
    return told, [Finding(check="soak", state="fail" if lost else "ok", said=said, hint=hint)]


def _soaked(count: int, seconds: list[float], lost: list[str], executions: int) -> dict[str, Any]:
    ordered = sorted(seconds)
    return {
        "jobs": count,
        "lost": len(lost),
        "doubled": max(0, executions - len(seconds)),
        "p50_s": round(statistics.median(ordered), 4) if ordered else None,
        "p99_s": round(ordered[int(len(ordered) * 0.99)], 4) if ordered else None,
    }


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
