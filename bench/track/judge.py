"""Prints the figures of one finished track, and with PNG draws it.

What `checks.py` needs no layers for (duration, tempo, energy, drop, loudness, true peak, side, clipping), then loudness and
crest of every section and the balance of nine bands. The picture has the waveform with its sections, the spectrogram, and
fourteen seconds of the loudest section.

Usage: judge.py TRACK.wav TRACK.json [PNG]    (ffmpeg on the PATH; packages in ../requirements.txt)
"""

import sys

import numpy as np
from checks import CHECKS, Track
from scipy import signal

WHOLE = ["duration", "tempo", "energy", "drop", "loudness", "true peak", "side", "clipping"]
BANDS = [20, 60, 120, 250, 500, 1000, 2000, 4000, 8000, 16000]


def cut(track, start, end):
    return track.master[int(start * track.rate):int(end * track.rate)]


def draw(path, track):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(3, 1, figsize=(18, 13))
    blocks = track.mono[:len(track.mono) // 4000 * 4000].reshape(-1, 4000)
    axes[0].fill_between(np.arange(len(blocks)) * 4000 / track.rate, blocks.min(1), blocks.max(1))
    axes[0].set_xlim(0, len(track.mono) / track.rate)
    for section in track.sections:
        axes[0].axvline(section.start, c="r")
        axes[0].text(section.start, 0.9, section.name, fontsize=8)
    loudest = max(track.sections, key=lambda section: section.energy).start
    near = cut(track, loudest, loudest + 14).mean(1)
    for axis, samples, size, overlap in ((axes[1], track.mono, 4096, 0), (axes[2], near, 1024, 768)):
        hz, _, power = signal.spectrogram(samples, track.rate, nperseg=size, noverlap=overlap)
        rows = np.clip(np.searchsorted(hz, np.geomspace(30, 18000, 160)), 0, len(hz) - 1)
        axis.imshow(10 * np.log10(power[rows] + 1e-12), aspect="auto", origin="lower", vmin=-110, vmax=-30)
    plt.tight_layout()
    plt.savefig(path, dpi=60)


def main(wav, document, png=None):
    track = Track(wav, document)
    for name in WHOLE:
        passed, figure = CHECKS[name](track) or (None, "does not apply")
        print(f"{name:<12}{figure}{' (fails)' if passed is not None and not passed else ''}")
    for section, lufs in zip(track.sections, track.section_lufs()):
        samples = cut(track, section.start, section.end)
        crest = 20 * np.log10(np.abs(samples).max() / np.sqrt((samples**2).mean()))
        print(f"  {section.name:20} energy {section.energy:.2f}  {lufs:6.1f} LUFS  crest {crest:4.1f} dB")
    hz, power = signal.welch(track.mono, track.rate, nperseg=8192)
    shares = [power[(hz >= a) & (hz < b)].sum() / power.sum() for a, b in zip(BANDS, BANDS[1:])]
    print("bands", "  ".join(f"{a}: {10 * np.log10(s + 1e-12):.1f}" for a, s in zip(BANDS, shares)))
    if png:
        draw(png, track)


main(*sys.argv[1:])
