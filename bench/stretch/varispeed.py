"""Whether playing a loop faster or slower beats stretching it, within 2 %: log-mel distance to exact targets, dB.

    python bench/stretch/varispeed.py STRETCH_FILE [--kits DIR] [--ratios 0.98,0.99,1.01,1.02]

Columns: our stretch as drums and as tonal material, and the whole loop resampled, in blocks of 46 ms (lm) and 12 ms (lms).
Beside the loops of materials.py: textures of grains of noise, sparse (crackle) to dense (wash).
"""

import argparse
import pathlib
import subprocess
import tempfile

import librosa
import materials
import measures
import numpy as np
import soundfile as sf


def texture(per_second, decay_s):
    """Grains of filtered noise at random places, whose density swells."""

    def synthesise(of, ratio, semitones):
        g, total = of.rng(9), of.frames(ratio)
        count = int(per_second * of.source_frames / materials.RATE)
        places = np.sort(g.uniform(0, 4 * materials.BARS, count))
        n = int(6 * decay_s * materials.RATE)
        t = np.arange(n) / materials.RATE
        grains = []
        for _ in range(64):
            hz = g.uniform(300, 9000)
            y = g.standard_normal(n) * np.exp(-t / decay_s) * np.minimum(1, t / 0.0005)
            grains.append(materials.sosfilt(1, [0.7 * hz, 1.4 * hz], "band", y))
        out = np.zeros((2, total))
        gains = g.exponential(1, count) * (0.6 + 0.4 * np.sin(places / 4 * 2 * np.pi))
        for place, gain, pan, k in zip(places, gains, g.random(count), g.integers(0, 64, count)):
            start = round(place * of.beat(ratio) * materials.RATE)
            m = min(n, total - start)
            if m > 0:
                out[:, start : start + m] += gain * np.array([[pan], [1 - pan]]) * grains[k][:m]
        return out / np.abs(out).max(), []

    return synthesise


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--kits")
    parser.add_argument("--ratios", default="0.98,0.99,1.01,1.02")
    args = parser.parse_args()
    of = materials.Set(0, args.kits)
    loops = {"crackle": texture(40, 0.002), "grains": texture(1500, 0.004), "wash": texture(6000, 0.02)}
    names = ["drums", *(["kit"] if args.kits else []), "bass", "mix", "keys", "pad"]
    loops |= {name: materials.MATERIALS[name][0] for name in names}
    print(f"{'lm (lms), dB':14}{'drums':>14}{'tonal':>14}{'varispeed':>14}")
    with tempfile.TemporaryDirectory() as folder:
        source, out = pathlib.Path(folder) / "in.wav", pathlib.Path(folder) / "out.wav"
        for name, synthesise in loops.items():
            played, figures = 0.5 * synthesise(of, 1.0, 0.0)[0], []
            sf.write(source, played.T, materials.RATE, subtype="FLOAT")
            for ratio in map(float, args.ratios.split(",")):
                exact = 0.5 * synthesise(of, ratio, 0.0)[0]
                outputs = []
                for kind in ("drums", "tonal"):
                    command = [args.binary, source, out, repr(ratio), "0.0", kind]
                    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                    outputs.append(sf.read(out)[0].T)
                rates = {"orig_sr": materials.RATE, "target_sr": materials.RATE * ratio}
                faster = librosa.resample(played, **rates, res_type="soxr_vhq")
                outputs.append(np.pad(faster, ((0, 0), (0, 2)))[:, : exact.shape[1]])
                figures.append(
                    [(measures.mel_distance(y, exact), measures.short_mel_distance(y, exact)) for y in outputs]
                )
            means = np.mean(figures, axis=0)
            print(f"{name:14}" + "".join(f"{lm:7.2f} ({lms:.2f})" for lm, lms in means), flush=True)


if __name__ == "__main__":
    main()
