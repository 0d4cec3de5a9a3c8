"""The dashboard as its user meets it: in a real Chromium."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from dispatcher.runs.record import Group, Run, RunExtras
from tests.support import history, npm
from tests.support.dashboards import Dashboard, served, submitted
from tests.support.media import jpeg, tone
from tests.support.pages import html, picture, serve

pytestmark = pytest.mark.browser

Visit = Callable[..., Page]
PAGES = ("/", "/runs", "/runs/last", "/workers", "/tours")

AXE = (
    "axe-core",
    "4.14.1",
    "sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
)

SHIFTS = """() => { window.shifts = []; new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(
    [entry.value, ...entry.sources.map(it => it.node && (it.node.outerHTML || it.node.textContent).slice(0, 120))]);
}).observe({type: "layout-shift"}); }"""


def now_running(dashboard: Dashboard, number: int = 1, **more: object) -> Run:
    """Add a run that a worker is at, a tenth of it done."""
    at = time.time()
    run = history.run_of(number, at - 20, "upscale", **more)
    history.running(dashboard.store, run, at=at - 10, done=10, total=100, note="frame 10 of 100")
    return run


def test_progress_appears_without_reload(dashboard: Dashboard, visit: Visit) -> None:
    """Overview, list and run page follow a run's progress and end, each in place; the list says that one is new."""
    run = now_running(dashboard)
    pages = [visit(path) for path in ("/", "/runs", f"/runs/{run.id}")]
    for page in pages:
        page.evaluate("window.stays = true")
    dashboard.store.progress(run.id, at=time.time(), done=57, note="frame 57 of 100")
    for page in pages:
        expect(page.locator(f'[data-run="{run.id}"] [data-field=number]').first).to_have_text("57 %")
        expect(page.locator(f'[data-run="{run.id}"] [data-field=note]').first).to_have_text("frame 57 of 100")
    dashboard.store.commit(run.id, "failed", at=time.time(), error_code="ENGINE", error_text="it broke; use `--tile`")
    dashboard.store.add_or_find(history.run_of(2, time.time(), "echo"))
    for page in pages:
        expect(page.locator(f'[data-run="{run.id}"] [data-field=status]').first).to_have_text("Failed")
        assert page.evaluate("window.stays")
    expect(pages[0].locator("[data-count=failed]")).to_have_text("1")
    expect(pages[2].locator(".trouble code").last).to_have_text("--tile")
    expect(pages[2].get_by_role("button", name="Retry")).to_be_visible()
    pages[1].get_by_role("button", name="Show 1 new run").click()
    expect(pages[1].locator("tr[data-run]")).to_have_count(2)


def test_cancel_and_retry_by_click(dashboard: Dashboard, visit: Visit, tmp_path: Path) -> None:
    """One click cancels, the next leads to the run that tries again."""
    run = submitted(dashboard, tmp_path)
    page = visit(f"/runs/{run.id}")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#head [data-field=status]")).to_have_text("Cancelled")
    assert dashboard.store.get(run.id).status == "cancelled"
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    again = page.url.rpartition("/")[2]
    assert again != run.id
    assert dashboard.store.get(again).is_open


def test_what_cannot_be_done_is_said(dashboard: Dashboard, visit: Visit) -> None:
    """A click that comes too late is answered in words, and the page stays."""
    run = now_running(dashboard)
    page = visit(f"/runs/{run.id}")
    page.evaluate("document.querySelector('#head').id = 'stale'")  # the page does not hear of the end
    dashboard.store.commit(run.id, "completed", at=time.time())
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("alert")).to_contain_text("there is nothing to cancel")


def test_a_filter_is_an_address_to_share(dashboard: Dashboard, visit: Visit, browser: Browser) -> None:
    """What is chosen by hand is in the address; who opens that sees the same runs and the same choice."""
    history.fill(dashboard.store, 40, now=time.time())
    page = visit("/runs")
    page.get_by_role("checkbox", name="upscale").check()
    page.get_by_role("searchbox").fill("talk")
    page.wait_for_url("**/runs?q=talk&kind=upscale")
    shown = page.locator("tr[data-run] .name").all_inner_texts()
    other = visit(page.url.removeprefix(dashboard.url))
    assert other.locator("tr[data-run] .name").all_inner_texts() == shown
    assert 0 < len(shown) < 40
    expect(other.get_by_role("checkbox", name="upscale")).to_be_checked()
    expect(other.get_by_role("searchbox")).to_have_value("talk")
    page.go_back()
    expect(page.locator("tr[data-run]")).not_to_have_count(len(shown))


HOSTILE = '"><img src=x onerror="window.broken=1"><script>window.broken=1</script>\'{{7*7}}\u202e</td>'


def test_hostile_strings_are_shown_as_text(dashboard: Dashboard, visit: Visit, tmp_path: Path) -> None:
    """Title, note, error, worker, tag, file, log, config and group of a hostile drop are text, live or loaded."""
    log = tmp_path / "x.log"
    log.write_text(HOSTILE)
    dashboard.store.search.begin_group(Group(id="g", sort="batch", title=HOSTILE, created_at=time.time()))
    run = now_running(dashboard, title=HOSTILE, user=HOSTILE, group_id="g", execution_config={HOSTILE: HOSTILE})
    files = [history.file_of(role, HOSTILE.replace("/", ""), log) for role in ("input", "output", "log")]
    dashboard.store.attach(run.id, RunExtras(tags=[HOSTILE]))
    dashboard.store.trace.keep_files(run.id, files)
    pages = [visit(path) for path in ("/", "/runs", f"/runs/{run.id}")]
    dashboard.store.progress(run.id, at=time.time(), done=20, note=HOSTILE, worker=HOSTILE, text=HOSTILE)
    for page in pages:
        expect(page.locator("[data-field=note]").first).to_have_text(HOSTILE.replace("\u202e", "\ufffd"))
    dashboard.store.commit(run.id, "failed", at=time.time(), error_code=HOSTILE, error_text=HOSTILE)
    expect(pages[2].locator(".trouble .message")).to_have_text(HOSTILE.replace("\u202e", "\ufffd"))
    pages += [visit("/"), visit("/runs"), visit(f"/runs/{run.id}")]
    for page in pages:
        assert page.evaluate("window.broken") is None
        assert page.locator("img").count() == 0
    assert "<script>window.broken=1</script>" in pages[-1].locator("pre.log").inner_text()


def test_another_page_in_the_browser_gets_nothing(dashboard: Dashboard, visit: Visit, tmp_path: Path) -> None:
    """A page of another port of this machine can neither read the dashboard nor change a run, with the cookie there."""
    run = now_running(dashboard)
    page = visit("/")
    attack = f"""async () => {{
      const asked = (path, more) => fetch("{dashboard.url}" + path, {{credentials: "include", ...more}})
        .then(answer => answer.type + answer.status, () => "refused");
      return [await asked("/runs"), await asked("/runs", {{mode: "no-cors"}}),
              await asked("/runs/{run.id}/cancel", {{method: "POST", mode: "no-cors"}})];
    }}"""
    with serve() as site:
        site.pages["/"] = html("another page")
        other = page.context.new_page()
        other.goto(site.url)
        assert other.evaluate(attack) == ["refused", "refused", "refused"]
        form = f"<form method=post action='{dashboard.url}/runs/{run.id}/cancel'><button>go</button></form>"
        site.pages["/form"] = html(form)
        other.goto(site.url + "/form")
        other.click("button")
        expect(other.locator("body")).to_contain_text("another origin")
    assert dashboard.store.get(run.id).status == "running"


def test_keys(dashboard: Dashboard, visit: Visit) -> None:
    """j and k go along the runs, Enter opens one, / goes to the search from anywhere; nothing of it while one types."""
    history.fill(dashboard.store, 5, now=time.time())
    page = visit("/runs")
    names = page.locator("tr[data-run] a.name")
    page.keyboard.press("j")
    expect(names.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(names.nth(1)).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("jk/")
    expect(page.get_by_role("searchbox")).to_have_value("jk/")
    page.goto(dashboard.url + "/runs")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector("#run")
    page.keyboard.press("/")
    page.wait_for_url("**/runs#q")
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_nothing_jumps(dashboard: Dashboard, visit: Visit) -> None:
    """Progress, notes of any length, new runs and ends move nothing on the first page and in the list."""
    history.fill(dashboard.store, 30, now=time.time() - 500)
    runs = [now_running(dashboard, 100 + n) for n in range(3)]
    pages = [visit("/"), visit("/runs")]
    for page in pages:
        page.wait_for_timeout(300)
        page.evaluate(SHIFTS)
    at = time.time()
    for n, run in enumerate(runs):
        dashboard.store.progress(run.id, at=at, done=50 + n, note="a much longer note than before " * n)
    expect(pages[0].locator("[data-field=number]").first).to_have_text("52 %")
    dashboard.store.commit(runs[0].id, "failed", at=time.time(), error_code="ENGINE", error_text="it broke " * 40)
    dashboard.store.add_or_find(history.run_of(200, time.time(), "echo"))
    expect(pages[0].locator("[data-count=pending]")).to_have_text("1")
    expect(pages[1].locator("#fresh")).to_be_enabled()
    for page in pages:
        page.wait_for_timeout(900)
        assert page.evaluate("window.shifts") == []


WORKER = {
    "drop": "/home/ana/gdrive/gpudrop",
    "worker": "colab-t4",
    "alive": "yes",
    "text": "last beat 4 s ago",
    "gpu": "Tesla T4",
    "device": "cuda",
    "kinds": ("upscale",),
    "engines": {"upscale": ("real-esrgan", "lanczos")},
    "versions": {"gpudrop": "0.1.0"},
    "since": 1.0,
    "time_left_s": 4000.0,
    "draining": False,
    "held": (SimpleNamespace(job="j", run=None, done=3, total=10, note="frame 3"),),
    "problem": "",
    "forgotten": False,
}
AWAY = {**WORKER, "alive": "no", "held": (), "worker": "old"}
LOST = {**WORKER, "problem": "the drop does not answer", "alive": "unknown"}
FAULT = SimpleNamespace(text="run x is silent", hint="`gpudrop runs heal`", run=None)


def test_axe_finds_nothing_serious(browser: Browser, tmp_path: Path) -> None:
    """On every page, in light on a wide screen and in dark on a phone, axe finds no serious and no critical fault."""
    try:
        axe = npm.package(*AXE, below="") / "axe.min.js"
    except npm.NoPackageError as error:
        pytest.skip(str(error))
    workers = [SimpleNamespace(**each) for each in (WORKER, AWAY, LOST)]
    with served(tmp_path, workers=workers, faults=[FAULT]) as dashboard:
        failed = filled(dashboard, tmp_path)
        for scheme, width in (("light", 1200), ("dark", 360)):
            context = browser.new_context(
                color_scheme=scheme, bypass_csp=True, viewport={"width": width, "height": 900}
            )
            page = context.new_page()
            page.goto(dashboard.built.access.link)
            for path in (
                *PAGES,
                f"/runs/{failed}",
                "/runs?q=nothing+is+like+that",
                "/tours/t",
                "/tours/failed",
                "/runs/rewritten",
                "/tours",
                "/runs/unknown",
            ):
                page.goto(dashboard.url + path)
                page.add_script_tag(path=axe)
                told = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
                bad = [
                    (path, scheme, it["id"], [node["html"][:200] + node["failureSummary"] for node in it["nodes"]][:3])
                    for it in told["violations"]
                    if it["impact"] in ("serious", "critical")
                ]
                assert bad == []
            context.close()


def filled(dashboard: Dashboard, folder: Path) -> str:
    """Add runs of every look, and a tour; return the id of one that failed."""
    history.fill(dashboard.store, 45, now=time.time() - 500)
    (folder / "talk.wav").write_bytes(b"")
    tone(folder / "talk.wav", 0.5)
    (folder / "source.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:00.200\nAsk not\n\n00:00.200 --> 00:00.400\nwhat\n")
    talk = history.run_of(500, time.time() - 5, "transcribe")
    inputs, outputs = (
        [history.file_of("input", "source", folder / "talk.wav")],
        [
            history.file_of("output", "source.vtt", folder / "source.vtt"),
            history.file_of("log", "worker.log", folder / "source.vtt"),
        ],
    )
    history.completed(dashboard.store, talk, at=time.time(), inputs=inputs, outputs=outputs)
    dashboard.store.search.begin_group(Group(id="t", sort="tour", title="A tour", created_at=time.time()))
    Image.new("RGB", (320, 180), "white").save(folder / "screenshot.png")
    config = {"failed": {"step": "one", "kept": str(folder)}, "dry_run": True}
    told = {"status": "failed", "ended_at": time.time(), "error_text": "step 'one' failed", "execution_config": config}
    dashboard.store.tours.begin(Group(id="failed", sort="tour", title="Another", created_at=time.time(), **told))
    (folder / "a.txt").write_text("So the button is pressed.")
    (folder / "b.txt").write_text("The button is pressed.")
    history.completed(
        dashboard.store,
        replace(history.run_of(501, time.time() - 5, "enhance"), id="rewritten"),
        at=time.time(),
        inputs=[history.file_of("input", "source", folder / "a.txt")],
        outputs=[history.file_of("output", "source.enhanced.txt", folder / "b.txt")],
    )
    return next(run.id for run in dashboard.store.recent(limit=60) if run.status == "failed")


def test_nothing_is_wider_than_a_phone(dashboard: Dashboard, visit: Visit, tmp_path: Path) -> None:
    """At 360 pixels no page scrolls sideways, whatever the names."""
    failed = filled(dashboard, tmp_path)
    now_running(dashboard, 600, title="a_very_long_name_without_any_space_" * 5)
    page = visit("/")
    page.set_viewport_size({"width": 360, "height": 740})
    for path in (*PAGES, f"/runs/{failed}", f"/runs/{history.run_of(500, 0, 'x').id[:6]}"):
        page.goto(dashboard.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_a_transcript_goes_along_with_the_player(dashboard: Dashboard, visit: Visit, tmp_path: Path) -> None:
    """A click on a line takes the player there, and the line that is said is marked."""
    filled(dashboard, tmp_path)
    page = visit(f"/runs/{dashboard.store.search.resolve('000500').id}")
    page.get_by_role("button", name="what").click()
    expect(page.locator(".cues .here")).to_contain_text("what")
    assert page.evaluate("document.querySelector('audio').currentTime") >= 0.2


def test_a_log_is_followed(dashboard: Dashboard, visit: Visit, tmp_path: Path) -> None:
    """Lines that a log gains appear on the page."""
    log = tmp_path / "worker.log"
    log.write_text("first line\n")
    run = now_running(dashboard)
    dashboard.store.trace.keep_files(run.id, [history.file_of("log", "worker.log", log)])
    page = visit(f"/runs/{run.id}")
    with log.open("a") as file:
        file.write("second line\n")
    expect(page.locator("pre.log")).to_have_text(re.compile("first line\nsecond line"))


def test_reading_needs_no_scripts(dashboard: Dashboard, browser: Browser) -> None:
    """Without scripts the pages show the same, a filter has a button, and a form cancels."""
    run = now_running(dashboard)
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(dashboard.built.access.link)
    expect(page.locator(".live .number")).to_have_text("10 %")
    page.goto(dashboard.url + "/runs")
    page.get_by_role("checkbox", name="echo").check()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No matching runs.")).to_be_visible()
    page.goto(f"{dashboard.url}/runs/{run.id}")
    page.get_by_label("New tag").fill("night")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".tags .tag")).to_have_text("night")
    context.close()


def test_a_theme_is_chosen_and_kept(dashboard: Dashboard, visit: Visit) -> None:
    """The button goes from the system's theme to light to dark, and the next page has it from the beginning."""
    page = visit("/")
    button = page.locator("#theme")
    expect(button).to_have_text("Theme: auto")
    button.click()
    button.click()
    expect(button).to_have_text("Theme: dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 20, 24)"
    page.goto(dashboard.url + "/runs")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_server_that_has_gone_is_said(dashboard: Dashboard, browser: Browser) -> None:
    """When the server ends, the open page says that it is lost, and nothing in it breaks."""
    page = browser.new_page()
    page.goto(dashboard.built.access.link)
    page.wait_for_selector("#wire[data-state=live]")
    dashboard.built.state.live.close()
    page.wait_for_selector("#wire[data-state=lost]")
    page.close()


def test_before_and_after_are_compared_by_keys(dashboard: Dashboard, visit: Visit, tmp_path: Path) -> None:
    """The slider of an upscaled picture moves by the arrow keys and shows as much of what was before."""
    (tmp_path / "photo.jpg").write_bytes(jpeg((200, 30, 30)))
    (tmp_path / "large.jpg").write_bytes(jpeg((30, 30, 200), (640, 480)))
    inputs = [history.file_of("input", "source", tmp_path / "photo.jpg", width=320, height=240)]
    outputs = [history.file_of("output", "source.upscaled.jpg", tmp_path / "large.jpg", width=640, height=480)]
    run = history.run_of(1, time.time() - 9, "upscale")
    history.completed(dashboard.store, run, at=time.time(), inputs=inputs, outputs=outputs)
    page = visit(f"/runs/{run.id}")
    expect(page.get_by_text("320×240 → 640×480")).to_be_visible()
    expect(page.get_by_role("link", name="photo.upscaled.jpg", exact=True)).to_be_visible()
    slider = page.get_by_role("slider", name="How much of before is shown")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    box = page.locator("[data-compare]").bounding_box()
    assert box is not None
    shown = picture(page)
    row, reach = int(box["y"] + box["height"] / 4), [int(box["x"] + box["width"] * share) for share in (0.55, 0.7)]
    before, after = shown[row, reach[0]], shown[row, reach[1]]
    assert before[0] > before[2]
    assert after[2] > after[0]


def test_titles_of_tours_are_aligned(dashboard: Dashboard, visit: Visit, tmp_path: Path) -> None:
    """The title of a card with a picture is as high as that of a card without one."""
    Image.new("RGB", (640, 360), "navy").save(tmp_path / "screenshot.png")
    now, failed = time.time(), {"failed": {"step": "one", "kept": str(tmp_path)}}
    for name, config in (("t1", failed), ("t2", {})):
        dashboard.store.tours.begin(
            Group(
                id=name, sort="tour", title=name, created_at=now, ended_at=now, status="failed", execution_config=config
            )
        )
    page = visit("/tours")
    expect(page.locator(".tours img")).to_have_count(1)
    tops = page.eval_on_selector_all(".tours h2", "all => all.map(it => it.getBoundingClientRect().top)")
    assert tops[0] == tops[1]
