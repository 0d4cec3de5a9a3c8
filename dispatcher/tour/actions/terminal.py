"""Typing into the terminal of a page (xterm.js), and reading its output.

A terminal that is drawn with DOM elements is read from its rows. One that is drawn on a canvas, like JupyterLab's,
cannot be read: its output is taken from the web socket that also carries the input.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import time
from collections.abc import Iterator
from typing import Any, Protocol

from playwright.sync_api import Locator, Page

from dispatcher.tour.actions import editors
from dispatcher.tour.actions.pointing import click
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.spec import editor_action_models
from protocol.errors import StepFailed

TERMINAL = ".xterm"
ROWS = ".xterm-rows"
TEXT = """terminal => [...terminal.querySelectorAll(".xterm-rows > div")].map(row => row.textContent).join("\\n")"""
STATE = """terminal => {
  const text = [...terminal.querySelectorAll(".xterm-rows > div")].map(row => row.textContent).join("").trim();
  const cursor = terminal.querySelector(".xterm-helper-textarea")?.style;
  return [parseFloat(cursor?.left) || 0, parseFloat(cursor?.top) || 0, text];
}"""
"""The position of the text cursor, in pixels, and the readable text: after a prompt, the cursor is not at the start."""

STILL_S = 0.4
LONG_STILL_S = 3.0
"""After this time without a change, a prompt may also end with a line break."""
POLL_MS = 60
ECHO_S = 5.0
QUOTED = 400
"""How many characters of the terminal's output an error quotes."""

ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()#].|\x1b.")


class TerminalOutput(Protocol):
    """The output of a terminal."""

    def all(self) -> str:
        """Return all known output."""
        ...

    def after(self, typed: str) -> str:
        """Return the output after this input was entered."""
        ...

    def enter(self) -> None:
        """Mark that Enter is pressed now."""
        ...


class ScreenReader:
    """Reads the screen of a terminal that is drawn with DOM elements."""

    def __init__(self, terminal: Locator) -> None:
        self._terminal = terminal

    def all(self) -> str:
        """Return the screen's text."""
        return str(self._terminal.evaluate(TEXT)).replace("\xa0", " ")

    def after(self, typed: str) -> str:
        """Return the screen after the last occurrence of this input; all of it if the input has scrolled away."""
        screen = self.all()
        found = [*re.finditer(r"\s*".join(map(re.escape, _dense(typed))), screen)] if typed.strip() else []
        return screen[found[-1].end() :] if found else screen

    def enter(self) -> None:
        """Do nothing: the screen shows the input."""


class SocketReader:
    """Collects the output of a terminal that cannot be read, since the first key, from the keys' web socket."""

    def __init__(self) -> None:
        self._keys: set[str] = set()  # the sockets that have carried input
        self._received: list[str] = []
        self._entered = 0

    def on_sent(self, event: Any) -> None:
        """Remember a socket that carries input."""
        self._keys.add(event["requestId"])

    def on_received(self, event: Any) -> None:
        """Collect what such a socket receives."""
        if event["requestId"] in self._keys:
            self._received.append(_payload(event["response"]))

    def all(self) -> str:
        """Return the output since the first key."""
        return ESCAPES.sub("", "".join(self._received))

    def after(self, typed: str) -> str:
        """Return the output since Enter."""
        return ESCAPES.sub("", "".join(self._received[self._entered :]))

    def enter(self) -> None:
        """Remember how much output there was before Enter."""
        self._entered = len(self._received)


def terminal_type(context: ActionContext, action: editor_action_models.TerminalType) -> None:
    """Type a command once the terminal is ready, check that it arrived, and wait for its output."""
    terminal = _terminal(context, action)
    _wait_until_ready(context, terminal, action.timeout)
    if not terminal.evaluate("terminal => terminal.contains(document.activeElement)"):
        click(context, terminal, context.ms(action.timeout))
    with _listen(context.page, terminal) as printed:
        editors.type_out(context, action.text, action.delay_ms)
        if action.echo and action.press_enter:
            _wait_for_echo(context, action.text, printed)
        if action.press_enter:
            printed.enter()
            context.page.keyboard.press("Enter")
        if action.wait_for is not None:
            _wait_for_output(context, action, printed)


def _terminal(context: ActionContext, action: editor_action_models.TerminalType) -> Locator:
    deadline = time.monotonic() + context.ms(action.timeout) / 1000
    selector = action.selector or TERMINAL
    target = context.visible(selector)
    while not target.count():
        if time.monotonic() > deadline:
            hint = "open one first, or name it with selector"
            raise StepFailed(f"no terminal is visible (looked for {selector!r}; supported: xterm.js); {hint}")
        context.page.wait_for_timeout(POLL_MS)
    inside = target.locator(TERMINAL)
    return inside.first if inside.count() else target


def _wait_until_ready(context: ActionContext, terminal: Locator, timeout_s: float | None) -> None:
    """Wait for a prompt: the terminal has printed something, and no longer changes."""
    deadline = time.monotonic() + context.ms(timeout_s) / 1000
    before, since = terminal.evaluate(STATE), time.monotonic()
    while True:
        context.page.wait_for_timeout(POLL_MS)
        now = terminal.evaluate(STATE)
        if now != before:
            before, since = now, time.monotonic()
        still = time.monotonic() - since
        if (now[0] > 0 and still > STILL_S) or (any(now) and still > LONG_STILL_S):
            return
        if time.monotonic() > deadline:
            hint = "check in the screenshot whether its shell is running, or raise the action's timeout"
            raise StepFailed(f"the terminal shows no prompt within {context.ms(timeout_s) / 1000:g} s; {hint}")


@contextlib.contextmanager
def _listen(page: Page, terminal: Locator) -> Iterator[TerminalOutput]:
    """Yield the terminal's output while the block runs."""
    if terminal.locator(ROWS).count():
        yield ScreenReader(terminal)
        return
    session, socket = page.context.new_cdp_session(page), SocketReader()
    session.on("Network.webSocketFrameSent", socket.on_sent)
    session.on("Network.webSocketFrameReceived", socket.on_received)
    session.send("Network.enable")
    try:
        yield socket
    finally:
        session.detach()


def _wait_for_echo(context: ActionContext, text: str, printed: TerminalOutput) -> None:
    """Wait until the terminal has shown the input, however its shell repaints the line."""
    end = time.monotonic() + context.patience * ECHO_S
    while not _contains_in_order(_dense(text), printed.all()):
        if time.monotonic() > end:
            hint = 'another program may be reading it; for hidden input, such as a password, add "echo": false'
            raise StepFailed(f"the terminal did not show the input{_quoted(printed.all())}; {hint}")
        context.page.wait_for_timeout(POLL_MS)


def _wait_for_output(
    context: ActionContext, action: editor_action_models.TerminalType, printed: TerminalOutput
) -> None:
    deadline = time.monotonic() + context.ms(action.timeout) / 1000
    expected = _dense(str(action.wait_for))
    while expected not in _dense(printed.after(action.text)):
        if time.monotonic() > deadline:
            waited = context.ms(action.timeout) / 1000
            hint = "correct wait_for or raise the action's timeout"
            quoted = _quoted(printed.after(action.text))
            raise StepFailed(f"the terminal did not print {action.wait_for!r} within {waited:g} s{quoted}; {hint}")
        context.page.wait_for_timeout(POLL_MS)


def _dense(text: str) -> str:
    """Return a text without spaces and line breaks: a terminal breaks lines at its width."""
    return "".join(text.split())


def _contains_in_order(text: str, stream: str) -> bool:
    """Say whether a stream contains all characters of a text in this order, whatever is between them."""
    rest = iter(stream)
    return all(char in rest for char in text)


def _quoted(text: str) -> str:
    end = " ".join(text.split())[-QUOTED:]
    return f" (it printed: {end})" if end else " (it printed nothing)"


def _payload(frame: Any) -> str:
    """Return the output in a web socket frame: terminado's ["stdout", text], plain text or bytes; "" for other JSON."""
    text = str(frame["payloadData"])
    if frame["opcode"] == 2:
        return base64.b64decode(text).decode(errors="replace")
    try:
        message = json.loads(text)
    except ValueError:
        return text
    if isinstance(message, list):
        return str(message[1]) if message[:1] == ["stdout"] and len(message) > 1 else ""
    return "" if isinstance(message, dict) else text
