#!/bin/sh
# The service on simulated traffic: a simulator and a collector, both ended by Ctrl-C.
# Usage: demo.sh BIN, with PILOTS, SEED and SIMULATOR_PORT in the environment.
set -eu
bin=$1
"$bin/vatwatch" simulate --port "$SIMULATOR_PORT" --pilots "$PILOTS" --seed "$SEED" &
simulator=$!
trap 'kill "$simulator" 2>/dev/null || true; wait "$simulator" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
VATSIM_STATUS_URL="http://127.0.0.1:$SIMULATOR_PORT/status.json" \
VATWATCH_HOME="${VATWATCH_HOME:-var/demo}" \
    "$bin/vatwatch" run
