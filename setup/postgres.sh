#!/bin/sh
# PostgreSQL's server programs, for the tests of the run database. No server is made or started here: the tests make
# their own in a temporary folder. Nothing else needs them: a user's set-up only says so.
# `sh setup/postgres.sh` installs by apt as root, and tells anybody else what to install; `--find` prints their folder.
set -eu

say() { echo "setup: $*" >&2; }

complete() { [ -x "$1/initdb" ] && [ -x "$1/postgres" ]; }

find_programs() { # where Debian, the PATH, pg_config, Homebrew, Fedora and a build by hand have them; the newest first
    {
        ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr
        dirname "$(command -v initdb 2>/dev/null)" 2>/dev/null
        pg_config --bindir 2>/dev/null
        ls -d /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin 2>/dev/null | sort -Vr
        ls -d /usr/pgsql-*/bin /usr/local/pgsql/bin /Applications/Postgres.app/Contents/Versions/latest/bin 2>/dev/null
    } | while IFS= read -r folder; do
        if complete "$folder"; then
            echo "$folder"
            break
        fi
    done
}

install_debian() { # Debian's package would make a cluster and start a service; nobody has asked for one
    no_cluster=/etc/postgresql-common/createcluster.d/gpudrop-tests.conf
    mkdir -p "${no_cluster%/*}"
    echo "create_main_cluster = false" >"$no_cluster"
    apt-get update -qq >&2 &&
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >&2
    status=$?
    rm -f "$no_cluster"
    return $status
}

found=$(find_programs)
if [ "${1:-}" = --find ]; then
    echo "$found"
    [ -n "$found" ]
    exit
fi
if [ -n "$found" ]; then exit 0; fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    say "no PostgreSQL server found; apt-get install postgresql (without a cluster or a service)"
    if install_debian && [ -n "$(find_programs)" ]; then exit 0; fi
fi
say "no PostgreSQL server found: tests on it are skipped. To run them: apt-get install postgresql (or: brew install postgresql)"
[ "${CI:-}" != true ] # in CI a missing program is a failure
