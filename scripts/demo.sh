#!/bin/sh
# The service on simulated traffic and its areas: a simulator and a collector. Ctrl-C ends both, and when one of
# them ends the other does too.
# With several workers also a PostgreSQL and a Redis, which these share.
# Usage: demo.sh BIN, with PILOTS, SEED, SIMULATOR_PORT and WORKERS in the environment.
set -eu
bin=$1
home=${VATWATCH_HOME:-var/demo}
workers=${WORKERS:-1}
servers=

if [ "$workers" -gt 1 ]; then
    mkdir -p "$home/servers"
    rm -f "$home/servers/addresses"
    "$bin/python" "$(dirname "$0")/demo_servers.py" "$home/servers" &
    servers=$!
    trap 'kill "$servers" 2>/dev/null; wait; exit 130' INT TERM
    until [ -e "$home/servers/addresses" ]; do
        kill -0 "$servers" 2>/dev/null || exit 1
        sleep 1 &
        wait $! || true
    done
    # shellcheck disable=SC1091
    . "$home/servers/addresses"
    export DATABASE_URL REDIS_URL VATWATCH_WORKERS="$workers"
fi

"$bin/vatwatch" simulate --port "$SIMULATOR_PORT" --pilots "$PILOTS" --seed "$SEED" &
simulator=$!
areas="http://127.0.0.1:$SIMULATOR_PORT/areas"
positions="$areas/VATSpy.dat,$areas/Boundaries.geojson,$areas/TRACONBoundaries.geojson"
sectors="$areas/sectors-low.geojson,$areas/sectors-high.geojson,$areas/sectors-wide.geojson"
VATSIM_STATUS_URL="http://127.0.0.1:$SIMULATOR_PORT/status.json" \
VATWATCH_POSITIONS_DATA="${VATWATCH_POSITIONS_DATA-$positions}" \
VATWATCH_SECTORS="${VATWATCH_SECTORS-$sectors}" \
VATWATCH_HOME="$home" \
    "$bin/vatwatch" run &
service=$!
pause=

end() {
    # A second Ctrl-C must not leave the database running.
    trap '' INT TERM
    # shellcheck disable=SC2086
    kill "$simulator" "$service" $pause 2>/dev/null || true
    # What has been fetched is written before the database ends.
    wait "$service" || true
    # shellcheck disable=SC2086
    kill $servers 2>/dev/null || true
    wait
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A shell that waits in the foreground for one of them would not hear SIGTERM, nor see the other end.
while kill -0 "$simulator" 2>/dev/null && kill -0 "$service" 2>/dev/null; do
    sleep 1 &
    pause=$!
    wait "$pause" || true
done
exit 1
