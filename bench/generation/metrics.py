"""Measures of generated one-shots, weight-free and deterministic: `metrics.py TRAINING HELD_OUT RECONSTRUCTED GENERATED`.

Folders of WAV files; RECONSTRUCTED holds files of the same names as HELD_OUT. Prints one line of JSON:
log_mel_db, sc_db, envelope_snr_db, attack_ms: reconstruction (log-mel over cells above peak - 60 dB at three resolutions; spectral
convergence over five; SNR of the 1.5 ms RMS envelope; difference of the 10-90 % attack time), medians over files but for log-mel: means.
fad, kad: distance of distributions to all real sounds, with the floor between training and held-out; density, coverage: k = 5.
novelty: nearest training sound, in units of the training sounds' own; copies: share below 0.2 of that. novelty_held_out: of held-out sounds;
novelty_left_out: of every sound of both folders named real_*, each left out in its turn: of more sounds, and so more certain.
crest_db, pre_echo_db, low_correlation: peak over mean level of the first 30 ms, power from 20 to 2 ms before the onset to that of the attack,
correlation of the channels below 150 Hz of those that have two; medians over the generated sounds, with those of the real ones."""
import json, pathlib, sys
import numpy as np
import soundfile as sf

RATE = 44100
LENGTH = 32768


def load(path):
    return channels(path).mean(axis=1)


def channels(path):
    x, rate = sf.read(path, dtype="float32", always_2d=True)
    assert rate == RATE, path
    return x


def aligned(x, length=LENGTH):
    """Mono, from 64 frames before the onset on, peak 1."""
    peak = np.abs(x).max() + 1e-12
    out = np.zeros(length, np.float64)
    start = onset(x) - 64
    src = x[max(start, 0):start + length]
    at = max(-start, 0)
    out[at:at + len(src)] = src
    return out / peak


def onset(x):
    return int(np.argmax(np.abs(x) >= 0.0316 * (np.abs(x).max() + 1e-12)))


def attack(x):
    """Crest of the attack, what sounds before it, and the correlation of the lows (not a number with one channel)."""
    mono, at = np.pad(x.mean(axis=1).astype(np.float64), 4096), onset(x.mean(axis=1)) + 4096
    mean = lambda a, b: (mono[at + round(a * RATE):at + round(b * RATE)] ** 2).mean()
    after = max(mean(0, 0.03), 1e-20)
    db = lambda ratio: max(-120.0, 10 * np.log10(max(ratio, 1e-12)))
    crest = db((mono[at:at + round(0.03 * RATE)] ** 2).max() / after)
    low = float("nan")
    if x.shape[1] == 2:
        top = int(150 * 4096 / RATE) + 1
        left, right = (stft(x[:, c].astype(np.float64), 4096, 1024)[:, 1:top] for c in (0, 1))
        norm = np.sqrt((np.abs(left) ** 2).sum() * (np.abs(right) ** 2).sum())
        low = (left * right.conj()).real.sum() / norm if norm > 1e-9 else low
    return crest, db(mean(-0.02, -0.002) / after), low


def stft(x, size, hop):
    x = np.pad(x, (size // 2, size // 2))
    n = 1 + (len(x) - size) // hop
    frames = np.lib.stride_tricks.sliding_window_view(x, size)[::hop][:n]
    return np.fft.rfft(frames * np.hanning(size + 1)[:-1], axis=1)


def mel(size, bands, low=30.0, high=18000.0):
    to = lambda f: 2595 * np.log10(1 + f / 700)
    back = lambda m: 700 * (10 ** (m / 2595) - 1)
    edges = back(np.linspace(to(low), to(high), bands + 2))
    f = np.fft.rfftfreq(size, 1 / RATE)
    up = (f[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - f[None]) / (edges[2:] - edges[1:-1])[:, None]
    w = np.maximum(0, np.minimum(up, down))
    # Bands narrower than a bin take the nearest one.
    for i, row in enumerate(w):
        if row.sum() < 1e-9:
            row[np.argmin(np.abs(f - edges[i + 1]))] = 1.0
    return w / w.sum(axis=1, keepdims=True)


def log_mel(x, size):
    return 10 * np.log10(np.abs(stft(x, size, size // 4)) ** 2 @ mel(size, 64).T + 1e-12)


def log_mel_distance(a, b):
    out = []
    for size in (2048, 512, 128):
        la, lb = log_mel(a, size), log_mel(b, size)
        loud = np.maximum(la, lb) > la.max() - 60
        floor = la.max() - 60
        out.append(np.abs(np.maximum(la, floor) - np.maximum(lb, floor))[loud].mean())
    return float(np.mean(out))


def convergence_db(a, b):
    out = []
    for size in (2048, 1024, 512, 256, 128):
        A, B = np.abs(stft(a, size, size // 4)), np.abs(stft(b, size, size // 4))
        out.append(20 * np.log10(np.linalg.norm(A - B) / np.linalg.norm(A) + 1e-9))
    return float(np.mean(out))


def envelope(x):
    w, hop = 66, 22
    c = np.concatenate([[0], np.cumsum(x ** 2)])
    i = np.arange(0, len(x) - w, hop)
    return np.sqrt((c[i + w] - c[i]) / w)


def envelope_snr_db(a, b):
    A, B = envelope(a), envelope(b)
    return float(10 * np.log10((A ** 2).sum() / (((A - B) ** 2).sum() + 1e-12)))


def attack_ms(x):
    e = envelope(x)
    top = int(np.argmax(e))
    rise = e[:top + 1] / e[top]
    return 1000 * (np.argmax(rise >= 0.9) - np.argmax(rise >= 0.1)) * 22 / RATE


EDGES = [0, 2, 3, 5, 8, 13, 20, 32, 51, 80, 127, 256]


def describe(x):
    """704 numbers: 64 mel bands in 11 segments of time, in dB, not below peak - 70."""
    x = x / np.sqrt((x ** 2).sum() + 1e-12)
    p = np.abs(stft(x, 1024, 128)) ** 2 @ mel(1024, 64).T
    p = np.stack([p[a:b].mean(axis=0) for a, b in zip(EDGES[:-1], EDGES[1:])])
    db = 10 * np.log10(p + 1e-12)
    return np.maximum(db, db.max() - 70).ravel()


class Space:
    """32 principal components of real sounds, half whitened."""

    def __init__(self, rows):
        self.mean = rows.mean(axis=0)
        _, s, v = np.linalg.svd(rows - self.mean, full_matrices=False)
        keep = min(32, int((s > 1e-6 * s[0]).sum()))
        sd = s[:keep] / np.sqrt(len(rows))
        self.basis = v[:keep].T / np.sqrt(sd * sd[0])

    def __call__(self, rows):
        return (rows - self.mean) @ self.basis


def distances(a, b):
    return np.sqrt(np.maximum(0, (a ** 2).sum(1)[:, None] + (b ** 2).sum(1)[None] - 2 * a @ b.T))


def fad(a, b):
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    ev, u = np.linalg.eigh(ca)
    root = (u * np.sqrt(np.maximum(ev, 0))) @ u.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ cb @ root), 0)).sum()
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca) + np.trace(cb) - 2 * cross)


def kad(generated, real):
    d = distances(real, real)
    width = np.median(d[np.triu_indices(len(real), 1)])
    k = lambda x, y: np.exp(-distances(x, y) ** 2 / (2 * width ** 2))
    off = lambda m: (m.sum() - np.trace(m)) / (len(m) * (len(m) - 1))
    return float(1000 * (off(k(generated, generated)) + off(k(real, real)) - 2 * k(generated, real).mean()))


def density_coverage(generated, real, k=5):
    radius = np.sort(distances(real, real), axis=1)[:, k]
    inside = distances(real, generated) < radius[:, None]
    return float(inside.sum() / (k * len(generated))), float(inside.any(axis=1).mean())


def walks(folder, training, held_out):
    """The ways between pairs of sounds: files NN_00 to NN_10, NN_a and NN_b the ends. onward: share of steps that lead towards the other end;
    monotone: share of pairs of which all do; path_over_direct, largest_step: medians; end_snr_db: the worst end against the sound itself."""
    files = lambda folder: sorted(pathlib.Path(folder).glob("*.wav"))
    space = Space(np.stack([describe(aligned(load(p))) for folder in (training, held_out) for p in files(folder)]))
    onward, path, largest, snr = [], [], [], []
    for first in files(folder):
        if not first.stem.endswith("_a"):
            continue
        pair = [load(first.with_name(f"{first.stem[:-1]}{step:02}.wav")) for step in range(11)]
        places = space(np.stack([describe(aligned(x)) for x in pair]))
        steps = np.diff(places, axis=0)
        straight = places[-1] - places[0]
        lengths = np.linalg.norm(steps, axis=1)
        onward.append((steps @ straight > 0).mean())
        path.append(lengths.sum() / np.linalg.norm(straight))
        largest.append(lengths.max() / lengths.mean())
        for made, end in ((pair[0], first), (pair[-1], first.with_name(first.stem[:-1] + "b.wav"))):
            x = load(end).astype(np.float64)
            snr.append(10 * np.log10((x ** 2).sum() / (((x - made) ** 2).sum() + 1e-30)) if len(x) == len(made) else -np.inf)
    return {"pairs": len(path), "onward": float(np.mean(onward)), "monotone": float(np.mean(np.array(onward) == 1.0)),
            "path_over_direct": float(np.median(path)), "largest_step": float(np.median(largest)), "end_snr_db": float(min(snr))}


def judge(training, held_out, reconstructed, generated):
    files = lambda folder: sorted(pathlib.Path(folder).glob("*.wav"))
    train = [aligned(load(p)) for p in files(training)]
    held = [aligned(load(p)) for p in files(held_out)]
    made = [aligned(load(p)) for p in files(generated)]
    out = {"n_training": len(train), "n_held_out": len(held), "n_generated": len(made)}
    if reconstructed:
        pairs = [(a, aligned(load(pathlib.Path(reconstructed) / p.name))) for a, p in zip(held, files(held_out))]
        out["log_mel_db"] = float(np.mean([log_mel_distance(a, b) for a, b in pairs]))
        out["sc_db"] = float(np.mean([convergence_db(a, b) for a, b in pairs]))
        out["envelope_snr_db"] = float(np.mean([envelope_snr_db(a, b) for a, b in pairs]))
        out["attack_ms"] = float(np.median([abs(attack_ms(a) - attack_ms(b)) for a, b in pairs]))
    rows = [np.stack([describe(x) for x in part]) for part in (train, held, made)]
    space = Space(np.concatenate(rows[:2]))
    t, h, g = map(space, rows)
    real = np.concatenate([t, h])
    out["fad"], out["kad"] = fad(g, real), kad(g, real)
    out["kad_held_out"] = kad(g, h)
    out["fad_floor"], out["kad_floor"] = fad(t, h), kad(h, t)
    out["density"], out["coverage"] = density_coverage(g, real)
    own = distances(t, t)
    np.fill_diagonal(own, np.inf)
    unit = np.median(own.min(axis=1))
    nearest = distances(g, t).min(axis=1) / unit
    out["novelty"], out["copies"] = float(np.median(nearest)), float((nearest < 0.2).mean())
    out["novelty_held_out"] = float(np.median(distances(h, t).min(axis=1)) / unit)
    others = distances(real, real)
    np.fill_diagonal(others, np.inf)
    recorded = np.array([p.name.startswith("real_") for p in files(training) + files(held_out)])
    out["novelty_left_out"] = float(np.median(others[recorded].min(axis=1)) / unit)
    for suffix, folders in (("", [generated]), ("_real", [training, held_out])):
        begins = np.array([attack(channels(p)) for folder in folders for p in files(folder)])
        for name, column in zip(("crest_db", "pre_echo_db", "low_correlation"), begins.T):
            column = column[~np.isnan(column)]
            out[name + suffix] = float(np.median(column)) if len(column) else float("nan")
    return out


if __name__ == "__main__":
    print(json.dumps({k: round(v, 3) for k, v in judge(*sys.argv[1:5]).items()}))
