#!/bin/sh
# rclone and FUSE, for the tests that use real mounts and remotes. Nothing else needs them: a user's set-up only says so.
# Installs by apt as root; anybody else is told what to install, and the tests that need it are skipped.
set -eu

say() { echo "setup: $*" >&2; }

if command -v rclone >/dev/null 2>&1 && command -v fusermount3 >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "no rclone or FUSE found; apt-get install rclone fuse3"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rclone fuse3 >&2 && exit 0
fi
say "no rclone or FUSE found: tests with real mounts are skipped. To run them: apt-get install rclone fuse3"
[ "${CI:-}" != true ] # in CI a missing program is a failure
