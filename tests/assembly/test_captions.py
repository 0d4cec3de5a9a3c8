"""Captions: short lines, broken where speech breaks, inside their step."""

from __future__ import annotations

import html
import itertools
from dataclasses import replace
from pathlib import Path

import pysubs2
import pytest

from dispatcher.assembly.captions import LINE, write_captions
from dispatcher.assembly.timeline import Clip, Timeline, Word
from media.captions import WORD_JOINER
from media.text_width import text_width


def spoken(text: str, pace: float = 0.3) -> tuple[Word, ...]:
    """Return word times at an even pace."""
    return tuple(Word(text=word, start_s=n * pace, end_s=(n + 0.9) * pace) for n, word in enumerate(text.split()))


def captions(tmp_path: Path, *clips: Clip) -> list[pysubs2.SSAEvent]:
    """Return the cues that are written for these clips."""
    srt, vtt = write_captions(Timeline(clips), tmp_path / "film.mp4", "en-us")
    assert vtt.read_text(encoding="utf-8").startswith("WEBVTT")
    return list(pysubs2.load(str(srt)))


def clip(text: str, seconds: float = 30, pace: float = 0.3) -> Clip:
    """Return a step that speaks a text."""
    return Clip(step_id="a", title="A", take=Path("t.mkv"), frames=round(seconds * 30), words=spoken(text, pace))


def test_cues_have_at_most_two_short_lines(tmp_path: Path) -> None:
    """A long sentence is spread over cues of two lines of at most 42 letters, and no word is lost."""
    text = " ".join(f"word{n}" for n in range(60)) + "."
    cues = captions(tmp_path, clip(text))
    lines = [line for cue in cues for line in cue.plaintext.split("\n")]
    assert max(map(len, lines)) <= LINE
    assert max(len(cue.plaintext.split("\n")) for cue in cues) == 2
    assert " ".join(lines) == text


def test_a_sentence_ends_a_cue(tmp_path: Path) -> None:
    """Sentences that last long enough to be read have cues of their own; shorter ones share one."""
    assert [cue.plaintext for cue in captions(tmp_path, clip("One here. Two there.", pace=0.5))] == [
        "One here.",
        "Two there.",
    ]
    assert [cue.plaintext for cue in captions(tmp_path, clip("Click Export. Then wait."))] == [
        "Click Export. Then wait."
    ]


def test_cues_neither_overlap_nor_leave_their_step(tmp_path: Path) -> None:
    """Each cue ends before the next begins, and the last with its step, although it would linger."""
    cues = captions(tmp_path, clip("One is here. Two is. Three.", seconds=1.8), clip("Four."))
    for cue, following in itertools.pairwise(cues):
        assert cue.end <= following.start
    assert cues[-2].end <= 1800
    assert cues[-1].start == pytest.approx(1800, abs=1)


def test_times_are_those_of_the_words(tmp_path: Path) -> None:
    """A cue appears with its first word."""
    cues = captions(tmp_path, clip("One here. Two there.", pace=0.5))
    assert [cue.start for cue in cues] == [0, 1000]


DASHBOARD = (
    "Welcome back to the reporting dashboard, where we will look at the three charts that most of you open every "
    "single morning before the stand-up. Mr. and Mrs. Smith pay $1,234.56 in the U.S. on page 12 on May 5, 2026 at "
    "noon. Every notebook gets "
    "its own kernel ready to work. Dr. Lee wrote most of it, e.g. the parser. If you have got a question about any of "
    "this, write to us, and one of the people in the support team will get back to you within a day or two, or, if it "
    "is urgent, within the hour."
)
WEAK = "a an the of to in on at by for from with and or but if that which who this is are mr. mrs. dr. e.g."


@pytest.mark.parametrize("pace", [0.25, 0.3, 0.35, 0.4, 0.5])
def test_cues_and_lines_end_where_a_phrase_does(tmp_path: Path, pace: float) -> None:
    """At any pace: no cue or line ends with an article, a preposition, a conjunction or a title; none is one word."""
    cues = captions(tmp_path, clip(DASHBOARD, 60, pace))
    lines = [line for cue in cues for line in cue.plaintext.split("\n")]
    assert " ".join(lines) == DASHBOARD
    assert [line for line in lines if line.split()[-1].lower() in WEAK.split()] == []
    assert [line for line in lines if len(line.split()) == 1] == []
    assert min(cue.end - cue.start for cue in cues) >= 800
    assert not [line for line in lines if line.endswith(("page", "May", "May 5,"))]


def test_a_cue_that_would_flash_by_joins_its_neighbour(tmp_path: Path) -> None:
    """A sentence of one short word shares the cue of a longer one before or after it."""
    text = (
        "No. The kernel keeps running until you stop it yourself from the menu. Yes. Then the next cell starts. Good."
    )
    cues = captions(tmp_path, clip(text, 12, 0.25))
    assert min(cue.end - cue.start for cue in cues) >= 800
    assert not {"No.", "Yes."} & {cue.plaintext for cue in cues}


def test_cues_do_not_flicker(tmp_path: Path) -> None:
    """Between two cues that follow each other within half a second lie two frames; after a pause a cue goes away."""
    words = (*spoken("Open the file browser first."), *later(spoken("Then choose the folder."), 2.1))
    words = (*words, *later(spoken("At last press the button."), 6.0))
    made = Clip(step_id="a", title="A", take=Path("t.mkv"), frames=400, words=words)
    first, second, third = captions(tmp_path, made)
    assert second.start - first.end == 80
    assert third.start - second.end > 1000


def later(words: tuple[Word, ...], by_s: float) -> tuple[Word, ...]:
    """Return words that are said later."""
    return tuple(replace(word, start_s=word.start_s + by_s, end_s=word.end_s + by_s) for word in words)


@pytest.mark.parametrize(
    "text", ["the <head> of", "git switch <branch>", "{name}", r"C:\Users C:\new", "a --> b", "R&D", r"{\b1}bold"]
)
def test_what_was_written_is_what_is_shown(tmp_path: Path, text: str) -> None:
    """No sign of a narration is lost or another one, in either file."""
    srt, vtt = write_captions(Timeline((clip(text),)), tmp_path / "film.mp4", "en-us")
    shown = srt.read_text(encoding="utf-8").split("\n")[2].replace("\\{", "{").replace(WORD_JOINER, "")
    assert shown == text
    assert vtt.read_text(encoding="utf-8").split("\n")[4] == html.escape(text, quote=False)


CHINESE = (
    "我们先打开笔记本，在“设置”里选择显卡，然后运行第一个单元格。"
    "接下来，上传你的视频文件；它会在云端处理，结果会自动回来！"
)
JAPANESE = (
    "まず、ノートブックを開いて、「設定」でGPUを選びます。"
    "それから最初のセルを実行してください。結果はDriveのフォルダーに自動的に保存されます。"
)
THAI = "เปิดสมุดบันทึกแล้วเลือกการ์ดจอในการตั้งค่าจากนั้นเรียกใช้เซลล์แรกและอัปโหลดวิดีโอของคุณไปยังโฟลเดอร์ที่ใช้ร่วมกัน"


@pytest.mark.parametrize("text", [CHINESE, JAPANESE, THAI, "字" * 200, "x" * 100, CHINESE + " " + JAPANESE])
def test_text_without_blanks_is_cut_too(tmp_path: Path, text: str) -> None:
    """A narration that is one word, or two, has cues of two short lines that follow each other; no sign is lost."""
    each_s = 12.0
    words = tuple(Word(text=word, start_s=n * each_s, end_s=n * each_s + 11.5) for n, word in enumerate(text.split()))
    made = Clip(step_id="a", title="A", take=Path("t.mkv"), frames=30 * 30, words=words)
    cues = captions(tmp_path, made)
    lines = [line for cue in cues for line in cue.plaintext.split("\n")]
    assert "".join(line.removesuffix("-") for line in lines) == text.replace(" ", "")
    assert max(map(text_width, lines)) <= LINE
    assert max(len(cue.plaintext.split("\n")) for cue in cues) <= 2
    assert len(cues) > 1
    for cue, following in itertools.pairwise(cues):
        assert cue.start < cue.end <= following.start
    assert cues[-1].start < words[-1].end_s * 1000
    assert not [line for line in lines if line[0] in "。，、；！”」ーุูะาํ"]
    assert not [line for line in lines if line[-1] in "“「เแโใไ"]


def test_a_clause_is_not_torn_where_it_fits(tmp_path: Path) -> None:
    """Lines end where a reader pauses, and a sentence ends its cue; the time is shared by what is to be read."""
    word = Word(text="打开文件，选择设置。运行。", start_s=0, end_s=6.5)
    cues = captions(tmp_path, Clip(step_id="a", title="A", take=Path("t.mkv"), frames=600, words=(word,)))
    assert [cue.plaintext for cue in cues] == ["打开文件，选择设置。", "运行。"]
    assert cues[1].start == 5_000
    long = "我们现在打开这个很长的文件，" * 3
    cues = captions(tmp_path, Clip(step_id="a", title="A", take=Path("t.mkv"), frames=600, words=spoken(long, 8.0)))
    assert [line for cue in cues for line in cue.plaintext.split("\n")] == [long[:14]] * 3
    assert len(cues) == 2


def test_blanks_stay_where_they_were(tmp_path: Path) -> None:
    """Only the parts of one word stand together; a Latin word within another script is not torn."""
    [cue] = captions(tmp_path, clip("我们用 Python 写代码"))
    assert cue.plaintext == "我们用 Python 写代码"
    text = "字" * 18 + "Python" + "字" * 18
    [cue] = captions(tmp_path, clip(text, pace=7.0))
    assert [line.count("Python") for line in cue.plaintext.split("\n")] in ([1, 0], [0, 1])
