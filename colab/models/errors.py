"""Why a model file is not used although it is there."""

from __future__ import annotations

from protocol.errors import JobFailed


class WrongContent(JobFailed):
    """What was downloaded is not the file that the table names."""


class UnsafeWeights(JobFailed):
    """A file of weights is not well-formed, or could run code when it is loaded."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="UNSUPPORTED")
