#!/bin/sh
# Make sure that there is a browser to film with: the system's, else one that is installed here and said so.
# Asks before it installs anything as a normal user, unless CI=true or YES=1; without a terminal it never asks.
set -eu

say() { echo "setup: $*" >&2; }

browser() { # say which browser films, by the recorder's own rules; fail, and say why, where there is none
    .venv/bin/python - <<'PYTHON'
import sys

from dispatcher.config import Settings
from dispatcher.tour.browser.chromium import find_browser
from protocol.errors import EnvironmentNotReady

try:
    print(find_browser(Settings().chromium))
except EnvironmentNotReady as error:
    sys.exit(f"setup: {error}")
PYTHON
}

agreed() {
    if [ "$(id -u)" = 0 ] || [ "${CI:-}" = true ] || [ "${YES:-}" = 1 ]; then return 0; fi
    if ! [ -t 0 ]; then
        say "no Chromium found, and no terminal to ask on. Install one, or allow it: make YES=1 setup"
        exit 6
    fi
    printf 'setup: no Chromium found. Install the one of Playwright (about 200 MB, into your cache folder)? [Y/n] ' >&2
    read -r answer
    case $answer in [nN]*) say "then name one: GPUDROP_CHROMIUM=/path/to/chromium make setup"; exit 6 ;; esac
}

failed() {
    say "Chromium could not be installed. Install one yourself, or name one: GPUDROP_CHROMIUM=/path/to/chromium make setup"
    exit 6
}

browser >/dev/null && exit 0
[ -z "${GPUDROP_CHROMIUM:-}" ] || exit 6 # the one that is named is taken, or none: another would not be used
agreed
if [ "$(id -u)" = 0 ] && grep -qs '^ID=debian' /etc/os-release; then
    say "no Chromium found; apt-get install chromium"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-liberation >&2 || failed
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "no Chromium found; playwright install --with-deps chromium (browser and its libraries)"
    .venv/bin/playwright install --with-deps chromium >&2 || failed
else
    say "no Chromium found; playwright install chromium"
    .venv/bin/playwright install chromium >&2 || failed
    path=$(browser) && "$path" --version >/dev/null 2>&1 ||
        say "it does not start yet; it may miss libraries. Run: sudo .venv/bin/playwright install-deps chromium"
fi
