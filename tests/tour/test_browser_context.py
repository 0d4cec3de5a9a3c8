"""settings.browser_context: what a browser is made with, wrong values, and secrets that stay out of files."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from dispatcher.tour.browser.context import BrowserContextOptions, context_options
from dispatcher.tour.browser.evidence import Secrets
from dispatcher.tour.spec.browser_rules import locale_of
from dispatcher.tour.spec.loading import load
from protocol.errors import EnvironmentNotReady, SpecError


def write(folder: Path, language: str = "en-us", **context: Any) -> Path:
    """Write a spec with this browser context."""
    path = folder / "tour.json"
    settings = {"language": language, "base_url": "http://ann:pw@127.0.0.1:8888/app", "browser_context": context}
    path.write_text(json.dumps({"settings": settings, "steps": [{"id": "a", "url": "/x"}]}))
    return path


def made(folder: Path, environment: dict[str, str] | None = None, **context: Any) -> BrowserContextOptions:
    """Return what the browser is made with."""
    return context_options(load(write(folder, **context)), variable=(environment or {}).get, version="143.0.1")


@pytest.mark.parametrize(
    ("language", "locale"),
    [
        ("en-us", "en-US"),
        ("en-gb", "en-GB"),
        ("de", "de"),
        ("pt_BR", "pt-BR"),
        ("cmn", "zh-CN"),
        ("zh", "zh"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("en-gb-x-rp", "en-GB"),
        ("es-419", "es-419"),
        ("klingon", None),
    ],
)
def test_the_browser_speaks_the_language_of_the_voice(language: str, locale: str | None) -> None:
    """A voice's language becomes the tag that browsers use; one that is none leaves the browser's own."""
    assert locale_of(language) == locale


def test_everything_that_a_browser_can_be_told(tmp_path: Path) -> None:
    """Each key becomes what Playwright takes; secrets come from the environment, and the password has one origin."""
    (tmp_path / "state.json").write_text(
        json.dumps(
            {
                "cookies": [{"name": "session", "value": "cookie-secret"}],
                "origins": [{"origin": "http://x", "localStorage": [{"name": "t", "value": "stored-secret"}]}],
            }
        )
    )
    options = made(
        tmp_path,
        {"TOKEN": "token-secret", "PASSWORD": "pass-secret"},
        language="de",
        locale="fr-fr",
        timezone="Europe/Berlin",
        color_scheme="dark",
        device_scale_factor=2,
        mobile=True,
        storage_state="state.json",
        headers={"Authorization": "Bearer ${TOKEN}", "X-Tenant": "demo"},
        ignore_https_errors=True,
        http_credentials={"username": "ann", "password": "${PASSWORD}"},
    )
    given = dict(options.arguments)
    assert "Chrome/143.0.0.0 Mobile" in given.pop("user_agent")
    assert given == {
        "locale": "fr-FR",
        "timezone_id": "Europe/Berlin",
        "color_scheme": "dark",
        "device_scale_factor": 2,
        "is_mobile": True,
        "has_touch": True,
        "storage_state": str(tmp_path / "state.json"),
        "extra_http_headers": {"Authorization": "Bearer token-secret", "X-Tenant": "demo"},
        "ignore_https_errors": True,
        "http_credentials": {"username": "ann", "password": "pass-secret", "origin": "http://127.0.0.1:8888"},
    }
    assert set(options.secrets) == {"token-secret", "pass-secret", "cookie-secret", "stored-secret"}


def test_nothing_said_is_nothing_given(tmp_path: Path) -> None:
    """Without browser_context only the language is given."""
    assert made(tmp_path).arguments == {"locale": "en-US"}


def test_a_secret_that_is_not_there(tmp_path: Path) -> None:
    """A variable that is not set is named, before anything is done."""
    with pytest.raises(EnvironmentNotReady, match=r"headers\.X-Key needs the environment variable APP_KEY"):
        made(tmp_path, headers={"X-Key": "${APP_KEY}"})


@pytest.mark.parametrize(
    ("context", "place", "said"),
    [
        ({"locale": "german"}, ".locale", "is not a language tag"),
        ({"timezone": "Berlin"}, ".timezone", "is not a time zone"),
        ({"color_scheme": "night"}, ".color_scheme", "'light', 'dark' or 'no-preference'"),
        ({"device_scale_factor": 9}, ".device_scale_factor", "at most 4"),
        ({"mobile": "yes"}, ".mobile", "true or false"),
        ({"storage_state": "none.json"}, ".storage_state", "cannot be read"),
        ({"storage_state": "tour.json"}, ".storage_state", "has no cookies and no origins"),
        ({"headers": ["a"]}, ".headers", "must be an object with text values"),
        ({"headers": {"X Y": "a"}}, ".headers", "is not a valid name of an HTTP header"),
        ({"headers": {"X-A": "a\nb"}}, ".headers", "must be one line"),
        ({"headers": {"Authorization": "Bearer abc"}}, ".headers", "has a secret in the spec"),
        ({"headers": {"Cookie": "a=b"}}, ".headers", "has a secret in the spec"),
        ({"ignore_https_errors": 1}, ".ignore_https_errors", "true or false"),
        ({"http_credentials": {"username": "a"}}, ".http_credentials.password", "is missing"),
        (
            {"http_credentials": {"username": "a", "password": "b"}},
            ".http_credentials.password",
            "is written in the spec",
        ),
        ({"proxy": "x"}, ".proxy", "is not a known key"),
    ],
)
def test_wrong_values_are_named_with_their_fix(tmp_path: Path, context: dict[str, Any], place: str, said: str) -> None:
    """Each key says what it takes; no value of a secret is repeated."""
    with pytest.raises(SpecError) as caught:
        load(write(tmp_path, **context))
    [line] = caught.value.problems
    assert line.startswith(f"$.settings.browser_context{place}: ")
    assert said in line
    assert "Bearer abc" not in line


def test_secrets_are_removed_in_every_form(tmp_path: Path) -> None:
    """A secret is found plain, in JSON, in an address and in a basic authentication, in texts and in zip files."""
    secrets = Secrets(['p"ss wörd'], [("ann", "s3cret")])
    text = 'a p"ss wörd b p\\"ss w\\u00f6rd c p%22ss%20w%C3%B6rd d YW5uOnMzY3JldA== e'
    assert secrets.removed_from(text) == "a [removed] b [removed] c [removed] d [removed] e"
    path = tmp_path / "trace.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("trace.trace", text)
        made.writestr("picture.png", b"\x89PNG\xff")
    secrets.remove_from_zip(path)
    with zipfile.ZipFile(path) as cleaned:
        assert cleaned.read("trace.trace").decode().count("[removed]") == 4
        assert cleaned.read("picture.png") == b"\x89PNG\xff"
