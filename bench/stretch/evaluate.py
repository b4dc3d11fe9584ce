"""Compares the stretcher with rubberband against exact targets.

Each material is synthesised twice: at 120 bpm (the input) and at 120 / ratio bpm (the exact target). Every engine
stretches the input; its output is measured against the target:

  len   largest |length error|, frames
  on    mean |onset error| over the known onsets, ms; p95 its 95th percentile; lag the mean signed error
  pre   excess energy in the 12 to 2 ms before an onset, dB, median
  lm    mean |log-mel difference|, dB (64 bands, 2048 / 512, 60 dB below the target's maximum)
  lev   largest |level difference|, dB
  cents largest pitch error of the strongest partial of the sine, cents
  x     seconds of output per CPU second (processes include their file access)

With --semitones the exact target of the tonal materials is synthesised at the moved pitch.

Usage: evaluate.py STRETCH_FILE_BINARY [--keep DIR] [--engines ours,loop,rb2,rb3] [--ratios 0.9,1.25] [--semitones 0]
"""

import argparse
import pathlib
import resource
import subprocess
import tempfile

import librosa
import numpy as np
import scipy.signal as ss
import soundfile as sf

RATE = 44100
BARS = 8


def rng(*key):
    return np.random.default_rng(list(key))


def kick():
    t = np.arange(int(0.35 * RATE)) / RATE
    sweep = 50 * t + 120 * 0.03 * (1 - np.exp(-t / 0.03))
    y = np.sin(2 * np.pi * sweep) * np.exp(-t / 0.09)
    y[:90] += 0.5 * rng(1).standard_normal(90) * np.exp(-np.arange(90) / 25)
    return np.stack([y, y]) * 0.8


def snare(seed=2):
    t = np.arange(int(0.3 * RATE)) / RATE
    noise = ss.sosfilt(ss.butter(2, 1200, "high", fs=RATE, output="sos"), rng(seed).standard_normal((2, t.size)))
    return 0.3 * noise * np.exp(-t / 0.05) + 0.4 * np.sin(2 * np.pi * 190 * t) * np.exp(-t / 0.07)


def hat(seed, tau):
    t = np.arange(int(6 * tau * RATE)) / RATE
    noise = ss.sosfilt(ss.butter(4, 7000, "high", fs=RATE, output="sos"), rng(seed).standard_normal(t.size))
    y = 0.25 * noise * np.exp(-t / tau)
    return np.stack([y * 0.7, y])


def place(events, beat, total):
    """events: (beat, sound, gain); beat: seconds per beat."""
    out = np.zeros((2, total))
    onsets = []
    for at, sound, gain in events:
        n = int(round(at * beat * RATE))
        if n < total:
            onsets.append(n)
            m = min(sound.shape[1], total - n)
            out[:, n : n + m] += gain * sound[:, :m]
    return out, sorted(set(onsets))


def drums(beat, total, swing=0.0, extra=0):
    g = rng(10 + extra)
    events = []
    for bar in range(BARS):
        for step in range(16):
            at = bar * 4 + step / 4 + (swing / 4 if step % 2 else 0)
            if step % 4 == 0 or (extra and g.random() < 0.1):
                events.append((at, kick(), 1.0))
            if step in (4, 12):
                events.append((at, snare(2 + extra), 1.0))
            if extra and step % 2 and g.random() < 0.15:
                events.append((at, snare(5), 0.2))
            if step % 2 == 0:
                open_hat = step % 4 == 2
                events.append((at, hat(3, 0.09 if open_hat else 0.025), 1.0))
            elif extra:
                events.append((at, hat(4, 0.02), 0.5))
    return place(events, beat, total)


def saw(freq, n, phase=0.0, partials=80):
    t = np.arange(n) / RATE
    y = np.zeros(n)
    for k in range(1, partials + 1):
        if k * freq < 16000:
            y += np.sin(2 * np.pi * (k * freq * t + k * phase)) / k
    return y


def hz(note, transposition):
    return 440 * 2 ** ((note + transposition - 69) / 12)


def bass(beat, total, transposition=0.0):
    notes = [45, 45, 57, 45, 48, 48, 43, 52]
    events, out = [], np.zeros((2, total))
    for i in range(BARS * 8):
        start, length = int(round(i / 2 * beat * RATE)), int(0.42 * beat * RATE)
        freq = hz(notes[i % 8] - 12, transposition)
        y = saw(freq, length)
        cut = ss.sosfilt(ss.butter(2, 900, fs=RATE, output="sos"), y)
        t = np.arange(length) / RATE
        y = cut + (y - cut) * np.exp(-t / 0.08)
        env = np.minimum(1, t / 0.003) * (0.55 + 0.45 * np.exp(-t / 0.12))
        env *= np.minimum(1, np.arange(length)[::-1] / (0.015 * RATE))
        out[:, start : start + length] += 0.35 * (y * env)[: total - start]
        events.append(start)
    return out, events


def pad(beat, total, transposition=0.0):
    chords = [[57, 60, 64, 67], [53, 57, 60, 64], [48, 55, 60, 64], [55, 59, 62, 69]]
    g, out = rng(20), np.zeros((2, total))
    length = int(round(8 * beat * RATE))
    for i, chord in enumerate(chords):
        start, body = i * length, length + int(0.4 * RATE)
        t = np.arange(body) / RATE
        env = np.minimum(1, t / 0.3) * np.minimum(1, t[::-1] / 0.4)
        for note in chord:
            for voice in (-8, 0, 8):
                freq = hz(note + voice / 100, transposition)
                y = ss.sosfilt(ss.butter(2, 2500, fs=RATE, output="sos"), saw(freq, body, g.random(), 40)) * env
                pan = 0.5 + voice / 20
                m = min(body, total - start)
                out[0, start : start + m] += 0.06 * (1 - pan) * y[:m]
                out[1, start : start + m] += 0.06 * pan * y[:m]
    return out, []


def arp(beat, total, transposition=0.0):
    """Plucked chord tones over a held fifth: attacks within a sustained sound."""
    out, events = np.zeros((2, total)), []
    t = np.arange(total) / RATE
    for freq in (hz(45, transposition), hz(52, transposition)):
        out += 0.08 * ss.sosfilt(ss.butter(4, 300, fs=RATE, output="sos"), saw(freq, total, 0.3, 20))
    for i in range(BARS * 8):
        start = int(round(i / 2 * beat * RATE))
        freq = hz(69 + [0, 3, 7, 12, 10, 7, 3, 7][i % 8], transposition)
        n = min(int(0.5 * RATE), total - start)
        t = np.arange(n) / RATE
        tone = sum(np.sin(2 * np.pi * k * freq * t) * np.exp(-t * k / 0.15) / k for k in range(1, 12))
        out[:, start : start + n] += np.array([[0.3], [0.2]]) * tone * np.minimum(1, t / 0.001)
        events.append(start)
    return out, events


def sine(beat, total, transposition=0.0):
    y = 0.5 * np.sin(2 * np.pi * hz(69, transposition) * np.arange(total) / RATE)
    return np.stack([y, y]), []


MATERIALS = {
    "drums": (drums, "drums"),
    "swing": (lambda b, n: drums(b, n, 0.25, 1), "drums"),
    "bass": (bass, "tonal"),
    "arp": (arp, "tonal"),
    "pad": (pad, "tonal"),
    "sine": (sine, "tonal"),
}


def render(name, ratio, transposition=0.0):
    n = int(round(round(BARS * 4 * 0.5 * RATE) * ratio))
    synthesise, kind = MATERIALS[name]
    extra = [transposition] if kind == "tonal" else []
    audio, onsets = synthesise(0.5 * ratio, n, *extra)
    return 0.5 * audio, onsets  # headroom: rubberband turns the gain down rather than clip


def run(engine, binary, source, target, ratio, semitones, kind):
    command = {
        "ours": [binary, source, target, str(ratio), str(semitones), kind],
        "loop": [binary, source, target, str(ratio), str(semitones), kind + "-loop"],
        "rb2": ["rubberband", "-q", "-2", "-t", str(ratio), "-p", str(semitones), source, target],
        "rb3": ["rubberband", "-q", "-3", "-t", str(ratio), "-p", str(semitones), source, target],
    }[engine]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def log_mel(y, floor=None):
    m = librosa.feature.melspectrogram(y=y, sr=RATE, n_fft=2048, hop_length=512, n_mels=64, fmin=30, fmax=16000)
    db = 10 * np.log10(np.maximum(m, 1e-12))
    floor = db.max() - 60 if floor is None else floor
    return np.maximum(db, floor), floor


def mel_distance(y, x):
    total = []
    for c in range(2):
        a, floor = log_mel(x[c])
        b, _ = log_mel(y[c], floor)
        n = min(a.shape[1], b.shape[1])
        total.append(np.abs(a[:, :n] - b[:, :n]).mean())
    return float(np.mean(total))


def novelty(y, window_s):
    """Rise of the log energy of the first difference in a sliding window, every 8 frames."""
    window = np.hanning(int(window_s * RATE))
    e = np.convolve(np.diff(y.mean(0), prepend=0) ** 2, window / window.sum(), "full")[: y.shape[1]]
    e = e[::8]
    level = np.log(e + 1e-6 * e.max())
    return np.maximum(np.diff(level, prepend=level[0]), 0)


def onset_errors(y, x, onsets, window_s=0.002):
    """Lags of the best match around each onset; tonal material needs a window longer than its periods."""
    a, b, errors = novelty(x, window_s), novelty(y, window_s), []
    reach, half = int(0.03 * RATE / 8), int(0.012 * RATE / 8)
    for onset in onsets:
        n = onset // 8
        lo, hi = n - half, n + half
        if lo - reach < 0 or hi + reach >= min(a.size, b.size):
            continue
        ref = a[lo:hi]
        if ref.max() < 0.05:
            continue
        scores = [float(ref @ b[lo + d : hi + d]) for d in range(-reach, reach + 1)]
        errors.append((int(np.argmax(scores)) - reach) * 8 / RATE * 1000)
    return np.array(errors)


def pre_echo(y, x, onsets):
    excess = []
    for onset in onsets:
        lo, hi = onset - int(0.012 * RATE), onset - int(0.002 * RATE)
        if lo < 0 or hi > y.shape[1]:
            continue
        floor = 1e-6 * (x[:, onset : onset + 441] ** 2).mean() + 1e-12
        power = lambda s: (s[:, lo:hi] ** 2).mean() + floor
        excess.append(10 * np.log10(power(y) / power(x)))
    return float(np.median(excess))


def cents(y, transposition):
    n = 1 << 18
    s = y[0, RATE : RATE + n] * np.blackman(min(n, y.shape[1] - RATE))[:n]
    m = np.abs(np.fft.rfft(s, 4 * n))
    k = int(np.argmax(m))
    a, b, c = np.log(m[k - 1 : k + 2])
    f = (k + 0.5 * (a - c) / (a - 2 * b + c)) * RATE / (4 * n)
    return 1200 * np.log2(f / hz(69, transposition))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--keep")
    parser.add_argument("--engines", default="ours,rb2,rb3")
    parser.add_argument("--ratios", default="0.9,1.25")
    parser.add_argument("--semitones", type=float, default=0.0)
    parser.add_argument("--materials", default=",".join(MATERIALS))
    args = parser.parse_args()
    temporary = tempfile.TemporaryDirectory()
    folder = pathlib.Path(args.keep or temporary.name)
    folder.mkdir(parents=True, exist_ok=True)
    ratios = [float(r) for r in args.ratios.split(",")]
    print(f"{'material':9}{'engine':7}{'len':>5}{'on':>7}{'p95':>7}{'lag':>7}{'pre':>7}{'lm':>7}{'lev':>7}{'cents':>7}{'x':>7}")
    for name in args.materials.split(","):
        source, _ = render(name, 1.0)
        path = folder / f"{name}.wav"
        sf.write(path, source.T, RATE, subtype="FLOAT")
        for engine in args.engines.split(","):
            rows, errors, seconds, cpu = [], [], 0.0, 0.0
            for ratio in ratios:
                exact, onsets = render(name, ratio, args.semitones)
                out = folder / f"{name}_{engine}_{ratio}.wav"
                cpu += run(engine, args.binary, str(path), str(out), ratio, args.semitones, MATERIALS[name][1])
                y = sf.read(out, always_2d=True)[0].T
                seconds += y.shape[1] / RATE
                length = abs(y.shape[1] - exact.shape[1])
                y = np.pad(y, ((0, 0), (0, max(0, exact.shape[1] - y.shape[1]))))[:, : exact.shape[1]]
                window_s = 0.002 if MATERIALS[name][1] == "drums" else 0.02
                errors.append(onset_errors(y, exact, onsets, window_s) if onsets else np.zeros(0))
                pre = pre_echo(y, exact, onsets) if onsets else np.nan
                level = 10 * np.log10((y**2).mean() / (exact**2).mean())
                rows.append((length, pre, mel_distance(y, exact), abs(level), abs(cents(y, args.semitones)) if name == "sine" else np.nan))
            rows, e = np.array(rows), np.concatenate(errors)
            on, p95, lag = (np.abs(e).mean(), np.percentile(np.abs(e), 95), e.mean()) if e.size else [np.nan] * 3
            print(
                f"{name:9}{engine:7}{rows[:, 0].max():5.0f}{on:7.2f}{p95:7.2f}{lag:7.2f}{rows[:, 1].mean():7.1f}"
                f"{rows[:, 2].mean():7.2f}{rows[:, 3].max():7.2f}{rows[:, 4].max():7.2f}{seconds / cpu:7.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
