"""Loops that can be made at any tempo and pitch: what goes into a stretcher, and exactly what should come out.

Every loop is drawn from a variant: 0 is the set to tune on (120 bpm), any other number draws tempo, key, notes and
sounds anew. Onsets are frames. Pitch moves what a player would move: notes of synthesisers, samples of samplers.
"""

import functools
import pathlib
import struct
import subprocess
import tempfile

import librosa
import numpy as np
import scipy.signal as ss
import soundfile as sf

RATE = 44100
BARS = 8
SOUNDFONT = "/usr/share/sounds/sf2/FluidR3_GM.sf2"


class Set:
    """Tempo, key and sounds of one variant."""

    def __init__(self, variant, kits=None, soundfont=SOUNDFONT):
        self.variant, self.kits, self.soundfont = variant, kits and pathlib.Path(kits), soundfont
        g = rng(variant, 1000)
        self.bpm = 120.0 if variant == 0 else float(g.integers(84, 150))
        self.key = 0 if variant == 0 else int(g.integers(-5, 6))
        self.source_frames = round(BARS * 4 * 60 / self.bpm * RATE)

    def rng(self, *key):
        return rng(self.variant, *key)

    def frames(self, ratio):
        return round(self.source_frames * ratio)

    def beat(self, ratio):
        return self.source_frames * ratio / RATE / (BARS * 4)


def rng(*key):
    return np.random.default_rng(list(key))


def sosfilt(order, hz, kind, y):
    return ss.sosfilt(ss.butter(order, hz, kind, fs=RATE, output="sos"), y)


def place(events, beat, total):
    """events: (beat, sound `[2, frames]`, gain); beat: seconds per beat."""
    out, onsets = np.zeros((2, total)), set()
    for at, sound, gain in events:
        n = round(at * beat * RATE)
        if 0 <= n < total:
            onsets.add(n)
            m = min(sound.shape[1], total - n)
            out[:, n : n + m] += gain * sound[:, :m]
    return out, sorted(onsets)


def hz(note, semitones=0.0):
    return 440 * 2 ** ((note + semitones - 69) / 12)


def resampled(sound, semitones):
    """A sound as a sampler plays it higher: faster."""
    if semitones == 0:
        return sound
    step = 2 ** (semitones / 12)
    return librosa.resample(sound, orig_sr=RATE * step, target_sr=RATE, res_type="soxr_vhq")


# --- drums ---------------------------------------------------------------------------------------------------------


def synth_kick(g, base):
    t = np.arange(int(0.35 * RATE)) / RATE
    sweep = base * t + 120 * 0.03 * (1 - np.exp(-t / 0.03))
    y = np.sin(2 * np.pi * sweep) * np.exp(-t / 0.09)
    y[:90] += 0.5 * g.standard_normal(90) * np.exp(-np.arange(90) / 25)
    return np.stack([y, y]) * 0.8


def synth_snare(g, body_hz):
    t = np.arange(int(0.3 * RATE)) / RATE
    noise = sosfilt(2, 1200, "high", g.standard_normal((2, t.size)))
    return 0.3 * noise * np.exp(-t / 0.05) + 0.4 * np.sin(2 * np.pi * body_hz * t) * np.exp(-t / 0.07)


def synth_hat(g, tau):
    t = np.arange(int(6 * tau * RATE)) / RATE
    y = 0.25 * sosfilt(4, 7000, "high", g.standard_normal(t.size)) * np.exp(-t / tau)
    return np.stack([y * 0.7, y])


def groove(g, kick, snare, closed, opened, swing, busy):
    """Kicks, snares and hats of eight bars, swung and with ghosts where `busy`."""
    events = []
    for bar in range(BARS):
        for step in range(16):
            at = bar * 4 + step / 4 + (swing / 4 if step % 2 else 0)
            if step % 4 == 0 or (busy and g.random() < 0.1):
                events.append((at, kick, 1.0))
            if step in (4, 12):
                events.append((at, snare, 1.0))
            if busy and step % 2 and g.random() < 0.15:
                events.append((at, snare, 0.2))
            if step % 2 == 0:
                events.append((at, opened if step % 4 == 2 else closed, 1.0))
            elif busy:
                events.append((at, closed, 0.5))
    return events


def drums(of, ratio, semitones):
    """Four on the floor of synthesised hits."""
    g = of.rng(1)
    base, body = (50, 190) if of.variant == 0 else (g.uniform(42, 62), g.uniform(160, 240))
    sounds = [synth_kick(g, base), synth_snare(g, body), synth_hat(g, 0.025), synth_hat(g, 0.09)]
    sounds = [resampled(sound, semitones) for sound in sounds]
    return place(groove(g, *sounds, swing=0.0, busy=False), of.beat(ratio), of.frames(ratio))


@functools.cache
def one_shots(folder):
    """The real hits of a folder, `[2, frames]` at full scale, by name."""
    sounds = []
    for path in sorted(folder.iterdir()):
        y, rate = sf.read(path, always_2d=True)
        y = librosa.resample(y.T, orig_sr=rate, target_sr=RATE) if rate != RATE else y.T
        y = np.repeat(y, 2, 0)[:2] if y.shape[0] == 1 else y[:2]
        peak = np.abs(y).max()
        if peak > 0 and y.shape[1] < 1.5 * RATE:
            first = int(np.argmax(np.abs(y).max(0) > 0.02 * peak))
            sounds.append(y[:, max(0, first - 4) :] / peak)
    return sounds


def kit(of, ratio, semitones):
    """A swung groove of real hits."""
    g = of.rng(2)
    draw = lambda name: (lambda s: s[int(g.integers(len(s)))])(one_shots(of.kits / name))
    sounds = [0.8 * draw("kick"), 0.6 * draw("snare"), 0.25 * draw("hihat"), 0.3 * draw("perc")]
    sounds = [resampled(sound, semitones) for sound in sounds]
    return place(groove(g, *sounds, swing=0.25, busy=True), of.beat(ratio), of.frames(ratio))


# --- synthesisers --------------------------------------------------------------------------------------------------


def saw(freq, n, phase=0.0, partials=80):
    t = np.arange(n) / RATE
    y = np.zeros(n)
    for k in range(1, partials + 1):
        if k * freq < 16000:
            y += np.sin(2 * np.pi * (k * freq * t + k * phase)) / k
    return y


def bass(of, ratio, semitones):
    """Eighths of a filtered saw."""
    g, beat, total = of.rng(3), of.beat(ratio), of.frames(ratio)
    notes = [45, 45, 57, 45, 48, 48, 43, 52]
    if of.variant:
        notes = [45 + int(g.choice([0, 0, 12, 3, -2, 7, 5])) for _ in range(8)]
    out, onsets = np.zeros((2, total)), []
    for i in range(BARS * 8):
        start, length = round(i / 2 * beat * RATE), int(0.42 * beat * RATE)
        y = saw(hz(notes[i % 8] - 12 + of.key, semitones), length)
        cut = sosfilt(2, 900, "low", y)
        t = np.arange(length) / RATE
        y = cut + (y - cut) * np.exp(-t / 0.08)
        env = np.minimum(1, t / 0.003) * (0.55 + 0.45 * np.exp(-t / 0.12))
        env *= np.minimum(1, np.arange(length)[::-1] / (0.015 * RATE))
        out[:, start : start + length] += 0.35 * (y * env)[: total - start]
        onsets.append(start)
    return out, onsets


def pad(of, ratio, semitones):
    """Slow chords of three detuned saws a note, wide."""
    g, beat, total = of.rng(4), of.beat(ratio), of.frames(ratio)
    chords = [[57, 60, 64, 67], [53, 57, 60, 64], [48, 55, 60, 64], [55, 59, 62, 69]]
    detune = 8
    if of.variant:
        chords = [chords[i] for i in g.permutation(4)]
        detune = g.uniform(5, 14)
    length, out = round(8 * beat * RATE), np.zeros((2, total))
    for i, chord in enumerate(chords):
        start, body = i * length, length + int(0.4 * RATE)
        t = np.arange(body) / RATE
        env = np.minimum(1, t / 0.3) * np.minimum(1, t[::-1] / 0.4)
        for note in chord:
            for voice in (-1, 0, 1):
                freq = hz(note + of.key + voice * detune / 100, semitones)
                y = sosfilt(2, 2500, "low", saw(freq, body, g.random(), 40)) * env
                m = min(body, total - start)
                out[0, start : start + m] += 0.06 * (0.5 - 0.4 * voice) * y[:m]
                out[1, start : start + m] += 0.06 * (0.5 + 0.4 * voice) * y[:m]
    return out, []


def pluck(of, ratio, semitones):
    """Plucked chord tones over a held fifth: attacks within a sustained sound."""
    g, beat, total = of.rng(5), of.beat(ratio), of.frames(ratio)
    figure = [0, 3, 7, 12, 10, 7, 3, 7]
    if of.variant:
        figure = [int(g.choice([0, 3, 5, 7, 10, 12, 15])) for _ in range(8)]
    out, onsets = np.zeros((2, total)), []
    for note in (45, 52):
        out += 0.08 * sosfilt(4, 300, "low", saw(hz(note + of.key, semitones), total, 0.3, 20))
    for i in range(BARS * 8):
        start = round(i / 2 * beat * RATE)
        freq = hz(69 + of.key + figure[i % 8], semitones)
        n = min(int(0.5 * RATE), total - start)
        t = np.arange(n) / RATE
        tone = sum(np.sin(2 * np.pi * k * freq * t) * np.exp(-t * k / 0.15) / k for k in range(1, 12))
        out[:, start : start + n] += np.array([[0.3], [0.2]]) * tone * np.minimum(1, t / 0.001)
        onsets.append(start)
    return out, onsets


# --- samplers ------------------------------------------------------------------------------------------------------

TICK = 64  # frames; fluidsynth starts notes on such blocks only
DRUM_CHANNEL = 9


def midi(events):
    """A MIDI file of (tick, bytes) whose tick lasts 64 frames: 441 a quarter of 0.64 s."""

    def length(n):
        out = [n & 127]
        while n := n >> 7:
            out.append(n & 127 | 128)
        return bytes(reversed(out))

    track, now = b"\0\xff\x51\3" + (640000).to_bytes(3, "big"), 0
    for tick, message in sorted(events, key=lambda event: event[0]):
        track += length(tick - now) + message
        now = tick
    track += b"\0\xff\x2f\0"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 441) + b"MTrk" + struct.pack(">I", len(track)) + track


def sampled(of, notes, semitones):
    """Each (program, note, velocity, seconds) played alone, from its first frame: `{note: [2, frames]}`.

    Pitch moves by the pitch wheel, so that the same samples sound; reverb and chorus are off.
    """
    notes = sorted(set(notes))
    slot = int(5 * RATE / TICK)
    events = []
    for i, (program, note, velocity, seconds) in enumerate(notes):
        channel, tick = (DRUM_CHANNEL, i * slot) if program < 0 else (0, i * slot)
        bend = 8192 + round(8192 * semitones / 12)
        control = lambda number, value: bytes([0xB0 | channel, number, value])
        events += [(tick + 1, control(101, 0)), (tick + 1, control(100, 0)), (tick + 1, control(6, 12))]
        events.append((tick + 2, bytes([0xE0 | channel, bend & 127, bend >> 7])))
        if program >= 0:
            events.append((tick + 2, bytes([0xC0, program])))
        events.append((tick + 20, bytes([0x90 | channel, note, velocity])))
        events.append((tick + 20 + max(1, round(seconds * RATE / TICK)), bytes([0x80 | channel, note, 0])))
    events.append((len(notes) * slot, bytes([0xB0, 120, 0])))
    with tempfile.TemporaryDirectory() as folder:
        song, out = f"{folder}/song.mid", f"{folder}/out.wav"
        pathlib.Path(song).write_bytes(midi(events))
        flags = ["-ni", "-R", "0", "-C", "0", "-g", "0.5", "-r", str(RATE), "-O", "float", "-T", "wav", "-F", out]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["fluidsynth", *flags, of.soundfont, song], check=True, **quiet)
        y = sf.read(out, always_2d=True)[0].T
    sounds = {}
    for i, note in enumerate(notes):
        part = y[:, i * slot * TICK : (i + 1) * slot * TICK]
        loud = np.flatnonzero(np.abs(part).max(0) > 1e-6)
        if loud.size:
            sounds[note] = part[:, loud[0] // TICK * TICK :]
    return sounds


def play(of, score, ratio, semitones):
    """score: (beat, program or -1 for drums, note, velocity, beats)."""
    beat = of.beat(ratio)
    asked = [(program, note, velocity, round(length * beat, 6)) for _, program, note, velocity, length in score]
    sounds = sampled(of, asked, semitones)
    events = [(at, sounds[key], 1.0) for (at, *_), key in zip(score, asked) if key in sounds]
    return place(events, beat, of.frames(ratio))


CHORDS = [[57, 60, 64], [53, 57, 60], [55, 60, 64], [55, 59, 62]]


def mix(of, ratio, semitones):
    """A band: drums, finger bass, piano, overdriven guitar."""
    g, score = of.rng(6), []
    piano, guitar, low = (0, 29, 33) if of.variant == 0 else (int(g.choice([0, 1, 2])), int(g.choice([27, 28, 29, 30])), int(g.choice([32, 33, 34])))
    for bar in range(BARS):
        chord = [note + of.key for note in CHORDS[bar % 4]]
        for step in range(8):
            at = bar * 4 + step / 2
            score.append((at, -1, 42, 80, 0.25))
            if step in (0, 5) or (of.variant and step == 3):
                score.append((at, -1, 36, 110, 0.25))
            if step in (2, 6):
                score.append((at, -1, 38, 105, 0.25))
            score.append((at, low, chord[0] - 24 + (12 if step == 7 else 0), 100, 0.4))
        for note in chord:
            score += [(bar * 4 + at, piano, note, 85, 0.9) for at in (0, 1.5, 3)]
        score += [(bar * 4 + i, guitar, chord[(i + bar) % 3] + 12, 75, 0.8) for i in range(4)]
    return play(of, score, ratio, semitones)


def keys(of, ratio, semitones):
    """Broken chords on an electric piano."""
    g, score = of.rng(7), []
    program = 4 if of.variant == 0 else int(g.choice([2, 4, 5]))
    order = [0, 1, 2, 1] if of.variant == 0 else [int(x) for x in g.integers(0, 3, 4)]
    for bar in range(BARS):
        chord = [note + of.key for note in CHORDS[bar % 4]]
        for step in range(8):
            score.append((bar * 4 + step / 2, program, chord[order[step % 4]] + 12 * (step // 4), 90, 0.8))
        score += [(bar * 4, program, note - 12, 70, 3.5) for note in chord]
    return play(of, score, ratio, semitones)


def strings(of, ratio, semitones):
    """Held chords of a string section."""
    g, score = of.rng(8), []
    program = 48 if of.variant == 0 else int(g.choice([48, 49, 50]))
    for i in range(BARS // 2):
        chord = [note + of.key for note in CHORDS[i % 4]]
        score += [(8 * i, program, note, 90, 7.8) for note in [chord[0] - 12, *chord]]
    return play(of, score, ratio, semitones)


# --- what a pitch shift must not harm ------------------------------------------------------------------------------


def sine(of, ratio, semitones):
    y = 0.5 * np.sin(2 * np.pi * hz(69 + of.key, semitones) * np.arange(of.frames(ratio)) / RATE)
    return np.stack([y, y]), []


# name: (function, kind as our engine is told, group of the table)
MATERIALS = {
    "drums": (drums, "drums", "drums"),
    "kit": (kit, "drums", "drums"),
    "bass": (bass, "tonal", "tonal"),
    "mix": (mix, "tonal", "tonal"),
    "keys": (keys, "tonal", "tonal"),
    "pad": (pad, "tonal", "pad"),
    "strings": (strings, "tonal", "pad"),
    "pluck": (pluck, "tonal", "more"),
    "sine": (sine, "tonal", "more"),
}


def render(of, name, ratio, semitones):
    """The loop as `[2, frames]`, with headroom: some engines turn the gain down rather than clip."""
    audio, onsets = MATERIALS[name][0](of, ratio, float(semitones))
    return 0.5 * audio / max(1.0, float(np.abs(audio).max())), onsets
