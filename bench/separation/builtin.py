"""How well the builtin separates songs with known parts, beside a plain separation and the mixture divided by three.

    python builtin.py DREAM SONGS WORKDIR [--museval]

SONGS holds a folder per song with mixture.flac, drums.flac, bass.flac and other.flac. The plain separation is median
filtering of one spectrogram (blocks of 4096, hop 1024, 17 hops by 31 bins, squared masks) with the harmonic part below
180 Hz as bass. Vocals count as other. Figures are SDR and SI-SDR in dB over the whole song, all channels together, and
with --museval the medians of BSS Eval v4 over seconds. The last columns are the mean over the three parts, how much that
is above the plain separation, and the level of the mixture less the sum of the parts.
"""
import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
import soundfile
from scipy.ndimage import median_filter
from scipy.signal import butter, istft, sosfiltfilt, stft

PARTS = ["drums", "bass", "other"]


def load(path):
    samples, rate = soundfile.read(path, always_2d=True)
    assert rate == 44100, path
    return np.repeat(samples.T, 2, 0) if samples.shape[1] == 1 else samples.T[:2]


def sdr(truth, guess):
    return 10 * np.log10((truth**2).sum() / (((truth - guess) ** 2).sum() + 1e-12))


def si_sdr(truth, guess):
    return sdr(truth * (truth * guess).sum() / (truth**2).sum(), guess)


def plain(mixture):
    spectrum = stft(mixture, 44100, "hann", 4096, 3072)[2]
    level = np.abs(spectrum).mean(0)
    harmonic, percussive = median_filter(level, (1, 17)) ** 2, median_filter(level, (31, 1)) ** 2
    share = harmonic / (harmonic + percussive + 1e-12)
    back = lambda x: istft(x, 44100, "hann", 4096, 3072)[1][:, : mixture.shape[1]]
    harmonic = back(spectrum * share)
    bass = sosfiltfilt(butter(4, 180, fs=44100, output="sos"), harmonic)
    return {"drums": back(spectrum * (1 - share)), "bass": bass, "other": harmonic - bass}


def builtin(dream, song, work):
    out = work / song.name
    command = [dream, "--home", work / "home", "separate", song / "mixture.flac", "--model", "builtin", "--out", out,
               "--no-library", "--json"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    stems = {stem["stem"]: stem.get("path") for stem in map(json.loads, lines[:-1])}
    found = {name: load(path) for name, path in stems.items() if path}
    silence = np.zeros_like(next(iter(found.values())))
    found = {name: found.get(name, silence) for name in [*PARTS, "vocals"]}
    found["other"] = found["other"] + found.pop("vocals")
    return found


def museval_sdr(truth, guess):
    import museval

    stack = lambda parts: np.stack([parts[part].T for part in PARTS])
    values = museval.evaluate(stack(truth), stack(guess), win=44100, hop=44100)[0]
    return np.nanmedian(values, axis=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dream")
    parser.add_argument("songs", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--museval", action="store_true")
    args = parser.parse_args()
    print(f"{'song':22} {'method':9} " + " ".join(f"{part:>6} {'si':>6}" for part in PARTS) + f" {'mean':>6} {'gain':>6} {'sum':>6}")
    for song in sorted(path for path in args.songs.iterdir() if path.is_dir()):
        truth = {part: load(song / f"{part}.flac") for part in PARTS}
        mixture = load(song / "mixture.flac")
        methods = {"mix/3": {part: mixture / 3 for part in PARTS}, "plain": plain(mixture),
                   "builtin": builtin(args.dream, song, args.work)}
        means = {}
        for name, guess in methods.items():
            values = [(sdr(truth[part], guess[part]), si_sdr(truth[part], guess[part])) for part in PARTS]
            means[name] = np.mean([value for value, _ in values])
            rest = 10 * np.log10(((mixture - sum(guess.values())) ** 2).sum() / (mixture**2).sum() + 1e-20)
            gain = means[name] - means.get("plain", np.nan)
            cells = " ".join(f"{a:6.2f} {b:6.2f}" for a, b in values)
            print(f"{song.name:22} {name:9} {cells} {means[name]:6.2f} {gain:6.2f} {rest:6.0f}")
            if args.museval:
                cells = " ".join(f"{value:6.2f}       " for value in museval_sdr(truth, guess))
                print(f"{'':22} {'  museval':9} {cells}", flush=True)


if __name__ == "__main__":
    main()
