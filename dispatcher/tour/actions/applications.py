"""Application-specific actions: the command palette, and the side bar on the right."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dispatcher.tour.actions import editors
from dispatcher.tour.actions.pointing import click
from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.spec import editor_action_models
from protocol.errors import StepFailed


@dataclass(frozen=True, kw_only=True)
class Application:
    """One application: how it is recognised, how its palette opens, how its side bar closes."""

    name: str
    recognised_by: str
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
    recognised_by="#jp-main-dock-panel .lm-DockPanel-widget, .jp-NotebookShell #main-panel",  # not during startup
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
    recognised_by=".monaco-workbench",
    palette_key="F1",  # same as Ctrl+Shift+P, but not used by any browser
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
    recognised_by=".monaco-editor",
    palette_key="F1",
    palette_input=".quick-input-widget input",
    palette_item=".quick-input-list .monaco-list-row",
    palette_label=".label-name",
    palette_active=".quick-input-list .monaco-list-row.focused",
)
KNOWN = (JUPYTERLAB, VS_CODE, MONACO)
"""The supported applications; the first that matches is used."""

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
"""Waits until the focus no longer moves: a page that is still opening documents moves it, which closes the palette."""

YOUNG_MS, QUIET_MS = 15_000, 900
TRIES = 3
OPENS_S = 5.0
CLOSED_S = 3.0
READ_MS = 450
"""How long the found command is shown before it is run."""
FARTHEST = 30
"""How many entries down the list a command may be."""
AROUND_MS = 90


def command_palette(context: ActionContext, action: editor_action_models.CommandPalette) -> None:
    """Open the palette, type the command, and run it."""
    application = _application(context, action.timeout)
    _focus_for_palette(context, application, action.timeout)
    context.page.evaluate(QUIET, [YOUNG_MS, QUIET_MS, context.patience * OPENS_S * 1000])
    key = action.key or application.palette_key
    if not any(_type_command(context, application, key, action) for _ in range(TRIES)):
        hint = "something else takes the focus; wait for that first, with wait_for_selector"
        raise StepFailed(f"{application.name}'s command palette closes while the command is typed; {hint}")
    _choose(context, application, action)
    if action.submit:
        context.page.keyboard.press("Enter")
        context.page.wait_for_timeout(AROUND_MS)


def _type_command(
    context: ActionContext, application: Application, key: str, action: editor_action_models.CommandPalette
) -> bool:
    """Open the palette and type; say whether the whole text was typed into it."""
    entry = _open_palette(context, application, key)
    return editors.type_out(context, action.command, action.delay_ms, into=entry)


def _open_palette(context: ActionContext, application: Application, key: str) -> Locator:
    """Open the palette and return its input, which has the focus."""
    entry, deadline = context.visible(application.palette_input), time.monotonic() + context.patience * OPENS_S
    while time.monotonic() < deadline:
        context.page.keyboard.press(key)
        with contextlib.suppress(PlaywrightTimeout):
            entry.wait_for(timeout=context.patience * OPENS_S / 3 * 1000)
            context.page.wait_for_timeout(READ_MS / 2)
            if entry.count() and entry.evaluate(editors.HAS_FOCUS):
                return entry
    raise StepFailed(
        f"{application.name}'s command palette did not open with {key}; give the key that opens it as the action's key"
    )


def _application(context: ActionContext, timeout_s: float | None) -> Application:
    deadline = time.monotonic() + context.ms(timeout_s) / 1000
    while True:
        if (application := _seen(context)) is not None:
            return application
        if time.monotonic() > deadline:
            names = ", ".join(application.name for application in KNOWN)
            hint = "use press_key, type_text and click_selector for other applications"
            raise StepFailed(f"this page is none of the supported applications ({names}); {hint}")
        context.page.wait_for_timeout(AROUND_MS)


def _seen(context: ActionContext) -> Application | None:
    return next((known for known in KNOWN if context.visible(known.recognised_by).count()), None)


def _focus_for_palette(context: ActionContext, application: Application, timeout_s: float | None) -> None:
    """Focus the editor on a page with only Monaco; the other applications get the keys wherever the focus is."""
    if application is MONACO and editors.focused(context.page) is None:
        editors.focus_editor(context, editor_action_models.FocusEditor(type="focus_editor", timeout=timeout_s))


def _choose(context: ActionContext, application: Application, action: editor_action_models.CommandPalette) -> None:
    """Wait for the list of commands, and select the best match."""
    items = context.page.locator(application.palette_item).filter(visible=True)
    try:
        items.first.wait_for(timeout=min(context.patience * OPENS_S * 1000, context.ms(action.timeout)))
    except PlaywrightTimeout as error:
        raise _no_command(application, action) from error
    context.page.wait_for_timeout(READ_MS)
    labels = [_plain(text) for text in items.locator(application.palette_label).all_inner_texts()]
    match = _best_match(_plain(action.command), labels)
    if match is None:
        raise _no_command(application, action)
    _select(context, application, match)


def _best_match(command: str, labels: list[str]) -> str | None:
    """Return the label with exactly this name, else the first that contains all its letters in order.

    Palettes also list similar commands, and only some of them show the category in front of a command.
    """
    names = (command, command.rpartition(": ")[2])
    exact = (label for label in labels if label in names or label.rpartition(": ")[2] in names)
    near = (label for label in labels if any(_abbreviates(name, label) for name in names))
    return next(exact, None) or next(near, None)


def _abbreviates(name: str, label: str) -> bool:
    rest = iter(label)
    return all(char in rest for char in name if char != " ")


def _select(context: ActionContext, application: Application, label: str) -> None:
    active = context.page.locator(application.palette_active).locator(application.palette_label)
    for _ in range(FARTHEST):
        if active.count() and _plain(active.first.inner_text()) == label:
            return
        context.page.keyboard.press("ArrowDown")
        context.page.wait_for_timeout(AROUND_MS)


def _plain(label: str) -> str:
    """Return a command's name for comparison: without case, dots at its end, and extra spaces."""
    return " ".join(label.casefold().removeprefix(">").split()).rstrip("…. ")


def _no_command(application: Application, action: editor_action_models.CommandPalette) -> StepFailed:
    return StepFailed(
        f"{application.name} has no command that matches {action.command!r} at the moment; look it up in the palette"
    )


def hide_secondary_sidebar(context: ActionContext, action: editor_action_models.HideSecondarySidebar) -> None:
    """Hide the side bar on the right as a person would; it is not an error if it is already hidden or missing."""
    application = _seen(context) if action.selector else _application(context, action.timeout)
    selector = action.selector or (application.sidebar if application else None)
    if selector is None:
        raise StepFailed(
            "no application with a side bar was found (supported: JupyterLab, VS Code); name the side bar with selector"
        )
    if not _is_visible(context, selector):
        return
    if not _close(context, selector, application):
        raise StepFailed(
            f"the side bar {selector!r} has no button to hide it; use click_selector on the element that does"
        )
    context.visible(selector).wait_for(state="hidden", timeout=context.patience * CLOSED_S * 1000)


def _is_visible(context: ActionContext, selector: str) -> bool:
    return context.visible(selector).count() > 0


def _close(context: ActionContext, selector: str, application: Application | None) -> bool:
    closer = _closer(context, selector, application)
    if closer is not None:
        click(context, closer, context.patience * CLOSED_S * 1000)
        return True
    if application is None or application.sidebar_key is None:
        return False
    context.page.keyboard.press(application.sidebar_key)
    return True


def _closer(context: ActionContext, selector: str, application: Application | None) -> Locator | None:
    """Return the button that hides the side bar: the application's own, else one labelled "hide" or "close"."""
    own = application.sidebar_closer if application else None
    usual = "button[aria-label*='hide' i], button[aria-label*='close' i], [role=button][aria-label*='hide' i]"
    inside = context.page.locator(selector).locator(usual).filter(visible=True)
    if own is not None and context.visible(own).count():
        return context.visible(own)
    return inside.first if inside.count() else None
