"""The living example of a handler: gives back what it got. Copy this folder to begin a new kind.

Real ones keep model libraries in engine files beside this one and import them inside; this one has nothing to import.
"""

from __future__ import annotations

import time
from typing import cast

from colab.models import Models
from colab.work import Work, WorkResult
from protocol.errors import JobFailed
from protocol.kinds.echo import Params, checkpoint
from protocol.messages import Choices, EngineRecord

ENGINE = EngineRecord(name="echo", version="1", provider="python", device="cpu", tier="embedded")
OUTPUT = "echo.txt"
_LEFT = b"done\n"
_NAP_S = 0.2  # a cancelled job must not wait for a long unit to end


class EchoHandler:
    """Pretends to work for `units` times `unit_s` seconds, then writes the text it was given."""

    kind = "echo"

    def engines(self, models: Models) -> tuple[EngineRecord, ...]:
        """Return the one engine there is."""
        return (ENGINE,)

    def choices(self, models: Models) -> dict[str, Choices]:
        """Return nothing: its parameters are not names of a list."""
        return {}

    def run(self, work: Work) -> WorkResult:
        """Write and publish `echo.txt`. Raises `JobFailed` UNSUPPORTED when another engine is insisted on."""
        if work.engine not in (None, ENGINE.name):
            raise JobFailed(f"engine {work.engine!r} is not on this worker; it has: echo", code="UNSUPPORTED")
        params = cast(Params, work.params)
        earlier = work.begin(ENGINE)
        for done in range(params.units):
            if checkpoint(done) not in earlier or work.output(checkpoint(done)).read_bytes() != _LEFT:
                _pretend(work, params, done)
                _leave(work, params, done)
        work.output(OUTPUT).write_text(params.text, encoding="utf-8", newline="")
        work.publish(OUTPUT)
        work.progress(params.units, params.units)
        return WorkResult(engine=ENGINE, summary={"characters": len(params.text), "units_kept": len(earlier)})


def _pretend(work: Work, params: Params, done: int) -> None:
    """Spend one unit of time, looking up now and then."""
    ends = time.monotonic() + params.unit_s
    work.progress(done, params.units)
    while (left := ends - time.monotonic()) > 0:
        time.sleep(min(left, _NAP_S))
        work.progress(done, params.units)


def _leave(work: Work, params: Params, done: int) -> None:
    """Leave a checkpoint of a finished unit, for another attempt to go on from."""
    if params.leaves:
        work.output(checkpoint(done)).write_bytes(_LEFT)
        work.checkpoint(checkpoint(done))


HANDLER = EchoHandler()
