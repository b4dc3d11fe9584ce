"""How far an output is from its exact target. Audio is `[2, frames]` at 44.1 kHz, both of one length."""

import librosa
import numpy as np

RATE = 44100


def log_mel(y, size, bands, floor=None):
    m = librosa.feature.melspectrogram(
        y=y, sr=RATE, n_fft=size, hop_length=size // 4, n_mels=bands, fmin=30, fmax=16000
    )
    db = 10 * np.log10(np.maximum(m, 1e-12))
    floor = db.max() - 60 if floor is None else floor
    return np.maximum(db, floor)


def mel_distance(y, x, size=2048, bands=64):
    """Mean |log-mel difference|, dB, with what lies 60 dB below the target's maximum as the floor."""
    total = []
    for c in range(2):
        a = log_mel(x[c], size, bands)
        total.append(np.abs(a - log_mel(y[c], size, bands, a.min())).mean())
    return float(np.mean(total))


def short_mel_distance(y, x):
    """The same in blocks of 12 ms, for hits."""
    return mel_distance(y, x, 512, 40)


def novelty(y, window_s):
    """Rise of the log energy of the first difference in a sliding window, every 8 frames."""
    window = np.hanning(int(window_s * RATE))
    e = np.convolve(np.diff(y.mean(0), prepend=0) ** 2, window / window.sum(), "full")[: y.shape[1]]
    e = e[::8]
    level = np.log(e + 1e-6 * e.max() + 1e-30)
    return np.maximum(np.diff(level, prepend=level[0]), 0)


def onset_errors(y, x, onsets, window_s):
    """Lags of the best match around each onset, ms; tonal material needs a window longer than its periods."""
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
    return errors


def pre_echo(y, x, onsets):
    """Excess energy from 12 to 2 ms before each onset, dB, with a floor 60 dB under the hit."""
    excess = []
    for onset in onsets:
        lo, hi = onset - int(0.012 * RATE), onset - int(0.002 * RATE)
        if lo < 0 or onset + 441 > y.shape[1]:
            continue
        floor = 1e-6 * (x[:, onset : onset + 441] ** 2).mean() + 1e-12
        power = lambda s: (s[:, lo:hi] ** 2).mean() + floor
        excess.append(10 * np.log10(power(y) / power(x)))
    return excess


def attack_loss(y, x, onsets):
    """Strongest rise of the spectrum around each onset against the target's, dB."""

    def flux(s):
        m = np.abs(librosa.stft(s.mean(0), n_fft=512, hop_length=64))
        return np.maximum(np.diff(m, axis=1, prepend=m[:, :1]), 0).sum(0)

    a, b, reach, loss = flux(x), flux(y), int(0.01 * RATE / 64), []
    for onset in onsets:
        n = onset // 64
        if n >= reach and n + reach < a.size:
            peak = lambda f: f[n - reach : n + reach + 1].max() + 1e-9
            loss.append(20 * np.log10(peak(b) / peak(a)))
    return loss


def level(y, x):
    """Level difference, dB."""
    return float(10 * np.log10((y**2).mean() / (x**2).mean()))


def frequency(y):
    """Frequency of the strongest partial, Hz."""
    n = min(1 << 18, y.shape[1] - RATE)
    s = y[0, RATE : RATE + n] * np.blackman(n)
    m = np.abs(np.fft.rfft(s, 4 * n))
    k = int(np.argmax(m))
    a, b, c = np.log(m[k - 1 : k + 2])
    return (k + 0.5 * (a - c) / (a - 2 * b + c)) * RATE / (4 * n)
