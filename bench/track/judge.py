"""Judges a finished track by tools that share no code with the engine.

Prints what ffmpeg says while decoding, EBU R128 loudness and true peak (ffmpeg), the tempo as the slope of a straight line
through Essentia's beat times in every section with a kick, loudness and crest per section with its rank correlation to the
planned energy, the level of the side signal below 120 Hz, and the balance of nine bands. With PNG it draws the waveform, the
spectrogram and eight bars of the loudest section.

Usage: judge.py TRACK.wav TRACK.json [PNG]    (ffmpeg on the PATH; packages in ../requirements.txt)
"""

import json
import re
import subprocess
import sys

import essentia.standard as es
import numpy as np
import pyloudnorm
import soundfile as sf
from scipy import signal
from scipy.stats import spearmanr

BANDS = [20, 60, 120, 250, 500, 1000, 2000, 4000, 8000, 16000]


def sections(plan):
    """Name, start and end in seconds, energy, and whether a kick plays, of every section."""
    bar = 240 / plan["bpm"]
    start = 0.0
    for section in plan["structure"]:
        end = start + section["bars"] * bar
        kick = any(q["role"] == "kick" and q.get("notes") for q in section["stem_queries"])
        yield section["section"], start, end, section["energy"], kick
        start = end


def slope(beats):
    """Seconds per beat of a robust straight line through beat times; a missed beat counts as two."""
    period = np.median(np.diff(beats))
    steps = np.maximum(1, np.round(np.diff(beats) / period))
    index = np.concatenate([[0], np.cumsum(steps)])
    keep = np.ones(len(beats), bool)
    for _ in range(5):
        line = np.polyfit(index[keep], beats[keep], 1)
        off = np.abs(np.polyval(line, index) - beats)
        keep = off < max(0.03, 3 * np.median(off))
    return line[0]


def loudness(path):
    """Integrated loudness, loudness range and true peak by ffmpeg, and its warnings."""
    quiet = ["ffmpeg", "-nostdin", "-v", "warning", "-i", path, "-f", "null", "-"]
    warnings = subprocess.run(quiet, capture_output=True, text=True).stderr.strip()
    measure = ["ffmpeg", "-nostdin", "-i", path, "-filter_complex", "ebur128=peak=true", "-f", "null", "-"]
    text = subprocess.run(measure, capture_output=True, text=True).stderr
    summary = text[text.rfind("Summary:"):]
    values = [float(re.search(rf"{name}:\s+(-?[\d.]+)", summary)[1]) for name in ("I", "LRA", "Peak")]
    return *values, warnings


def draw(path, left_right, rate, parts):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    mono = left_right.mean(1)
    figure, axes = plt.subplots(3, 1, figsize=(18, 13))
    blocks = mono[: len(mono) // 4000 * 4000].reshape(-1, 4000)
    axes[0].fill_between(np.arange(len(blocks)) * 4000 / rate, blocks.min(1), blocks.max(1))
    axes[0].set_xlim(0, len(mono) / rate)
    for name, start, *_ in parts:
        axes[0].axvline(start, c="r")
        axes[0].text(start, 0.9, name, fontsize=8)
    loudest = max(parts, key=lambda part: part[3])[1]
    cut = mono[int(loudest * rate): int((loudest + 14) * rate)]
    for axis, samples, size, overlap in ((axes[1], mono, 4096, 0), (axes[2], cut, 1024, 768)):
        hz, _, power = signal.spectrogram(samples, rate, nperseg=size, noverlap=overlap)
        rows = np.clip(np.searchsorted(hz, np.geomspace(30, 18000, 160)), 0, len(hz) - 1)
        axis.imshow(10 * np.log10(power[rows] + 1e-12), aspect="auto", origin="lower", vmin=-110, vmax=-30)
    plt.tight_layout()
    plt.savefig(path, dpi=60)


def main(wav, document, png=None):
    plan = json.load(open(document))["arrangement_plan"]
    samples, rate = sf.read(wav, dtype="float32")
    mono = samples.mean(1)
    parts = list(sections(plan))

    integrated, lra, peak, warnings = loudness(wav)
    print("ffmpeg:", warnings or "no warning")
    print(f"loudness {integrated} LUFS (target {plan['loudness_lufs']}), range {lra} LU, true peak {peak} dBTP")

    found = []
    for _, start, end, _, kick in parts:
        if kick and end - start > 20:
            cut = mono[int(start * rate): int(end * rate)]
            beats = es.RhythmExtractor2013(method="multifeature")(cut)[1]
            if len(beats) > 16:
                bpm = 60 / slope(beats)
                found.append(min((bpm / octave for octave in (0.5, 1, 2)), key=lambda b: abs(b - plan["bpm"])))
    if found:
        print(f"tempo {plan['bpm']} bpm, off by {np.round(np.array(found) - plan['bpm'], 3)},",
              f"median {np.median(found) - plan['bpm']:+.4f} (octave of the plan)")

    meter = pyloudnorm.Meter(rate)
    levels = []
    for name, start, end, energy, _ in parts:
        cut = samples[int(start * rate): int(end * rate)]
        levels.append(meter.integrated_loudness(cut))
        crest = 20 * np.log10(np.abs(cut).max() / np.sqrt((cut**2).mean()))
        print(f"  {name:20} energy {energy:.2f}  {levels[-1]:6.1f} LUFS  crest {crest:4.1f} dB")
    print(f"rank correlation of energy and loudness {spearmanr([p[3] for p in parts], levels)[0]:.2f}")

    low = signal.sosfilt(signal.butter(4, 120, fs=rate, output="sos"), samples, axis=0)
    db = lambda side, mid: 10 * np.log10((side**2).sum() / (mid**2).sum() + 1e-12)
    print(f"side below 120 Hz {db(low[:, 0] - low[:, 1], low.sum(1)):.1f} dB,",
          f"side in all {db(samples[:, 0] - samples[:, 1], samples.sum(1)):.1f} dB")
    hz, power = signal.welch(mono, rate, nperseg=8192)
    shares = [power[(hz >= a) & (hz < b)].sum() / power.sum() for a, b in zip(BANDS, BANDS[1:])]
    print("bands", "  ".join(f"{a}: {10 * np.log10(s + 1e-12):.1f}" for a, s in zip(BANDS, shares)))
    print("samples at full scale", int((np.abs(samples) >= 0.99999).sum()))
    if png:
        draw(png, samples, rate, parts)


main(*sys.argv[1:])
