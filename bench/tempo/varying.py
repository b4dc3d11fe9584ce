"""Steady, accelerating and breathing (rubato) drums of 16 to 28 s, for judging `bpm_varies`.

    python varying.py SEED OUT            # writes OUT/*.wav; the name begins with the kind and the size of its change
    python varying.py --score OURS.jsonl  # lines of examples/analyse_dir of those files
"""

import collections
import json
import pathlib
import sys

import numpy as np
import soundfile as sf

from synthesise import RATE, Kit, finish

KINDS = {"steady-0": 0, "human-0": 0, "accelerando-8": 0.08, "accelerando-16": 0.16, "accelerando-30": 0.3, "rubato-6": 0.06, "rubato-12": 0.12}


def render(rng, kind):
    seconds, bpm, size = rng.uniform(16, 28), rng.uniform(75, 160), KINDS[kind]
    kit, out, at, beat = Kit(rng), np.zeros(int((seconds + 2) * RATE)), 0.0, 0
    turn = rng.uniform(4, 8)
    while at < seconds:
        change = size * at / seconds if kind[0] == "a" else size * np.sin(2 * np.pi * at / turn) if kind[0] == "r" else 0
        step = 60 / bpm / (1 + change)
        for sound, gain, place in ((kit.kick if beat % 2 == 0 else kit.snare, 0.8, 0), (kit.hat, 0.4, 0), (kit.hat, 0.3, 0.5)):
            time = at + place * step + (rng.normal(0, 0.006) if kind[0] == "h" else 0)
            k = max(0, int(time * RATE))
            out[k : k + len(sound)] += gain * sound[: len(out) - k]
        at, beat = at + step, beat + 1
    return finish(out[: int(seconds * RATE)], rng)


def main():
    if sys.argv[1] == "--score":
        told = collections.defaultdict(list)
        for row in map(json.loads, open(sys.argv[2])):
            told[pathlib.Path(row["path"]).name.rsplit("-", 1)[0]].append(row["facts"]["bpm_varies"])
        for kind, found in sorted(told.items()):
            print(f"{kind:16} varies {sum(found)} of {len(found)}")
        return
    out = pathlib.Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(int(sys.argv[1]))
    for kind in KINDS:
        for number in range(8):
            sf.write(out / f"{kind}-{number}.wav", render(rng, kind).astype(np.float32), RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()
