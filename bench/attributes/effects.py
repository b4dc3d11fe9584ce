"""Makes processed copies of sounds whose timbre must move in a known direction.

    python effects.py AUDIO_DIR TRUTH.csv OUT_DIR [--part 0/3] [--seconds 12] [--subtype FLOAT]
    cargo run --release -p dream-analysis --example analyse_dir OUT_DIR/*.wav > heard.jsonl
    python score.py OUT_DIR/table.csv heard.jsonl

TRUTH.csv has the columns `anon_name` (a file in AUDIO_DIR) and `category`. Each sound gets eight effects, each in several
variants and two strengths (1 mild, 2 as named); OUT_DIR/table.csv lists the copies. The effects are written with numpy
and scipy alone and share no code with what they judge. `--part i/n` takes every n-th sound of each category.
"""

import argparse
import csv
import pathlib
import zlib

import numpy as np
import scipy.signal as ss
import soundfile as sf


def rms(x):
    return np.sqrt(np.mean(x**2)) + 1e-12


def butter(x, kind, hz, order, rate):
    return ss.sosfilt(ss.butter(order, hz, kind, fs=rate, output="sos"), x, axis=0)


def fir_low(x, hz, rate):
    taps = ss.firwin(511, hz, fs=rate)
    return ss.fftconvolve(x, taps[:, None], axes=0)[255 : 255 + len(x)]


def biquad(x, kind, hz, gain_db, q, rate):
    """Peaking and shelving filters of the Audio EQ Cookbook."""
    a, w = 10 ** (gain_db / 40), 2 * np.pi * hz / rate
    alpha, c = np.sin(w) / (2 * q), np.cos(w)
    if kind == "peak":
        num, den = [1 + alpha * a, -2 * c, 1 - alpha * a], [1 + alpha / a, -2 * c, 1 - alpha / a]
    else:
        s = 1 if kind == "low" else -1
        r = 2 * np.sqrt(a) * alpha
        num = [a * (a + 1 - s * (a - 1) * c + r), s * 2 * a * (a - 1 - s * (a + 1) * c), a * (a + 1 - s * (a - 1) * c - r)]
        den = [a + 1 + s * (a - 1) * c + r, -s * 2 * (a - 1 + s * (a + 1) * c), a + 1 + s * (a - 1) * c - r]
    return ss.lfilter(np.array(num) / den[0], np.array(den) / den[0], x, axis=0)


def first_order_shelf(x, hz, gain_db, rate):
    """x plus (gain - 1) times its first-order high-pass."""
    return x + (10 ** (gain_db / 20) - 1) * butter(x, "high", hz, 1, rate)


def varispeed(x, semitones):
    return ss.resample_poly(x, round(1000 * 2 ** (semitones / 12)), 1000, axis=0)


def follower(x, rise_s, fall_s, rate):
    level = np.abs(x).max(axis=1)
    out, held = np.empty_like(level), 0.0
    up, down = np.exp(-1 / (rise_s * rate)), np.exp(-1 / (fall_s * rate))
    for i, now in enumerate(level.tolist()):
        held = now + (held - now) * (up if now > held else down)
        out[i] = held
    return out


def onsets(x, rate):
    """Frames at which a fast envelope first exceeds a slow one, 60 ms apart at least."""
    fast, slow = follower(x, 0.0005, 0.02, rate), follower(x, 0.05, 0.1, rate)
    above = (fast > 2 * slow) & (fast > 0.1 * fast.max())
    starts = np.flatnonzero(above & ~np.concatenate([[False], above[:-1]]))
    kept = []
    for start in starts:
        if not kept or start - kept[-1] > 0.06 * rate:
            kept.append(start)
    # The attack began a little before it was noticed.
    return [max(0, start - int(0.002 * rate)) for start in kept] or [0]


def ramped(x, seconds, rate):
    """Each attack rises from a quarter to full level over that time."""
    gain = np.ones(len(x))
    ramp = np.linspace(0.25, 1, int(seconds * rate))
    for start in onsets(x, rate):
        part = gain[start : start + len(ramp)]
        part[:] = np.minimum(part, ramp[: len(part)])
    gain = ss.fftconvolve(np.pad(gain, 44, mode="edge"), np.ones(89) / 89, mode="valid")
    return x * gain[:, None]


def shaped(x, amount, rate):
    """A transient shaper turned down: gain falls where the fast envelope leads the slow one."""
    fast, slow = follower(x, 0.0005, 0.03, rate), follower(x, 0.02, 0.03, rate)
    gain = np.minimum(((slow + 1e-6) / (fast + 1e-6)) ** amount, 1)
    return x * gain[:, None]


def dulled(x, hz, seconds, rate):
    """The first milliseconds of each attack are low-passed."""
    dull, mix = butter(x, "low", hz, 2, rate), np.zeros(len(x))
    ramp = np.linspace(1, 0, int(seconds * rate))
    for start in onsets(x, rate):
        begin = max(0, start - 88)
        mix[begin:start] = 1
        part = mix[start : start + len(ramp)]
        part[:] = np.maximum(part, ramp[: len(part)])
    return x + mix[:, None] * (dull - x)


def faded(x, seconds, rate):
    """A plain fade-in from the start of the sound."""
    start = int(np.argmax(np.abs(x).max(axis=1) > 0.02 * np.abs(x).max()))
    gain = np.ones(len(x))
    ramp = np.sin(np.linspace(0, np.pi / 2, int(seconds * rate))) ** 2
    gain[start : start + len(ramp)] = ramp[: len(gain) - start]
    return x * gain[:, None]


def noise(shape, colour, rng):
    white = rng.standard_normal(shape)
    if colour == "white":
        return white
    bins = np.fft.rfft(white, axis=0)
    return np.fft.irfft(bins / np.sqrt(np.maximum(np.arange(len(bins)), 1))[:, None], len(white), axis=0)


def with_noise(x, colour, follow, level_db, rate, rng):
    added = noise(x.shape, colour, rng)
    if follow:
        added *= follower(x, 0.002, 0.03, rate)[:, None]
    return x + added * (rms(x) / rms(added) * 10 ** (level_db / 20))


def padded(x, seconds, rate):
    return np.concatenate([x, np.zeros((int(seconds * rate), x.shape[1]))])


def mixed(x, wet, level_db):
    return x + wet * (rms(x) / rms(wet) * 10 ** (level_db / 20))


def convolved(x, rt_s, level_db, rate, rng, tail=True, wide=True):
    """Exponentially decaying noise, a little darker than the sound, 8 ms late."""
    length = int(1.1 * rt_s * rate)
    decay = 10 ** (-3 * np.arange(length) / (rt_s * rate))
    response = rng.standard_normal((length, x.shape[1] if wide else 1)) * decay[:, None]
    response = np.pad(butter(response, "low", 7000, 1, rate), ((int(0.008 * rate), 0), (0, 0)))
    long = padded(x, rt_s, rate)
    wet = ss.fftconvolve(long, np.broadcast_to(response, (len(response), x.shape[1])), axes=0)[: len(long)]
    out = mixed(long, wet, level_db)
    return out if tail else out[: len(x)]


def schroeder(x, rt_s, level_db, rate):
    """Four combs and two all-passes (Schroeder 1962)."""
    long = padded(x, rt_s, rate)
    wet = np.zeros_like(long)
    for seconds in (0.0297, 0.0371, 0.0411, 0.0437):
        lag = int(seconds * rate)
        den = np.zeros(lag + 1)
        den[0], den[lag] = 1, -(10 ** (-3 * seconds / rt_s))
        wet += ss.lfilter([1], den, long, axis=0)
    for seconds in (0.005, 0.0017):
        lag = int(seconds * rate)
        num, den = np.zeros(lag + 1), np.zeros(lag + 1)
        num[0], num[lag], den[0], den[lag] = -0.7, 1, 1, -0.7
        wet = ss.lfilter(num, den, wet, axis=0)
    return mixed(long, wet, level_db)


def variants(x, rate, rng):
    """(effect, variant, strength, samples), for a sound of peak 1."""
    rts = rng.uniform(0.4, 1.0), rng.uniform(1.0, 2.0)
    for s in (1, 2):
        hz = (4000, 2000)[s - 1]
        yield "darker", "order 2", s, butter(x, "low", hz, 2, rate)
        yield "darker", "order 4", s, butter(x, "low", hz, 4, rate)
        yield "darker", "linear phase", s, fir_low(x, hz, rate)
        gain = (4.5, 9)[s - 1]
        yield "brighter", "shelf 3 kHz", s, biquad(x, "high", 3000, gain, 0.707, rate)
        yield "brighter", "shelf 6 kHz", s, biquad(x, "high", 6000, gain, 0.707, rate)
        yield "brighter", "first order 2 kHz", s, first_order_shelf(x, 2000, gain, rate)
        yield "deeper", "varispeed", s, varispeed(x, (4, 7)[s - 1])
        yield "softer", "ramped", s, ramped(x, (0.015, 0.04)[s - 1], rate)
        yield "softer", "shaped", s, shaped(x, (0.5, 1)[s - 1], rate)
        yield "softer", "dulled", s, dulled(x, (3000, 1000)[s - 1], (0.03, 0.06)[s - 1], rate)
        yield "softer", "faded", s, faded(x, (0.01, 0.03)[s - 1], rate)
        level = (-18, -12)[s - 1]
        yield "noisier", "white, following", s, with_noise(x, "white", True, level, rate, rng)
        yield "noisier", "pink, following", s, with_noise(x, "pink", True, level, rate, rng)
        yield "noisier", "white, constant", s, with_noise(x, "white", False, level, rate, rng)
        level = (-12, -6)[s - 1]
        yield "wetter", "short room", s, convolved(x, rts[0], level, rate, rng)
        yield "wetter", "long hall", s, convolved(x, rts[1], level, rate, rng)
        yield "wetter", "one response", s, convolved(x, 0.8, level, rate, rng, wide=False)
        yield "wetter", "cut to length", s, convolved(x, 0.8, level, rate, rng, tail=False)
        yield "wetter", "schroeder", s, schroeder(x, rts[0], level, rate)
        drive = (3, 8)[s - 1]
        yield "distorted", "tanh", s, np.tanh(drive * x)
        yield "distorted", "hard clip", s, np.clip(drive * x, -1, 1)
        yield "distorted", "x / (1 + |x|)", s, drive * x / (1 + np.abs(drive * x))
        gain = (3, 6)[s - 1]
        yield "warmer", "bell and shelf", s, biquad(biquad(x, "peak", 300, gain, 0.9, rate), "high", 4000, -gain, 0.707, rate)
        yield "warmer", "shelf and low-pass", s, butter(biquad(x, "low", 400, gain, 0.707, rate), "low", (9000, 5000)[s - 1], 1, rate)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("audio", type=pathlib.Path)
    parser.add_argument("truth")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--part", default="0/3")
    parser.add_argument("--seconds", type=float, default=12)
    parser.add_argument("--subtype", default="FLOAT")
    args = parser.parse_args()
    part, parts = map(int, args.part.split("/"))
    args.out.mkdir(parents=True, exist_ok=True)
    by_category = {}
    for row in csv.DictReader(open(args.truth)):
        by_category.setdefault(row["category"], []).append(row["anon_name"])
    with open(args.out / "table.csv", "w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["file", "sound", "category", "effect", "variant", "strength"])
        for category, names in sorted(by_category.items()):
            for place, name in enumerate(sorted(names)):
                x, rate = sf.read(args.audio / name, always_2d=True)
                x = x[: int(args.seconds * rate)]
                x /= np.abs(x).max() + 1e-12
                stem = pathlib.Path(name).stem
                copies = [("", "", 0, x)]  # every original is written: they make the percentiles of the category
                if place % parts == part:
                    copies += variants(x, rate, np.random.default_rng(zlib.crc32(stem.encode())))
                for i, (effect, variant, strength, y) in enumerate(copies):
                    file = f"{stem}_{i:02}.wav"
                    y = 0.9 * y / (np.abs(y).max() + 1e-12)
                    sf.write(args.out / file, y, rate, subtype=args.subtype)
                    writer.writerow([file, stem, category, effect, variant, strength])


if __name__ == "__main__":
    main()
