#!/usr/bin/env python3
"""Kills a working server again and again (SIGKILL) and looks whether anything was lost or done twice. Standard library only.

    python3 bench/serve/kill.py target/release/dream --kills 100

Jobs of ingest, train, generate and generate-track wait in the queue throughout. At the end every job must be done, every file ingested be one
stem, every dream one stem, every track one row with one file, and the database sound. Prints one line of JSON; exit code 1 on any fault.
"""

import argparse
import json
import math
import pathlib
import random
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

FILES = 60


def tone(path, number):
    """A decaying tone of a quarter of a second, another one for every number."""
    samples = [
        int(20000 * math.exp(-14 * i / 44100) * math.sin(2 * math.pi * (45 + 3.7 * number) * i / 44100))
        for i in range(11025)
    ]
    data = struct.pack(f"<{len(samples)}h", *samples)
    head = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, 1, 44100, 88200, 2, 16) + b"data" + struct.pack("<I", len(data))
    path.write_bytes(head + data)


class Server:
    def __init__(self, program, home):
        command = [program, "--home", home, "--json", "serve", "--port", "0", "--no-starter"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.api = json.loads(self.process.stdout.readline())["listening"] + "/api/v1"

    def ask(self, method, path, body=None, headers=None):
        request = urllib.request.Request(self.api + path, method=method, headers=headers or {})
        if body is not None:
            request.add_header("Content-Type", "application/json")
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait()
        self.process.stdout.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--longest", type=float, default=4, help="seconds that a server lives at most; work must fit in between")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    chance = random.Random(args.seed)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder) / "home"
        kits = home / "raw_construction_kits"
        first = kits / "first"
        first.mkdir(parents=True)
        for number in range(20):
            tone(first / f"kick {number:02}.wav", number)
        subprocess.run([args.program, "--home", home, "-q", "ingest", "--category", "kick"], check=True)
        subprocess.run([args.program, "--home", home, "-q", "train", "kick", "--epochs", "3"], check=True)
        asked = {"ingest": [], "train": [], "generate": [], "compose": []}
        ingested, dreamed, number = 20, 0, 100
        kills = 0
        while kills < args.kills:
            server = Server(args.program, home)
            waiting = server.ask("GET", "/jobs?status=queued&limit=1000")
            # Work waits always, some of each kind.
            while len(waiting) < 6:
                kit = kits / f"kit {number}"
                kit.mkdir()
                for _ in range(FILES):
                    tone(kit / f"kick {number}.wav", number)
                    number += 1
                ingested += FILES
                body = {"paths": [f"raw_construction_kits/{kit.name}"], "category": "kick"}
                asked["ingest"].append(server.ask("POST", "/preprocess", body)["job_id"])
                body = {"category": "kick", "epochs": 40, "seed": number}
                asked["train"].append(server.ask("POST", "/neuromorphic/train", body)["job_id"])
                body = {"category": "kick", "num_variations": 6, "seed": number}
                asked["generate"].append(server.ask("POST", "/neuromorphic/generate", body)["job_id"])
                body = {"prompt": "techno 130 bpm", "duration": 30, "seed": number}
                later = {"Prefer": "respond-async"}
                asked["compose"].append(server.ask("POST", "/generate-track", body, later)["job_id"])
                waiting = server.ask("GET", "/jobs?status=queued&limit=1000")
            time.sleep(chance.uniform(0.05, args.longest))
            server.end(signal.SIGKILL)
            kills += 1
        server = Server(args.program, home)
        while True:
            open_jobs = [job for status in ("queued", "running") for job in server.ask("GET", f"/jobs?status={status}&limit=1000")]
            if not open_jobs:
                break
            time.sleep(0.5)
        jobs = {}
        for kind, ids in asked.items():
            for job in ids:
                jobs[job] = server.ask("GET", f"/jobs/{job}")
        faults = [f"job {j}: {job['status']} {job['error']}" for j, job in jobs.items() if job["status"] != "done"]
        dreamed = sum(jobs[j]["result"]["made"] for j in asked["generate"] if jobs[j]["status"] == "done")
        server.end(signal.SIGTERM)
        database = sqlite3.connect(home / "processed_database/library.db")
        one = lambda sql: database.execute(sql).fetchone()[0]
        originals = one("select count(*) from stem where source = 'original'")
        generated = one("select count(*) from stem where source = 'generated'")
        tracks = one("select count(*) from take")
        names = [row[0] for row in database.execute("select path from take")]
        files = sorted(path.name for path in (home / "generated_tracks").glob("*.wav"))
        copies = len(list((home / "generated_stems").rglob("*.wav")))
        if originals != ingested:
            faults.append(f"{originals} original stems, {ingested} files")
        if generated != dreamed:
            faults.append(f"{generated} generated stems, {dreamed} dreamed")
        if copies < generated:
            faults.append(f"{copies} copies of {generated} generated stems")
        if tracks != len(asked["compose"]) or len(set(names)) != tracks:
            faults.append(f"{tracks} tracks of {len(asked['compose'])} jobs")
        if files != sorted(pathlib.Path(name).name for name in names):
            faults.append("files and rows of tracks differ")
        blobs = {path.stem for path in (home / "processed_database/stems").iterdir()}
        missing = [row[0] for row in database.execute("select hash from stem") if row[0] not in blobs]
        if missing:
            faults.append(f"{len(missing)} stems without audio")
        sound = one("pragma integrity_check")
        if sound != "ok":
            faults.append(f"database: {sound}")
        print(json.dumps({
            "kills": kills, "jobs": len(jobs), "stems": originals + generated, "tracks": tracks,
            "faults": faults, "seconds": round(time.monotonic() - begun, 1),
        }))
        return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
