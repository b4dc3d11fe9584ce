#!/usr/bin/env bash
# The four workflows over HTTP, with curl and nothing else. Needs a server on this machine (`dream serve`) with an empty or any other library:
#   1. a whole track -> separation -> stems of the library        3. a category -> dreams -> stems of the library
#   2. a category -> training -> a model                         4. a prompt -> a track from all sources
# DREAM_URL (default http://127.0.0.1:8000) says where the server is, DREAM_API_KEY its key, DREAM_PATIENCE the seconds to wait for a job.
set -euo pipefail

url=${DREAM_URL:-http://127.0.0.1:8000}
api=$url/api/v1
patience=${DREAM_PATIENCE:-900}
headers=()
if [ -n "${DREAM_API_KEY:-}" ]; then headers=(-H "X-API-Key: $DREAM_API_KEY"); fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() { echo "workflow: $*" >&2; exit 1; }

# ask METHOD PATH [curl options]: the body of the answer; fails, with that body, on any status of 400 and above.
ask() {
  local method=$1 path=$2 status
  shift 2
  status=$(curl -sS -o "$folder/body" -w '%{http_code}' -X "$method" "${headers[@]+"${headers[@]}"}" "$@" "$api$path")
  [ "$status" -lt 400 ] || fail "$method $path: $status $(cat "$folder/body")"
  cat "$folder/body"
}

json() { ask POST "$1" -H 'Content-Type: application/json' -d "$2"; }

# field NAME: the first value of that name in the JSON that comes in: a number, a word or true and false.
field() { grep -o "\"$1\":[^,}]*" | head -n 1 | sed -e "s/^\"$1\"://" -e 's/^"//' -e 's/"$//'; }

# wait_for ID: until the job is done; fails if it fails.
wait_for() {
  local id=$1 end=$((SECONDS + patience)) job status
  while [ "$SECONDS" -lt "$end" ]; do
    job=$(ask GET "/jobs/$id")
    status=$(field status <<<"$job")
    case $status in
      done) return 0 ;;
      failed | cancelled) fail "job $id is $status: $job" ;;
    esac
    sleep 0.5
  done
  fail "job $id is still $status after $patience s"
}

count() { ask GET "/stems?limit=1&source=$1" -D "$folder/head" >/dev/null; grep -i '^x-total-count:' "$folder/head" | tr -dc '0-9'; }

for _ in $(seq 60); do
  curl -fs -o /dev/null "$url/health" && break
  sleep 0.5
done
health=$(ask GET /health) || fail "no server answers at $url"
echo "server: $health"
for _ in $(seq 600); do
  total=$(ask GET /stems/statistics | field total_stems)
  running=$(ask GET '/jobs?kind=starter_kit&status=running')
  if [ "$total" -gt 0 ] && [ "$running" = "[]" ]; then break; fi
  sleep 0.5
done
[ "$total" -gt 0 ] || fail "the library is empty"
echo "library: $total stems"

# A track to begin with: half a minute from the stems that are there.
made=$(json /generate-track '{"prompt": "techno 132 bpm in A minor", "duration": 30, "seed": 7}')
track=$(field track_id <<<"$made")
ask GET "/tracks/$track/audio" >"$folder/track.wav"
[ "$(head -c 4 "$folder/track.wav")" = RIFF ] || fail "track $track is no WAV"

echo "1. a whole track -> separation -> stems"
before=$(count separated)
id=$(ask POST /neuromorphic/preprocess/upload -F "file=@$folder/track.wav;filename=demo.wav" -F model=builtin | field job_id)
wait_for "$id"
after=$(count separated)
[ "$after" -gt "$before" ] || fail "no separated stems came in"
echo "   $((after - before)) separated stems"

echo "2. a category -> training -> a model"
id=$(json /neuromorphic/train '{"category": "kick", "epochs": 20, "seed": 7}' | field job_id)
wait_for "$id"
ask GET /neuromorphic/models/available | grep -q '"category":"kick"' || fail "there is no model of kick"
echo "   a model of kick"

echo "3. a category -> dreams -> stems"
before=$(count generated)
id=$(json /neuromorphic/generate '{"category": "kick", "num_variations": 4, "mode": "random", "seed": 7}' | field job_id)
wait_for "$id"
after=$(count generated)
[ "$after" -gt "$before" ] || fail "no dreams came in"
echo "   $((after - before)) dreamed stems"

echo "4. a prompt -> a track from all sources"
made=$(json /generate-track '{"prompt": "dark techno 134 bpm", "duration": 60, "seed": 11}')
track=$(field track_id <<<"$made")
ask GET "/tracks/$track/audio" >"$folder/track.wav"
size=$(wc -c <"$folder/track.wav")
[ "$size" -gt 5000000 ] || fail "track $track has only $size bytes"
echo "   track $track: $(field duration <<<"$made") s, $(field stems_used <<<"$made") stems: $(grep -o '"stem_sources":{[^}]*}' <<<"$made")"
echo "done"
