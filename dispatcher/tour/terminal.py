"""Typing into the terminal of a page (xterm.js), and reading what it prints.

A terminal that draws with the DOM is read from its rows. One that draws on a canvas, as JupyterLab's does, shows no
text to anybody: what it prints is taken from the web socket that also carries what is typed.
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

from dispatcher.tour import action_parts, editors
from dispatcher.tour.pointing import click
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed

TERMINAL = ".xterm"
ROWS = ".xterm-rows"
TEXT = """terminal => [...terminal.querySelectorAll(".xterm-rows > div")].map(row => row.textContent).join("\\n")"""
STATE = """terminal => {
  const text = [...terminal.querySelectorAll(".xterm-rows > div")].map(row => row.textContent).join("").trim();
  const cursor = terminal.querySelector(".xterm-helper-textarea")?.style;
  return [parseFloat(cursor?.left) || 0, parseFloat(cursor?.top) || 0, text];
}"""
"""Where the text cursor stands, in pixels, and what can be read: a prompt leaves the cursor behind it, in its line."""

STILL_S = 0.4
LONG_STILL_S = 3.0
"""After this time without a change a prompt that ends its line is a prompt, too."""
POLL_MS = 60
ECHO_S = 5.0
TOLD = 400
"""So many characters of the terminal's end are told when something is missing."""

ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()#].|\x1b.")


class Printed(Protocol):
    """What a terminal has printed."""

    def all(self) -> str:
        """Return all that is known."""
        ...

    def after(self, typed: str) -> str:
        """Return what was printed after this was typed and entered."""
        ...

    def enter(self) -> None:
        """Note that what comes now is the answer to what was typed."""
        ...


class Rows:
    """Reads a terminal that draws with the DOM: what is on its screen now."""

    def __init__(self, terminal: Locator) -> None:
        self._terminal = terminal

    def all(self) -> str:
        """Return the screen's text."""
        return str(self._terminal.evaluate(TEXT)).replace("\xa0", " ")

    def after(self, typed: str) -> str:
        """Return the screen below the last place where this stands; all of it once that has scrolled away."""
        screen = self.all()
        found = [*re.finditer(r"\s*".join(map(re.escape, _dense(typed))), screen)] if typed.strip() else []
        return screen[found[-1].end() :] if found else screen

    def enter(self) -> None:
        """Do nothing: the screen itself shows what was typed."""


class Socket:
    """Hears a terminal whose screen cannot be read: everything since the first key, by the keys' own web socket."""

    def __init__(self) -> None:
        self._keys: set[str] = set()  # the sockets that something was sent by while we typed
        self._heard: list[str] = []
        self._entered = 0

    def on_sent(self, event: Any) -> None:
        """Note the socket that carries keys."""
        self._keys.add(event["requestId"])

    def on_received(self, event: Any) -> None:
        """Keep what came by that socket."""
        if event["requestId"] in self._keys:
            self._heard.append(_payload(event["response"]))

    def all(self) -> str:
        """Return what was printed since the first key."""
        return ESCAPES.sub("", "".join(self._heard))

    def after(self, typed: str) -> str:
        """Return what was printed since Enter."""
        return ESCAPES.sub("", "".join(self._heard[self._entered :]))

    def enter(self) -> None:
        """Note how much was printed before Enter."""
        self._entered = len(self._heard)


def terminal_type(stage: Stage, action: action_parts.TerminalType) -> None:
    """Type a command once the terminal is ready, see that it arrived, and wait for what it is to print."""
    terminal = _terminal(stage, action)
    _wait_until_ready(stage, terminal, action.timeout)
    if not terminal.evaluate("terminal => terminal.contains(document.activeElement)"):
        click(stage, terminal, stage.ms(action.timeout))
    with _listen(stage.page, terminal) as printed:
        editors.type_out(stage, action.text, action.delay_ms)
        if action.echo and action.press_enter:
            _wait_for_echo(stage, action.text, printed)
        if action.press_enter:
            printed.enter()
            stage.page.keyboard.press("Enter")
        if action.wait_for is not None:
            _wait_for_output(stage, action, printed)


def _terminal(stage: Stage, action: action_parts.TerminalType) -> Locator:
    deadline = time.monotonic() + stage.ms(action.timeout) / 1000
    selector = action.selector or TERMINAL
    target = stage.visible(selector)
    while not target.count():
        if time.monotonic() > deadline:
            hint = "open one before, or name it with selector"
            raise StepFailed(f"no terminal is visible (looked for {selector!r}; known: xterm.js); {hint}")
        stage.page.wait_for_timeout(POLL_MS)
    inside = target.locator(TERMINAL)
    return inside.first if inside.count() else target


def _wait_until_ready(stage: Stage, terminal: Locator, timeout_s: float | None) -> None:
    """Wait for a prompt: the terminal has printed something, and stands still."""
    deadline = time.monotonic() + stage.ms(timeout_s) / 1000
    before, since = terminal.evaluate(STATE), time.monotonic()
    while True:
        stage.page.wait_for_timeout(POLL_MS)
        now = terminal.evaluate(STATE)
        if now != before:
            before, since = now, time.monotonic()
        still = time.monotonic() - since
        if (now[0] > 0 and still > STILL_S) or (any(now) and still > LONG_STILL_S):
            return
        if time.monotonic() > deadline:
            hint = "is its shell running? see the screenshot, or raise the action's timeout"
            raise StepFailed(f"the terminal shows no prompt within {stage.ms(timeout_s) / 1000:g} s; {hint}")


@contextlib.contextmanager
def _listen(page: Page, terminal: Locator) -> Iterator[Printed]:
    """Yield what the terminal prints while the block runs."""
    if terminal.locator(ROWS).count():
        yield Rows(terminal)
        return
    session, socket = page.context.new_cdp_session(page), Socket()
    session.on("Network.webSocketFrameSent", socket.on_sent)
    session.on("Network.webSocketFrameReceived", socket.on_received)
    session.send("Network.enable")
    try:
        yield socket
    finally:
        session.detach()


def _wait_for_echo(stage: Stage, text: str, printed: Printed) -> None:
    """Wait until the terminal has shown what was typed, however its shell repaints the line."""
    end = time.monotonic() + ECHO_S
    while not _runs_through(_dense(text), printed.all()):
        if time.monotonic() > end:
            hint = 'is another program reading? "echo": false types what is not shown, such as a password'
            raise StepFailed(f"the terminal did not show what was typed{_told(printed.all())}; {hint}")
        stage.page.wait_for_timeout(POLL_MS)


def _wait_for_output(stage: Stage, action: action_parts.TerminalType, printed: Printed) -> None:
    deadline = time.monotonic() + stage.ms(action.timeout) / 1000
    wanted = _dense(str(action.wait_for))
    while wanted not in _dense(printed.after(action.text)):
        if time.monotonic() > deadline:
            waited = stage.ms(action.timeout) / 1000
            hint = "correct wait_for or raise the action's timeout"
            told = _told(printed.after(action.text))
            raise StepFailed(f"the terminal did not print {action.wait_for!r} within {waited:g} s{told}; {hint}")
        stage.page.wait_for_timeout(POLL_MS)


def _dense(text: str) -> str:
    """Return a text without spaces and line ends: a terminal breaks lines wherever its width ends."""
    return "".join(text.split())


def _runs_through(text: str, stream: str) -> bool:
    """Say whether all characters of a text come in this order, whatever is between them."""
    rest = iter(stream)
    return all(char in rest for char in text)


def _told(text: str) -> str:
    end = " ".join(text.split())[-TOLD:]
    return f" (it printed: {end})" if end else " (it printed nothing)"


def _payload(frame: Any) -> str:
    """Return what a frame prints: terminado's ["stdout", text], or plain text, or bytes; nothing for other JSON."""
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
