#!/bin/sh
# Make sure that there is a browser to film with: the system's, else one that is installed here and said so.
# Asks before it installs anything as a normal user, unless CI=true or YES=1; without a terminal it never asks.
set -eu

say() { echo "setup: $*" >&2; }

works() { # Ubuntu's chromium-browser is a script that only points to a snap, which a recorder cannot drive
    path=$(command -v "$1" 2>/dev/null) || return 1
    if head -c 2000 "$path" | grep -aqi snap; then return 1; fi
    "$path" --version >/dev/null 2>&1
}

system_browser() {
    for name in "${GPUDROP_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
        "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
        if [ -n "$name" ] && works "$name"; then return 0; fi
    done
    return 1
}

playwright_browser() { # where Playwright would keep its own, if it is there
    path=$(.venv/bin/python - <<'PYTHON'
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
PYTHON
    )
    [ -x "$path" ]
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

system_browser && exit 0
playwright_browser && exit 0
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
    "$path" --version >/dev/null 2>&1 ||
        say "it does not start yet; it may miss libraries. Run: sudo .venv/bin/playwright install-deps chromium"
fi
