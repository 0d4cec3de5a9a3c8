"""A job on its way to become a run: what is asked for, what identifies it, and the offer that the drop will read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from dispatcher.jobs.digests import Fingerprints
from dispatcher.jobs.job import Job
from dispatcher.jobs.offers import check_params
from dispatcher.runs.record import Artifact
from protocol import codec
from protocol.layout import JobNames
from protocol.messages import ClaimTerms, InputFile, Limits, Offer, Requires, Whereabouts


@dataclass(frozen=True, kw_only=True)
class Submission:
    """A job whose parameters were checked and whose inputs were read. Equal wishes have one digest."""

    job: Job
    inputs: Mapping[str, tuple[int, str]]  # name → size and sha256
    digest: str  # of what is asked for

    def key(self, drop_id: str) -> str:
        """Return under what a drop's runs of it are remembered."""
        return hashlib.sha256(f"{drop_id} {self.digest}".encode()).hexdigest()

    @property
    def artifacts(self) -> list[Artifact]:
        """Return its inputs as the run database remembers them."""
        return [
            Artifact(
                role="input",
                name=name,
                path=str(self.job.inputs[name].absolute()),
                size=size,
                sha256=sha256,
                media=self.job.purpose.facts.get(name),
            )
            for name, (size, sha256) in self.inputs.items()
        ]

    def offer(
        self, run_id: str, *, drop_id: str, dispatcher: str, terms: ClaimTerms, where: Whereabouts | None = None
    ) -> Offer:
        """Return the offer of it as a run. `terms` are the drop's; the job may ask for a lease of its own.

        `where` lets a worker see whether it is on the same machine.
        """
        job, names = self.job, JobNames(run_id)
        return Offer(
            drop=drop_id,
            id=run_id,
            dispatcher=dispatcher,
            kind=job.kind,
            digest=self.digest,
            inputs={
                name: InputFile(size=size, sha256=sha256, in_=names.input(k, name).rpartition("/")[2])
                for k, (name, (size, sha256)) in enumerate(sorted(self.inputs.items()), 1)
            },
            requires=Requires(engine=job.require_engine),
            claim=terms.model_copy(update={"lease_s": job.lease_s or terms.lease_s}),
            limits=Limits(attempts=job.attempts, wall_s=job.wall_s, stall_s=job.stall_s, queue_s=job.queue_s),
            where=where,
        )


def prepare(job: Job, fingerprints: Fingerprints) -> Submission:
    """Check the parameters and digest the inputs, before anything is written."""
    check_params(job)
    inputs = {name: fingerprints.of(path) for name, path in job.inputs.items()}
    requires = Requires(engine=job.require_engine).model_dump(exclude_none=True)
    return Submission(job=job, inputs=inputs, digest=codec.digest(job.kind, dict(job.params), inputs, requires))
