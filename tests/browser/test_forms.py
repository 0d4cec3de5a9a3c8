"""Fields that a browser fills in with boxes of its own: the value is the one asked for, and it is seen chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from dispatcher.tour.browser.action_context import ActionContext
from dispatcher.tour.browser.recorder import BrowserRecorder
from protocol.errors import StepFailed
from tests.support.acting import do, film, show
from tests.support.media import read_frame
from tests.support.pages import Site, html

pytestmark = [pytest.mark.browser]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("date", "2027-03-04", "2027-03-04"),
        ("time", "14:30", "14:30"),
        ("datetime-local", "2027-03-04T14:30", "2027-03-04T14:30"),
        ("month", "2027-03", "2027-03"),
        ("week", "2027-W09", "2027-W09"),
        ("color", "#FF8800", "#ff8800"),
        ("range", "73", "73"),
        ("range", "0", "0"),
        ("number", "12.5", "12.5"),
        ("number", "-3e2", "-3e2"),
    ],
)
def test_a_field_holds_the_value_asked_for(
    context: ActionContext, recorder: BrowserRecorder, site: Site, kind: str, text: str, value: str
) -> None:
    """Each kind of field gets its value in the notation of its standard, and tells its page."""
    heard = "oninput='document.title=this.value' onchange='changed=1'"
    show(context, site, f"<input type={kind} step=any {heard} style='margin:40px'><script>changed=0</script>")
    do(context, "type_text", selector="input", text=text)
    assert context.page.locator("input").input_value() == value
    assert context.page.title() == value
    if kind != "number":
        assert context.page.evaluate("changed") == 1
    assert recorder.warnings == []


def test_the_field_with_the_focus_and_a_field_in_a_frame(context: ActionContext, site: Site) -> None:
    """A date goes into the field that has the focus, and into one within a frame."""
    site.pages["/frame"] = html("<input type=date id=d>")
    show(context, site, "<input type=date autofocus id=own><iframe id=f src='/frame'></iframe>")
    context.page.locator("#own").focus()
    do(context, "type_text", text="2027-03-04")
    assert context.page.locator("#own").input_value() == "2027-03-04"
    do(context, "type_text", selector="#d", frame="#f", text="2028-01-02")
    assert context.page.frame_locator("#f").locator("#d").input_value() == "2028-01-02"


def test_a_value_that_is_not_the_one_asked_for(context: ActionContext, recorder: BrowserRecorder, site: Site) -> None:
    """A value that the field changes is a warning; a field that stays empty, or takes no such text, is an error."""
    show(context, site, "<input type=range max=50 id=r><input type=date id=d><input type=number id=n>")
    do(context, "type_text", selector="#r", text="80")
    assert "contains '50' instead of '80'" in recorder.warnings[0]
    do(context, "type_text", selector="#d", text="03042027")
    assert "contains '2027-03-04' instead of '03042027'; write it as" in recorder.warnings[1]
    with pytest.raises(StepFailed, match="needs a number, not 'loud'"):
        do(context, "type_text", selector="#r", text="loud")
    show(context, site, "<input type=date id=d>")
    with pytest.raises(StepFailed, match="is empty after typing 'soon'; write it as '2027-03-04'"):
        do(context, "type_text", selector="#d", text="soon")


SELECT = """<select id=s onchange='document.title=this.value' style='margin:20px;font-size:20px'>
<option value=none>None</option><option value=paper>Paper</option>
<optgroup label='Gifts'><option value=box>Gift box</option><option disabled value=x>Sold out</option></optgroup>
</select>"""


@pytest.mark.parametrize("option", ["Gift box", "box", "gift  box", ["Gift box"]])
def test_an_option_is_chosen_by_text_or_value(context: ActionContext, site: Site, option: object) -> None:
    """An option is named by what is shown, or by its value."""
    show(context, site, SELECT)
    do(context, "select_option", selector="#s", option=option)
    assert context.page.title() == "box"


def test_options_that_cannot_be_chosen(context: ActionContext, site: Site) -> None:
    """An unknown option is told what there is; one that is disabled, two for one place, and no list are errors."""
    show(context, site, SELECT + "<button>b</button>")
    with pytest.raises(StepFailed, match="no option 'Ribbon'; there are: 'None', 'Paper', 'Gift box'"):
        do(context, "select_option", selector="#s", option="Ribbon", timeout=0.3)
    with pytest.raises(StepFailed, match="disabled"):
        do(context, "select_option", selector="#s", option="x", timeout=0.3)
    with pytest.raises(StepFailed, match="accepts one option, not 2"):
        do(context, "select_option", selector="#s", option=["box", "paper"])
    with pytest.raises(StepFailed, match="not a drop-down field"):
        do(context, "select_option", selector="button", option="box")


def test_several_options(context: ActionContext, site: Site) -> None:
    """A field that shows all its options takes several."""
    options = "".join(f"<option>{n}</option>" for n in "abcde")
    show(context, site, f"<select multiple id=s>{options}</select>")
    do(context, "select_option", selector="#s", option=["b", "d"])
    assert context.page.evaluate("[...s.selectedOptions].map(o => o.text)") == ["b", "d"]


def test_a_drop_down_field_that_is_clicked(context: ActionContext, site: Site) -> None:
    """A click opens the list; then keys choose in it, or a click on an option does."""
    show(context, site, f"<form onsubmit='document.title=\"sent\"'>{SELECT}</form>")
    do(context, "click_selector", selector="#s")
    do(context, "press_key", key="ArrowDown", times=2)
    do(context, "press_key", key="Enter")
    assert context.page.title() == "box"
    do(context, "click_selector", selector="#s option[value=paper]")
    assert context.page.title() == "paper"
    do(context, "click_selector", selector="#s")
    do(context, "press_key", key="ArrowUp")
    do(context, "press_key", key="Escape")
    assert context.page.locator("#s").input_value() == "paper"


@pytest.mark.films
def test_the_list_is_seen(tmp_path: Path, site: Site, chromium: Path) -> None:
    """The video shows the options below the field while one is chosen, on a page with a strict policy too."""
    site.headers = {"Content-Security-Policy": "default-src 'none'; style-src 'none'"}
    site.pages["/"] = html("<p>x</p><select id=s><option>None</option><option value=b>Gift box</option></select>")
    choice = {"type": "select_option", "selector": "#s", "option": "b"}
    [take] = film(tmp_path, site, chromium, [{"id": "a", "url": "/", "actions": [choice]}])
    blue = [
        n / 10
        for n in range(int(take.seconds * 10))
        if (abs(read_frame(take.path, n / 10).astype(int) - (25, 103, 210)).max(axis=2) < 25).sum() > 400
    ]
    assert blue
    assert blue[-1] - blue[0] >= 0.5
    assert blue[-1] < take.seconds - 0.3


CHOOSES = """<input type=file id=f multiple onchange='document.title=[...this.files].map(f=>f.name+f.size)'>
<input type=file id=one onchange='document.title="one "+this.files[0].name'>
<button onclick='f.click()' id=b>Add</button>
<label for=h id=l>Pick</label><input type=file id=h style='display:none'
onchange='document.title="hidden "+this.files[0].name'>"""


def test_files_are_chosen(context: ActionContext, recorder: BrowserRecorder, site: Site, tmp_path: Path) -> None:
    """Files go into a field, behind a button, and into a field that is hidden behind its label."""
    (tmp_path / "a.csv").write_text("1,2")
    (tmp_path / "b.txt").write_text("hello")
    paths = [str(tmp_path / "a.csv"), str(tmp_path / "b.txt")]
    show(context, site, CHOOSES)
    do(context, "upload", selector="#f", files=paths)
    assert context.page.title() == "a.csv3,b.txt5"
    do(context, "upload", selector="#b", file=paths[1])
    assert context.page.title() == "b.txt5"
    do(context, "upload", selector="#h", files=paths[0])
    assert context.page.title() == "hidden a.csv"
    assert recorder.warnings == []
    with pytest.raises(StepFailed, match="accepts one file"):
        do(context, "upload", selector="#one", files=paths)


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("width", ["auto", "400px", "60px"])
def test_the_button_of_a_file_field_is_pressed(
    context: ActionContext, site: Site, tmp_path: Path, direction: str, width: str
) -> None:
    """The pointer goes to the button of a file field, not to the text beside it."""
    (tmp_path / "a.csv").write_text("1,2")
    show(context, site, f"<div dir={direction}><input type=file id=f style='width:{width}'></div>")
    do(context, "upload", selector="#f", file=str(tmp_path / "a.csv"))
    box = context.page.locator("#f").bounding_box()
    assert box is not None
    start, end = box["x"], box["x"] + box["width"]
    from_start = context.pointer.at[0] - start if direction == "ltr" else end - context.pointer.at[0]
    assert 20 < from_start < 60
    assert abs(context.pointer.at[1] - box["y"] - box["height"] / 2) < 2


def test_a_file_chooser_that_nobody_answers_is_a_warning(
    context: ActionContext, recorder: BrowserRecorder, site: Site
) -> None:
    """A click that makes the browser ask for a file is told to use upload."""
    show(context, site, CHOOSES)
    do(context, "click_selector", selector="#f")
    assert "asked for a file and got none" in recorder.warnings[0]
    assert '"upload"' in recorder.warnings[0]


def test_files_are_dropped(context: ActionContext, site: Site, tmp_path: Path) -> None:
    """Files are dropped where the page takes them; elsewhere that is an error, as is a click that asks for none."""
    (tmp_path / "a.csv").write_text("1,2")
    zone = "<div id=z style='height:90px'>drop</div><div id=no style='height:50px'>no</div><script>"
    zone += "z.ondragover=e=>e.preventDefault();"
    zone += "z.ondrop=e=>{e.preventDefault();document.title=e.dataTransfer.files[0].name}"
    show(context, site, zone + "</script>")
    do(context, "upload", selector="#z", files=str(tmp_path / "a.csv"), drop=True)
    assert context.page.title() == "a.csv"
    with pytest.raises(StepFailed, match="does not accept dropped files"):
        do(context, "upload", selector="#no", files=str(tmp_path / "a.csv"), drop=True)
    with pytest.raises(StepFailed, match='add "drop": true'):
        do(context, "upload", selector="#no", files=str(tmp_path / "a.csv"))
