"""Sounds for synthesised truth: tonal instruments, drums and noises in numpy. Independent of the engine's own synthesis.

`Sounds(rng, rate)` draws instruments; `tone(name)` gives a function (midi, seconds) -> samples whose settings are
drawn once, so that a part keeps its sound. Levels are about 1 at the peak.
"""
import numpy as np
from scipy.signal import fftconvolve, lfilter, butter, sosfilt

TABLE = 2048
# Parts of the sounds are held back from what anything is fitted on.
BASSES = ["sub", "saw", "square", "reese", "acid", "pluckbass", "fmbass", "triangle"]
BASSES_HELD = ["fingered", "808"]
CHORDS = ["supersaw", "organ", "epiano", "pluck", "strings", "softsaw", "squarestab", "bellkeys"]
CHORDS_HELD = ["piano", "distguitar", "choir"]
LEADS = ["saw", "square", "pluck", "bellkeys", "strings", "acid"]
LEADS_HELD = ["flute", "piano"]


def hz(midi):
    return 440.0 * 2.0 ** ((np.asarray(midi) - 69.0) / 12.0)


class Sounds:
    def __init__(self, rng, rate=22050):
        self.rng, self.rate = rng, rate

    # --- building blocks -------------------------------------------------------------------------------------------
    def table(self, amplitudes):
        spectrum = np.zeros(TABLE // 2 + 1, complex)
        n = min(len(amplitudes), TABLE // 2 - 1)
        spectrum[1 : n + 1] = -0.5j * TABLE * np.asarray(amplitudes[:n])
        wave = np.fft.irfft(spectrum)
        return wave / np.max(np.abs(wave) + 1e-9)

    def oscillate(self, table, f0, count, phase=None):
        f = np.broadcast_to(f0, count)
        turns = np.cumsum(f) / self.rate + (self.rng.random() if phase is None else phase)
        at = (turns % 1.0) * TABLE
        low = at.astype(int)
        part = at - low
        return table[low % TABLE] * (1 - part) + table[(low + 1) % TABLE] * part

    def harmonics(self, shape, f0, cutoff, resonance=0.0, slope=2.0):
        count = max(1, int(min(60, 0.45 * self.rate / f0)))
        k = np.arange(1, count + 1)
        amplitude = {
            "saw": 1 / k,
            "square": np.where(k % 2, 1 / k, 0.0),
            "triangle": np.where(k % 2, 1 / k**2, 0.0),
            "pulse": np.sin(np.pi * k * 0.2) / k,
            "flat": 1 / np.sqrt(k),
        }[shape]
        ratio = k * f0 / cutoff
        gain = 1 / np.sqrt(1 + ratio ** (2 * slope)) + resonance * np.exp(-((np.log2(ratio) / 0.25) ** 2))
        return amplitude * gain

    def envelope(self, count, attack, decay, sustain, release=0.03):
        t = np.arange(count) / self.rate
        level = np.minimum(t / max(attack, 1e-4), 1) * (sustain + (1 - sustain) * np.exp(-t / max(decay, 1e-3)))
        fade = min(count, max(1, int(release * self.rate)))
        level[-fade:] *= np.linspace(1, 0, fade)
        return level

    # --- tonal instruments -----------------------------------------------------------------------------------------
    def tone(self, name):
        r, rate = self.rng, self.rate
        u = r.uniform
        if name == "sub":
            drive, attack = u(0.1, 2.5), u(0.002, 0.02)

            def play(midi, s):
                n = int(s * rate)
                y = np.tanh(drive * self.oscillate(self.table([1.0]), hz(midi), n)) / np.tanh(drive)
                return y * self.envelope(n, attack, 5, 1)

        elif name in ("saw", "square", "triangle", "squarestab", "softsaw", "acid", "pluckbass", "pluck"):
            shape = {"saw": "saw", "square": "square", "triangle": "triangle", "squarestab": "square", "softsaw": "saw",
                     "acid": ["saw", "square"][r.integers(2)], "pluckbass": ["saw", "pulse"][r.integers(2)],
                     "pluck": ["saw", "square", "pulse"][r.integers(3)]}[name]
            dark, bright = u(200, 700), u(900, 6000)
            resonance = u(0.5, 2.0) if name == "acid" else u(0, 0.3)
            sweep = u(0.04, 0.3)
            plucky = name in ("pluck", "pluckbass")
            decay, sustain = (u(0.08, 0.6), 0.0) if plucky else (u(0.1, 1.0), u(0.4, 1))
            attack = u(0.02, 0.2) if name == "softsaw" else u(0.001, 0.01)
            if name == "softsaw":
                bright = u(400, 1500)

            def play(midi, s):
                n = int(s * rate)
                f0 = float(hz(midi))
                a = self.table(self.harmonics(shape, f0, max(bright, 1.5 * f0), resonance))
                b = self.table(self.harmonics(shape, f0, max(dark, 1.2 * f0), resonance * 0.5))
                phase = r.random()
                mix = np.exp(-np.arange(n) / (sweep * rate))
                y = mix * self.oscillate(a, f0, n, phase) + (1 - mix) * self.oscillate(b, f0, n, phase)
                return y * self.envelope(n, attack, decay, sustain)

        elif name in ("supersaw", "reese"):
            voices, width = (2, u(5, 15)) if name == "reese" else (int(r.integers(3, 8)), u(5, 28))
            cutoff = u(250, 1200) if name == "reese" else u(1200, 6000)
            attack = u(0.002, 0.05)
            offsets = np.linspace(-width, width, voices) + u(-1, 1, voices)

            def play(midi, s):
                n = int(s * rate)
                f0 = float(hz(midi))
                table = self.table(self.harmonics("saw", f0, max(cutoff, 1.5 * f0)))
                y = sum(self.oscillate(table, f0 * 2 ** (c / 1200), n) for c in offsets) / voices**0.5
                return y * self.envelope(n, attack, 3, u(0.8, 1))

        elif name == "organ":
            bars = [u(0.2, 1), 1, u(0, 0.7), u(0, 0.8), 0, u(0, 0.3), 0, u(0, 0.6)] if r.random() < 0.6 else [1, u(0, 0.8), u(0, 0.6), u(0, 0.4)]
            under = r.random() < 0.3

            def play(midi, s):
                n = int(s * rate)
                return self.oscillate(self.table(bars), hz(midi) / (2 if under else 1), n) * self.envelope(n, 0.005, 1, 0.95)

        elif name in ("epiano", "fmbass", "bellkeys"):
            ratio = {"epiano": [1.0, 14.0][r.integers(2)], "fmbass": [1.0, 2.0, 3.0][r.integers(3)], "bellkeys": [3.5, 2.76, 4.0, 7.0][r.integers(4)]}[name]
            index = {"epiano": u(0.2, 1.2) if ratio == 1 else u(0.05, 0.3), "fmbass": u(0.5, 3), "bellkeys": u(0.3, 1.2)}[name]
            decay, fall = u(0.4, 2), u(0.05, 0.6)
            tremolo = u(0, 0.3) if name == "epiano" else 0

            def play(midi, s):
                n = int(s * rate)
                t = np.arange(n) / rate
                f0 = float(hz(midi))
                deep = index if f0 * (ratio + 2) < 0.45 * rate else 0.0
                turn = 2 * np.pi * f0 * t
                y = np.sin(turn + deep * np.exp(-t / fall) * np.sin(ratio * turn))
                return y * self.envelope(n, 0.003, decay, 0.0) * (1 - tremolo * (0.5 + 0.5 * np.sin(2 * np.pi * 5 * t)))

        elif name in ("strings", "choir"):
            cutoff, depth, rate_hz = u(800, 3000), u(3, 12), u(4.5, 6)
            attack = u(0.05, 0.4)
            formant = u(500, 1000)

            def play(midi, s):
                n = int(s * rate)
                t = np.arange(n) / rate
                f0 = float(hz(midi))
                bend = 2 ** (depth / 1200 * np.sin(2 * np.pi * (rate_hz * t + r.random())))
                amplitudes = self.harmonics("saw", f0, max(cutoff, 1.5 * f0))
                if name == "choir":
                    k = np.arange(1, len(amplitudes) + 1)
                    amplitudes = amplitudes * (0.15 + np.exp(-(((k * f0 - formant) / 350) ** 2)) + 0.5 * np.exp(-(((k * f0 - 2700) / 500) ** 2)))
                table = self.table(amplitudes)
                y = self.oscillate(table, f0 * bend, n) + self.oscillate(table, f0 * 2 ** (5 / 1200) * bend, n)
                return 0.6 * y * self.envelope(n, min(attack, s / 3), 2, 0.9, 0.08)

        elif name in ("piano", "fingered"):
            bright, stiff = u(600, 2500), (u(1e-4, 5e-4) if name == "piano" else u(2e-5, 1e-4))
            decay, where = u(0.5, 2.5), u(0.08, 0.3)

            def play(midi, s):
                n = int(s * rate)
                t = np.arange(n) / rate
                f0 = float(hz(midi))
                y = np.zeros(n)
                for k in range(1, 25):
                    f = k * f0 * np.sqrt((1 + stiff * k * k) / (1 + stiff))
                    if f > 0.45 * rate:
                        break
                    a = abs(np.sin(np.pi * k * where)) / k * np.exp(-k * f0 / bright / 4) * 1.5
                    y += a * np.sin(2 * np.pi * f * t + r.uniform(0, 6.28)) * np.exp(-t / decay * (1 + 0.3 * k) * (f0 / 200) ** 0.3)
                return y * self.envelope(n, 0.002, 9, 1)

        elif name == "distguitar":
            drive, decay = u(3, 15), u(1, 4)

            def play(midi, s):
                n = int(s * rate)
                f0 = float(hz(midi))
                y = self.oscillate(self.table(self.harmonics("saw", f0, 1200)), f0, n) * self.envelope(n, 0.002, decay, 0)
                return np.tanh(drive * y) * self.envelope(n, 0.002, 9, 1)

        elif name == "808":
            glide, decay, drive = u(0.01, 0.04), u(0.3, 1.2), u(0.5, 3)

            def play(midi, s):
                n = int(s * rate)
                t = np.arange(n) / rate
                f = float(hz(midi)) * (1 + u(0.5, 3) * np.exp(-t / glide))
                y = np.sin(2 * np.pi * np.cumsum(f) / rate) * np.exp(-t / decay)
                return np.tanh(drive * y) / np.tanh(drive) * self.envelope(n, 0.001, 9, 1)

        elif name == "flute":
            depth, breath = u(3, 20), u(0.01, 0.08)

            def play(midi, s):
                n = int(s * rate)
                t = np.arange(n) / rate
                f0 = float(hz(midi))
                y = self.oscillate(self.table([1, 0.4, 0.15, 0.05]), f0 * 2 ** (depth / 1200 * np.sin(2 * np.pi * 5 * t)), n)
                return (y + breath * r.normal(size=n)) * self.envelope(n, 0.05, 2, 0.9, 0.05)

        else:
            raise ValueError(name)
        kept = {}

        def cached(midi, s):
            key = (round(float(midi), 3), int(s * rate))
            if key not in kept:
                kept[key] = play(midi, max(s, 0.03))
            return kept[key]

        return cached

    # --- drums and noises ------------------------------------------------------------------------------------------
    def band(self, y, low=None, high=None):
        nyquist = self.rate / 2
        if low and low < 0.95 * nyquist:
            y = sosfilt(butter(2, low / nyquist, "highpass", output="sos"), y)
        if high and high < 0.95 * nyquist:
            y = sosfilt(butter(2, high / nyquist, "lowpass", output="sos"), y)
        return y

    def drum(self, name):
        r, rate = self.rng, self.rate
        u = r.uniform

        def decay(s, tau, attack=0.001):
            t = np.arange(int(s * rate)) / rate
            return t, np.exp(-t / tau) * np.minimum(t / attack, 1)

        if name in ("kick", "longkick"):
            tau = u(0.05, 0.2) if name == "kick" else u(0.25, 0.9)
            t, e = decay(5 * tau if name == "kick" else 4 * tau, tau)
            f = u(38, 62) * (1 + u(1, 8) * np.exp(-t / u(0.008, 0.05)) + u(0, 0.5) * np.exp(-t / 0.2))
            y = np.sin(2 * np.pi * np.cumsum(f) / rate) * e
            if r.random() < 0.4:
                y = np.tanh(u(1, 6) * y)
            click = r.normal(size=len(t)) * np.exp(-t / 0.004) * u(0, 0.5)
            return y + click
        if name == "tom":
            t, e = decay(0.8, u(0.1, 0.3))
            f = u(70, 220) * (1 + u(0.1, 0.8) * np.exp(-t / 0.06))
            return np.sin(2 * np.pi * np.cumsum(f) / rate) * e + u(0, 0.15) * r.normal(size=len(t)) * e
        if name == "snare":
            t, e = decay(0.5, u(0.05, 0.16))
            body = np.sin(2 * np.pi * u(160, 240) * t) + u(0, 0.8) * np.sin(2 * np.pi * u(280, 420) * t)
            noise = self.band(r.normal(size=len(t)), u(500, 2500))
            return 0.6 * body * np.exp(-t / u(0.03, 0.12)) + noise * e * u(0.4, 1)
        if name == "clap":
            t, e = decay(0.5, u(0.06, 0.2))
            gates = sum(np.where(t >= d, np.exp(-(t - d).clip(0) / 0.008), 0) for d in (0, u(0.008, 0.012), u(0.018, 0.026)))
            return self.band(r.normal(size=len(t)), u(600, 1200), u(3000, 8000)) * (gates + e)
        if name in ("hat", "openhat", "ride", "crash"):
            tau = {"hat": u(0.015, 0.06), "openhat": u(0.1, 0.3), "ride": u(0.3, 1.0), "crash": u(0.6, 1.6)}[name]
            t, e = decay(4 * tau, tau)
            y = r.normal(size=len(t))
            if r.random() < 0.6:
                scale = u(0.7, 1.6)
                metal = sum(np.sign(np.sin(2 * np.pi * f * scale * t + u(0, 6))) for f in (205.3, 304.4, 369.6, 522.7, 540, 800, 1090))
                y = u(0.1, 0.7) * y + 0.5 * metal
            return 0.5 * self.band(y, u(3000, 7000)) * e
        if name == "shaker":
            t, e = decay(0.15, u(0.02, 0.06), u(0.005, 0.03))
            return self.band(r.normal(size=len(t)), u(2500, 6000)) * e
        if name in ("conga", "rim", "cowbell", "block"):
            tau = {"conga": u(0.06, 0.2), "rim": 0.015, "cowbell": u(0.05, 0.2), "block": 0.03}[name]
            t, e = decay(6 * tau, tau)
            f = {"conga": u(150, 420), "rim": u(400, 1700), "cowbell": u(500, 800), "block": u(600, 2000)}[name]
            y = np.sin(2 * np.pi * f * (1 + (0.1 * np.exp(-t / 0.02) if name == "conga" else 0)) * t)
            if name == "cowbell":
                y = np.sign(y) + np.sign(np.sin(2 * np.pi * f * u(1.45, 1.52) * t))
            return (0.5 * y + 0.1 * r.normal(size=len(t))) * e
        raise ValueError(name)

    def noise(self, kind, seconds):
        r, rate = self.rng, self.rate
        n = int(seconds * rate)
        t = np.arange(n) / rate
        white = r.normal(size=n)
        if kind == "white":
            return white
        if kind == "pink":
            spectrum = np.fft.rfft(white)
            return np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1.0), n)
        if kind == "brown":
            return self.band(np.cumsum(white), 20)
        if kind == "band":
            centre = r.uniform(200, 4000)
            return self.band(white, centre / r.uniform(1.2, 3), centre * r.uniform(1.2, 3))
        if kind == "riser":
            start, end = r.uniform(100, 500), r.uniform(2000, 9000)
            out = np.zeros(n)
            block, state = 512, None
            for i in range(0, n, block):
                f = start * (end / start) ** (i / n)
                sos = butter(1, [min(0.9, f / 1.4 / (rate / 2)), min(0.95, f * 1.4 / (rate / 2))], "bandpass", output="sos")
                state = np.zeros((sos.shape[0], 2)) if state is None else state
                out[i : i + block], state = sosfilt(sos, white[i : i + block], zi=state)
            return out * np.linspace(0.1, 1, n)
        if kind == "tonalriser":
            start, end = r.uniform(60, 300), r.uniform(800, 4000)
            f = start * (end / start) ** (t / seconds)
            y = self.oscillate(self.table(self.harmonics("saw", 300.0, 3000)), f, n)
            return (y + r.uniform(0, 0.5) * white) * np.linspace(0.2, 1, n)
        if kind == "downlifter":
            return self.noise("riser", seconds)[::-1].copy()
        if kind == "vinyl":
            y = 0.05 * self.noise("pink", seconds)
            for _ in range(int(seconds * r.uniform(3, 30))):
                y[r.integers(n)] += r.normal()
            return y
        if kind == "impact":
            f = r.uniform(30, 60) * (1 + 2 * np.exp(-t / 0.1))
            return np.sin(2 * np.pi * np.cumsum(f) / rate) * np.exp(-t / 0.6) + self.band(white, None, 1500) * np.exp(-t / 0.4)
        raise ValueError(kind)

    # --- effects ---------------------------------------------------------------------------------------------------
    def reverb(self, y, seconds, mix):
        n = int(seconds * self.rate)
        tail = self.rng.normal(size=n) * np.exp(-6.9 * np.arange(n) / n)
        tail = self.band(tail, 150, 5000)
        wet = fftconvolve(y, tail)[: len(y)]
        peak = np.max(np.abs(wet)) + 1e-9
        return y + mix * wet * np.max(np.abs(y)) / peak

    def echo(self, y, seconds, feedback):
        lag = max(1, int(seconds * self.rate))
        b = np.array([1.0])
        a = np.zeros(lag + 1)
        a[0], a[lag] = 1, -feedback
        return lfilter(b, a, y)
