#!/usr/bin/env python3
"""Loads a server: 400 tracks asked for at once, three uploads of 200 MB at once, lists of a large library. Standard library only.

    python3 bench/serve/load.py target/release/dream [--stems 100000]

Every figure is printed with its bound from the issue; exit code 1 when one is broken. RSS is that of the server.
"""

import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

FAULTS = []


def say(name, value, bound, fine):
    print(f"{name}: {value} (bound: {bound}) {'ok' if fine else 'BROKEN'}", flush=True)
    if not fine:
        FAULTS.append(name)


class Server:
    def __init__(self, program, home, *options):
        environment = dict(os.environ, DREAM_QUEUE_LIMIT="20")
        command = [program, "--home", str(home), "--json", "serve", "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        self.host = json.loads(self.process.stdout.readline())["listening"].split("//")[1]

    def connect(self, timeout=600):
        return http.client.HTTPConnection(self.host, timeout=timeout)

    def ask(self, method, path, body=None, headers=None, connection=None):
        connection = connection or self.connect()
        headers = dict(headers or {})
        if isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body), "application/json"
        connection.request(method, "/api/v1" + path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def rss_mb(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.process.stdout.close()


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class Watch(threading.Thread):
    """Asks for health and looks at the memory until it is stopped."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.on, self.times, self.peak, self.codes = server, True, [], 0, set()

    def run(self):
        connection = self.server.connect(10)
        while self.on:
            begun = time.perf_counter()
            status, _, _ = self.server.ask("GET", "/health", connection=connection)
            self.times.append(time.perf_counter() - begun)
            self.codes.add(status)
            self.peak = max(self.peak, self.server.rss_mb())
            time.sleep(0.01)

    def stop(self):
        self.on = False
        self.join()
        return self


def tracks(server, count):
    body = {"prompt": "techno 130 bpm", "duration": 30, "seed": 1}
    before, watch = server.rss_mb(), Watch(server)
    watch.start()
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        answers = list(pool.map(lambda _: server.ask("POST", "/generate-track", body), range(count)))
    watch.stop()
    codes = {}
    for status, headers, _ in answers:
        codes[status] = codes.get(status, 0) + 1
        if status == 503 and "Retry-After" not in headers:
            FAULTS.append("503 without Retry-After")
    say(f"{count} tracks at once", codes, "200, 202, 503", set(codes) <= {200, 202, 503})
    worst = 1000 * percentile(watch.times, 0.99)
    say("p99 of health meanwhile", f"{worst:.1f} ms", "100 ms", worst < 100 and watch.codes == {200})
    say("peak RSS meanwhile", f"{watch.peak:.0f} MB, {before:.0f} before", "stated", True)


def uploads(server):
    def body():
        yield b"--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n"
        piece = b"\0" * (1 << 16)
        for _ in range((200 << 20) >> 16):
            yield piece
        yield b"\r\n--X--\r\n"

    before, watch = server.rss_mb(), Watch(server)
    watch.start()
    headers = {"Content-Type": "multipart/form-data; boundary=X"}
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(server.ask, "POST", "/stems", body(), headers) for _ in range(3)]
        codes = [job.result()[0] for job in jobs]
    # What came in is heard afterwards; the memory of that is not that of the upload.
    watch.stop()
    more = watch.peak - before
    say("3 uploads of 200 MB", f"{codes}, +{more:.0f} MB RSS", "202, +50 MB", set(codes) == {202} and more < 50)


def lists(server):
    for path in ("/stems?limit=50", "/stems?limit=50&category=kick", "/stems?limit=50&bpm_min=120&bpm_max=130", "/stems/statistics"):
        runs = []
        for _ in range(3):
            def one(_):
                connection, times = server.connect(), []
                for _ in range(100):
                    begun = time.perf_counter()
                    status, _, _ = server.ask("GET", path, connection=connection)
                    times.append(time.perf_counter() - begun)
                    assert status == 200
                return times

            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                runs.append(percentile([t for times in pool.map(one, range(4)) for t in times], 0.99))
        best = 1000 * min(runs)
        say(f"p99 of GET {path}", f"{best:.1f} ms at the client", "10 ms at the server", best < 10)
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        server.ask("GET", "/stems/search?prompt=dark%20punchy%20kick")
        times.append(time.perf_counter() - begun)
    say("p50 of search", f"{1000 * percentile(times, 0.5):.0f} ms", "stated", True)


def grow(home, count):
    """Copies the rows of the starter kit until there are so many; their audio is that of the first."""
    database = sqlite3.connect(home / "processed_database/library.db")
    columns = [row[1] for row in database.execute("pragma table_info(stem)") if row[1] != "id"]
    own = database.execute("select count(*), max(id) from stem").fetchone()
    rounds = (count - own[0]) // own[0] + 1
    for number in range(1, rounds + 1):
        shift = number * own[1]
        values = ", ".join("hash || '-' || ?1" if name == "hash" else name for name in columns)
        database.execute(f"insert into stem (id, {', '.join(columns)}) select id + ?2, {values} from stem where id <= ?3", (number, shift, own[1]))
        database.execute("insert into embedding select space, stem + ?1, dims, vector from embedding where stem <= ?2", (shift, own[1]))
        database.execute("insert into tag select stem + ?1, tag from tag where stem <= ?2", (shift, own[1]))
        database.commit()
    print("stems:", database.execute("select count(*) from stem").fetchone()[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--stems", type=int, default=100_000)
    parser.add_argument("--tracks", type=int, default=400)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder) / "home"
        server = Server(args.program, home)
        while server.ask("GET", "/jobs?kind=starter_kit&status=done")[2] == b"[]":
            time.sleep(0.5)
        uploads(server)
        tracks(server, args.tracks)
        server.stop()
        if args.stems:
            grow(home, args.stems)
            server = Server(args.program, home, "--no-starter")
            lists(server)
            server.stop()
    return 1 if FAULTS else 0


if __name__ == "__main__":
    sys.exit(main())
