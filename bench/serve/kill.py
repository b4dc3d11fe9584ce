#!/usr/bin/env python3
"""Kills a working server again and again (SIGKILL) and looks whether anything was lost or done twice. Standard library only.

    python3 bench/serve/kill.py target/release/dream --kills 100

Jobs of ingest, train, generate and generate-track wait in the queue throughout. At the end every job must be done, every file ingested be one
stem, every dream one stem, every track one row with one file, and the database sound. Prints one line of JSON; exit code 1 on any fault.

`redone` is the share of work that was done more than once: what was done over what was needed, less one. It is counted in the steps in which a job
reports its progress: files heard, epochs, dreams, and of a track the share that was mixed and mastered. An epoch and the dreams of a batch that
a kill cut off count as if they had been done to the end. `steps` is all of them together, the others are those of one kind.
"""

import argparse
import json
import math
import pathlib
import random
import re
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


class Work:
    """What the logs of all servers say was done, in parts of each job."""

    EPOCHS, DREAMS, BATCH = 40, 6, 4

    def __init__(self):
        self.kinds = {}
        self.done = {}
        self.ended = set()
        self.known = {}

    def read(self, log):
        """Adds the runs of one server."""
        runs = {}
        for line in log.read_text(errors="replace").splitlines():
            found = re.search(r"job=(\d+)", line)
            if not found:
                continue
            job = int(found[1])
            kind = re.search(r'job=\d+ kind="(\w+)"\}', line)
            if kind:
                self.kinds[job] = kind[1]
            field = lambda name: (re.search(rf'\b{name}="?([^" ]+)', line) or [None, None])[1]
            if re.search(r"\}: begun\b", line):
                runs[job] = {"epochs": 0, "heard": 0, "dreams": set(), "files": 0, "share": 0.0}
            run = runs.get(job)
            if run is None:
                continue
            if re.search(r"\}: done\b", line):
                self.ended.add(job)
            elif re.search(r"\}: epoch\b", line):
                run["epochs"] += 1
            elif re.search(r"\}: file\b", line) and field("status") != "Skipped":
                run["files"] += 1
            elif re.search(r"\}: dream\b", line):
                run["dreams"].add(int(field("number")))
            elif re.search(r"\bat job=", line):
                share = int(field("done")) / max(int(field("total")), 1)
                stages = {"mix": (0.05, 0.6), "master": (0.65, 0.15), "loudness": (0.8, 0.15)}
                if field("what") == "ingest":
                    run["heard"] = max(run["heard"], int(field("done")))
                elif field("what") in stages:
                    start, part = stages[field("what")]
                    run["share"] = max(run["share"], start + part * share)
        for job, run in runs.items():
            self.add(job, run, job in self.ended)

    def add(self, job, run, ended):
        kind, known = self.kinds.get(job), self.known.setdefault(job, {"files": 0, "dreams": set()})
        if kind == "train":
            part = (run["epochs"] + (not ended)) / self.EPOCHS
        elif kind == "ingest":
            part = max(0, run["heard"] - known["files"]) / FILES
            known["files"] += run["files"]
        elif kind == "generate":
            new = run["dreams"] - known["dreams"]
            known["dreams"] |= new
            lost = 0 if ended else min(self.BATCH, self.DREAMS - len(known["dreams"]))
            part = (len(new) + lost) / self.DREAMS
        elif kind == "compose":
            part = 1.0 if ended else run["share"]
        else:
            return
        self.done[job] = self.done.get(job, 0.0) + part

    def redone(self):
        """The share of work done more than once, by kind and of all."""
        shares, done, needed = {}, 0, 0
        for kind, steps in [("ingest", FILES), ("train", self.EPOCHS), ("generate", self.DREAMS), ("compose", 1)]:
            jobs = [job for job in self.done if self.kinds[job] == kind and job in self.ended]
            parts = sum(max(self.done[job], 1) for job in jobs)
            if jobs:
                shares[kind] = round(parts / len(jobs) - 1, 4)
            done, needed = done + steps * parts, needed + steps * len(jobs)
        return {"steps": round(done / max(needed, 1) - 1, 4), **shares}


class Server:
    def __init__(self, program, home, log):
        command = [program, "--home", home, "--json", "-vv", "serve", "--port", "0", "--no-starter"]
        with open(log, "w") as errors:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
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
        kills, work, log = 0, Work(), pathlib.Path(folder) / "log"
        while kills < args.kills:
            server = Server(args.program, home, log)
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
                body = {"category": "kick", "epochs": Work.EPOCHS, "seed": number}
                asked["train"].append(server.ask("POST", "/neuromorphic/train", body)["job_id"])
                body = {"category": "kick", "num_variations": Work.DREAMS, "seed": number}
                asked["generate"].append(server.ask("POST", "/neuromorphic/generate", body)["job_id"])
                body = {"prompt": "techno 130 bpm", "duration": 30, "seed": number}
                later = {"Prefer": "respond-async"}
                asked["compose"].append(server.ask("POST", "/generate-track", body, later)["job_id"])
                waiting = server.ask("GET", "/jobs?status=queued&limit=1000")
            time.sleep(chance.uniform(0.05, args.longest))
            server.end(signal.SIGKILL)
            work.read(log)
            kills += 1
        server = Server(args.program, home, log)
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
        work.read(log)
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
            "redone": work.redone(), "faults": faults, "seconds": round(time.monotonic() - begun, 1),
        }))
        return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
