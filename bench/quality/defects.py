"""Applies each defect of the catalogue to clean sounds, at three strengths, without any of the Rust code.

    python bench/quality/defects.py SOUNDS TRUTH.csv OUT

SOUNDS is a folder of audio files, TRUTH.csv names them (`anon_name`) with their category. 60 of them are taken, evenly
over the categories. OUT gets the altered copies and `manifest.csv` (file, sound, defect, strength 1 to 3); where a defect
makes no sense (hum in 0.3 s, noise in a sound without pauses, an encoder that kept what lies below 15 kHz) the row says
`left_out` with the reason.
Needs ffmpeg.
"""
import csv
import pathlib
import subprocess
import sys
import zlib

import numpy as np
import soundfile as sf
from scipy.signal import resample_poly

RATE = 44_100
# Few hear what lies above, and fewer miss it.
HEARD_HZ = 15_000


def read(path):
    """Samples [frames, channels] at 44.1 kHz, peak 0.8."""
    channels = sf.info(str(path)).channels
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-ar", str(RATE), "-ac", str(channels), "-"]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    x = np.frombuffer(raw, np.float32).reshape(-1, channels).astype(np.float64)
    return 0.8 * x / max(np.abs(x).max(), 1e-9)


def peak(x):
    return np.abs(x).max()


def frames_db(x, size=882):
    mono = np.sqrt((x**2).mean(axis=1))
    blocks = mono[: len(mono) // size * size].reshape(-1, size)
    return 20 * np.log10(np.sqrt((blocks**2).mean(axis=1)) + 1e-9)


def clipping(x, strength, _):
    level = peak(x) * [0.7, 0.5, 0.25][strength]
    return np.clip(x, -level, level)


def intersample(x, strength, _):
    """A limiter of sample peaks with a release of 1 ms, driven hard: what it passes between the samples is the defect."""
    drive = [2.0, 4.0, 8.0][strength]
    y = drive * x / peak(x)
    need = np.minimum(1.0, 1.0 / np.maximum(np.abs(y).max(axis=1), 1e-9))
    gain, g = np.empty(len(y)), 1.0
    release = np.exp(-1.0 / (0.001 * RATE))
    for i, wanted in enumerate(need):
        g = min(wanted, 1 - (1 - g) * release)
        gain[i] = g
    y = 0.8 * y * gain[:, None]
    over = 20 * np.log10(peak(resample_poly(y, 8, 1)) / peak(y))
    return y if over > [0.5, 1.0, 1.5][strength] else f"its true peak is {over:.1f} dB above the samples"


def soft(x, strength, _):
    return 0.8 * np.tanh([3.0, 6.0, 12.0][strength] * x / peak(x))


def dc(x, strength, _):
    return x + [0.02, 0.05, 0.1][strength] * peak(x)


def hum(x, strength, rng):
    if len(x) < 0.6 * RATE:
        return "shorter than 0.6 s"
    mains = rng.choice([50.0, 60.0])
    t = np.arange(len(x)) / RATE
    tone = sum(a * np.sin(2 * np.pi * mains * k * t + rng.uniform(0, 6)) for k, a in enumerate([1, 0.5, 0.7, 0.3, 0.4], 1))
    level = 10 ** ([-50, -40, -30][strength] / 20)
    return x + (level * peak(x) * tone / np.abs(tone).max())[:, None]


def clicks(x, strength, rng):
    y = x.copy()
    for _ in range(max(2, int(4 * len(x) / RATE))):
        at = rng.integers(len(x) // 10, len(x) - len(x) // 10)
        width = rng.integers(1, 4)
        y[at : at + width] += [0.1, 0.3, 0.7][strength] * peak(x) * rng.choice([-1, 1])
    return y


def noise(x, strength, rng):
    levels = frames_db(x)
    if np.sum(levels < levels.max() - 40) < 8:
        return "no pause of 160 ms"
    return x + 10 ** ([-60, -50, -40][strength] / 20) * peak(x) * rng.normal(size=x.shape) / 1.0


def truncated_start(x, strength, _):
    mono = np.abs(x).max(axis=1)
    loud = int(mono.argmax())
    good = np.flatnonzero(mono[loud:] > [0.1, 0.25, 0.5][strength] * peak(x)) + loud
    cut = good[len(good) // 4]
    return x[cut:] if len(x) - cut > RATE // 10 else "too little is left"


def truncated_end(x, strength, _):
    levels = frames_db(x, 441)
    above = np.flatnonzero(levels > levels.max() - [30, 20, 10][strength])
    cut = (int(above[-1]) + 1) * 441 - 100
    if cut >= len(x) - 882 and levels[-1] > levels.max() - 30:
        return "loud to its end"
    return x[:cut] if cut > RATE // 20 else "too little is left"


def bands_db(x):
    """Level of the bands of 250 Hz over the whole sound."""
    power = (np.abs(np.fft.rfft(x, axis=0)) ** 2).sum(axis=1)
    band = (np.fft.rfftfreq(len(x), 1 / RATE) / 250).astype(int)
    return 10 * np.log10(np.bincount(band, power, 89)[:88] + 1e-12)


def lost_from(x, y):
    """The frequency in Hz from which up `y` lacks 20 dB of what `x` has; half the rate if there is none."""
    before, after = bands_db(x), bands_db(y)
    lost = before - after > 20
    kept = np.flatnonzero(~lost & (before > before.max() - 90))
    return 250 * (kept[-1] + 1) if len(kept) else 0


def coded(kind):
    def apply(x, strength, _, path):
        power = np.abs(np.fft.rfft(x[:, 0])) ** 2
        hz = np.fft.rfftfreq(len(x), 1 / RATE)
        if power[hz > HEARD_HZ].sum() < 1e-6 * power.sum():
            return "nothing above 15 kHz to lose"
        sf.write(path, x, RATE, subtype="PCM_16")
        out = path.with_suffix(".mp3" if kind == "mp3" else ".ogg" if kind == "ogg" else ".low.wav")
        options = {
            "mp3": ["-b:a", ["128k", "96k", "64k"][strength], "-c:a", "libmp3lame"],
            "ogg": ["-c:a", "libvorbis", "-q:a", ["2", "0", "-1"][strength]],
            "rate": ["-ar", ["32000", "22050", "16000"][strength]],
        }[kind]
        command = ["ffmpeg", "-v", "error", "-y", "-i", str(path), *options, str(out)]
        subprocess.run(command, check=True)
        path.unlink()
        edge = lost_from(x, read(out))
        if edge > HEARD_HZ:
            out.unlink()
            return f"keeps {edge} Hz"
        return out

    return apply


def dual_mono(x, strength, _):
    one = x.mean(axis=1, keepdims=True) if x.shape[1] > 1 else x
    if peak(one) < 0.05:
        return "cancels in mono"
    return one * [[1.0, 0.7], [1.0, 0.9], [1.0, 1.0]][strength]


def phase_inverted(x, strength, _):
    if x.shape[1] < 2:
        return "mono"
    correlation = np.corrcoef(x.T)[0, 1]
    least = [0.3, 0.5, 0.8][strength]
    return x * [1.0, -1.0] if correlation > least else f"correlation of {least} not reached"


def silence(x, strength, _):
    share = [0.6, 0.85, 0.95][strength]
    return np.vstack([x, np.zeros((int(len(x) * share / (1 - share)), x.shape[1]))])


DEFECTS = {
    "clipping": clipping,
    "intersample_clipping": intersample,
    "soft_clipping": soft,
    "dc": dc,
    "hum": hum,
    "clicks": clicks,
    "noise": noise,
    "truncated_start": truncated_start,
    "truncated_end": truncated_end,
    "band_limited_mp3": coded("mp3"),
    "band_limited_ogg": coded("ogg"),
    "band_limited_rate": coded("rate"),
    "dual_mono": dual_mono,
    "phase_inverted": phase_inverted,
    "silence": silence,
}


def chosen(rows, count):
    """`count` sounds, evenly over the categories, in the order of their names."""
    groups = {}
    for row in sorted(rows, key=lambda row: row["anon_name"]):
        groups.setdefault(row["category"], []).append(row)
    order = [row for i in range(max(map(len, groups.values()))) for group in groups.values() for row in group[i : i + 1]]
    return order[:count]


def main():
    sounds, truth, out = map(pathlib.Path, sys.argv[1:4])
    out.mkdir(parents=True, exist_ok=True)
    rows = list(csv.DictReader(open(truth)))
    manifest = []
    for row in chosen(rows, 60):
        name = pathlib.Path(row["anon_name"]).stem
        x = read(sounds / row["anon_name"])
        for defect, apply in DEFECTS.items():
            for strength in range(3):
                path = out / f"{name}.{defect}.{strength + 1}.wav"
                rng = np.random.default_rng(zlib.crc32(f"{name} {defect} {strength}".encode()))
                left_out = ""
                if defect.startswith("band_limited"):
                    y = apply(x, strength, rng, path)
                    path = y if isinstance(y, pathlib.Path) else path
                elif defect == "truncated_end" and row["category"] == "drumloop":
                    y = "a loop"
                else:
                    y = apply(x, strength, rng)
                if isinstance(y, str):
                    left_out = y
                elif not isinstance(y, pathlib.Path):
                    sf.write(path, y / max(1.0, peak(y) / 0.999), RATE, subtype="PCM_16")
                manifest.append([path.name, row["anon_name"], row["category"], defect, strength + 1, left_out])
    with open(out / "manifest.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "sound", "category", "defect", "strength", "left_out"])
        writer.writerows(manifest)


if __name__ == "__main__":
    main()
