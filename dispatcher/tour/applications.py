"""What applications of editors do each in their own way: the command palette, the side bar on the right."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour import action_parts, editors
from dispatcher.tour.pointing import click
from dispatcher.tour.stage import Stage
from protocol.errors import StepFailed


@dataclass(frozen=True, kw_only=True)
class Application:
    """One application: how it is known, how its palette opens, how its side bar closes."""

    name: str
    seen_by: str
    palette_key: str
    palette_input: str
    palette_item: str
    palette_label: str
    palette_active: str
    sidebar: str | None = None
    sidebar_closer: str | None = None
    sidebar_key: str | None = None


JUPYTERLAB = Application(
    name="JupyterLab",
    seen_by="#jp-main-dock-panel .lm-DockPanel-widget, .jp-NotebookShell #main-panel",  # not while it starts
    palette_key="ControlOrMeta+Shift+C",
    palette_input=".lm-CommandPalette-input",
    palette_item=".lm-CommandPalette-item:not(.lm-mod-disabled)",
    palette_label=".lm-CommandPalette-itemLabel",
    palette_active=".lm-CommandPalette-item.lm-mod-active",
    sidebar="#jp-right-stack",
    sidebar_closer=".jp-SideBar.jp-mod-right .lm-TabBar-tab.lm-mod-current",
)
VS_CODE = Application(
    name="VS Code",
    seen_by=".monaco-workbench",
    palette_key="F1",  # as Ctrl+Shift+P, and no browser keeps it for itself
    palette_input=".quick-input-widget input",
    palette_item=".quick-input-list .monaco-list-row",
    palette_label=".label-name",
    palette_active=".quick-input-list .monaco-list-row.focused",
    sidebar=".part.auxiliarybar",
    sidebar_closer=".part.auxiliarybar .action-label[aria-label^='Hide Secondary Side Bar']",
    sidebar_key="ControlOrMeta+Alt+B",
)
MONACO = Application(
    name="Monaco",
    seen_by=".monaco-editor",
    palette_key="F1",
    palette_input=".quick-input-widget input",
    palette_item=".quick-input-list .monaco-list-row",
    palette_label=".label-name",
    palette_active=".quick-input-list .monaco-list-row.focused",
)
KNOWN = (JUPYTERLAB, VS_CODE, MONACO)
"""Every application known, the first that fits counts."""

QUIET = """([young, quiet, longest]) => new Promise(done => {
  let since = performance.now();
  const [end, moved] = [since + longest, () => { since = performance.now(); }];
  addEventListener("focusin", moved, true);
  const look = () => {
    const now = performance.now();
    if (now < end && now - since < quiet && since < young) return setTimeout(look, 50);
    removeEventListener("focusin", moved, true);
    done();
  };
  look();
})"""
"""Wait until the focus stays where it is: a young page that still opens documents moves it, and closes the palette."""

YOUNG_MS, QUIET_MS = 15_000, 900
TRIES = 3
OPENS_S = 5.0
CLOSED_S = 3.0
READ_MS = 450
"""How long the command that was found can be read before it is run."""
FARTHEST = 30
"""How far down the list a command is looked for."""
AROUND_MS = 90


def command_palette(stage: Stage, action: action_parts.CommandPalette) -> None:
    """Open the palette, type the command, and run it when it is found."""
    application = _application(stage, action.timeout)
    _focus_for_palette(stage, application, action.timeout)
    stage.page.evaluate(QUIET, [YOUNG_MS, QUIET_MS, OPENS_S * 1000])
    key = action.key or application.palette_key
    if not any(_type_command(stage, application, key, action) for _ in range(TRIES)):
        hint = "something else takes the focus; wait for that before, with wait_for_selector"
        raise StepFailed(f"{application.name}'s command palette closes while it is typed into: {hint}")
    _choose(stage, application, action)
    if action.submit:
        stage.page.keyboard.press("Enter")
        stage.page.wait_for_timeout(AROUND_MS)


def _type_command(stage: Stage, application: Application, key: str, action: action_parts.CommandPalette) -> bool:
    """Open the palette and type; say whether all of it went into the palette."""
    entry = _open_palette(stage, application, key)
    return editors.type_out(stage, action.command, action.delay_ms, into=entry)


def _open_palette(stage: Stage, application: Application, key: str) -> Locator:
    """Open the palette and return its field, which has the focus."""
    entry, deadline = stage.visible(application.palette_input), time.monotonic() + OPENS_S
    while time.monotonic() < deadline:
        stage.page.keyboard.press(key)
        with contextlib.suppress(PlaywrightTimeout):
            entry.wait_for(timeout=OPENS_S / 3 * 1000)
            stage.page.wait_for_timeout(READ_MS / 2)
            if entry.count() and entry.evaluate(editors.HAS_FOCUS):
                return entry
    why = f"{application.name}'s command palette did not open with {key}"
    raise StepFailed(f"{why}; give the key that opens it here as the action's key")


def _application(stage: Stage, timeout_s: float | None) -> Application:
    deadline = time.monotonic() + stage.ms(timeout_s) / 1000
    while True:
        if (application := _seen(stage)) is not None:
            return application
        if time.monotonic() > deadline:
            names = ", ".join(application.name for application in KNOWN)
            hint = "use press_key, type_text and click_selector for another one"
            raise StepFailed(f"no application is seen that this action knows; known: {names}; {hint}")
        stage.page.wait_for_timeout(AROUND_MS)


def _seen(stage: Stage) -> Application | None:
    return next((known for known in KNOWN if stage.visible(known.seen_by).count()), None)


def _focus_for_palette(stage: Stage, application: Application, timeout_s: float | None) -> None:
    """Have the keys go to Monaco on a page of its own; the other applications hear them everywhere."""
    if application is MONACO and editors.focused(stage.page) is None:
        editors.focus_editor(stage, action_parts.FocusEditor(type="focus_editor", timeout=timeout_s))


def _choose(stage: Stage, application: Application, action: action_parts.CommandPalette) -> None:
    """Wait for the command to be listed; go down to the one that has exactly this name, if there is one."""
    items = stage.page.locator(application.palette_item).filter(visible=True)
    try:
        items.first.wait_for(timeout=min(OPENS_S * 1000, stage.ms(action.timeout)))
    except PlaywrightTimeout as error:
        raise _no_command(application, action) from error
    stage.page.wait_for_timeout(READ_MS)
    labels = [_plain(text) for text in items.locator(application.palette_label).all_inner_texts()]
    wanted = _best(_plain(action.command), labels)
    if wanted is None:
        raise _no_command(application, action)
    _go_down(stage, application, wanted)


def _best(command: str, labels: list[str]) -> str | None:
    """Return the label that is meant: of exactly this name, else the first that holds all its letters in order.

    Palettes also list what is only similar; and some name the category with the command, some do not.
    """
    names = (command, command.rpartition(": ")[2])
    exact = (label for label in labels if label in names or label.rpartition(": ")[2] in names)
    near = (label for label in labels if any(_abbreviates(name, label) for name in names))
    return next(exact, None) or next(near, None)


def _abbreviates(name: str, label: str) -> bool:
    rest = iter(label)
    return all(char in rest for char in name if char != " ")


def _go_down(stage: Stage, application: Application, wanted: str) -> None:
    active = stage.page.locator(application.palette_active).locator(application.palette_label)
    for _ in range(FARTHEST):
        if active.count() and _plain(active.first.inner_text()) == wanted:
            return
        stage.page.keyboard.press("ArrowDown")
        stage.page.wait_for_timeout(AROUND_MS)


def _plain(label: str) -> str:
    """Return a command's name as it is compared: without case, dots at its end, and odd spaces."""
    return " ".join(label.casefold().removeprefix(">").split()).rstrip("…. ")


def _no_command(application: Application, action: action_parts.CommandPalette) -> StepFailed:
    return StepFailed(f"{application.name} has no command that matches {action.command!r} now; look into its palette")


def hide_secondary_sidebar(stage: Stage, action: action_parts.HideSecondarySidebar) -> None:
    """Hide the side bar on the right as a person does; one that is hidden already, or not there, is no error."""
    application = _seen(stage) if action.selector else _application(stage, action.timeout)
    selector = action.selector or (application.sidebar if application else None)
    if selector is None:
        raise StepFailed("no application with a side bar is seen; known: JupyterLab, VS Code; name it with selector")
    if not _shown(stage, selector):
        return
    if not _close(stage, selector, application):
        raise StepFailed(f"the side bar {selector!r} has no button that hides it; use click_selector on what does")
    stage.visible(selector).wait_for(state="hidden", timeout=CLOSED_S * 1000)


def _shown(stage: Stage, selector: str) -> bool:
    return stage.visible(selector).count() > 0


def _close(stage: Stage, selector: str, application: Application | None) -> bool:
    closer = _closer(stage, selector, application)
    if closer is not None:
        click(stage, closer, CLOSED_S * 1000)
        return True
    if application is None or application.sidebar_key is None:
        return False
    stage.page.keyboard.press(application.sidebar_key)
    return True


def _closer(stage: Stage, selector: str, application: Application | None) -> Locator | None:
    """Return what is clicked to hide the side bar: the application's own button, else one in it that says so."""
    own = application.sidebar_closer if application else None
    usual = "button[aria-label*='hide' i], button[aria-label*='close' i], [role=button][aria-label*='hide' i]"
    inside = stage.page.locator(selector).locator(usual).filter(visible=True)
    if own is not None and stage.visible(own).count():
        return stage.visible(own)
    return inside.first if inside.count() else None
