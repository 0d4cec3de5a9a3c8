"""The cases: one module for each kind that works on files, called after it. Echo and tts have suites of their own."""

from __future__ import annotations

import importlib

from protocol.kinds import KINDS
from tests.contract.handlers.case import HandlerCase

CASES: tuple[HandlerCase, ...] = tuple(
    importlib.import_module(f"tests.contract.handlers.{kind}").CASE for kind in KINDS if kind not in ("echo", "tts")
)
