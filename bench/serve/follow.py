#!/usr/bin/env python3
"""Follows jobs as its users do, and looks whether they are told all. Standard library only.

    python3 bench/serve/follow.py target/release/dream

- Somebody follows a training, is cut off again and again and comes back with `Last-Event-ID`: together that must be every change that one sees who
  was never cut off, each once.
- One client cancels a job; another, which follows it, and a third, which asks, must see it cancelled within two seconds.
- SIGTERM with open streams and a job at work: the server must end within ten seconds, and the job be queued for the next.

Prints one line of JSON; exit code 1 on any fault.
"""

import argparse
import http.client
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

from kill import tone

CUTS = 12


class Server:
    def __init__(self, program, home):
        command = [program, "--home", home, "--json", "serve", "--port", "0", "--no-starter"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.address = json.loads(self.process.stdout.readline())["listening"].removeprefix("http://")

    def ask(self, method, path, body=None):
        to = http.client.HTTPConnection(self.address, timeout=60)
        to.request(method, f"/api/v1{path}", json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
        answer = json.load(to.getresponse())
        to.close()
        return answer

    def events(self, job, last=None):
        """The events of a job as they come: number, name, data. Ends when the stream does."""
        to = http.client.HTTPConnection(self.address, timeout=60)
        to.request("GET", f"/api/v1/jobs/{job}/events", headers={"Last-Event-ID": last} if last else {})
        answer, event = to.getresponse(), {}
        try:
            for line in answer:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name:
                    event[name] = value
                elif event.get("event"):
                    yield event.get("id"), event["event"], json.loads(event["data"])
                    event = {}
                else:
                    event = {}
        except (http.client.IncompleteRead, ConnectionError):
            pass
        finally:
            answer.close()
            to.close()


def train(server, epochs, seed):
    return server.ask("POST", "/neuromorphic/train", {"category": "kick", "epochs": epochs, "seed": seed})["job_id"]


def resumed(server, faults):
    """Whole and cut off, the same is told."""
    job = train(server, 150, 1)
    whole = []
    follower = threading.Thread(target=lambda: whole.extend(server.events(job)))
    follower.start()
    pieces, last, cuts, ended = [], None, 0, False
    while not ended:
        wanted = 1 + cuts % 3 if cuts < CUTS else 10**9
        for number, name, data in server.events(job, last):
            pieces.append((number, name, data))
            last, ended = number or last, name == "end"
            wanted -= 1
            if ended or wanted == 0:
                break
        cuts += 1
        if cuts > 1000:
            faults.append("a stream that was taken up again came to no end")
            break
    follower.join(60)
    numbers = [number for number, name, _ in pieces if name == "change"]
    if numbers != [number for number, name, _ in whole if name == "change"]:
        faults.append(f"{len(numbers)} changes were told in pieces, {len(whole) - 1} as a whole")
    if len(set(numbers)) != len(numbers) or numbers != sorted(numbers, key=int):
        faults.append("a change was told twice, or out of order")
    again = [number for number, name, _ in server.events(job) if name == "change"]
    if again != numbers:
        faults.append("who comes later is told something else")
    if pieces[-1][1] != "end" or pieces[-1][2]["status"] != "done":
        faults.append(f"the end was {pieces[-1]}")
    return {"changes": len(numbers), "cuts": min(cuts, CUTS)}


def cancelled(server, faults):
    """How long until others see it, in seconds."""
    job = train(server, 10_000, 2)
    while server.ask("GET", f"/jobs/{job}")["progress"] <= 0:
        time.sleep(0.05)
    seen = {}

    def follow():
        for _, name, data in server.events(job):
            if data["status"] == "cancelled":
                seen.setdefault("following", time.monotonic())

    def look():
        while "asking" not in seen:
            if server.ask("GET", f"/jobs/{job}")["status"] == "cancelled":
                seen["asking"] = time.monotonic()
            time.sleep(0.02)

    others = [threading.Thread(target=follow), threading.Thread(target=look, daemon=True)]
    for other in others:
        other.start()
    time.sleep(0.5)
    begun = time.monotonic()
    server.ask("DELETE", f"/jobs/{job}")
    for other in others:
        other.join(20)
    took = {who: round(at - begun, 2) for who, at in seen.items()}
    for who in ("following", "asking"):
        if took.get(who, 99) > 2:
            faults.append(f"cancelled, and {who} it is seen after {took.get(who)} s")
    return took


def ended(program, home, server, faults):
    """How long the server takes to end, in seconds."""
    job = train(server, 10_000, 3)
    while server.ask("GET", f"/jobs/{job}")["progress"] <= 0:
        time.sleep(0.05)
    told = []
    followers = [threading.Thread(target=lambda: told.append(list(server.events(job)))) for _ in range(20)]
    for follower in followers:
        follower.start()
    time.sleep(1)
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    try:
        code = server.process.wait(10)
        if code != 0:
            faults.append(f"SIGTERM: exit code {code}")
    except subprocess.TimeoutExpired:
        faults.append("SIGTERM: not within 10 s")
        server.process.kill()
        server.process.wait()
    took = time.monotonic() - begun
    server.process.stdout.close()
    for follower in followers:
        follower.join(10)
    if len(told) != len(followers) or not all(told):
        faults.append(f"{len(told)} of {len(followers)} streams ended")
    shown = subprocess.run([program, "--home", home, "--json", "jobs", "show", str(job)], check=True, capture_output=True)
    shown = json.loads(shown.stdout)
    shown = shown[0] if isinstance(shown, list) else shown
    if shown["status"] != "queued" or shown["attempts"] != 0:
        faults.append(f"the job is {shown['status']} after {shown['attempts']} attempts")
    return round(took, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    args = parser.parse_args()
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        home = pathlib.Path(folder) / "home"
        kit = home / "raw_construction_kits" / "kit"
        kit.mkdir(parents=True)
        for number in range(20):
            tone(kit / f"kick {number:02}.wav", number)
        subprocess.run([args.program, "--home", home, "-q", "ingest", "--category", "kick"], check=True)
        server = Server(args.program, home)
        try:
            told = resumed(server, faults)
            told["cancelled_after_s"] = cancelled(server, faults)
            told["ended_after_s"] = ended(args.program, home, server, faults)
        finally:
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()
    print(json.dumps({**told, "faults": faults}))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
