#!/usr/bin/env python3
"""Asks a server for what nobody should, and looks whether it stands. Standard library only.

    python3 bench/serve/hostile.py target/release/dream

A fresh home, with links in its inbox that lead outside, is served on a port of this machine. Paths that lead outside come in addresses, bodies and
names of uploads; then heads that are too large, clients that send a byte a second, bodies without an end, JSON ten megabytes deep, wrong types of
content, old versions of HTTP, requests in a row, and noise. Prints one line of JSON. Exit code 1 when an answer is 5xx, when none comes, when
anything outside the home is read or written, when the log names a folder of this machine, or when the server does not end in time.
"""

import argparse
import json
import math
import os
import pathlib
import re
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

PATIENCE = 30  # seconds that an answer may take
SLOW = 200  # clients that send a byte a second
CUT_OFF = 90  # seconds after which none of them may be left
MARK = "outside-the-home-7c31"


def tone(hz):
    """A decaying tone of a quarter of a second as WAV."""
    samples = [int(20000 * math.exp(-14 * i / 44100) * math.sin(2 * math.pi * hz * i / 44100)) for i in range(11025)]
    data = struct.pack(f"<{len(samples)}h", *samples)
    head = b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt "
    head += struct.pack("<IHHIIHH", 16, 1, 1, 44100, 88200, 2, 16) + b"data" + struct.pack("<I", len(data))
    return head + data


class Hostile:
    def __init__(self, program, folder):
        self.folder = pathlib.Path(folder).resolve()
        self.home, self.outside = self.folder / "home", self.folder / "outside"
        self.faults, self.answers, self.counts = [], 0, {}
        self.inbox = self.home / "raw_construction_kits"
        self.inbox.mkdir(parents=True)
        self.outside.mkdir()
        (self.outside / "secret.txt").write_text(MARK)
        (self.outside / f"{MARK}.wav").write_bytes(tone(333))
        (self.inbox / "own.wav").write_bytes(tone(55))
        (self.inbox / "folder").symlink_to(self.outside)
        (self.inbox / "linked.wav").symlink_to(self.outside / f"{MARK}.wav")
        (self.inbox / "circle").symlink_to(self.inbox)
        (self.inbox / "passwd.wav").symlink_to("/etc/passwd")
        self.before = self.seen()
        self.log = self.folder / "log"
        with open(self.log, "w") as errors:
            command = [program, "--home", self.home, "--json", "-vv", "serve", "--port", "0", "--no-starter"]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
        said = json.loads(self.process.stdout.readline())["listening"]
        self.address = ("127.0.0.1", int(said.rsplit(":", 1)[1]))

    def seen(self):
        """What lies outside the home, to the byte."""
        return sorted((str(p), p.stat().st_mtime_ns, p.read_bytes()) for p in self.outside.rglob("*"))

    def fault(self, what, detail):
        self.faults.append(f"{what}: {detail}"[:300])

    def connect(self):
        return socket.create_connection(self.address, timeout=PATIENCE)

    def raw(self, what, data, pieces=(), may_close=True, hang_up=False):
        """Sends bytes and reads until the end; the status of the first answer, None for a connection that was closed without one, and all of it.
        With `hang_up` no more is sent then, and the server is told so: what is half a request stays one."""
        begun, said = time.monotonic(), b""
        try:
            with self.connect() as to:
                try:
                    to.sendall(data)
                    for piece in pieces:
                        to.sendall(piece)
                except (BrokenPipeError, ConnectionResetError):
                    pass
                except TimeoutError:
                    self.fault(what, "it takes no more and says nothing")
                try:
                    if hang_up:
                        to.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                while piece := to.recv(1 << 16):
                    said += piece
                    if len(said) > 64 << 20:
                        break
        except ConnectionError:
            pass
        except TimeoutError:
            self.fault(what, f"no end after {time.monotonic() - begun:.0f} s, {len(said)} bytes")
        return self.judge(what, said, may_close), said

    def judge(self, what, said, may_close=True):
        statuses = [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3})", said)]
        self.answers += len(statuses)
        for status in statuses:
            self.counts[status] = self.counts.get(status, 0) + 1
        bad = [status for status in statuses if status >= 500]
        if bad:
            self.fault(what, f"answered {bad[0]}: {said[-200:]!r}")
        if not statuses and not may_close:
            self.fault(what, "no answer")
        if MARK.encode() in said or b"root:x:0" in said:
            self.fault(what, "what lies outside was told")
        return statuses[0] if statuses else None

    def ask(self, method, path, body=b"", headers=(), kind="application/json"):
        head = [f"{method} {path} HTTP/1.1", "Host: localhost", "Connection: close"]
        if body or method in ("POST", "PUT", "PATCH"):
            head += [f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
        head += [f"{name}: {value}" for name, value in headers]
        data = "\r\n".join(head).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
        status, said = self.raw(f"{method} {path[:80]} {body[:60]!r}", data, may_close=False)
        text = said.partition(b"\r\n\r\n")[2]
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text

    def refused(self, what, status, least=400):
        if status is not None and not least <= status < 500:
            self.fault(what, f"answered {status}, not refused")

    def stands(self, after):
        begun = time.monotonic()
        status, _ = self.ask("GET", "/health")
        took = time.monotonic() - begun
        if status != 200 or took > 2:
            self.fault(after, f"health answered {status} after {took:.1f} s")
        if self.process.poll() is not None:
            self.fault(after, f"the server ended with {self.process.returncode}")
            raise SystemExit(self.end())
        return took

    def memory(self):
        """Resident memory of the server in MiB; 0 where the system does not tell."""
        try:
            text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
            return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024
        except OSError:
            return 0

    # What is tried.

    def ids(self):
        names = [
            "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%252e%252e%252fetc%252fpasswd",
            "..%5c..%5cx", "%c0%ae%c0%ae%2fetc", "%00", "1%00.wav", "%0d%0aX-Injected:%20y", "-1", "0", "1.5", "1e9", "9" * 30, "9" * 10_000, "%ff%fe",
            "1;drop%20table%20stem", "1'--", "null", "{id}", "a" * 10_000, "%E2%80%AE1", "..", ".", "%2e%2e", "1/../../x", "//etc/passwd",
        ]
        for route in ["stems/{}", "stems/{}/audio", "stems/{}/similar", "tracks/{}", "tracks/{}/audio", "tracks/{}/stems", "tracks/{}/plan", "jobs/{}",
                      "jobs/{}/events", "stems/category/{}"]:
            for name in names:
                path = f"/api/v1/{route.format(name)}"
                status, said = self.ask("GET", path)
                # `.` and `..` and what they leave may be another page of the interface, but none of the home.
                if status and status < 300 and name not in ("..", ".", "%2e%2e", "1/../../x"):
                    self.fault(f"GET {path[:80]}", f"answered {status}")
                if isinstance(said, bytes) and b"X-Injected" in said:
                    self.fault(f"GET {path[:80]}", "a header was made up")
        for path in ["/docs/../../../../etc/passwd", "/docs/%2e%2e/%2e%2e/etc/passwd", "/../etc/passwd", "/api/v1/../../etc/passwd", "/%2e%2e/x", "/" * 5000,
                     "/api/v1/stems?after=%00", "/api/v1/stems?limit=-1", "/api/v1/stems?limit=99999999999999999999", "/api/v1/stems?tag=" + "x" * 7000]:
            status, _ = self.ask("GET", path)
            self.refused(f"GET {path[:60]}", status)
        self.stands("ids")

    def paths(self):
        inside = "raw_construction_kits"
        names = [
            "/etc/passwd", "/etc", "../outside", f"../outside/{MARK}.wav", str(self.outside), str(self.outside / f"{MARK}.wav"),
            f"{inside}/folder", f"{inside}/folder/{MARK}.wav", f"{inside}/linked.wav", f"{inside}/passwd.wav", f"{inside}/../../outside",
            f"{inside}/./folder/../folder/secret.txt", "%2e%2e/outside", "%252e%252e/outside", "..%2foutside", "..\\outside", "a\0b", f"{inside}/own.wav\0.txt", "",
            ".", "..", "~", "~root", "file:///etc/passwd", "processed_database/library.db", "processed_database", f"{inside}/circle/../../processed_database/library.db",
            "dream.toml", "x" * 10_000, "/".join(["a"] * 3000), "\ud800", "\n", "CON", "C:\\Windows", "\\\\server\\share", "/proc/self/environ", "/dev/zero", "/dev/stdin",
        ]
        for name in names:
            text = json.dumps(name)
            for path, body in [
                ("/preprocess", f'{{"paths": [{text}]}}'),
                ("/neuromorphic/preprocess", f'{{"track_path": {text}, "separate_first": false}}'),
                ("/neuromorphic/preprocess", f'{{"stereo_track_path": {text}, "model": "builtin"}}'),
                ("/neuromorphic/preprocess", f'{{"stem_paths": [{text}]}}'),
            ]:
                status, _ = self.ask("POST", f"/api/v1{path}", body.encode())
                self.refused(f"POST {path} {text[:60]}", status)
        for kind in ["kick", "../kick", "../../x", "a/b", "%2e%2e"]:
            self.ask("POST", "/api/v1/neuromorphic/train", json.dumps({"category": kind, "epochs": 1}).encode(), [("Prefer", "wait=20")])
        status, _ = self.ask("POST", "/api/v1/neuromorphic/preprocess", json.dumps({"track_path": f"{inside}/own.wav", "model": "../../x"}).encode())
        self.refused("a model that is a path", status)
        # All of the inbox, links and all.
        status, job = self.ask("POST", "/api/v1/preprocess", b"{}", [("Prefer", "wait=60")])
        if status != 200:
            self.fault("the inbox", f"answered {status}: {job}")
        _, stems = self.ask("GET", "/api/v1/stems?limit=100")
        names = [stem["filename"] for stem in stems] if isinstance(stems, list) else stems
        if not isinstance(names, list) or len(names) != 1:
            self.fault("the inbox", f"one file is its own, found {names}")
        self.stands("paths")

    def uploads(self):
        names = ["../../../../up.wav", "..\\..\\up.wav", str(self.outside / "up.wav"), "a\0b.wav", "C:\\up.wav", "n" * 10_000 + ".wav", ".wav", "..wav", "%2e%2e%2fup.wav",
                 "%252e%252e%252fup.wav", "CON.wav", "", "a\r\nX: y.wav", "\u202evaw.wav", "up.wav/", "-rf.wav", "$(touch x).wav", "`x`.wav", "up.wav;x=1"]
        for path in ["/stems", "/neuromorphic/preprocess/upload"]:
            for number, name in enumerate(names):
                shown = name.replace("\r\n", "%0D%0A").replace('"', "%22")
                body = f'--XX\r\nContent-Disposition: form-data; name="file"; filename="{shown}"\r\n\r\n'.encode() + tone(60 + number) + b"\r\n--XX--\r\n"
                self.ask("POST", f"/api/v1{path}", body, kind="multipart/form-data; boundary=XX")
        part = b'--XX\r\nContent-Disposition: form-data; name="kit"\r\n\r\n../../x\r\n'
        for kind, body in [("multipart/form-data", part), ("multipart/form-data; boundary=", part), ("multipart/form-data; boundary=" + "X" * 5000, part),
                           ("multipart/form-data; boundary=XX", part * 2000), ("multipart/form-data; boundary=XX", b"--XX\r\n" * 50_000),
                           ("multipart/form-data; boundary=XX", b"--XX\r\n" + b"A: b\r\n" * 50_000), ("multipart/form-data; boundary=XX", b"")]:
            status, _ = self.ask("POST", "/api/v1/stems", body, kind=kind)
            self.refused(f"a form of {kind[:40]}", status)
        self.stands("uploads")

    def heads(self):
        line = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        for what, more in [
            ("20,000 headers", "X-Bomb: y\r\n" * 20_000), ("200 headers", "".join(f"X-{i}: y\r\n" for i in range(200))), ("one header of a megabyte", "X-Bomb: " + "y" * (1 << 20) + "\r\n"),
            ("a name of a megabyte", "X" * (1 << 20) + ": y\r\n"), ("a line without an end", "X: " + "y" * (4 << 20)), ("a folded header", "X: a\r\n b\r\n c\r\n"),
            ("60 KB of cookies", "Cookie: " + "a=b; " * 12_000 + "\r\n"), ("NUL in a header", "X: a\0b\r\n"), ("no colon", "nonsense\r\n"), ("a blank before the colon", "X : y\r\n"),
            ("two lengths", "Content-Length: 3\r\nContent-Length: 4\r\n"), ("a length below zero", "Content-Length: -1\r\n"), ("a huge length", "Content-Length: 99999999999999999999999\r\n"),
            ("length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), ("an unknown coding", "Transfer-Encoding: gzip, identity\r\n"),
            ("a foreign host", "Host: evil.example\r\n"), ("expectation", "Expect: 200-ok\r\n"), ("an upgrade", "Upgrade: h2c\r\nConnection: Upgrade\r\n"), ("odd ranges", "Range: bytes=" + "0-0," * 10_000 + "\r\n"),
        ]:
            self.raw(what, (line + more + "\r\n").encode("latin-1"), hang_up=what in ("a line without an end", "length and chunks"))
        for what, first in [("an address of 100 KB", "GET /" + "a" * 100_000 + " HTTP/1.1"), ("a method of 100 KB", "G" * 100_000 + " / HTTP/1.1"), ("an unknown method", "BREW /health HTTP/1.1"),
                            ("another version", "GET /health HTTP/9.9"), ("HTTP/2", "PRI * HTTP/2.0"), ("a proxy", "GET http://evil.example/ HTTP/1.1"), ("CONNECT", "CONNECT evil.example:80 HTTP/1.1"),
                            ("TRACE", "TRACE / HTTP/1.1"), ("no host", "GET /health HTTP/1.1"), ("a bad escape", "GET /%zz HTTP/1.1")]:
            host = "" if what == "no host" else "Host: localhost\r\n"
            status, _ = self.raw(what, f"{first}\r\n{host}Connection: close\r\n\r\n".encode())
            if what not in ("no host",):
                self.refused(what, status)
        # No header may be believed that names another caller or address.
        for name, value in [("X-Forwarded-For", "1.2.3.4"), ("X-Original-URL", "/etc/passwd"), ("X-HTTP-Method-Override", "DELETE"), ("X-Request-Id", "a" * 5000), ("Last-Event-ID", "9" * 5000),
                            ("Idempotency-Key", "k" * 5000), ("Prefer", "wait=99999999999999999999"), ("If-None-Match", '"' * 5000), ("Range", "bytes=99999999999999999999-"), ("Authorization", "Bearer " + "x" * 5000)]:
            self.ask("GET", "/api/v1/stems/1/audio", headers=[(name, value)])
        self.stands("heads")

    def bodies(self):
        post = "/api/v1/generate-track"
        for what, body in [
            ("10 MB of [", b"[" * 10_000_000), ("7 MB of [", b"[" * 7_000_000), ("nested lists", b"[" * 3_500_000 + b"]" * 3_500_000), ("a prompt of lists", b'{"prompt": ' + b"[" * 7_000_000),
            ("nested objects", b'{"prompt":' * 700_000), ("a key of 7 MB", b'{"' + b"k" * 7_000_000 + b'": 1}'), ("a number of 7 MB", b'{"prompt": "x", "bpm": ' + b"9" * 7_000_000 + b"}"),
            ("a million fields", b'{"prompt": "x"' + b"".join(b', "f%d": 1' % i for i in range(400_000)) + b"}"), ("the same field again", b'{"prompt": "x"' + b', "prompt": "x"' * 100_000 + b"}"),
            ("1e999", b'{"prompt": "x", "bpm": 1e999}'), ("NaN", b'{"prompt": "x", "bpm": NaN}'), ("half a surrogate", b'{"prompt": "\\ud800"}'), ("no UTF-8", b'{"prompt": "\xff\xfe"}'),
            ("a byte order mark", b"\xef\xbb\xbf{}"), ("UTF-16", '{"prompt": "x"}'.encode("utf-16")), ("two values", b'{"prompt": "x"} {"prompt": "y"}'), ("nothing", b""), ("NULs", b"\0" * 1000),
            ("a long prompt", b'{"prompt": "' + b"techno " * 1_000_000 + b'"}'), ("a prompt of marks", json.dumps({"prompt": "a" + "\u0301" * 100_000}).encode()),
        ]:
            for path in [post, "/api/v1/neuromorphic/render", "/api/v1/preprocess"]:
                if path.endswith("preprocess") and not body:
                    continue
                status, _ = self.ask("POST", path, body)
                self.refused(f"{what} to {path}", status)
        for kind in ["text/plain", "", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx", "image/png", "*/*", "application/json\0", "x" * 5000]:
            status, _ = self.ask("POST", post, b'{"prompt": "techno"}', kind=kind)
            self.refused(f"type {kind[:30]!r}", status)
        self.ask("POST", post, b"\x1f\x8b\x08" + b"x" * 100, headers=[("Content-Encoding", "gzip")])
        self.stands("bodies")
        # Bodies without an end.
        before = self.memory()
        head = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"10000\r\n" + b'"' + b"x" * 65_534 + b'"' + b"\r\n"
        for path, kind in [(post, "application/json"), ("/api/v1/neuromorphic/render", "application/json"), ("/api/v1/preprocess", "application/json"), ("/api/v1/jobs", "application/json")]:
            status, _ = self.raw(f"chunks without an end to {path}", head.format(path, kind).encode(), (chunk for _ in range(2048)))
            self.refused(f"chunks without an end to {path}", status)
        form = "multipart/form-data; boundary=XX"
        part = b'--XX\r\nContent-Disposition: form-data; name="kit"\r\n\r\n'
        pieces = [b"%x\r\n" % len(part) + part + b"\r\n"]
        status, _ = self.raw("a word without an end", head.format("/api/v1/stems", form).encode(), pieces + [chunk] * 1024)
        self.refused("a word without an end", status)
        for what, bad in [("a chunk of all memory", b"FFFFFFFFFFFFFFFF\r\nx"), ("a chunk below zero", b"-1\r\nx"), ("no hexadecimal", b"zz\r\n"), ("extensions", b"1;" + b"x" * 1_000_000 + b"\r\n")]:
            status, _ = self.raw(what, head.format(post, "application/json").encode() + bad, hang_up=True)
            self.refused(what, status)
        after = self.memory()
        self.counts["memory_mib"] = [round(before), round(after)]
        if after > before + 128:
            self.fault("chunks without an end", f"memory grew from {before:.0f} to {after:.0f} MiB")
        self.stands("bodies without an end")

    def versions(self):
        for what, text in [("HTTP/1.0", "GET /health HTTP/1.0\r\n\r\n"), ("HTTP/1.0 with a host", "GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")]:
            status, said = self.raw(what, text.encode(), may_close=False)
            if status != 200:
                self.fault(what, f"answered {status}")
        for what, data in [("HTTP/0.9", b"GET /health\r\n"), ("noise", os.urandom(100_000)), ("NULs", b"\0" * 100_000), ("line ends", b"\r\n" * 10_000), ("a greeting of TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500))]:
            self.raw(what, data, hang_up=True)
        one = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        _, said = self.raw("500 requests in a row", one * 499 + last, may_close=False)
        if said.count(b"HTTP/1.1 200") != 500:
            self.fault("500 requests in a row", f"{said.count(b'HTTP/1.1 200')} answers")
        body = b'{"prompt": 1}'
        post = b"POST /api/v1/generate-track HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        _, said = self.raw("both kinds in a row", (one + post) * 50 + last, may_close=False)
        found = re.findall(rb"HTTP/1\.1 (\d+)", said)
        if found != [b"200", b"422"] * 50 + [b"200"]:
            self.fault("both kinds in a row", f"{len(found)} answers, {found[:6]}")
        # A body must not be read as a request.
        inner = b"GET /api/v1/smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
        smuggled = b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner + last
        _, said = self.raw("a request in a body", smuggled, may_close=False)
        if said.count(b"HTTP/1.1") > 2:
            self.fault("a request in a body", "it was read as one")
        self.stands("versions")

    def slow(self):
        """Clients that send a byte a second: heads, bodies of JSON, and forms."""
        head = b"GET /api/v1/stems HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"y" * 500
        json_head = b"POST /api/v1/generate-track HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n"
        form_head = b"POST /api/v1/stems HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=XX\r\nContent-Length: 900000\r\n\r\n"
        form = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="slow.wav"\r\n\r\n'
        word = b'--XX\r\nContent-Disposition: form-data; name="kit"\r\n\r\n'
        kinds = [("head", b"", head), ("json", json_head, b'{"prompt": "' + b"x" * 8000), ("form", form_head + form, b"R" * 8000), ("word", form_head + word, b"R" * 8000)]
        begun, selector, open_ones, cut = time.monotonic(), selectors.DefaultSelector(), {}, {}
        for number in range(SLOW):
            kind, first, rest = kinds[0] if number % 2 else kinds[1 + number // 2 % 3]
            to = self.connect()
            to.sendall(first)
            to.setblocking(False)
            open_ones[to] = [kind, rest, 0, b""]
            selector.register(to, selectors.EVENT_READ)
        slowest, tick = 0.0, time.monotonic()
        while open_ones and time.monotonic() - begun < CUT_OFF:
            slowest = max(slowest, self.stands("200 slow clients"))
            for to, state in list(open_ones.items()):
                kind, rest, at, _ = state
                try:
                    to.send(rest[at:at + 1] or b"y")
                    state[2] += 1
                except (BlockingIOError, InterruptedError):
                    pass
                except OSError:
                    cut.setdefault(kind, []).append(time.monotonic() - begun)
                    self.judge("a slow client", state[3])
                    selector.unregister(to)
                    to.close()
                    del open_ones[to]
            tick += 1
            while (left := tick - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    to = key.fileobj
                    try:
                        said = to.recv(1 << 16)
                    except OSError:
                        said = b""
                    open_ones[to][3] += said
                    if not said:
                        kind = open_ones[to][0]
                        cut.setdefault(kind, []).append(time.monotonic() - begun)
                        self.judge("a slow client", open_ones[to][3])
                        selector.unregister(to)
                        to.close()
                        del open_ones[to]
                if not open_ones:
                    break
        for to, (kind, *_) in open_ones.items():
            to.close()
        if open_ones:
            kinds = sorted({kind for kind, *_ in open_ones.values()})
            self.fault("slow clients", f"{len(open_ones)} were never cut off: {kinds}")
        self.counts["slow_cut_off_s"] = {kind: round(max(times), 1) for kind, times in sorted(cut.items())}
        self.counts["slow_health_s"] = round(slowest, 3)
        self.stands("slow clients")

    def end(self):
        if self.process.poll() is None:
            begun = time.monotonic()
            self.process.send_signal(signal.SIGTERM)
            try:
                code = self.process.wait(10)
                if code != 0:
                    self.fault("the end", f"exit code {code}")
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                self.fault("the end", "not within 10 s")
            self.counts["end_s"] = round(time.monotonic() - begun, 1)
        self.process.stdout.close()
        if self.seen() != self.before:
            self.fault("outside", "something was written there")
        strangers = {path.name for path in self.folder.iterdir()} - {"home", "outside", "log"}
        if strangers:
            self.fault("outside", f"files were made: {sorted(strangers)}")
        for line in self.log.read_text(errors="replace").splitlines():
            if str(self.folder) in line or MARK in line or "/etc/passwd" in line:
                self.fault("the log", f"names a folder: {line}")
                break
            if "panic" in line:
                self.fault("the log", line)
        found = [path for path in self.home.rglob("*") if path.is_file() and not path.is_symlink() and path.suffix == ".json" and MARK in path.read_text(errors="replace")]
        if found:
            self.fault("the home", f"what lies outside is in {found[0].name}")
        print(json.dumps({"answers": self.answers, **{str(k): v for k, v in sorted(self.counts.items(), key=lambda item: str(item[0]))}, "faults": self.faults[:40]}))
        return 1 if self.faults else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--only", help="one of: ids paths uploads heads bodies versions slow")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hostile = Hostile(args.program, folder)
        for name in [args.only] if args.only else ["ids", "paths", "uploads", "heads", "bodies", "versions", "slow"]:
            try:
                getattr(hostile, name)()
            except OSError as error:
                hostile.fault(name, f"{error}")
        return hostile.end()


if __name__ == "__main__":
    sys.exit(main())
