"""Synthesised truth for key, tuning and root: `synthesise.py SEED OUT [--count N] [--first N] [--only KIND] [--fit] [--rate HZ]`.

Writes OUT/*.wav and OUT/truth.json: {file: {kind, style, key, tuning, note}}. Kinds: cadence and pad (24 keys x 2 each),
bass, comp, mix (clips of 2 to 16 bars), note (one-shots with their MIDI note), chord (one-shots), drums, hit and noise
(no key). With --fit only the styles and sounds that may be fitted on are used; without it all are, and the held-back
ones make up about half. The style "plain" (roots, fifths and octaves; stabs; both under loud drums) is for fitting only.
"""
import argparse
import itertools
import json
import os

import numpy as np
import soundfile as sf

import instruments as ins

NAMES = "C C# D D# E F F# G G# A A# B".split()
SCALES = {
    "major": [0, 2, 4, 5, 7, 9, 11], "mixolydian": [0, 2, 4, 5, 7, 9, 10], "lydian": [0, 2, 4, 6, 7, 9, 11],
    "minor": [0, 2, 3, 5, 7, 8, 10], "harmonic": [0, 2, 3, 5, 7, 8, 11], "dorian": [0, 2, 3, 5, 7, 9, 10],
    "phrygian": [0, 1, 3, 5, 7, 8, 10],
}
# Progressions in steps of the scale (0 = tonic); "M" or "m" behind a step forces the third.
MINOR = ["0 5 2 6", "0 3 5 6", "0 6 5 6", "0 3 0 4", "0 5 3 4M", "0 0 5 6", "0 2 6 3", "0 6 5 4M", "0 0 0 0", "0 5", "0 6", "0 3",
         "0 3 6 2", "0 4 5 3", "0 0 3 0", "0 2 3 5", "0 5 6 0", "0 5 2 4M", "0 3M 5 6"]
MINOR_LATE = ["5 6 0 0", "3 4M 0 0", "5 2 6 0", "3 6 2 0", "5 6 0 2"]
MAJOR = ["0 4 5 3", "0 3 4 0", "0 5 3 4", "0 3 0 4", "0 2 3 4", "0 3 5 4", "0 5 1 4", "0 0 3 3", "0 3", "0 1 4 0", "0 4 1 3",
         "0 4 3 3", "0 0 0 0", "0 2 5 3", "0 3 4 4"]
MAJOR_LATE = ["3 4 0 0", "1 4 0 0", "3 0 4 0", "3 4 2 5 1 4 0 0", "4 3 0 0"]
PLAIN = {"minor": ["0 5 2 6", "0 3 4 0", "0 3 4 3", "0 6 5 6", "0 6 5 4", "0 2 6 3", "0 0 5 6", "0 3 0 4", "0 5 3 4", "0 6 0 3", "0 0 3 3", "0 5", "0 6"],
         "major": ["0 4 5 3", "0 3 4 0", "0 3 4 4", "0 5 3 4", "0 3 0 4", "0 0 3 4", "0 2 3 4", "0 5 1 4", "0 4 3 3", "0 3"]}
MIX_STYLES = ["pop", "house", "techno", "dub"]
PLAIN_SHARE = {"bass": 0.5, "comp": 0.25, "mix": 0.5}
MIX_HELD = ["trance", "lofi", "dnb"]
BASS_STYLES = ["roots", "riff", "octaves", "pedal", "pentatonic", "offbeat"]
BASS_HELD = ["walking", "arpeggio", "syncopated"]
COMP_STYLES = ["block", "stabs", "offbeat", "arp", "sevenths"]
COMP_HELD = ["strum", "rolling", "spread"]
DRUM_STYLES = ["four", "backbeat", "break", "sparse", "hats", "toms"]
DRUM_HELD = ["half", "latin", "linear"]


class Song:
    """The harmony of an item and the time it runs in."""

    def __init__(self, rng, seconds_max, key=None):
        r = rng
        self.mode = r.choice(["minor", "major"], p=[0.6, 0.4]) if key is None else key[1]
        self.tonic = int(r.integers(12)) if key is None else key[0]
        scale = r.choice(["minor", "harmonic", "dorian", "phrygian"], p=[0.68, 0.13, 0.13, 0.06]) if self.mode == "minor" else \
            r.choice(["major", "mixolydian", "lydian"], p=[0.8, 0.16, 0.04])
        self.scale = SCALES[scale]
        self.bpm = r.uniform(70, 176)
        self.beat = 60 / self.bpm
        bars = int(r.choice([2, 4, 4, 8, 8, 16]))
        while bars > 1 and bars * 4 * self.beat > seconds_max:
            bars //= 2
        self.bars = bars
        late = r.random() < 0.1 and bars >= 4
        table = (MINOR_LATE if late else MINOR) if self.mode == "minor" else (MAJOR_LATE if late else MAJOR)
        steps = r.choice(table).split()
        per_chord = 4 if len(steps) > 2 or r.random() < 0.5 else 8
        if bars <= 2 and len(steps) > 2:
            per_chord = 4 * bars // len(steps) if 4 * bars >= len(steps) else 4
        self.chords = []  # (beat, beats, root in semitones over the tonic, intervals)
        beat, i = 0, 0
        while beat < bars * 4:
            self.chords.append((beat, min(per_chord, bars * 4 - beat), *self.chord(steps[i % len(steps)])))
            beat += per_chord
            i += 1
        self.seconds = bars * 4 * self.beat
        self.tuning = float(r.uniform(-45, 45)) if r.random() < 0.4 else float(r.normal(0, 3))

    def plainly(self, rng):
        """One or two chords per bar of a plain progression, that of major now and then over the flat sixth and seventh."""
        self.scale = SCALES[self.mode]
        words = str(rng.choice(PLAIN[self.mode])).split()
        borrowed = self.mode == "major" and rng.random() < 0.1
        per_chord = int(rng.choice([4, 4, 4, 2])) if self.bars > 1 else 2
        chords = [(0, (0, 4, 7, 11)), (8, (0, 4, 7, 11)), (10, (0, 4, 7, 10)), (0, (0, 4, 7, 11))] if borrowed else [self.chord(word) for word in words]
        late = 2 if rng.random() < 0.05 and len(chords) > 2 else 0
        self.chords = [(beat, per_chord, *chords[(i + late) % len(chords)]) for i, beat in enumerate(range(0, self.bars * 4, per_chord))]

    def chord(self, word):
        step = int(word[0])
        at = lambda k: self.scale[(step + k) % 7] + 12 * ((step + k) // 7)
        root, third, fifth, seventh = at(0), at(2) - at(0), at(4) - at(0), at(6) - at(0)
        if word[1:] == "M":
            third, seventh = 4, 10
        if fifth == 6:
            fifth = 7
        if fifth == 8:
            fifth = 7
        return root, (0, third, fifth, seventh)

    def chord_at(self, beat):
        for chord in self.chords:
            if chord[0] <= beat < chord[0] + chord[1]:
                return chord
        return self.chords[-1]

    def degree(self, k):
        return self.scale[k % 7] + 12 * (k // 7)


class Mixer:
    def __init__(self, sounds, song):
        self.sounds, self.song = sounds, song
        self.out = np.zeros(int((song.seconds + 4) * sounds.rate))
        self.played = set()

    def put(self, beat, y, gain=1.0):
        start = int(round(beat * self.song.beat * self.sounds.rate))
        if start < len(self.out):
            y = y[: len(self.out) - start]
            self.out[start : start + len(y)] += gain * y

    def note(self, tone, beat, midi, beats, gain=1.0):
        self.played.add(int(round(midi)) % 12)
        self.put(beat, tone(midi + self.song.tuning / 100, beats * self.song.beat), gain)


def bass_line(rng, song, mixer, style, sound):
    tone = mixer.sounds.tone(sound)
    low = 24 + int(rng.integers(0, 8))
    place = lambda semitones: low + (song.tonic + semitones - low) % 12
    total = song.bars * 4
    velocity = lambda: rng.uniform(0.7, 1.0)
    if style in ("riff", "pentatonic", "pedal"):
        # A figure of one or two bars that repeats over the tonic, or moves with the chords.
        length = int(rng.choice([4, 8]))
        pool = {"riff": [0, 0, 0, 2, 3, 4, 6, 1], "pentatonic": [0, 0, 2, 3, 4, 6] if song.mode == "minor" else [0, 0, 1, 2, 4, 5],
                "pedal": [0, 0, 0, 0, 0, 4, 6 if song.mode == "minor" else 5, 2]}[style]
        figure, beat = [], 0.0
        while beat < length:
            step = float(rng.choice([0.25, 0.5, 0.5, 0.75, 1.0]))
            degree = 0 if beat == 0 and rng.random() < 0.9 else int(rng.choice(pool))
            if rng.random() > 0.15 or beat == 0:
                chromatic = -1 if rng.random() < 0.03 and beat > 0 else 0
                figure.append((beat, degree, min(step, length - beat), chromatic, 12 if rng.random() < 0.12 and beat > 0 else 0))
            beat += step
        moves = style == "riff" and rng.random() < 0.25
        for start in range(0, total, length):
            for beat, degree, beats, chromatic, octave in figure:
                if start + beat < total:
                    semitones = song.degree(degree) + (song.chord_at(start + beat)[2] if moves else 0)
                    mixer.note(tone, start + beat, place(semitones + chromatic) + octave, beats * rng.choice([0.5, 0.95]), velocity())
        return
    for start, beats, root, intervals in song.chords:
        base = place(root)
        if style == "roots":
            rhythm = [[0], [0, 2], [0, 1, 2, 3], [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5], [0, 1.5, 2.5]][rng.integers(5)]
            for bar in range(0, beats, 4):
                for i, at in enumerate(rhythm):
                    end = rhythm[i + 1] if i + 1 < len(rhythm) else 4
                    mixer.note(tone, start + bar + at, base, (end - at) * 0.95, velocity())
        elif style == "octaves":
            for i in range(beats * 2):
                mixer.note(tone, start + i / 2, base + 12 * (i % 2), 0.45, velocity())
        elif style == "offbeat":
            for i in range(beats):
                at = rng.choice([0.5])
                mixer.note(tone, start + i + at, base, 0.45, velocity())
                if rng.random() < 0.3:
                    mixer.note(tone, start + i + 0.75, base + int(rng.choice([0, 12, intervals[2]])), 0.22, velocity())
        elif style == "walking":
            after = song.chord_at((start + beats) % total)
            line = [0, intervals[1], intervals[2], None]
            for i in range(beats):
                last = i == beats - 1
                step = line[i % 4]
                if last or step is None:
                    midi = place(after[2]) + int(rng.choice([-2, -1, 1, 2, 2])) if last else base + intervals[3] - 12 * (rng.random() < 0.3)
                else:
                    midi = base + step
                mixer.note(tone, start + i, midi, 0.9, velocity())
        elif style == "arpeggio":
            steps = [0, intervals[2], 12, intervals[1] + 12] if rng.random() < 0.5 else [0, intervals[1], intervals[2], 12]
            for i in range(beats * 2):
                mixer.note(tone, start + i / 2, base + steps[i % 4], 0.45, velocity())
        elif style == "syncopated":
            for bar in range(0, beats, 4):
                for at, step in ((0, 0), (0.75, 0), (1.5, intervals[2]), (2.5, 0), (3.25, int(rng.choice([0, 12, 10, intervals[1]])))):
                    if at < beats and rng.random() < 0.9:
                        mixer.note(tone, start + bar + at, base + step, 0.6, velocity())


def voicing(rng, song, root, intervals, size, low):
    notes = [low + (song.tonic + root + i - low) % 12 for i in intervals[:size]]
    if rng.random() < 0.5:
        notes.append(low + (song.tonic + root - low) % 12 + 12)
    return notes


def comping(rng, song, mixer, style, sound, gain=0.5):
    tone = mixer.sounds.tone(sound)
    low = int(rng.integers(46, 60))
    size = 4 if style == "sevenths" or rng.random() < 0.2 else 3
    if sound == "distguitar":
        low, size = int(rng.integers(38, 46)), 3
    root_below = rng.random() < 0.3 and style != "arp"
    pattern = sorted(rng.choice(16, size=int(rng.integers(2, 6)), replace=False) / 4)
    if rng.random() < 0.6 and 0 not in pattern:
        pattern = [0.0] + list(pattern)
    for start, beats, root, intervals in song.chords:
        notes = voicing(rng, song, root, intervals, size, low)
        if root_below:
            notes = [min(notes) - 24 + (song.tonic + root - min(notes)) % 12] + notes
        if style in ("block", "sevenths", "spread"):
            if style == "spread":
                notes = [n + 12 * (i % 2) for i, n in enumerate(notes)]
            for n in notes:
                mixer.note(tone, start, n, beats * rng.uniform(0.85, 1.0), gain)
        elif style == "stabs":
            for bar in range(0, beats, 4):
                for at in pattern:
                    for n in notes:
                        if at < beats:
                            mixer.note(tone, start + bar + at, n, 0.4, gain)
        elif style == "offbeat":
            for i in range(beats):
                for n in notes:
                    mixer.note(tone, start + i + 0.5, n, 0.4, gain)
        elif style == "arp":
            notes = sorted(notes)
            order = notes if rng.random() < 0.5 else notes + notes[::-1][1:-1]
            per = int(rng.choice([2, 4]))
            for i in range(beats * per):
                mixer.note(tone, start + i / per, order[i % len(order)] + 12 * ((i // len(order)) % 2 if per == 4 else 0), 1.2 / per, gain)
        elif style == "strum":
            for bar in range(0, beats, 4):
                for at in (0, 1, 1.5, 2.5, 3):
                    for j, n in enumerate(sorted(notes)):
                        if at < beats:
                            mixer.note(tone, start + bar + at + 0.02 * j, n, 0.6, gain * rng.uniform(0.7, 1))
        elif style == "rolling":
            for i in range(beats * 2):
                for n in notes[:1] if i % 2 == 0 else notes[1:]:
                    mixer.note(tone, start + i / 2, n, 0.5, gain)


def plain_bass(rng, song, mixer, sound):
    """The roots of the chords with fifths and octaves, on a figure of one bar that stays; it need not play on the beat."""
    tone = mixer.sounds.tone(sound)
    low = 24 + int(rng.integers(0, 13))
    folded = rng.random() < 0.5  # or as the scale runs, up to an octave higher
    figure = int(rng.integers(5))
    if figure == 0:
        at = [0.5, 1.5, 2.5, 3.5]
    elif figure == 1:
        at = list(np.arange(0, 4, float(rng.choice([0.25, 0.5, 1.0]))))
    elif figure == 2:
        at = [0, 1.5, 2, 3.5] if rng.random() < 0.5 else [0, 0.75, 1.5, 2.5, 3.25]
    else:
        at = [0.0] + sorted(rng.choice(np.arange(1, 16), size=int(rng.integers(2, 9)), replace=False) / 4)
    rich = rng.random()
    steps = [int(rng.choice([0, 7, 12, 5], p=[0.6, 0.16, 0.16, 0.08])) if rng.random() < rich else 0 for _ in at]
    if rng.random() < 0.15:
        steps = [[0, 7, 12, 7], [0, 12, 0, 12], [0, 0, 7, 12]][rng.integers(3)]
    length = rng.uniform(0.3, 1.0)
    swing = rng.uniform(0, 0.08) if rng.random() < 0.4 else 0.0
    for bar in range(song.bars):
        for i, beat in enumerate(at):
            root = song.chord_at(4 * bar + beat)[2]
            base = low + (song.tonic + root - low) % 12 if folded else low + (song.tonic - low) % 12 + root % 12
            end = at[i + 1] if i + 1 < len(at) else 4
            late = swing if round(4 * beat) % 2 else 0.0
            mixer.note(tone, 4 * bar + beat + late, base + steps[i % len(steps)], max(0.2, (end - beat) * length), rng.uniform(0.8, 1.0))


def plain_chords(rng, song, mixer, sound, gain):
    """Triads in root position or inverted, held or as short stabs on a figure that stays."""
    tone = mixer.sounds.tone(sound)
    low = int(rng.integers(45, 60))
    inverted = rng.random() < 0.5
    figure = [[0], [0, 1, 2, 3], [0.5, 1.5, 2.5, 3.5], [0, 0.75, 1.5, 2.5, 3.25], [0, 1.5, 3], [1, 3]][rng.integers(6)]
    beats = rng.uniform(0.2, 0.9) if len(figure) > 1 else 3.9
    for bar in range(song.bars):
        for beat in figure:
            root, intervals = song.chord_at(4 * bar + beat)[2:]
            for i in intervals[: 3]:
                note = low + (song.tonic + root + i - low) % 12 if inverted else low + (song.tonic - low) % 12 + root % 12 + i
                mixer.note(tone, 4 * bar + beat, note, beats, gain)


def plain(rng, song, mixer, kind, sound):
    song.plainly(rng)
    if kind == "mix":
        if rng.random() < 0.85:
            plain_chords(rng, song, mixer, sound(ins.CHORDS, ins.CHORDS_HELD), rng.uniform(0.08, 0.35))
        if rng.random() < 0.4:
            melody(rng, song, mixer, sound(ins.LEADS, ins.LEADS_HELD), rng.uniform(0.1, 0.35))
        if rng.random() < 0.9:
            plain_bass(rng, song, mixer, sound(ins.BASSES, ins.BASSES_HELD))
        drums(rng, song, mixer, sound(DRUM_STYLES, DRUM_HELD), rng.uniform(0.6, 2.5))
    elif kind == "bass":
        plain_bass(rng, song, mixer, sound(ins.BASSES, ins.BASSES_HELD))
    else:
        plain_chords(rng, song, mixer, sound(ins.CHORDS, ins.CHORDS_HELD), 0.5)


def melody(rng, song, mixer, sound, gain=0.3):
    tone = mixer.sounds.tone(sound)
    low = int(rng.integers(60, 76))
    degree, beat = int(rng.choice([0, 2, 4])), 0.0
    while beat < song.bars * 4:
        step = float(rng.choice([0.25, 0.5, 0.5, 1.0, 2.0]))
        if rng.random() < 0.75:
            root, intervals = song.chord_at(beat)[2:]
            if rng.random() < 0.45:
                semitones = root + intervals[int(rng.integers(3))]
            else:
                degree = int(np.clip(degree + rng.integers(-2, 3), -4, 9))
                semitones = song.degree(degree)
            mixer.note(tone, beat, low + (song.tonic + semitones - low) % 12, step * 0.95, gain)
        beat += step


def drums(rng, song, mixer, style, gain=0.8, bars=None):
    s = mixer.sounds
    kit = {name: s.drum(name) for name in ("kick", "longkick", "snare", "clap", "hat", "openhat", "ride", "shaker", "tom", "conga", "rim", "cowbell", "block", "crash")}
    kick = kit["longkick"] if rng.random() < 0.2 else kit["kick"]
    snare = kit["snare"] if rng.random() < 0.6 else kit["clap"]
    hat = kit[str(rng.choice(["hat", "hat", "shaker", "ride"]))]
    dense = rng.random() < 0.5
    toms = [s.drum("tom") for _ in range(3)]
    congas = [s.drum("conga") for _ in range(2)]
    for bar in range(bars or song.bars):
        at = bar * 4
        hit = lambda beat, y, g=1.0: mixer.put(at + beat, y, gain * g * rng.uniform(0.85, 1))
        if style in ("four", "toms"):
            for i in range(4):
                hit(i, kick)
                hit(i + 0.5, kit["openhat"] if rng.random() < 0.5 else hat, 0.5)
            hit(1, snare, 0.7)
            hit(3, snare, 0.7)
        elif style == "backbeat":
            for beat in (0, 2) + ((2.5,) if dense else ()):
                hit(beat, kick)
            hit(1, snare)
            hit(3, snare)
        elif style in ("break", "linear"):
            for beat in (0, 0.5 if dense else 2.5, 2.5):
                hit(beat, kick)
            for beat in (1, 3, 1.75, 3.75)[: 4 if dense else 2]:
                hit(beat, snare, 0.9)
        elif style == "half":
            hit(0, kick)
            hit(0.75, kick, 0.8)
            hit(2, snare)
        elif style == "sparse":
            hit(0, kick)
            hit(2, kit["rim"], 0.8)
        elif style == "latin":
            hit(0, kick)
            hit(2, kick)
            for beat in (0, 0.75, 1.5, 2.5, 3):
                hit(beat, kit["rim"], 0.6)
            for i in range(8):
                if rng.random() < 0.6:
                    hit(i / 2 + 0.25, congas[int(rng.integers(2))], 0.7)
        if style == "toms" or (rng.random() < 0.08 and bar > 0):
            for i in range(4):
                hit(3 + i / 4, toms[i % 3], 0.8)
        if style != "sparse" or dense:
            for i in range(16 if dense else 8):
                if rng.random() < 0.9:
                    hit(i / (4 if dense else 2), hat, rng.uniform(0.25, 0.5))
        if rng.random() < 0.1:
            hit(0, kit["crash"], 0.5)
        if rng.random() < 0.12:
            hit(float(rng.integers(16)) / 4, kit[str(rng.choice(["cowbell", "block", "conga"]))], 0.5)


def decided(song, mixer):
    """Whether what was played decides the key; a truth that claims one where nothing tells it measures nothing.

    The third must be among three pitch classes or more, without that of the other mode. The chords of a key are those of
    its relative and its modes, too (F, C, G, A minor; or D, C, G, G): the tonic must begin, or the dominant must lead to it."""
    third, other = (4, 3) if song.mode == "major" else (3, 4)
    if len(mixer.played) < 3 or (song.tonic + third) % 12 not in mixer.played or (song.tonic + other) % 12 in mixer.played:
        return False
    chords = [(root % 12, intervals[1]) for start, _, root, intervals in song.chords if start < song.bars * 4]
    return chords[0][0] == 0 or any(a == (7, 4) and b[0] == 0 for a, b in zip(chords, chords[1:]))


def finish(rng, song, mixer):
    y = mixer.out[: int(song.seconds * mixer.sounds.rate)]
    if rng.random() < 0.3:
        y = np.tanh(rng.uniform(0.5, 2.5) * y / (np.max(np.abs(y)) + 1e-9))
    if rng.random() < 0.3:
        y = y + rng.uniform(0.0005, 0.01) * np.max(np.abs(y)) * rng.normal(size=len(y))
    return y


def pick(rng, fit, open_, held):
    return str(rng.choice(open_ if fit or rng.random() < 0.5 else held))


def tonal(rng, fit, rate, kind, seconds_max, key=None):
    while True:
        y, truth, clear = attempt(rng, fit, rate, kind, seconds_max, key)
        if clear or fit:  # what is fitted on may be unclear: it teaches doubt
            return y, truth


def attempt(rng, fit, rate, kind, seconds_max, key):
    sounds = ins.Sounds(rng, rate)
    song = Song(rng, seconds_max, key)
    mixer = Mixer(sounds, song)
    style = ""
    if fit and kind in ("bass", "comp", "mix") and rng.random() < PLAIN_SHARE[kind]:
        style = "plain"
        plain(rng, song, mixer, kind, lambda *names: pick(rng, fit, *names))
    elif kind == "bass":
        style = pick(rng, fit, BASS_STYLES, BASS_HELD)
        bass_line(rng, song, mixer, style, pick(rng, fit, ins.BASSES, ins.BASSES_HELD))
    elif kind == "comp":
        style = pick(rng, fit, COMP_STYLES, COMP_HELD)
        comping(rng, song, mixer, style, pick(rng, fit, ins.CHORDS, ins.CHORDS_HELD))
        if rng.random() < 0.3:
            mixer.out = sounds.reverb(mixer.out, rng.uniform(0.5, 3), rng.uniform(0.1, 0.5))
        if rng.random() < 0.2:
            mixer.out = sounds.echo(mixer.out, 0.75 * song.beat, rng.uniform(0.2, 0.5))
    elif kind == "line":
        style = "melody"
        melody(rng, song, mixer, pick(rng, fit, ins.LEADS, ins.LEADS_HELD), 0.8)
    elif kind == "mix":
        style = pick(rng, fit, MIX_STYLES, MIX_HELD)
        likes = {"pop": ("backbeat", "roots", "block"), "house": ("four", "offbeat", "stabs"), "techno": ("four", "pedal", "stabs"),
                 "dub": ("sparse", "riff", "offbeat"), "trance": ("four", "offbeat", "arp"), "lofi": ("half", "roots", "sevenths"), "dnb": ("break", "roots", "block")}[style]
        if style != "techno" or rng.random() < 0.6:
            own = rng.random() < 0.6
            comping(rng, song, mixer, likes[2] if own else pick(rng, fit, COMP_STYLES, COMP_HELD), pick(rng, fit, ins.CHORDS, ins.CHORDS_HELD), rng.uniform(0.12, 0.4))
        if rng.random() < 0.35:
            comping(rng, song, mixer, "block", str(rng.choice(["strings", "supersaw", "softsaw"])), rng.uniform(0.05, 0.2))
        if rng.random() < 0.4:
            melody(rng, song, mixer, pick(rng, fit, ins.LEADS, ins.LEADS_HELD), rng.uniform(0.1, 0.4))
        if rng.random() < 0.4:
            mixer.out = sounds.reverb(mixer.out, rng.uniform(0.5, 3), rng.uniform(0.1, 0.4))
        if rng.random() < 0.92:
            bass_line(rng, song, mixer, likes[1] if rng.random() < 0.6 else pick(rng, fit, BASS_STYLES, BASS_HELD), pick(rng, fit, ins.BASSES, ins.BASSES_HELD))
        if rng.random() < 0.5:  # side chain
            t = (np.arange(len(mixer.out)) / rate / song.beat) % 1.0
            mixer.out *= 1 - rng.uniform(0.3, 0.95) * np.exp(-t / 0.25)
        drums(rng, song, mixer, likes[0] if rng.random() < 0.6 else pick(rng, fit, DRUM_STYLES, DRUM_HELD), rng.uniform(0.3, 1.4))
    elif kind == "cadence":
        song.chords = []
        minor = song.mode == "minor"
        words = [["0", "3", "4M", "0"], ["0", "3", "4", "0"], ["0", "5", "3", "4M", "0"], ["0", "1", "4M", "0"]][int(rng.integers(4))]
        song.scale = SCALES["minor" if minor else "major"]
        for i, word in enumerate(words):
            song.chords.append((2 * i, 2, *song.chord(word)))
        if minor:
            song.chords = [(b, n, root, (0, 3, 7, 10) if root == 0 else intervals) for b, n, root, intervals in song.chords]
        song.bars, song.seconds = len(words) / 2, len(words) * 2 * song.beat
        comping(rng, song, mixer, "block", pick(rng, fit, ins.CHORDS, ins.CHORDS_HELD), 0.5)
    elif kind == "pad":
        sound = str(rng.choice(["strings", "supersaw", "softsaw", "organ"] + ([] if fit else ["choir"])))
        comping(rng, song, mixer, "block", sound, 0.5)
        mixer.out = sounds.reverb(mixer.out, rng.uniform(1, 4), rng.uniform(0.1, 0.6))
    return finish(rng, song, mixer), {"kind": kind, "style": style, "key": f"{NAMES[song.tonic]} {song.mode}", "tuning": song.tuning, "note": None}, decided(song, mixer)


def hit(rng, fit, rate):
    sounds = ins.Sounds(rng, rate)
    name = str(rng.choice(["kick", "longkick", "kick", "longkick", "snare", "clap", "hat", "openhat", "ride", "crash", "tom", "conga", "rim", "cowbell", "block", "shaker", "808"]))
    y = sounds.tone("808")(rng.uniform(24, 40), rng.uniform(0.4, 2)) if name == "808" else sounds.drum(name)
    y = np.concatenate([y, np.zeros(int(rng.uniform(0, 0.2) * rate))])
    if rng.random() < 0.2:
        y = sounds.reverb(np.concatenate([y, np.zeros(rate)]), rng.uniform(0.4, 2), rng.uniform(0.1, 0.4))
    return y, {"kind": "hit", "style": name, "key": None, "tuning": None, "note": None}


def drum_loop(rng, fit, rate, seconds_max):
    sounds = ins.Sounds(rng, rate)
    song = Song(rng, seconds_max)
    mixer = Mixer(sounds, song)
    style = pick(rng, fit, DRUM_STYLES, DRUM_HELD)
    drums(rng, song, mixer, style)
    if rng.random() < 0.2:
        mixer.out = sounds.reverb(mixer.out, rng.uniform(0.4, 2), rng.uniform(0.1, 0.4))
    return finish(rng, song, mixer), {"kind": "drums", "style": style, "key": None, "tuning": None, "note": None}


def noise(rng, fit, rate):
    kind = str(rng.choice(["white", "pink", "brown", "band", "riser", "tonalriser", "downlifter", "vinyl", "impact"]))
    y = ins.Sounds(rng, rate).noise(kind, rng.uniform(0.5, 8))
    return y, {"kind": "noise", "style": kind, "key": None, "tuning": None, "note": None}


def one_shot(rng, fit, rate):
    """A note with its MIDI number: with noise, an attack, vibrato, or without its fundamental."""
    sounds = ins.Sounds(rng, rate)
    names = ["sub", "saw", "square", "triangle", "fmbass", "pluck", "pluckbass", "supersaw", "reese", "strings", "acid"]
    names += [] if fit else ["piano", "fingered", "choir", "flute", "distguitar", "808"]
    name = str(rng.choice(names))
    top = 96 if name in ("saw", "square", "triangle", "pluck", "sub", "flute", "strings") else 84
    if name in ("fmbass", "pluckbass", "reese", "fingered", "808"):
        top = 55
    low = {"strings": 45, "flute": 60, "choir": 40, "piano": 33, "distguitar": 36}.get(name, 23)
    midi = float(rng.uniform(low, top))
    y = sounds.tone(name)(midi, rng.uniform(0.25, 2.5)).copy()
    n = len(y)
    peak = np.max(np.abs(y)) + 1e-9
    style = name
    if name == "saw" and rng.random() < 0.3 and midi < 70:  # missing fundamental
        f0 = float(ins.hz(midi))
        amplitudes = sounds.harmonics("saw", f0, 4000)
        amplitudes[0] = 0
        y = sounds.oscillate(sounds.table(amplitudes), f0, n) * sounds.envelope(n, 0.003, 1, 0.7)
        style, peak = "missing", 1.0
    if rng.random() < 0.3:
        y = y + peak * rng.uniform(0.005, 0.08) * rng.normal(size=n)
    if rng.random() < 0.3:
        click = rng.normal(size=min(n, int(0.03 * rate)))
        y[: len(click)] += peak * rng.uniform(0.1, 0.7) * click * np.exp(-np.arange(len(click)) / (0.005 * rate))
    if rng.random() < 0.15:
        y = sounds.reverb(np.concatenate([y, np.zeros(rate // 2)]), rng.uniform(0.4, 2), rng.uniform(0.1, 0.3))
    return y, {"kind": "note", "style": style, "key": None, "tuning": None, "note": midi}


def chord_shot(rng, fit, rate):
    sounds = ins.Sounds(rng, rate)
    tone = sounds.tone(pick(rng, fit, ins.CHORDS, ins.CHORDS_HELD))
    root = int(rng.integers(45, 65))
    mode = str(rng.choice(["minor", "major"]))
    shape = {"minor": [(0, 3, 7), (0, 3, 7, 10), (0, 3, 7, 14), (0, 7, 12, 15)], "major": [(0, 4, 7), (0, 4, 7, 11), (0, 4, 7, 14), (0, 7, 12, 16)]}[mode]
    tuning = float(rng.uniform(-45, 45))
    seconds = rng.uniform(0.4, 3)
    y = sum(tone(root + i + tuning / 100, seconds) for i in shape[int(rng.integers(4))])
    return y, {"kind": "chord", "style": mode, "key": f"{NAMES[root % 12]} {mode}", "tuning": tuning, "note": None}


def items(seed, count, fit, rate, seconds_max, only=None):
    """(samples, truth), drawn from children of the seed: the same item whatever else is made."""
    shares = [("bass", 0.24), ("comp", 0.12), ("mix", 0.27), ("line", 0.02), ("cadence", 0.05), ("pad", 0.07), ("chord", 0.03), ("drums", 0.12), ("hit", 0.05), ("noise", 0.03)] if fit else \
        [("bass", 0.15), ("comp", 0.15), ("mix", 0.2), ("drums", 0.14), ("hit", 0.08), ("noise", 0.06), ("note", 0.17), ("chord", 0.05)]
    kinds = [k for k, share in shares for _ in range(round(share * count))]
    if not fit:
        kinds += [f"{kind}:{key}" for kind in ("cadence", "pad") for key in range(24)]
    if only:
        kinds = [only] * count
    # In a shuffled order, so that a run that was cut short is a fair sample.
    for index in np.random.default_rng(seed).permutation(len(kinds)):
        kind = kinds[index]
        rng = np.random.default_rng([seed, index])
        name, _, key = kind.partition(":")
        fixed = (int(key) % 12, ["major", "minor"][int(key) // 12]) if key else None
        if name in ("drums",):
            y, truth = drum_loop(rng, fit, rate, seconds_max)
        elif name == "hit":
            y, truth = hit(rng, fit, rate)
        elif name == "noise":
            y, truth = noise(rng, fit, rate)
        elif name == "note":
            y, truth = one_shot(rng, fit, rate)
        elif name == "chord":
            y, truth = chord_shot(rng, fit, rate)
        else:
            y, truth = tonal(rng, fit, rate, name, seconds_max, fixed)
        yield y * rng.uniform(0.2, 0.95) / (np.max(np.abs(y)) + 1e-9), truth


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--first", type=int, help="only so many of them, a fair sample")
    parser.add_argument("--only", metavar="KIND", help="N items of one kind")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--rate", type=int, default=44100)
    parser.add_argument("--seconds", type=float, default=16.0)
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    table = {}
    for index, (y, truth) in enumerate(itertools.islice(items(args.seed, args.count, args.fit, args.rate, args.seconds, args.only), args.first)):
        path = os.path.join(args.out, f"{index:05d}.wav")
        sf.write(path, y, args.rate, subtype="PCM_16")
        table[os.path.basename(path)] = truth
        if index % 100 == 99:
            write(args.out, table)
    write(args.out, table)


def write(out, table):
    with open(os.path.join(out, "truth.json"), "w") as file:
        json.dump(table, file, indent=0)


if __name__ == "__main__":
    main()
