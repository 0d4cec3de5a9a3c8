"""Planted secrets and the text around them."""

from __future__ import annotations

import logging
import random
import re
import string
import sys
import time

import pytest
from rich.console import Console

from dispatcher.cli.display import Display
from dispatcher.cli.errors import _rendered
from protocol.errors import JobFailed
from protocol.signing import new_key
from usertext.redaction import Redacting, guard_logs, legible, redact, without_secrets

HF = "hf_" + "aBcDeFgH" * 4
KEY = new_key("worker").spell_secret()
SECRETS = {
    "hugging face token": (f"401 for {HF} at hub", HF),
    "our own key": (f"key={KEY} is wrong", KEY[-43:]),
    "bearer": ("Authorization: Bearer abc.def-ghi_jkl", "abc.def-ghi_jkl"),
    "basic": ('{"Authorization": "Basic dXNlcjpwYXNz"}', "dXNlcjpwYXNz"),
    "a bare bearer": ("sent bearer 0123456789abcdef", "0123456789abcdef"),
    "url with credentials": ("GET https://user:s3cr3t@host/x failed", "s3cr3t"),
    "url with a user only": ("webdav://s3cr3ttoken@host/x", "s3cr3ttoken"),
    "query": ("https://host/x?a=1&access_token=s3cr3t&b=2", "s3cr3t"),
    "signed address": ("https://b/x?X-Amz-Signature=deadbeef01&x=1", "deadbeef01"),
    "rclone token": ('token = {"access_token":"ya29.a0AfH6SMBxyz_1-2","refresh_token":"1//0gAbCdEfGhIjKlMnOpQrStUv"}',
                     "a0AfH6SMBxyz"),
    "refresh token": ('"refresh_token":"1//0gAbCdEfGhIjKlMnOpQrStUv"', "0gAbCdEfGhIjKl"),
    "client secret": ("client_secret = GOCSPX-abcdefghijkl", "abcdefghijkl"),
    "password": ("pass=hunter22 user=x", "hunter22"),
    "an option": ("rclone rcd --rc-user u --rc-pass hunter22 --rc-addr x", "hunter22"),
    "rclone's environment": ("RCLONE_RC_PASS=hunter22", "hunter22"),
    "a remote in one line": (":webdav,url=x,user=u,pass=hunter22:folder", "hunter22"),
    "json password": ('{"password": "hun cat\\"22"}', "cat"),
    "environment": ("HF_TOKEN=abcdefgh1234", "abcdefgh1234"),
    "github": ("ghp_" + "a1" * 18, "a1a1"),
    "google key": ("AIza" + "b" * 35, "bbbb"),
    "aws": ("AKIA" + "C" * 16, "CCCC"),
    "jwt": ("eyJhbGciOiJI.eyJzdWIiOiIx.sig_-", "eyJzdWIi"),
    "private key block": ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END OPENSSH PRIVATE KEY-----", "b3Blbn"),
    "url whose password holds an at": ("GET http://ann:p4@s3cr3t@host/x failed", "s3cr3t"),
    "url in an address": ("/login?next=http%3A%2F%2Fann%3As3cr3t%40host%2Fx", "s3cr3t"),
    "a header of its own scheme": ("Authorization: Custom abc123xyz", "abc123xyz"),
    "a word as password": ("password: swordfish was refused", "swordfish"),
    "basic by itself": ("sent Basic YW5uOnMzY3IzdC1wdw== to it", "YW5uOnMzY3IzdC1wdw"),
    "a block that is cut": ("-----BEGIN PRIVATE KEY-----\nb3Blbn", "b3Blbn"),
}  # fmt: skip
PERSONS = {
    "e-mail": ("shared with jane.doe+x@example.co.uk, ok", "jane"),
    "drive for desktop": ("/Volumes/GoogleDrive-jane@example.com/My Drive", "jane"),
    "linux home": ("no such file: /home/jane/.config/x", "jane"),
    "mac home": ("'/Users/Jane Doe/x' and /Users/jane/y", "/Users/jane"),
    "windows home": (r"C:\Users\jane\x and C:\\Users\\jane", "jane"),
    "root": ("in /root/.config", "/root"),
}
INNOCENT = [
    "job 260101-120000-abcdef12: attempt 1 at tts, 3/12 step three",
    "OUT_OF_MEMORY: CUDA out of memory. Tried to allocate 2.00 GiB",
    "see https://example.com/docs?page=2#a, file:///tmp/x and memory:name",
    "sha256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "the token was refused; tokens: none; secretly; a pass over the data: done",
    "/content/drive/MyDrive/gpudrop/job-1 · /tmp/x · C:\\work\\x · /rootless/x · a@b",
    "gpudrop-public-worker:2r5LabLecsYyWJcVexRkPRsS5d71faj2zz66Y0b3_h8",
    "a high-pass filter; gpudrop key new --keyring; gpudrop doctor --key",
    "user@host: 12 x 3 == 36; task-1; risk-free sk-learn",
    "step 'password': the page has no 'Sign in'",
    "step 'get-token', action 1 (click '#token'): nothing matches",
    "step 'token': \"Sign in\" is not on the page",
    "a basic understanding, basic JavaScript; Basic authentication; a bearer certificate",
    "first pass: everything; second pass: done. cookie: accept all",
    "Enter your password: it is below. Forgot your password? Password: type it again",
    "authorization: required for this page",
    "give --auth-token or ask; --key names the file",
    "see http://127.0.0.1:8000?to=a@b and http://x#a@b",
]


@pytest.mark.parametrize("what", SECRETS)
def test_secrets_go(what: str) -> None:
    """What opens something is gone, from what the user's own terminal shows too; the words around it stay."""
    text, secret = SECRETS[what]
    assert secret not in without_secrets(text)
    assert secret not in redact(f"before {text} after")
    assert redact(f"before\n{text}").startswith("before\n")


CUTS = {
    "http://ann:s3cr3t-pw@host:80/x cannot be opened": "http://<removed>@host:80/x cannot be opened",
    "the login (password=hunter22) failed.": "the login (password=<removed>) failed.",
    "token: abc123. Try again": "token: <removed>. Try again",
    "Authorization: Bearer abc.def-1 was refused": "Authorization: Bearer <removed> was refused",
}


@pytest.mark.parametrize("text", CUTS)
def test_only_the_secret_is_cut(text: str) -> None:
    """The words and the punctuation around a secret stay as they are."""
    assert without_secrets(text) == CUTS[text]


@pytest.mark.parametrize("what", PERSONS)
def test_persons_go_from_what_others_read(what: str) -> None:
    """Who somebody is goes from logs and markers; on their own terminal paths stay usable."""
    text, person = PERSONS[what]
    assert person not in redact(text)
    assert without_secrets(text) == text


@pytest.mark.parametrize("text", INNOCENT)
def test_other_text_stays(text: str) -> None:
    """Nothing else is touched."""
    assert redact(text) == text


def test_twice_is_once() -> None:
    """What was redacted is left alone."""
    for text, _ in (SECRETS | PERSONS).values():
        assert redact(redact(text)) == redact(text)


def test_long_hostile_text_takes_no_time() -> None:
    """No text makes a pattern run away."""
    noise = random.Random(1)
    made = ["a@" * 50_000, "a." * 50_000 + "@", "token" * 20_000, "eyJ" + "a" * 100_000, '"' * 100_000, "://" * 40_000]
    made += ["".join(noise.choices(string.printable, k=100_000)), "password=" + '"\\' * 50_000, "?token=" * 15_000]
    started = time.process_time()
    for text in made:
        redact(text)
    assert time.process_time() - started < 5


def test_logs_are_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """Message, arguments and traceback of a guarded logger hold no secret."""
    logger = logging.Logger("guarded")
    logger.addHandler(logging.StreamHandler())
    guard_logs(logger)
    try:
        raise ValueError(HF)
    except ValueError:
        logger.exception("no entry for %s with %d", HF, 3)
    written = capsys.readouterr().err
    assert HF not in written
    assert "with 3" in written
    assert "ValueError" in written
    assert isinstance(logger.handlers[0].filters[0], Redacting)


STEERING = {
    "clears the screen": "a\x1b[2Jb",
    "sets the title": "a\x1b]0;evil\x07b",
    "a link": "a\x1b]8;;http://127.0.0.1/\x1b\\b",
    "colours": "a\x1b[31mb",
    "goes back in the line": "a\rb",
    "goes back a letter": "a\bb",
    "rings": "a\ab",
    "one byte for escape": "a\x9b2Jb",
    "turns the line around": "a\u202eb",
    "a cut sequence": "a\x1b[",
    "a cut title": "a\x1b]0;b",
}


@pytest.mark.parametrize("what", STEERING)
def test_what_a_worker_says_does_not_steer_the_terminal(what: str) -> None:
    """What a terminal would obey is gone, whoever wrote it; words, lines, tabs and other alphabets stay."""
    shown = legible(STEERING[what])
    assert shown.startswith("a\ufffd")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown)
    assert legible(shown) == shown
    assert legible("Grüße\n\tשלום 😀\r\n") == "Grüße\n\tשלום 😀\n"


def test_hostile_text_is_shown_as_text_only(capsys: pytest.CaptureFixture[str]) -> None:
    """Errors, warnings and stages on the command line pass through that."""
    bad = "\x1b[2J[red]x"
    sys.stderr.write(_rendered(JobFailed(bad, code="ENGINE"), as_event=False))
    display = Display(console=Console(stderr=True, force_terminal=True, width=80, color_system=None))
    display.say(bad)
    display.warn(bad)
    with display.stage("s") as stage:
        stage.update(1, 2, bad)
    told = capsys.readouterr().err
    assert "\x1b[2J" not in told
    assert told.count("\ufffd[red]x") >= 4
