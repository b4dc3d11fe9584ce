"""Rhythms whose tempo drifts or breathes, and steady ones, for judging `bpm_varies` and the beats that follow.

    python varying.py SEED OUT [--each 8]               # writes OUT/*.wav and OUT/truth.jsonl
    python varying.py --score OUT/truth.jsonl OURS.jsonl [PEERS.jsonl]  # lines of examples/analyse_dir, and of peers.py

Patterns and sounds are those of synthesise.py (test book: drums, mix, bass, chords; straight and swung). Tempo against the nominal one:
`drift` goes 3 to 20 % up or down in a line over the clip of 10 to 60 s; `rubato` swings by 5 % in 5 to 12 s; both vary. Not varying:
`drummer` (wanders within 1 %, every hit 5 ms off), `steady`, `swung`, `pause` (silence of 2 to 6 s within), `fills` (a bar of sixteenths on the snare in every four).

Varies: recall on what varies, false alarms on what does not. Tempo: within 4 % of the mean one or its double, half, third, triple. F: mir_eval's
beat F-measure (70 ms, first 5 s left out) at the best of the true beats, every second of them, and twice as many.
"""

import argparse
import collections
import json
import pathlib

import numpy as np
import soundfile as sf

from score import FACTORS, load_ours, load_peers
from synthesise import RATE, Kit, Line, finish, play

VARYING = ["drift", "rubato"]
KINDS = VARYING + ["drummer", "steady", "swung", "pause", "fills"]


class Bent(Line):
    """A line whose time runs with the tempo factor: `factor` at each 10 ms of the written time."""

    def __init__(self, rng, bpm, bars, swing, factor, jitter):
        super().__init__(rng, bpm, bars, swing, 2, 0.0)
        self.real = np.concatenate([[0], np.cumsum(0.01 / factor)])
        self.out = np.zeros(int((self.real[-1] + 3) * RATE))
        self.jitter = jitter

    def bent(self, written_s):
        return float(np.interp(written_s, np.arange(len(self.real)) * 0.01, self.real))

    def time(self, step):
        return self.bent(super().time(step))


def render(rng, kind):
    seconds, bpm = rng.uniform(10, 60), rng.uniform(70, 160)
    at = np.arange(int((seconds * 1.4 + 16) * 100)) * 0.01
    truth = {"kind": kind, "varies": kind in VARYING}
    factor = np.ones(len(at))
    if kind == "drift":
        truth["size"] = size = float(rng.uniform(0.03, 0.2) * rng.choice([-1, 1]))
        factor += size * (np.minimum(at / seconds, 1.2) - 0.5)
    elif kind == "rubato":
        truth["turn_s"] = turn = float(rng.uniform(5, 12))
        factor += 0.05 * np.sin(2 * np.pi * (at / turn + rng.random()))
    elif kind == "drummer":
        knots = rng.uniform(-0.01, 0.01, int(at[-1] / 4) + 2)
        factor += np.interp(at, 4 * np.arange(len(knots)), knots)
    bars = int(seconds * 1.3 * bpm / 240) + 2
    swing = rng.uniform(0.56, 0.67) if kind == "swung" else 0.5
    line = Bent(rng, bpm, bars, swing, factor, 0.005 if kind == "drummer" else rng.choice([0, 0.002]))
    kit = Kit(rng)
    sound = str(rng.choice(["drums", "drums", "mix", "mix", "bass", "chords"]))
    play(line, kit, sound, "straight", "test", bars, rng)
    if kind == "fills":
        for bar in range(3, bars, 4):
            for step in range(16):
                line.put(kit.snare, 16 * bar + step, rng.uniform(0.3, 0.7))
    x = line.out[: int(seconds * RATE)]
    if kind == "pause":
        length = rng.uniform(2, min(6, seconds / 3))
        start = rng.uniform(0.3, 0.6) * seconds
        x[int(start * RATE) : int((start + length) * RATE)] = 0
    beats = [line.bent(60 / bpm * k) for k in range(4 * bars)]
    beats = [round(beat, 4) for beat in beats if beat < seconds]
    return finish(x, rng), {**truth, "sound": sound, "bpm": 60 * (len(beats) - 1) / (beats[-1] - beats[0]), "beats": beats}


def beat_f(found, true):
    import mir_eval

    trim = mir_eval.beat.trim_beats
    twice = np.sort(np.concatenate([true, 0.5 * (true[1:] + true[:-1])]))
    found = trim(np.array(sorted(found)))
    return max(mir_eval.beat.f_measure(trim(v), found) for v in (true, true[::2], true[1::2], twice)) if len(found) else 0.0


def score(truth_path, ours_path, peers_path):
    rows = [json.loads(line) for line in open(truth_path)]
    ours = load_ours(ours_path)
    named = {"ours": {file: (facts["bpm"], facts["beats_s"]) for file, facts in ours.items()}, **load_peers(peers_path)}
    told = collections.defaultdict(list)
    for row in rows:
        told[row["kind"]].append(ours[row["file"]]["bpm_varies"])
    for kind in KINDS:
        print(f"{kind:8} varies {sum(told[kind]):3} of {len(told[kind])}")
    right, false = (sum(sum(told[k]) for k in kinds) for kinds in (VARYING, [k for k in KINDS if k not in VARYING]))
    print(f"precision {right / max(1, right + false):.3f} recall {right / sum(len(told[k]) for k in VARYING):.3f}")
    for name, found in named.items():
        for kind in KINDS + ["all"]:
            picked = [row for row in rows if kind in (row["kind"], "all") and row["file"] in found]
            if not picked:
                continue
            near = [any(abs((found[r["file"]][0] or 0) / r["bpm"] / f - 1) < 0.04 for f in FACTORS) for r in picked]
            f = [beat_f(found[r["file"]][1], np.array(r["beats"])) for r in picked]
            print(f"{name:13} {kind:8} n {len(picked):3} tempo {100 * np.mean(near):5.1f} %  F {np.mean(f):.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed_out", nargs="*")
    parser.add_argument("--each", type=int, default=8)
    parser.add_argument("--score", nargs="+")
    args = parser.parse_args()
    if args.score:
        score(*args.score[:2], args.score[2] if len(args.score) > 2 else None)
        return
    out = pathlib.Path(args.seed_out[1])
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(int(args.seed_out[0]))
    with open(out / "truth.jsonl", "w") as file:
        for kind in KINDS:
            # What must not be flagged is as frequent as what must.
            for number in range(args.each * (5 if kind == "drift" else 3 if kind == "rubato" else 2)):
                x, truth = render(rng, kind)
                name = f"{kind}-{number:02}.wav"
                sf.write(out / name, x.astype(np.float32), RATE, subtype="PCM_16")
                file.write(json.dumps({"file": name, **truth}) + "\n")


if __name__ == "__main__":
    main()
