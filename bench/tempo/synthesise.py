"""Loops with a known tempo, for judging tempo estimators: independent of the Rust code, its sounds and its patterns.

    python synthesise.py SEED OUT [--set test|fit] [--each 12]

Writes OUT/*.wav (44.1 kHz, mono, 16 bit) and OUT/truth.jsonl: one object per file with `bpm`, `kind`, `feel`, `bars`,
`start_s` (the first downbeat), `end` (how the file is cut), `octave` (see below) and, for reference, the drawn pattern.
Kinds x feels x EACH files; bpm 60 to 180 in equal strata; 2 to 16 bars of 4/4; then sounds without a pulse (`bpm` null).
`--set test` has a book of patterns; `--set fit` draws its patterns at random and has loops of one bar, too: so what is
fitted on one is judged on the other.

End of file: `cut` (whole bars to the frame, half of the files), `tail` (the last sounds ring on, then silence),
`offset` (silence before the first downbeat) or `uncut` (up to three beats of the next bar follow); in the fit set also `excerpt` (begins anywhere in a bar).

Octave, the rule for "not ambiguous": `clear` when a kick and a backbeat (snare or clap on 2 and 4) both sound, that is
kinds `drums` and `mix`, straight or swung, at 70 to 160 bpm: there the backbeat fixes the beat. Else `open`: a lone kick or
hat has no accent that fixes it, a bass line or chords are as well written at half or double tempo, half-time feel means
two tempi by definition, and below 70 or above 160 listeners differ.
"""

import argparse
import json
import pathlib

import numpy as np
import soundfile as sf
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

RATE = 44_100
KINDS = ["drums", "kick", "hat", "bass", "chords", "mix"]
FEELS = ["straight", "swung", "half"]

# One bar of 16 sixteenths per string: x hit, X accent, o soft, . rest. The book of the test set.
DRUMS = [  # kick, snare, hat
    ("x...x...x...x...", "....X.......X...", "..x...x...x...x."),
    ("x.....x...x.....", "....X.......X...", "x.x.x.x.x.x.x.x."),
    ("x.x.......x..x..", "....X..o.o..X...", "x.x.x.x.x.x.x.xo"),
    ("x......xx.......", "....X.......X..o", "xoxoxoxoxoxoxoxo"),
    ("x..x..x...x..x..", "....X.......X...", "x.xxx.x.x.xxx.x."),
    ("x...x...x...x..x", "....X.......X...", "xoXoxoXoxoXoxoXo"),
    ("x.........x.x...", "....X....o..X.o.", "x.x.x.x.x.x.x.x."),
    ("x...............", "....X.......X...", "x...x...x...x..."),
]
HALF = [
    ("x...............", "........X.......", "x...x...x...x..."),
    ("x.....x.........", "........X.......", "x.x.x.x.x.x.x.x."),
    ("x..x..........x.", "........X......o", "x.x.x.xxx.x.xxxx"),
    ("x.........x.....", "........X.......", "x.x.x.x.x.x.x.x."),
]
LONE = [  # kick, hat
    ("x...x...x...x...", "x.x.x.x.x.x.x.x."),
    ("x.....x...x.....", "..x...x...x...x."),
    ("x..x..x.x..x..x.", "xoxoxoxoxoxoxoxo"),
    ("x...x...x...x.x.", "x...x...x...x..."),
]
BASS = ["x...x...x...x...", "x.x.x.x.x.x.x.x.", "..x...x...x...x.", "x..x..x.x..x..x.", "x.....x.x...x.x.", "x.xx.xx.x.xx.xx."]
CHORDS = ["x...x...x...x...", "x..x..x...x..x..", "..x...x...x...x.", "x.....x.....x...", "x.x.x.x.x.x.x.x."]


class Drawn:
    """The book of the fit set: patterns drawn at random, each place of the bar with its own chance."""

    def __init__(self, rng):
        self.rng = rng

    def hits(self, chances, soft=0.0):
        """`chances` for the places of one bar, repeated to 16."""
        chances = np.resize(chances, 16)
        letter = lambda chance: "." if self.rng.random() >= chance else "o" if self.rng.random() < soft else "x"
        pattern = "".join(letter(chance) for chance in chances)
        return pattern if pattern.strip(".") else "x..............."

    def kick(self, alone=False):
        draw = self.rng.random()
        if draw < (0.5 if alone else 0.35):  # on every beat, alone mostly without more
            more = 0 if draw < 0.25 else 1
            return self.hits([1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0.05 * more, 0, 1, 0, 0.08 * more, 0.04 * more])
        if draw < 0.65:  # on one and three, with or without a syncopation
            return self.hits([1, 0, 0, 0, 0, 0, 0.35, 0, 1, 0, 0.1, 0.1, 0, 0, 0.1, 0])
        busy = self.rng.uniform(0.2, 1.2)
        rest = np.array([0, 0.08, 0.25, 0.3, 0.05, 0.05, 0.35, 0.25, 0.6, 0.1, 0.5, 0.2, 0.05, 0.15, 0.2, 0.15])
        return self.hits(np.where(np.arange(16) == 0, 0.97, busy * rest).clip(0, 0.97))

    def snare(self, half):
        ghosts = self.hits([0, 0.05, 0.02, 0.12, 0, 0.03, 0.05, 0.15, 0, 0.15, 0.08, 0.05, 0, 0.05, 0.12, 0.15]
                           if self.rng.random() < 0.4 else [0, 0], 1.0)
        back = (8,) if half else (4, 12)
        return "".join("X" if k in back else "o" if ghosts[k] != "." and k else "." for k in range(16))

    def hat(self):
        kind = self.rng.integers(6)
        pulse = [[1, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0], [1, 0, 0.5, 0.3], [0.9, 0.25, 0.8, 0.35]][kind]
        letters = list(self.hits(pulse))
        accent = self.rng.integers(4)  # none, on the beat, off the beat, soft sixteenths
        for k, letter in enumerate(letters):
            if letter != ".":
                letters[k] = ["x", "X" if k % 4 == 0 else "x", "X" if k % 4 == 2 else "x", "o" if k % 2 else "x"][accent]
        return "".join(letters)

    def line(self):
        kind = self.rng.choice(8, p=[0.2, 0.2, 0.08, 0.08, 0.06, 0.12, 0.12, 0.14])
        if kind == 7:  # four to eight places, the first among them
            places = self.rng.choice(np.arange(1, 16), self.rng.integers(3, 8), replace=False)
            return "".join("x" if k == 0 or k in places else "." for k in range(16))
        return self.hits([[1, 0, 0, 0], [1, 0, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0], [0, 1, 1, 1],
                          [1, 0, 0, 0.8, 0, 0, 0.8, 0] + [0.9, 0, 0.2, 0.5, 0.3, 0, 0.6, 0.1],
                          [0.95, 0.05, 0.4, 0.35, 0.5, 0.1, 0.5, 0.3, 0.8, 0.05, 0.5, 0.35, 0.5, 0.1, 0.5, 0.25]][kind])

    def chords(self):
        kind = self.rng.integers(8)
        return self.hits([[1] + 7 * [0], [1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0, 1, 0, 0, 0],
                          [1] + 15 * [0], [1, 0, 0, 1, 0, 0, 1, 0] + [0.2, 0, 1, 0, 0, 1, 0, 0],
                          [0.95, 0, 0.1, 0.5, 0.3, 0, 0.55, 0.05, 0.6, 0, 0.3, 0.3, 0.4, 0, 0.3, 0.1]][kind])

    def draw(self, half):
        return (self.kick(), self.snare(half), self.hat()), (self.kick(alone=True), self.hat()), self.line(), self.chords()


def printed(rng, half):
    pick = lambda table: table[rng.integers(len(table))]
    drums = pick(HALF if half else DRUMS)
    return drums, pick(LONE), pick(BASS), pick(CHORDS)


PROGRESSIONS = [(0, 5, 3, 4), (0, 3, 5, 4), (0, 0, 3, 3), (5, 3, 0, 4), (0, 4), (0, 5), (0,)]
SCALES = [(0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)]


def envelope(n, attack_s, decay_s, release_s=0.005):
    t = np.arange(n) / RATE
    shape = np.minimum(1.0, t / max(attack_s, 1e-4)) * np.exp(-t / decay_s)
    fade = min(n, max(2, int(release_s * RATE)))
    shape[n - fade:] *= np.linspace(1, 0, fade)
    return shape


def highpass(x, hz, order=2):
    return sosfilt(butter(order, hz, "high", fs=RATE, output="sos"), x)


def lowpass(x, hz, order=2):
    return sosfilt(butter(order, min(hz, 0.45 * RATE), "low", fs=RATE, output="sos"), x)


class Kit:
    """The sounds of one file, drawn once."""

    def __init__(self, rng):
        self.rng = rng
        n = int(rng.uniform(0.15, 0.5) * RATE)
        t = np.arange(n) / RATE
        low, sweep, fall = rng.uniform(42, 62), rng.uniform(60, 350), rng.uniform(0.008, 0.04)
        phase = 2 * np.pi * np.cumsum(low + sweep * np.exp(-t / fall)) / RATE
        kick = np.sin(phase) * envelope(n, rng.uniform(0.0005, 0.004), rng.uniform(0.06, 0.2))
        click = highpass(rng.standard_normal(n), 2000) * np.exp(-t / 0.003) * rng.uniform(0, 0.4)
        self.kick = np.tanh(rng.uniform(0.8, 3) * (kick + click))
        n = int(rng.uniform(0.12, 0.3) * RATE)
        t = np.arange(n) / RATE
        tone = np.sin(2 * np.pi * rng.uniform(160, 240) * t) * np.exp(-t / rng.uniform(0.03, 0.08))
        rattle = highpass(rng.standard_normal(n), rng.uniform(600, 1800)) * envelope(n, 0.001, rng.uniform(0.04, 0.12))
        self.snare = rng.uniform(0.2, 1) * tone + rng.uniform(0.5, 0.9) * rattle
        if rng.random() < 0.3:  # a clap
            burst = np.zeros(n)
            for at in (0, 0.009, 0.019, 0.028):
                k = int(at * RATE)
                burst[k:] += np.exp(-np.arange(n - k) / RATE / (0.006 if at < 0.028 else 0.07))
            noise = rng.standard_normal(n)
            self.snare = 0.8 * highpass(lowpass(noise, 3500), 700) * burst
        n = int(rng.uniform(0.03, 0.15) * RATE)
        metal = sum(np.sign(np.sin(2 * np.pi * hz * np.arange(n) / RATE)) for hz in rng.uniform(300, 900, 5) * 6)
        noise = rng.uniform(0, 1) * metal / 5 + rng.standard_normal(n)
        self.hat = 0.5 * highpass(noise, rng.uniform(5000, 8000)) * envelope(n, 0.0005, rng.uniform(0.01, 0.06))
        self.bass_cut = rng.uniform(200, 2500)
        self.bass_wave = rng.integers(3)
        self.bass_decay = rng.uniform(0.12, 1.2)
        self.chord_cut = rng.uniform(800, 6000)
        self.chord_decay = rng.uniform(0.15, 1.5)
        self.chord_attack = rng.choice([0.002, 0.005, 0.015, 0.03])
        self.chord_wave = rng.integers(3)

    def wave(self, which, hz, n):
        phase = (hz * np.arange(n) / RATE + self.rng.random()) % 1.0
        if which == 0:
            return 2 * phase - 1
        if which == 1:
            return np.sign(phase - 0.5)
        return np.sin(2 * np.pi * phase) + 0.3 * np.sin(4 * np.pi * phase)

    def bass(self, midi, length_s):
        n = max(64, int(length_s * RATE))
        x = self.wave(self.bass_wave, 440 * 2 ** ((midi - 69) / 12), n)
        return 0.7 * lowpass(x, self.bass_cut) * envelope(n, 0.003, self.bass_decay, 0.01)

    def chord(self, midis, length_s):
        n = max(64, int(length_s * RATE))
        x = sum(self.wave(self.chord_wave, 440 * 2 ** ((m - 69) / 12) * 2 ** (self.rng.normal(0, 3) / 1200), n) for m in midis)
        return 0.35 * lowpass(x, self.chord_cut) * envelope(n, self.chord_attack, self.chord_decay, 0.02)


LEVEL = {"x": 0.8, "X": 1.0, "o": 0.35}


class Line:
    """Places sounds on sixteenths, with swing, human timing and human force."""

    def __init__(self, rng, bpm, bars, swing, swing_unit, start_s):
        self.rng, self.six, self.swing, self.unit, self.start = rng, 15 / bpm, swing, swing_unit, start_s
        self.out = np.zeros(int((start_s + (bars + 2) * 16 * self.six + 3) * RATE))
        self.jitter = rng.choice([0, 0, 0.001, 0.003])
        self.force = rng.choice([0, 0.05, 0.15])

    def time(self, step):
        pair, within = divmod(step, 2 * self.unit)
        # The second half of each pair of units starts at `swing` of the pair; what lies between is stretched along.
        half = self.unit
        if within < half:
            place = within / half * self.swing
        else:
            place = self.swing + (within - half) / half * (1 - self.swing)
        return self.start + (pair + place) * 2 * self.unit * self.six

    def put(self, sound, step, gain):
        at = self.time(step) + self.rng.normal(0, self.jitter)
        k = max(0, int(round(at * RATE)))
        gain *= np.exp(self.rng.normal(0, self.force))
        self.out[k:k + len(sound)] += gain * sound[:len(self.out) - k]


def play(line, kit, kind, feel, book, bars, rng):
    """Fills the line with `bars` bars; returns the patterns that were drawn."""
    pick = lambda table: table[rng.integers(len(table))]
    draw = Drawn(rng).draw if book == "fit" else lambda half: printed(rng, half)
    drums, lone, bass, chords = draw(feel == "half")
    kick, snare, hat = drums
    if kind == "kick":
        kick = lone[0]
    if kind == "hat":
        hat = lone[1]
    # A lone line of half-time feel is as often written in the time of the drums as in that of its feel.
    slow = feel == "half" and kind in ("kick", "hat", "bass", "chords") and (book == "test" or rng.random() < 0.3)
    stretch = 2 if slow else 1
    scale, tonic = pick(SCALES), int(rng.integers(12))
    progression = pick(PROGRESSIONS)
    note = lambda degree: tonic + scale[degree % 7] + 12 * (degree // 7)
    walk = [0, 0, 0, 4, 2, 7][: int(rng.integers(2, 7))]
    # Notes of the bass: drawn one by one, or the same in every bar by place (root, fifth, octave), or the root alone.
    manner = int(rng.integers(4)) if book == "fit" else 0
    placed = [0] + [int(rng.choice([0, 7, 12, 7, 5])) for _ in range(15)]
    use = {"drums": "ksh", "kick": "k", "hat": "h", "bass": "b", "chords": "c", "mix": "kshbc"}[kind]
    for bar in range(bars):
        degree = progression[bar % len(progression)]
        for step in range(16):
            at = bar * 16 + step
            source = at // stretch % 16 if at % stretch == 0 else None
            hit = lambda pattern: "." if source is None else pattern[source]
            if "k" in use and hit(kick) != ".":
                line.put(kit.kick, at, 0.9 * LEVEL[hit(kick)])
            if "s" in use and snare[step] != ".":
                line.put(kit.snare, at, 0.7 * LEVEL[snare[step]])
            if "h" in use and hit(hat) != ".":
                line.put(kit.hat, at, 0.4 * LEVEL[hit(hat)])
            if "b" in use and hit(bass) != ".":
                gap = next((k for k in range(1, 17) if bass[(source + k) % 16] != "."), 16) * stretch
                length = min(gap * line.six * rng.choice([0.5, 0.9, 1.0]), 1.5)
                above = 0 if rng.random() < 0.6 else scale[pick(walk) % 7]
                above = placed[source] if manner in (1, 2) else 0 if manner == 3 else above
                pitch = 36 + note(degree) % 12 + above
                line.put(kit.bass(pitch, length), at, 0.6)
            if "c" in use and hit(chords) != ".":
                gap = next((k for k in range(1, 17) if chords[(source + k) % 16] != "."), 16) * stretch
                midis = [60 + note(degree + k) for k in (0, 2, 4)]
                line.put(kit.chord(midis, gap * line.six * 0.95), at, 0.4 if kind == "mix" else 0.8)
    return {"drums": drums, "bass": bass, "chords": chords, "lone": lone}


def finish(x, rng):
    if rng.random() < 0.4:  # a room
        n = int(rng.uniform(0.1, 0.6) * RATE)
        room = rng.standard_normal(n) * np.exp(-np.arange(n) / RATE * 6.9 / (n / RATE))
        x = x + rng.uniform(0.02, 0.12) * fftconvolve(x, room)[: len(x)] / np.sqrt(np.sum(room**2) + 1e-9) * 3
    if rng.random() < 0.3:
        x = np.tanh(2 * x / (np.max(np.abs(x)) + 1e-9))
    x = x + rng.choice([0, 1e-4, 1e-3]) * rng.standard_normal(len(x))
    return rng.uniform(0.2, 0.95) * x / (np.max(np.abs(x)) + 1e-9)


def pulsed(rng, kind, feel, bpm, bars, book):
    end = rng.choice(["cut", "tail", "offset", "uncut"], p=[0.5, 0.2, 0.15, 0.15])
    if book == "fit" and rng.random() < 0.2:
        end = "excerpt"
    start_s = rng.uniform(0.01, 0.2) if end == "offset" else 0.0
    unit = int(rng.choice([1, 2])) if feel == "swung" else 1
    swing = rng.uniform(0.56, 0.67) if feel == "swung" else 0.5
    line = Line(rng, bpm, bars, swing, unit, start_s)
    # A cut loop is either a piece of something longer or a rendered loop, whose ring is folded back to its start.
    alone = end in ("tail", "offset") or (end == "cut" and rng.random() < 0.5)
    drawn = play(line, Kit(rng), kind, feel, book, bars if alone else bars + 2, rng)
    out = line.out
    frames = int(round((start_s + bars * 240 / bpm) * RATE))
    if end == "cut" and alone:
        ring = out[frames : 2 * frames]
        out[: len(ring)] += ring
    elif end == "tail":
        frames += int(rng.uniform(0.02, 0.6) * RATE)
    elif end == "uncut":
        frames += int(rng.uniform(0.2, 3.0) * 60 / bpm * RATE)
    elif end == "excerpt":  # begins anywhere in a bar, as a recording does
        skip = int(rng.random() * 240 / bpm * RATE)
        out, start_s = out[skip:], (240 / bpm - skip / RATE) % (240 / bpm)
        frames += int(rng.uniform(-0.5, 0.9) * 240 / bpm * RATE)
    x = finish(out[:frames], rng)
    clear = kind in ("drums", "mix") and feel != "half" and 70 <= bpm <= 160
    truth = {"bpm": round(bpm, 6), "kind": kind, "feel": feel, "bars": bars, "start_s": start_s, "end": str(end),
             "octave": "clear" if clear else "open", "swing": [unit, round(float(swing), 3)], "pattern": drawn}
    return x, truth


def pulseless(rng):
    seconds = rng.uniform(0.3, 12)
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    which = str(rng.choice(["pad", "noise", "drone", "random", "one-shot", "accelerating", "speech"]))
    kit = Kit(rng)
    if which == "noise":
        x = lowpass(rng.standard_normal(n), rng.uniform(500, 15000)) * (1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.05, 0.3) * t))
    elif which in ("pad", "drone"):
        x = sum(np.sin(2 * np.pi * hz * t + 3 * np.sin(2 * np.pi * rng.uniform(0.05, 0.4) * t)) for hz in rng.uniform(80, 900, 5))
        x = x * np.minimum(1, t / rng.uniform(0.2, 2)) + 0.1 * rng.standard_normal(n) * rng.random()
    elif which == "one-shot":
        kind = rng.integers(3)
        x = np.concatenate([kit.kick, np.zeros(n)]) if kind == 0 else np.concatenate([kit.snare, np.zeros(n)])
        if kind == 2:
            x = kit.chord([60, 64, 67], seconds)
        if rng.random() < 0.5:
            x = fftconvolve(x, rng.standard_normal(RATE) * np.exp(-np.arange(RATE) / RATE * 4))
        x = x[: max(n, 2000)]
    else:
        x = np.zeros(n + RATE)
        if which == "random":
            times = np.sort(rng.uniform(0, seconds, int(seconds * rng.uniform(1, 8)) + 1))
        elif which == "accelerating":
            gaps = rng.uniform(0.3, 0.5) * rng.choice([0.93, 0.95, 1.06, 1.08]) ** np.arange(60)
            times = np.cumsum(gaps)
        else:
            times = np.cumsum(np.exp(rng.normal(np.log(0.18), 0.45, 80)))
        for at in times[times < seconds]:
            sound = [kit.kick, kit.snare, kit.hat, kit.bass(rng.integers(36, 60), rng.uniform(0.08, 0.3))][rng.integers(4)]
            if which == "speech":
                sound = lowpass(kit.chord([rng.uniform(45, 60)], rng.uniform(0.06, 0.25)), rng.uniform(600, 4000))
            k = int(at * RATE)
            x[k:k + len(sound)] += sound[: len(x) - k] * rng.uniform(0.3, 1)
        x = x[:n]
    return finish(x, rng), {"bpm": None, "kind": which, "feel": "none", "bars": None, "start_s": 0.0, "end": "cut", "octave": "none"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed", type=int)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--set", choices=["test", "fit"], default="test")
    parser.add_argument("--each", type=int, default=12)
    parser.add_argument("--pulseless", type=int, default=60)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([args.seed, 0 if args.set == "test" else 1])
    with open(args.out / "truth.jsonl", "w") as truth_file:
        number = 0

        def write(x, truth):
            nonlocal number
            name = f"t{number:04d}.wav"
            number += 1
            sf.write(args.out / name, x.astype(np.float32), RATE, subtype="PCM_16")
            truth_file.write(json.dumps({"file": name, **truth}) + "\n")

        for kind in KINDS:
            for feel in FEELS:
                strata = rng.permutation(args.each)
                for stratum in strata:
                    bpm = 60 + 120 * (stratum + rng.random()) / args.each
                    if rng.random() < 0.5:
                        bpm = float(np.round(bpm))
                    bars = int(rng.choice([2, 3, 4, 8, 16], p=[0.34, 0.05, 0.36, 0.17, 0.08]))
                    if args.set == "fit":
                        bars = int(rng.choice([1, bars], p=[0.15, 0.85]))
                    write(*pulsed(rng, kind, feel, bpm, bars, args.set))
        for _ in range(args.pulseless):
            write(*pulseless(rng))


if __name__ == "__main__":
    main()
