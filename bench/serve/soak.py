#!/usr/bin/env python3
"""Asks a server for everything again and again; its memory and its open files must not grow. Standard library only.

    python3 bench/serve/soak.py target/release/dream --minutes 15      (120 for the long run)

RSS at the end may be 20 MB above that after a third of the time, each the median of 20 rounds, the number of open files equal. Exit code 1
when it is not.
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

from load import Server


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--minutes", type=float, default=15)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(args.program, pathlib.Path(folder) / "home")
        while server.ask("GET", "/jobs?kind=starter_kit&status=done")[2] == b"[]":
            time.sleep(0.5)
        begun, measured, rss = time.monotonic(), None, []
        files = lambda: len(os.listdir(f"/proc/{server.process.pid}/fd"))
        while (elapsed := time.monotonic() - begun) < 60 * args.minutes:
            track = {"prompt": "techno 130 bpm", "duration": 30, "seed": len(rss)}
            status, _, _ = server.ask("POST", "/generate-track", track)
            assert status in (200, 202, 503), status
            for path in ("/stems?limit=200", "/stems/statistics", "/jobs?limit=100", "/tracks?limit=100", "/stems/1/audio", "/metrics"):
                assert server.ask("GET", path)[0] == 200, path
            server.ask("GET", "/stems/search?prompt=dark%20kick")
            rss.append(server.rss_mb())
            if measured is None and elapsed > 20 * args.minutes:
                measured = statistics.median(rss[-20:]), files()
                print(f"after {elapsed:.0f} s: {measured[0]:.0f} MB, {measured[1]} files", flush=True)
        time.sleep(2)
        end = statistics.median(rss[-20:]), files()
        print(f"at the end, after {len(rss)} rounds: {end[0]:.0f} MB ({min(rss):.0f} to {max(rss):.0f}), {end[1]} files")
        server.stop()
        return 0 if end[0] <= measured[0] + 20 and end[1] <= measured[1] else 1


if __name__ == "__main__":
    sys.exit(main())
