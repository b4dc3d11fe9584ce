#!/usr/bin/env python3
"""A client of the dream server in the standard library: asks for a track, follows its job, and stores the audio.

    python3 examples/client.py "driving industrial techno 138 bpm" --duration 60 --out track.wav
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request


class Dream:
    """The REST interface of a server."""

    def __init__(self, url="http://127.0.0.1:8000", key=None):
        self.api = url.rstrip("/") + "/api/v1"
        self.key = key

    def open(self, method, path, body=None, headers=None, timeout=600):
        """The answer as it comes; an error of the server becomes a RuntimeError with its code."""
        request = urllib.request.Request(self.api + path, method=method)
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        if self.key:
            request.add_header("X-API-Key", self.key)
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        try:
            return urllib.request.urlopen(request, timeout=timeout)
        except urllib.error.HTTPError as error:
            problem = json.loads(error.read() or b"{}")
            text = f"{method} {path}: {error.code} {problem.get('code')}: {problem.get('detail')}"
            raise RuntimeError(text) from None

    def ask(self, method, path, body=None, headers=None):
        with self.open(method, path, body, headers) as answer:
            return json.load(answer)

    def follow(self, job):
        """The changes of a job until it ends; taken up again where the connection broke."""
        last = ""
        while True:
            headers = {"Accept": "text/event-stream", "Last-Event-ID": last}
            try:
                with self.open("GET", f"/jobs/{job}/events", headers=headers) as stream:
                    kind, data = "", ""
                    for line in stream:
                        name, _, value = line.decode().rstrip("\r\n").partition(": ")
                        if name == "id":
                            last = value
                        elif name == "event":
                            kind = value
                        elif name == "data":
                            data = value
                        elif name == "" and data:
                            yield kind, json.loads(data)
                            if kind == "end":
                                return
                            kind, data = "", ""
            except (OSError, TimeoutError):
                continue


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prompt")
    parser.add_argument("--duration", type=float, help="seconds")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", default="track.wav")
    parser.add_argument("--url", default=os.environ.get("DREAM_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--key", default=os.environ.get("DREAM_API_KEY"))
    args = parser.parse_args()

    dream = Dream(args.url, args.key)
    wanted = {"prompt": args.prompt, "duration": args.duration, "seed": args.seed}
    wanted = {name: value for name, value in wanted.items() if value is not None}
    accepted = dream.ask("POST", "/generate-track", wanted, {"Prefer": "respond-async"})
    job = {}
    for kind, job in dream.follow(accepted["job_id"]):
        left = job.get("eta_s")
        left = "" if left is None else f", {left:.0f} s left"
        print(f"{job['status']:9} {100 * job['progress']:3.0f} %  {job.get('step') or ''}{left}", file=sys.stderr)
    if job["status"] != "done":
        sys.exit(f"the job is {job['status']}: {job['error']}")
    track = job["result"]["track_id"]
    with dream.open("GET", f"/tracks/{track}/audio") as audio, open(args.out, "wb") as out:
        while piece := audio.read(1 << 16):
            out.write(piece)
    print(args.out)


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as problem:
        sys.exit(str(problem))
