#!/bin/sh
# What the tests need from the system: a PostgreSQL server, a Redis server, pgbouncer and a browser, as
# programs that the tests start themselves. Installs what is missing where it may, else says what to install, and fails.
# Usage: system-packages.sh [ha], with ha for `make test-ha`.
set -eu
suite=${1:-}

has_postgresql() {
    command -v postgres >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 ||
        ls /usr/pgsql-*/bin/postgres >/dev/null 2>&1 || ls /opt/homebrew/opt/postgresql@*/bin/postgres >/dev/null 2>&1
}
has_redis() { command -v redis-server >/dev/null 2>&1; }
# Stands between the service and PostgreSQL in some tests.
has_pgbouncer() { PATH="$PATH:/usr/sbin" command -v pgbouncer >/dev/null 2>&1; }
# Moves the clock of a process; the package is Debian's.
has_faketime() { ! command -v apt-get >/dev/null 2>&1 || ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1; }
# Google Chrome will do as well. The names are those of tests/browser/browsing.py.
has_chromium() {
    for program in chromium google-chrome google-chrome-stable chromium-browser; do
        ! command -v "$program" >/dev/null 2>&1 || return 0
    done
    [ -e '/Applications/Chromium.app' ] || [ -e '/Applications/Google Chrome.app' ]
}
# Promotes a replica; `make test-ha` alone needs it, and only Debian and Ubuntu have its packages.
has_auto_failover() { [ "$suite" != ha ] || command -v pg_autoctl >/dev/null 2>&1; }
newest_postgresql() { ls /usr/lib/postgresql 2>/dev/null | sort -n | tail -1; }
# Root runs PostgreSQL as another user.
has_setpriv() { [ "$(id -u)" != 0 ] || command -v setpriv >/dev/null 2>&1; }

missing() {
    has_postgresql || printf ' postgresql'
    has_redis || printf ' redis-server'
    has_pgbouncer || printf ' pgbouncer'
    has_faketime || printf ' faketime'
    has_chromium || printf ' chromium'
    has_setpriv || printf ' util-linux'
    has_auto_failover || printf ' pg-auto-failover-cli postgresql-%s-auto-failover' "$(newest_postgresql)"
}

packages=$(missing)
[ -n "$packages" ] || exit 0

if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then as_root=''; elif sudo -n true 2>/dev/null; then as_root='sudo -n'; else as_root='none'; fi
    if [ "$as_root" != none ]; then
        echo "Installing for the tests:$packages"
        export DEBIAN_FRONTEND=noninteractive
        # The packages' own services are not wanted: the tests start servers of their own.
        $as_root apt-get update -qq
        # shellcheck disable=SC2086
        $as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $packages >/dev/null ||
            true # what is missing is told below
    fi
fi

packages=$(missing)
if [ -n "$packages" ]; then
    echo "The tests need these system packages, and they are not installed:$packages" >&2
    echo "On Debian or Ubuntu:  sudo apt-get install$packages" >&2
    echo "On macOS:             brew install postgresql@17 redis pgbouncer && brew install --cask chromium" >&2
    echo "Google Chrome will do for chromium; Ubuntu has chromium only as a snap, so install Chrome there." >&2
    exit 1
fi
