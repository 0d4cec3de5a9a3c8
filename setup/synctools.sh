#!/bin/sh
# Syncthing and rsync, for the tests with real sync tools. Nothing else needs them: a user's set-up only says so.
# Installs by apt as root; anybody else is told what to install, and the tests that need it are skipped.
set -eu

say() { echo "setup: $*" >&2; }

missing=""
for tool in syncthing rsync; do command -v $tool >/dev/null 2>&1 || missing="$missing $tool"; done
if [ -z "$missing" ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "not found:$missing; apt-get install$missing"
    apt-get update -qq >&2
    # shellcheck disable=SC2086 # several names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2 && exit 0
fi
say "not found:$missing: tests with real sync tools are skipped. To run them: apt-get install$missing"
[ "${CI:-}" != true ] # in CI a missing program is a failure
