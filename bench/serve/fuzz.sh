#!/usr/bin/env bash
# schemathesis over every operation, against a server of its own with a queue of 20: fuzz.sh PROGRAM [options of schemathesis]
# Needs `schemathesis` (pip install schemathesis) on the PATH.
set -euo pipefail
program=$(realpath "$1")
shift
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
export DREAM_QUEUE_LIMIT=20 DREAM_WAIT_S=2
"$program" --home "$folder/home" --json serve --port 0 >"$folder/said" 2>"$folder/log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$folder"' EXIT
until [ -s "$folder/said" ]; do sleep 0.1; done
url=$(sed -e 's/.*"listening":"\([^"]*\)".*/\1/' "$folder/said")
until curl -fsS "$url/api/v1/jobs?kind=starter_kit&status=done" | grep -q '"id"'; do sleep 0.5; done
cd "$folder"
SCHEMATHESIS_HOOKS=hooks PYTHONPATH=$here schemathesis --config-file "$here/schemathesis.toml" run "$url/api/v1/openapi.json" "$@"
