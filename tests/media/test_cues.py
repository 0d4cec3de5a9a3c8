"""Subtitles fit, last long enough, never overlap, and are cut where a reader would pause."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.captions import Cue
from media.cues import TICK_MS, CueRules, make_cues
from media.text_width import text_width
from media.timed_text import TimedText, fit_width, split_time
from speech import segments
from speech.breaks import breaks_after

RULES = CueRules(width=42, count=2, speed=20, least_s=1.0, most_s=7.0, gap_s=0.08)


def priced(parts: list[TimedText], language: str = "en") -> list[TimedText]:
    """Return parts with the cost of a break after each."""
    found = breaks_after(parts, language)
    return [replace(part, break_cost=cost, ends_sentence=ends) for part, (cost, ends) in zip(parts, found, strict=True)]


def said(text: str, *, word_s: float = 0.3, pauses: dict[int, float] | None = None) -> tuple[list[TimedText], float]:
    """Return a text as evenly spoken words with silences before some, and its length."""
    at, words = 0.0, []
    for place, word in enumerate(text.split()):
        at += (pauses or {}).get(place, 0.0)
        words.append(TimedText(text=word, start_s=at, end_s=at + word_s))
        at += word_s
    return priced(words), at


def texts(found: list[Cue]) -> list[str]:
    return [" ".join(cue.lines) for cue in found]


times = st.floats(0, 20, allow_nan=False)
letters = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z", "M")), min_size=1, max_size=60)
wild_words = st.lists(st.builds(TimedText, text=letters, start_s=times, end_s=times, spaced=st.booleans()), max_size=40)
any_rules = st.builds(
    CueRules,
    width=st.integers(10, 60),
    count=st.integers(1, 3),
    speed=st.floats(5, 40),
    least_s=st.floats(0.1, 2),
    most_s=st.floats(2, 10),
    gap_s=st.floats(0, 0.5),
)


@settings(max_examples=150, deadline=None)
@given(wild_words, any_rules, st.floats(0.5, 20), st.sampled_from(["en", "de", "ja"]))
def test_whatever_is_said_fits_the_screen_and_the_file(
    wild: list[TimedText], rules: CueRules, length_s: float, language: str
) -> None:
    """Limits of lines, width, duration and file length hold, no cue overlaps the next, and no word is lost."""
    words = priced(fit_width(wild, length_s, rules.width), language)
    found = make_cues(words, rules, length_s)
    for cue in found:
        assert 1 <= len(cue.lines) <= rules.count
        assert all(0 < text_width(line) <= rules.width for line in cue.lines)
        assert 0 <= cue.start_ms <= cue.end_ms <= length_s * 1000
        assert cue.end_ms - cue.start_ms <= rules.most_s * 1000
        assert cue.end_ms > cue.start_ms or (len(found) + 1) * TICK_MS > length_s * 1000
    for before, after in itertools.pairwise(found):
        assert before.end_ms <= after.start_ms
    heard = "".join(word.text for word in wild)
    shown = "".join("".join(line for line in cue.lines) for cue in found).replace(" ", "")
    assert shown.replace("-", "") == heard.replace("-", "")  # a long word may be cut with a hyphen


PLAIN = "we are here now and then you go to sea again"
steady = st.lists(st.sampled_from(PLAIN.split()), min_size=2, max_size=60)


@settings(max_examples=100, deadline=None)
@given(steady, st.floats(0.25, 0.6))
def test_what_is_spoken_at_a_readable_pace_can_be_read(spoken: list[str], word_s: float) -> None:
    """Each cue lasts as long as reading it takes, or until the gap before the next one."""
    words, end_s = said(" ".join(spoken), word_s=word_s)
    found = make_cues(words, RULES, end_s + 3)
    for place, cue in enumerate(found):
        shown_s = (cue.end_ms - cue.start_ms) / 1000
        wide = text_width(" ".join(cue.lines))
        following = found[place + 1].start_ms if place + 1 < len(found) else None
        close = following is not None and following - cue.end_ms <= 1000 * RULES.gap_s + TICK_MS
        assert shown_s >= min(RULES.most_s, max(RULES.least_s, wide / RULES.speed)) - TICK_MS / 1000 or close
        assert shown_s > TICK_MS / 1000


def test_a_cue_ends_with_a_sentence_where_it_can() -> None:
    """Two sentences that fill a cue each are not mixed."""
    words, end_s = said("We came here to see the old stone bridge. Nobody told us that it had been closed since May.")
    assert texts(make_cues(words, RULES, end_s + 2)) == [
        "We came here to see the old stone bridge.",
        "Nobody told us that it had been closed since May.",
    ]


def test_a_cue_ends_at_a_pause_rather_than_within_a_phrase() -> None:
    """Without punctuation, silence decides."""
    words, end_s = said("what your country can do for you and what you can do for it", pauses={7: 1.2})
    assert texts(make_cues(words, RULES, end_s + 2)) == [
        "what your country can do for you",
        "and what you can do for it",
    ]


FILLER = "green water under seven quiet old bridges never slept again because rivers ran below"


@pytest.mark.parametrize("bound", ["3 million", "Mr. Smith", "12 km", "Anna Lee", "Dr. Kim", "J. Brown", "page 17"])
@pytest.mark.parametrize("before", range(1, 9))
def test_what_belongs_together_stays_on_one_line(bound: str, before: int) -> None:
    """A number and its unit, a title and its name, an initial: anywhere in the text."""
    filler = FILLER.split()
    words, end_s = said(" ".join([*filler[:before], bound, *filler[before:]]))
    lines = [line for cue in make_cues(words, RULES, end_s + 2) for line in cue.lines]
    assert any(bound in line for line in lines), lines


@pytest.mark.parametrize("count", range(3, 30))
def test_no_word_is_left_alone(count: int) -> None:
    """No cue and no line has a single word, however many there are."""
    words, end_s = said(" ".join((FILLER.split() * 3)[:count]))
    for cue in make_cues(words, RULES, end_s + 2):
        assert all(len(line.split()) > 1 for line in cue.lines), cue.lines


def test_two_lines_are_about_equally_long() -> None:
    """But an article is not separated from its noun for that."""
    words, end_s = said("we walked all the way down to the river before anybody noticed us")
    (cue,) = make_cues(words, RULES, end_s + 2)
    first, second = cue.lines
    assert abs(len(first) - len(second)) <= 12
    assert first.split()[-1] not in ("the", "to", "before")


def test_wide_signs_count_twice_and_are_cut_between_signs() -> None:
    """Japanese without spaces is broken into lines, and none begins with a full stop."""
    text = "これは日本語の字幕です。行の長さは決まっています。次の行に句点だけが残ることはありません。"
    whole = TimedText(text=text, start_s=0, end_s=9)
    words = priced(fit_width(split_time(whole, segments.phrases(text, "ja")), 10, 24), "ja")
    found = make_cues(words, replace(RULES, width=24), 10)
    lines = [line for cue in found for line in cue.lines]
    assert "".join(lines) == text
    assert all(text_width(line) <= 24 and not line.startswith(("。", "、")) for line in lines)


def test_a_word_wider_than_a_line_is_cut() -> None:
    """An address of a hundred letters does not leave the screen."""
    address = "https://example.org/" + "x" * 100
    parts = [TimedText(text=word, start_s=n, end_s=n + 0.9) for n, word in enumerate(["see", address, "now"])]
    lines = [line for cue in make_cues(priced(fit_width(parts, 5, 42)), RULES, 5) for line in cue.lines]
    assert all(text_width(line) <= 42 for line in lines)
    assert "".join(lines).replace(" ", "") == f"see{address}now"


def test_a_long_silence_ends_a_cue() -> None:
    """The last words of a scene do not stay visible into the next."""
    words, end_s = said("they never came back many years later", pauses={4: 4.0})
    found = make_cues(words, RULES, end_s + 1)
    assert texts(found) == ["they never came back", "many years later"]
    assert found[0].end_ms < 1000 * (words[4].start_s - 2)
