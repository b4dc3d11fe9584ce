"""Renders labelled sounds of a General MIDI soundfont: recorded instruments under one free licence.

    python soundfont.py /usr/share/sounds/sf2/FluidR3_GM.sf2 OUT [--seed 1] [--times 1] [--licence MIT] [--maker fluid]
    cargo run --release -p dream-analysis --example train_category -- DIR --more OUT

Notes, chords, lines, drum hits and patterns for every category are written to one MIDI file per category, played by
`fluidsynth` and cut. OUT gets a folder per category and `labels.csv`. Needs fluidsynth 2 and numpy, scipy, soundfile.
FluidR3 (Frank Wen, MIT licence) is in Debian's package fluid-soundfont-gm.
"""
import argparse
import csv
import os
import struct
import subprocess
import tempfile

import numpy as np
import soundfile

RATE = 44100
TICKS = 480  # per beat at 60 bpm: ticks are seconds times this
KITS = [0, 8, 16, 24, 25, 32, 40, 48]
MINOR, MAJOR = [0, 2, 3, 5, 7, 8, 10], [0, 2, 4, 5, 7, 9, 11]
PERCUSSION = [37, 41, 43, 45, 47, 48, 50, 49, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69,
              70, 73, 75, 76, 77, 80, 81]


class Score:
    """Events of clips one after another, each in a slot of its own."""

    def __init__(self):
        self.events, self.slots, self.now = [], [], 0.2

    def clip(self, seconds, tail, notes, program=None, kit=None):
        """notes: (start s, length s, key, velocity[, channel, program])."""
        channel = 9 if kit is not None else 0
        self.events.append((self.now - 0.15, bytes([0xC0 | channel, kit if kit is not None else program])))
        for note in notes:
            start, length, key, velocity = note[:4]
            on = channel
            if len(note) > 4:
                on = note[4]
                self.events.append((self.now - 0.15, bytes([0xC0 | on, note[5]])))
            key, velocity = int(np.clip(key, 12, 115)), int(np.clip(velocity, 20, 127))
            self.events.append((self.now + start, bytes([0x90 | on, key, velocity])))
            self.events.append((self.now + start + length, bytes([0x80 | on, key, 0])))
        self.slots.append((self.now, seconds, tail))
        self.now += seconds + tail + 0.4

    def midi(self):
        track, last = b"\x00\xff\x51\x03\x0f\x42\x40", 0  # one second per beat
        for time, data in sorted(self.events, key=lambda event: (event[0], event[1][0] & 0xF0 != 0x80)):
            tick = int(round(time * TICKS))
            delta, parts = tick - last, []
            last = tick
            while True:
                parts.append(delta & 0x7F | (0x80 if parts else 0))
                delta >>= 7
                if not delta:
                    break
            track += bytes(reversed(parts)) + data
        track += b"\x00\xff\x2f\x00"
        head = b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS)
        return head + b"MTrk" + struct.pack(">I", len(track)) + track


def line(rng, low, high, held=0.9, rest=0.25, chords=False):
    """A line of one or two bars, repeated."""
    beat = 60 / rng.uniform(75, 150)
    scale, tonic = (MINOR if rng.random() < 0.6 else MAJOR), int(rng.integers(low, low + 12))
    steps = int(rng.choice([8, 16]))
    pattern, degree = [], int(rng.integers(0, 7))
    for step in range(steps):
        if rng.random() < rest and step:
            continue
        degree += int(rng.choice([-2, -1, -1, 0, 0, 1, 1, 2, 4, -4]))
        key = tonic + scale[degree % 7] + 12 * (degree // 7)
        while key > high:
            key -= 12
        while key < low:
            key += 12
        pattern.append((step, key))
    notes = []
    length = steps * beat / 4
    times = max(1, min(int(7 / length), int(rng.choice([1, 2, 4]))))
    for time in range(times):
        for i, (step, key) in enumerate(pattern):
            after = pattern[i + 1][0] if i + 1 < len(pattern) else steps
            for extra in (0, 4, 7) if chords else (0,):
                notes.append((time * length + step * beat / 4, (after - step) * beat / 4 * held, key + extra,
                              int(rng.integers(70, 115))))
    return times * length, notes


def chord(rng, low, high, seconds):
    root = int(rng.integers(low, high - 12))
    shape = [[0, 7, 12], [0, 3, 7], [0, 4, 7], [0, 3, 7, 10], [0, 4, 7, 11], [0, 7, 12, 16], [0, 5, 7]][rng.integers(7)]
    return [(0, seconds, root + step, int(rng.integers(60, 110))) for step in shape]


def drum_line(rng, voices):
    """voices: (keys, kind of pattern)."""
    beat = 60 / rng.uniform(75, 175)
    bars = int(rng.choice([1, 2, 4]))
    while bars > 1 and bars * 4 * beat > 8:
        bars //= 2
    swing = rng.choice([0, 0, rng.uniform(0.02, 0.16)])
    notes = []
    for keys, kind in voices:
        key = int(rng.choice(keys))
        steps = {
            "four": [0, 4, 8, 12], "two": [0, int(rng.choice([6, 7, 10]))], "back": [4, 12], "half": [8],
            "eighths": list(range(0, 16, 2)), "off": [2, 6, 10, 14], "sixteenths": list(range(16)),
            "some": sorted(rng.choice(16, int(rng.integers(2, 6)), replace=False).tolist()),
        }[kind]
        for bar in range(bars):
            for step in steps:
                if rng.random() < 0.95:
                    late = swing * beat / 4 if step % 2 else 0
                    notes.append((max(0, bar * 4 * beat + step * beat / 4 + late + rng.normal(0, 0.002)), 0.1, key,
                                  int(rng.integers(70, 127) if step % 4 == 0 else rng.integers(45, 110))))
    return bars * 4 * beat, notes


def hits(score, rng, keys, times, loop=None):
    for key in keys:
        for kit in KITS:
            for _ in range(times):
                score.clip(0.3, 2.5, [(0, 0.3, key, int(rng.integers(50, 127)))], kit=kit)
    for _ in range(12 * times if loop else 0):
        length, notes = drum_line(rng, [(keys, str(rng.choice(loop)))])
        score.clip(length, 0, notes, kit=int(rng.choice(KITS)))


def instrument(score, rng, programs, low, high, times, notes=3, lines=2, chords=0, long=False, chord_lines=0):
    for program in programs:
        for _ in range(notes * times):
            seconds = float(rng.uniform(1.5, 5) if long else np.exp(rng.uniform(np.log(0.15), np.log(2.5))))
            score.clip(seconds, 1.8, [(0, seconds, int(rng.integers(low, high)), int(rng.integers(50, 120)))], program)
        for _ in range(lines * times):
            length, played = line(rng, low, high, held=float(rng.uniform(0.4, 1.0)), rest=float(rng.uniform(0.1, 0.5)))
            score.clip(length, float(rng.choice([0, 1.5])), played, program)
        for _ in range(chords * times):
            seconds = float(rng.uniform(2, 7) if long else rng.uniform(0.2, 2.5))
            score.clip(seconds, 1.5, chord(rng, low, high, seconds), program)
        for _ in range(chord_lines * times):
            length, played = line(rng, low, high - 7, held=float(rng.uniform(0.3, 1.0)), rest=0.6, chords=True)
            score.clip(length, float(rng.choice([0, 1.5])), played, program)


def mixtures(score, rng, times):
    for _ in range(40 * times):
        length, drums = drum_line(rng, [([36, 35], str(rng.choice(["four", "two", "some"]))), ([38, 40], "back"),
                                        ([42, 46], str(rng.choice(["eighths", "off", "sixteenths"])))])
        played = [(*note, 9, int(rng.choice(KITS))) for note in drums if rng.random() < 0.97]
        for channel, programs, low, high in ((1, range(32, 40), 28, 48), (2, [0, 4, 5, 25, 27, 29, 48, 81, 89], 50, 74),
                                             (3, [80, 81, 56, 65, 73, 30, 11], 60, 84)):
            if channel == 1 or rng.random() < 0.7:
                program = int(rng.choice(list(programs)))
                _, notes = line(rng, low, high, chords=channel == 2)
                played += [(*note, channel, program) for note in notes if note[0] < length]
        score.clip(length, 0, played, program=0)


def scores(rng, times):
    made = {}
    for name in ("kick snare clap hihat percussion drums bass synth lead pad guitar piano vocals atmo fx other").split():
        made[name] = Score()
    hits(made["kick"], rng, [35, 36], 2 * times, ["four", "two", "some"])
    hits(made["snare"], rng, [38, 40], 2 * times, ["back", "some"])
    hits(made["clap"], rng, [39], 3 * times, ["back", "some"])
    hits(made["hihat"], rng, [42, 44, 46], times, ["eighths", "off", "sixteenths", "some"])
    hits(made["percussion"], rng, PERCUSSION, times)
    for _ in range(20 * times):
        length, notes = drum_line(rng, [(PERCUSSION, str(rng.choice(["eighths", "some", "off"])))])
        made["percussion"].clip(length, 0, notes, kit=int(rng.choice(KITS)))
    instrument(made["percussion"], rng, [47, 112, 113, 115, 116, 117, 118], 40, 76, times, notes=3, lines=0)
    for _ in range(90 * times):
        voices = [([36, 35], str(rng.choice(["four", "two", "some"]))), ([38, 40, 39], str(rng.choice(["back", "half", "some"])))]
        voices += [([42, 44, 46, 51, 70], str(rng.choice(["eighths", "off", "sixteenths", "some"])))] if rng.random() < 0.9 else []
        voices += [(PERCUSSION, "some")] if rng.random() < 0.4 else []
        length, notes = drum_line(rng, voices)
        made["drums"].clip(length, 0, notes, kit=int(rng.choice(KITS)))
    instrument(made["bass"], rng, range(32, 40), 26, 50, times, notes=6, lines=5)
    instrument(made["lead"], rng, [16, 17, 18, 19, 21, 22, 40, 41, 42, 56, 57, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 71, 73, 75, 79,
                                   80, 81, 82, 83, 84, 85, 86, 87], 52, 86, times, notes=2, lines=3)
    instrument(made["synth"], rng, [38, 62, 63, 80, 81, 84, 87, 90, 98, 99, 100], 44, 80, times, notes=2, lines=2, chords=4, chord_lines=3)
    instrument(made["guitar"], rng, range(24, 32), 40, 72, times, notes=4, lines=4, chords=3, chord_lines=3)
    instrument(made["piano"], rng, range(0, 8), 36, 84, times, notes=4, lines=3, chords=3, chord_lines=3)
    instrument(made["pad"], rng, [48, 49, 50, 51, 88, 89, 90, 91, 92, 93, 94, 95], 40, 76, times, notes=3, lines=0, chords=5, long=True)
    instrument(made["vocals"], rng, [52, 53, 54], 40, 78, times, notes=18, lines=10)
    instrument(made["atmo"], rng, [95, 96, 97, 99, 101, 102, 103, 122], 32, 72, times, notes=4, lines=0, chords=4, long=True)
    instrument(made["fx"], rng, [55, 103, 118, 119, 120, 121, 123, 124, 125, 126, 127], 30, 90, times, notes=6, lines=0)
    mixtures(made["other"], rng, times)
    return made


def labels(folder, rows):
    """Writes the table that `train_category` reads: path, category, licence, maker, source path of each file."""
    with open(os.path.join(folder, "labels.csv"), "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["file", "category", "licence", "source_repo", "source_path"])
        writer.writerows(rows)


def play(soundfont, score, wet):
    with tempfile.TemporaryDirectory() as folder:
        midi, wave = os.path.join(folder, "a.mid"), os.path.join(folder, "a.wav")
        with open(midi, "wb") as out:
            out.write(score.midi())
        room = ["-R", "1" if wet else "0", "-C", "1" if wet else "0"]
        subprocess.run(["fluidsynth", "-niq", "-r", str(RATE), "-g", "0.6", *room, "-F", wave, soundfont, midi], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return soundfile.read(wave, dtype="float32")[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("soundfont")
    parser.add_argument("out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--licence", default="MIT")
    parser.add_argument("--maker", default="fluid")
    args = parser.parse_args()
    rows = []
    for name, score in scores(np.random.default_rng(args.seed), args.times).items():
        folder = os.path.join(args.out, name)
        os.makedirs(folder, exist_ok=True)
        takes = [play(args.soundfont, score, wet) for wet in (False, True)]
        for number, (start, seconds, tail) in enumerate(score.slots):
            wave = takes[number % 3 == 2]
            wave = wave[int(start * RATE):int((start + seconds + tail) * RATE)].mean(axis=1)
            loud = np.flatnonzero(np.abs(wave) > 1e-3 * max(np.abs(wave).max(initial=0), 1e-9))
            if len(loud) == 0 or np.abs(wave).max() < 1e-4:
                continue
            wave = wave[:loud[-1] + 1] if tail else wave
            path = f"{name}/{number:04}.wav"
            soundfile.write(os.path.join(args.out, path), wave / np.abs(wave).max() * 0.9, RATE, subtype="PCM_16")
            rows.append([path, name, args.licence, args.maker, path])
        print(f"{name}: {len(score.slots)}", flush=True)
    labels(args.out, rows)


if __name__ == "__main__":
    main()
