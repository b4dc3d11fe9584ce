"""Synthesised chord one-shots with their roots: `chords.py SEED OUT [--count N] [--fit] [--soundfont FILE]`.

Writes OUT/*.wav and OUT/truth.json: {file: {kind, style, root, bass, clear, notes}}. Half are played by the sounds of
instruments.py, half by fluidsynth from a General MIDI soundfont; with --fit only the sounds that may be fitted on (and
the even programs) are used, without it only the others. Triads, sevenths, suspended chords and open fifths in all positions,
close and spread, with and without octaves; what names two roots (an inverted minor seventh is a sixth chord) is not
`clear`, and augmented and diminished chords, clusters, hits and noise have no root.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import soundfile as sf

import instruments as ins

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "category"))
import soundfont

RATE = 44_100
SHAPES = {"maj": (0, 4, 7), "min": (0, 3, 7), "7": (0, 4, 7, 10), "m7": (0, 3, 7, 10), "maj7": (0, 4, 7, 11), "sus4": (0, 5, 7), "sus2": (0, 2, 7),
          "power": (0, 7), "m9": (0, 3, 7, 10, 14), "add9": (0, 4, 7, 14)}
ROOTLESS = {"aug": (0, 4, 8), "dim7": (0, 3, 6, 9), "cluster": (0, 1, 2), "quartal": (0, 5, 10), "tritone": (0, 6), "whole": (0, 2, 4, 6)}
# Inverted, these keep the one root they have; the others are chords on another note, too.
SURE = {"maj", "min", "7"}
PROGRAMS = [0, 1, 2, 3, 4, 5, 6, 7, 11, 16, 17, 18, 19, 20, 21, 24, 25, 26, 27, 28, 29, 30, 46, 48, 49, 50, 51, 52, 53, 54, 55, 60, 61, 62, 63, 80, 81, 88, 89, 90,
            91, 92, 93, 94, 95]


def voiced(rng, shape):
    """Semitones above the root, lowest first, and how the chord is laid out."""
    steps = list(shape)
    layout = str(rng.choice(["close", "inverted", "spread", "doubled", "bass"], p=[0.3, 0.25, 0.15, 0.15, 0.15]))
    if layout == "inverted":
        for _ in range(int(rng.integers(1, len(steps)))):
            steps = sorted(steps)
            steps[0] += 12
    elif layout == "spread":
        steps = [s + 12 * (i % 2) for i, s in enumerate(steps)]
    elif layout == "doubled":
        steps += [s + 12 for s in steps[: int(rng.integers(1, len(steps) + 1))]]
    elif layout == "bass":
        steps += [-12]
    return sorted(steps), layout


def chord(rng):
    rootless = rng.random() < 0.12
    table = ROOTLESS if rootless else SHAPES
    name = str(rng.choice(list(table)))
    steps, layout = voiced(rng, table[name])
    root = int(rng.integers(43, 66))
    clear = not rootless and (layout != "inverted" or name in SURE)
    truth = {"kind": "chord", "style": name, "layout": layout, "root": None if rootless else root % 12, "bass": (root + steps[0]) % 12, "clear": clear,
             "notes": [root + s for s in steps]}
    return truth


def altered(rng, sounds, y):
    if rng.random() < 0.25:
        y = np.tanh(rng.uniform(0.5, 3) * y / (np.max(np.abs(y)) + 1e-9))
    if rng.random() < 0.3:
        y = sounds.reverb(np.concatenate([y, np.zeros(RATE // 2)]), rng.uniform(0.4, 2.5), rng.uniform(0.1, 0.4))
    if rng.random() < 0.25:
        y = sounds.band(y, rng.uniform(60, 200) if rng.random() < 0.5 else None, rng.uniform(1200, 8000))
    if rng.random() < 0.3:
        y = y + np.max(np.abs(y)) * rng.uniform(0.0005, 0.02) * rng.normal(size=len(y))
    return y * rng.uniform(0.2, 0.95) / (np.max(np.abs(y)) + 1e-9)


def synthesised(rng, fit):
    sounds = ins.Sounds(rng, RATE)
    if rng.random() < 0.15:
        name = str(rng.choice(["kick", "snare", "clap", "hat", "tom", "conga", "rim", "cowbell", "white", "pink", "impact", "tonalriser"]))
        y = sounds.noise(name, rng.uniform(0.3, 3)) if name in ("white", "pink", "impact", "tonalriser") else sounds.drum(name)
        return altered(rng, sounds, y), {"kind": "none", "style": name, "layout": "", "root": None, "bass": None, "clear": False, "notes": []}
    truth = chord(rng)
    tone = sounds.tone(str(rng.choice(ins.CHORDS if fit else ins.CHORDS_HELD)))
    tuning, seconds = float(rng.normal(0, 12)), rng.uniform(0.15, 2.5)
    y = sum(rng.uniform(0.6, 1) * tone(n + tuning / 100, seconds) for n in truth["notes"])
    return altered(rng, sounds, y), truth


def played(rng, fit, count, font):
    """Chords by fluidsynth, one after another in one file, then cut."""
    score, truths = soundfont.Score(), []
    programs = [p for i, p in enumerate(PROGRAMS) if (i % 2 == 0) == fit]
    for _ in range(count):
        truth = chord(rng)
        seconds, strum = float(rng.uniform(0.15, 2.5)), float(rng.choice([0, 0, 0.01, 0.03]))
        velocity = int(rng.integers(60, 120))
        score.clip(seconds, float(rng.uniform(0.1, 0.8)), [(strum * i, seconds, n, velocity + int(rng.integers(-10, 10))) for i, n in enumerate(truth["notes"])],
                   program=int(rng.choice(programs)))
        truths.append(truth)
    with tempfile.TemporaryDirectory() as folder:
        midi, wav = os.path.join(folder, "a.mid"), os.path.join(folder, "a.wav")
        with open(midi, "wb") as file:
            file.write(score.midi())
        subprocess.run(["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.6", "-r", str(RATE), "-F", wav, font, midi], check=True, capture_output=True)
        whole = sf.read(wav)[0].mean(axis=1)
    for (start, seconds, tail), truth in zip(score.slots, truths):
        y = whole[int(start * RATE) : int((start + seconds + tail) * RATE)].copy()
        fade = min(len(y), 441)
        y[-fade:] *= np.linspace(1, 0, fade)
        yield altered(rng, ins.Sounds(rng, RATE), y), truth | {"kind": "font"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=600)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--soundfont", default="/usr/share/sounds/sf2/FluidR3_GM.sf2")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    table = {}
    half = args.count // 2
    rng = np.random.default_rng([args.seed, 1])
    items = [played(rng, args.fit, half, args.soundfont), (synthesised(np.random.default_rng([args.seed, 2, i]), args.fit) for i in range(args.count - half))]
    for part in items:
        for y, truth in part:
            name = f"{len(table):05d}.wav"
            sf.write(os.path.join(args.out, name), y, RATE, subtype="PCM_16")
            table[name] = truth
    with open(os.path.join(args.out, "truth.json"), "w") as file:
        json.dump(table, file, indent=0)


if __name__ == "__main__":
    main()
