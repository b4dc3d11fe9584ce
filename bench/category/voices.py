"""Renders labelled voices: sung vowels, choirs, syllables, spoken and vocoded phrases of speech synthesizers.

    python voices.py OUT [--count 400] [--seed 1]
    cargo run --release -p dream-analysis --example train_category -- DIR --more OUT

Speech of `flite` (recorded voices of CMU, free) and `espeak-ng` (formants) is taken apart by the vocoder WORLD (M. Morise et al.,
"WORLD: A Vocoder-Based High-Quality Speech Synthesis System for Real-Time Applications", IEICE Trans. E99-D(7), 2016) and put
together again with other notes, vibrato, vocal tracts and lengths. Needs numpy, scipy, soundfile, pyworld; Debian's packages
flite and espeak-ng.
"""
import argparse
import functools
import os
import subprocess
import tempfile

import numpy as np
import pyworld
import soundfile
from scipy import signal

from soundfont import labels

RATE, FRAME = 44100, 0.005
FLITE = ["slt", "awb", "rms", "kal16", "kal"]
ESPEAK = ["en+f1", "en+f2", "en+f3", "en+f4", "en+m1", "en+m3", "en+m5", "en+m7", "it+f2", "de+m2", "en+Annie", "en+Andy"]
VOWELS = {"flite": ["ah", "oo", "ee", "oh", "eh", "aw", "la", "na", "hey", "mm"],
          "espeak": ["[[A:::]]", "[[u:::]]", "[[i:::]]", "[[o:::]]", "[[E::]]", "[[a:::]]", "[[lA:::]]", "[[j'e:::]]"]}
PHRASES = ["feel the music", "take me higher", "all night long", "let it go", "one two three four", "never let you down",
           "come with me tonight", "the city sleeps below", "we are the machine", "breathe in, breathe out", "are you ready",
           "this is the sound of the underground", "get up", "move your body", "in the morning light I saw the river rise",
           "he said that the letter would arrive on Monday", "yeah", "oh no", "stop", "what", "listen", "fire"]


@functools.cache
def spoken(engine, voice, text, stretch):
    """Parts of speech by WORLD: pitch, envelope, aperiodicity, its rate."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.wav")
        if engine == "flite":
            command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch}", "-t", text, "-o", path]
        else:
            command = ["espeak-ng", "-v", voice, "-s", str(int(170 / stretch)), "-w", path, text]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wave, rate = soundfile.read(path)
    pitch, times = pyworld.harvest(wave, rate)
    envelope = pyworld.cheaptrick(wave, pitch, times, rate)
    return pitch, envelope, pyworld.d4c(wave, pitch, times, rate), rate, wave


def widened(rng, envelope, noise, rate, factor):
    """Envelope and aperiodicity at the library's rate: a vocal tract by `factor` shorter, and what lies above the band of the
    recording by a slope and two more formants."""
    size = pyworld.get_cheaptrick_fft_size(RATE)
    hz = np.arange(size // 2 + 1) * RATE / size
    edge = 0.44 * rate * factor
    slope, bumps = rng.uniform(4, 14), [(edge * rng.uniform(1.0, 1.7), rng.uniform(0, 9)) for _ in range(2)]
    above = -slope * np.log2(np.maximum(hz / edge, 1)) * (1 + np.maximum(hz / edge - 1, 0))
    above += sum(gain * np.exp(-((hz - centre) / 900) ** 2) for centre, gain in bumps) * np.clip((hz - 0.8 * edge) / (0.4 * edge), 0, 1)
    at = np.minimum(hz / factor, 0.44 * rate) * (2 * (envelope.shape[1] - 1) / rate)
    bins = np.arange(envelope.shape[1])
    levels = np.apply_along_axis(lambda row: np.interp(at, bins, row), 1, 10 * np.log10(np.maximum(envelope, 1e-16)))
    rough = np.apply_along_axis(lambda row: np.interp(at, bins, row), 1, noise)
    rough = np.maximum(rough, np.clip((hz - edge) / edge, 0, rng.uniform(0.3, 1.0)))
    return np.ascontiguousarray(10 ** ((levels + above) / 10)), np.ascontiguousarray(np.clip(rough, 1e-3, 1 - 1e-6))


def made(rng, pitch, envelope, noise, rate, factor):
    return pyworld.synthesize(np.ascontiguousarray(pitch), *widened(rng, envelope, noise, rate, factor), RATE)


def draw(rng, phrase):
    engine = "flite" if rng.random() < 0.6 else "espeak"
    voice = str(rng.choice(FLITE if engine == "flite" else ESPEAK))
    text = str(rng.choice(PHRASES if phrase else VOWELS[engine]))
    return spoken(engine, voice, text, float(rng.choice([1.0, 1.4]) if phrase else 2.0))


def sung(rng, hz, seconds, source, factor=None):
    """One held note on a vowel."""
    pitch, envelope, noise, rate, _ = source
    energy = np.where(pitch > 0, 10 * np.log10(envelope.sum(axis=1) + 1e-20), -200)
    held = np.flatnonzero(energy > energy.max() - 5)
    if energy.max() < -150 or len(held) < 4:
        return np.zeros(int(seconds * RATE))
    count = int(seconds / FRAME)
    t = np.arange(count) * FRAME
    # Slowly back and forth through a part of the vowel.
    reach = rng.uniform(0.05, 0.6) * (len(held) - 1)
    at = held[(rng.uniform(0, len(held) - 1 - reach) + reach * (0.5 - 0.5 * np.cos(t * rng.uniform(0.5, 4)))).astype(int)]
    depth = rng.choice([0, rng.uniform(0.03, 0.2), rng.uniform(0.2, 0.7)])
    speed, grows = rng.uniform(4.5, 6.5), np.clip((t - rng.uniform(0, 0.6)) / 0.5, 0, 1)
    drift = signal.lfilter([0.01], [1, -0.99], rng.normal(0, rng.uniform(0.1, 0.6), count))
    slide = rng.choice([0, 0, rng.uniform(-4, 1)]) * np.exp(-t / rng.uniform(0.03, 0.12))
    fall = rng.choice([0] * 12 + [rng.uniform(-24, 12)]) * np.clip(t / seconds, 0, 1) ** rng.uniform(0.5, 2)
    semitones = depth * grows * np.sin(2 * np.pi * speed * t + rng.uniform(0, 6)) + drift + slide + fall
    wave = made(rng, hz * 2 ** (semitones / 12), envelope[at], noise[at] ** rng.uniform(0.7, 1.3), rate,
                factor or rng.uniform(0.85, 1.2))
    n = np.arange(len(wave)) / RATE
    swell = np.minimum(1, n / np.exp(rng.uniform(np.log(0.01), np.log(0.3)))) * np.minimum(1, (n[-1] - n) / rng.uniform(0.03, 0.4))
    sway = signal.lfilter([0.0005], [1, -0.9995], rng.normal(0, 3, len(wave)))
    return wave * swell * (1 + depth * 0.15 * np.sin(2 * np.pi * speed * n)) * 10 ** (sway / 20)


def note(rng):
    low = rng.random() < 0.5
    return 440 * 2 ** ((rng.integers(40, 60) if low else rng.integers(55, 80)) / 12 - 69 / 12)


def single(rng):
    return sung(rng, note(rng), rng.uniform(0.4, 4.5), draw(rng, False))


def choir(rng):
    hz, seconds, members = note(rng), rng.uniform(1.0, 5.0), int(rng.integers(2, 9))
    steps = [0] if rng.random() < 0.7 else [0, 7, 12] if rng.random() < 0.5 else [0, 4, 7]
    vowel, spread, late = draw(rng, False), rng.uniform(0.03, 0.2), int(rng.uniform(50, 3000))
    waves = [sung(rng, hz * 2 ** ((rng.choice(steps) + rng.normal(0, spread)) / 12), seconds,
                  vowel if rng.random() < 0.6 else draw(rng, False)) for _ in range(members)]
    out = np.zeros(max(map(len, waves)) + late)
    for wave in waves:
        start = int(rng.integers(0, late))
        out[start:start + len(wave)] += wave
    return out


def melody(rng):
    step = rng.uniform(0.12, 0.5)
    tonic = note(rng)
    scale = np.array([0, 2, 3, 5, 7, 8, 10, 12])
    source, factor = draw(rng, False), rng.uniform(0.85, 1.2)
    notes = [sung(rng, tonic * 2 ** (rng.choice(scale) / 12), step * rng.choice([1, 2, 3]), source, factor)
             for _ in range(int(rng.integers(3, 9)))]
    return np.concatenate(notes)


def phrase(rng):
    pitch, envelope, noise, rate, wave = draw(rng, True)
    if rng.random() < 0.35:
        return made(rng, pitch, envelope, noise, rate, 1.0)
    kind = rng.integers(3)
    if kind == 0:  # another speaker
        pitch = pitch * 2 ** (rng.uniform(-7, 9) / 12)
    elif kind == 1:  # on few notes
        steps = np.repeat(rng.choice([0, 2, 3, 5, 7, 10], len(pitch) // 30 + 1), 30)[:len(pitch)]
        pitch = np.where(pitch > 0, note(rng) * 2 ** (steps / 12), 0)
    else:
        middle = np.median(pitch[pitch > 0]) if (pitch > 0).any() else 120
        pitch = np.where(pitch > 0, middle * (pitch / middle) ** rng.uniform(0, 2), 0) * 2 ** (rng.uniform(-4, 6) / 12)
    slow = rng.uniform(0.8, 1.8)
    at = np.clip((np.arange(int(len(pitch) * slow)) / slow).astype(int), 0, len(pitch) - 1)
    return made(rng, pitch[at], envelope[at], noise[at], rate, rng.uniform(0.85, 1.2))


def vocoded(rng):
    """The envelope of speech on a chord of saws."""
    _, envelope, _, rate, wave = draw(rng, True)
    steps = [[0], [0, 7], [0, 3, 7], [0, 4, 7, 11], [0, 12]][rng.integers(5)]
    root = note(rng) / 2
    t = np.arange(int(len(wave) / rate * RATE)) / RATE
    carrier = sum(signal.sawtooth(2 * np.pi * root * 2 ** (s / 12) * t + rng.uniform(0, 6)) for s in steps)
    carrier = carrier + rng.uniform(0.02, 0.4) * rng.normal(size=len(t))
    edges = np.geomspace(90, 0.45 * rate, int(rng.integers(10, 28)))
    voice = signal.resample_poly(wave, RATE // 100, rate // 100)[:len(t)]
    out = np.zeros(len(voice))
    for low, high in zip(edges[:-1], edges[1:]):
        band = signal.butter(2, [low, high], "band", fs=RATE, output="sos")
        follow = signal.sosfilt(signal.butter(1, rng.uniform(15, 60), fs=RATE, output="sos"), np.abs(signal.sosfilt(band, voice)))
        out += signal.sosfilt(band, carrier[:len(voice)]) * np.maximum(follow, 0)
    return out


def chopped(rng):
    """Pieces of speech or song, repeated in time."""
    source = phrase(rng) if rng.random() < 0.6 else melody(rng)
    step = int(rng.uniform(0.09, 0.3) * RATE)
    pieces = [source[at:at + step] for at in rng.integers(0, max(1, len(source) - step), int(rng.integers(2, 5)))]
    order = rng.integers(0, len(pieces), 8)
    fade = np.minimum(1, np.minimum(np.arange(step), np.arange(step)[::-1]) / 200)
    bar = [np.pad(pieces[i], (0, step - len(pieces[i]))) * fade * (rng.random() < 0.85) for i in order]
    return np.tile(np.concatenate(bar), int(rng.integers(1, 4)))


def room(rng, wave):
    if rng.random() < 0.5:
        return wave
    seconds = np.exp(rng.uniform(np.log(0.2), np.log(3)))
    t = np.arange(int(seconds * RATE)) / RATE
    tail = rng.normal(size=len(t)) * 10 ** (-3 * t / seconds)
    tail = signal.sosfilt(signal.butter(1, rng.uniform(2500, 9000), fs=RATE, output="sos"), tail)
    tail *= 10 ** (rng.uniform(-22, -6) / 20) / np.sqrt((tail ** 2).sum())
    tail[0] += 1
    return signal.fftconvolve(wave, tail)[:len(wave) + int(rng.uniform(0, 1) * len(t))]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    kinds = [single, single, choir, choir, melody, phrase, vocoded, chopped]
    os.makedirs(os.path.join(args.out, "vocals"), exist_ok=True)
    rows = []
    for number in range(args.count):
        rng = np.random.default_rng([args.seed, number])
        kind = kinds[number % len(kinds)]
        wave = room(rng, kind(rng))
        peak = np.abs(wave).max(initial=0)
        if not np.isfinite(wave).all() or peak < 1e-6:
            continue
        path = f"vocals/{number:04}-{kind.__name__}.wav"
        soundfile.write(os.path.join(args.out, path), wave / peak * 0.9, RATE, subtype="PCM_16")
        rows.append([path, "vocals", "CC0 (output of a program)", "voices", path])
    labels(args.out, rows)


if __name__ == "__main__":
    main()
