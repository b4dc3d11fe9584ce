"""Where the formants of a vowel are after a pitch shift, by an independent estimator (WORLD's CheapTrick).

    python bench/stretch/formants.py STRETCH_FILE

A vowel of three resonances, its fundamental gliding as singers do, is moved by -3 to +3 semitones, by us as `voice`
and `tonal` and by rubberband R3 with and without its formant option. Printed: change of each formant's place, %,
against the same estimate of the input, and the error of the fundamental, cents (WORLD's DIO and StoneMask).
"""

import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
import pyworld
import scipy.signal as ss
import soundfile as sf

RATE = 44100
VOWELS = {"a, 130 Hz": (130, (730, 1090, 2440)), "i, 210 Hz": (210, (310, 2790, 3310)), "o, 160 Hz": (160, (570, 840, 2410))}
WIDTHS = (80, 90, 120)


def vowel(hz, formants, seconds=6.0):
    t = np.arange(int(seconds * RATE)) / RATE
    f0 = hz * 2 ** (0.25 * np.sin(2 * np.pi * 0.4 * t))  # 3 semitones up and down
    phase = np.cumsum(f0) / RATE
    y = sum(np.sin(2 * np.pi * k * phase) / k for k in range(1, int(RATE / 2.6 / hz)))
    for centre, width in zip(formants, WIDTHS):
        r = np.exp(-np.pi * width / RATE)
        pole = r * np.exp(2j * np.pi * centre / RATE)
        y = ss.lfilter([abs(1 - pole) ** 2], [1, -2 * pole.real, r * r], y)
    return 0.5 * y / np.abs(y).max()


def analyse(y):
    """Mean envelope, dB over Hz, and the fundamental at every 5 ms."""
    y = np.ascontiguousarray(y, dtype=np.float64)
    f0, t = pyworld.dio(y, RATE)
    f0 = pyworld.stonemask(y, f0, t, RATE)
    envelope = pyworld.cheaptrick(y, f0, t, RATE)
    return 10 * np.log10(envelope[40:-40]).mean(0), f0[40:-40]


def change(before, after, centre):
    """The factor by which the envelope around a formant has moved: of all, the one that fits best."""
    hz = np.arange(before.size) * RATE / 2 / (before.size - 1)
    near = (hz > centre / 1.3) & (hz < centre * 1.3)

    def misfit(factor):
        error = after[near] - np.interp(hz[near] / factor, hz, before)
        return ((error - error.mean()) ** 2).sum()

    factors = 1.0025 ** np.arange(-120, 121)
    return factors[int(np.argmin([misfit(f) for f in factors]))]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    binary = parser.parse_args().binary
    engines = {
        "voice": lambda i, o, s: [binary, i, o, "1.0", repr(s), "voice"],
        "tonal": lambda i, o, s: [binary, i, o, "1.0", repr(s), "tonal"],
        "R3 formant": lambda i, o, s: ["rubberband", "-q", "-3", "-F", "-p", repr(s), i, o],
        "R3": lambda i, o, s: ["rubberband", "-q", "-3", "-p", repr(s), i, o],
    }
    worst = {name: [0.0, 0.0] for name in engines}
    with tempfile.TemporaryDirectory() as folder:
        source, out = str(pathlib.Path(folder) / "in.wav"), str(pathlib.Path(folder) / "out.wav")
        for vowel_name, (hz, formants) in VOWELS.items():
            y = vowel(hz, formants)
            sf.write(source, y, RATE, subtype="FLOAT")
            before, f0 = analyse(y)
            for semitones in (-3.0, -1.0, 1.0, 3.0):
                for name, command in engines.items():
                    subprocess.run(command(source, out, semitones), check=True, capture_output=True)
                    after, moved = analyse(sf.read(out)[0])
                    off = [100 * (change(before, after, centre) - 1) for centre in formants]
                    n = min(f0.size, moved.size)
                    both = (f0[:n] > 0) & (moved[:n] > 0)
                    cents = float(np.median(1200 * np.log2(moved[:n][both] / f0[:n][both]) - 100 * semitones))
                    worst[name] = [max(worst[name][0], *map(abs, off)), max(worst[name][1], abs(cents))]
                    print(f"{vowel_name} {semitones:+.0f} {name:11}", *(f"{o:+6.1f}" for o in off), f"{cents:+6.2f}", flush=True)
    for name, (formant, cents) in worst.items():
        print(f"{name:11} worst: formants {formant:.1f} %, pitch {cents:.2f} cents")


if __name__ == "__main__":
    main()
