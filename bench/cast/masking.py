"""Do the stems that are chosen together leave each other room in the spectrum?

For every pair of parts of a casting the overlap of their spectra (shares of the amplitude in 40 mel bands, sum of the smaller ones) is
compared with that of random stems of the same categories and forms; and the parts beside kick, bass and sub are counted in which
most of a stem lies below 60 Hz. The high-pass of the mix is not applied. Prints the area under the curve and that count.

Usage: masking.py DREAM HOME [SEEDS]
"""

import itertools
import random
import sys

import librosa
import numpy as np

from library import casting, stems

GENRES = ["industrial techno", "techno", "hard techno", "minimal", "dub techno", "house", "deep house", "trance",
          "drum and bass", "breakbeat", "ambient", "lofi hip hop"]
LOW = {"kick", "bass", "sub"}


def main(dream, home, seeds=2):
    library, known, draw = stems(home), {}, random.Random(0)

    def spectrum(stem):
        """Shares of the amplitude in mel bands, and the share of the energy below 60 Hz."""
        if stem["id"] not in known:
            y, rate = librosa.load(f"{home}/processed_database/stems/{stem['hash']}.wav", sr=22050, duration=10)
            power = (np.abs(librosa.stft(np.pad(y, (0, max(0, 4096 - len(y)))), n_fft=4096)) ** 2).mean(1) + 1e-12
            bands = np.sqrt(librosa.filters.mel(sr=rate, n_fft=4096, n_mels=40) @ power)
            known[stem["id"]] = bands / bands.sum(), power[:12].sum() / power.sum()
        return known[stem["id"]]

    good, bad, owners, castings = [], [], [], 0
    for genre, seed in itertools.product(GENRES, range(1, seeds + 1)):
        castings += 1
        parts = [(part["part"]["role"], library[one["id"]]) for part in casting(dream, home, genre, seed)["casting"] for one in part["stems"]]
        owners += [(genre, role, stem["name"]) for role, stem in parts if role not in LOW and spectrum(stem)[1] > 0.5]
        other = {stem["id"]: [s for s in library.values() if (s["category"], s["form"]) == (stem["category"], stem["form"])] for _, stem in parts}
        for (_, a), (_, b) in itertools.combinations(parts, 2):
            if a["id"] != b["id"]:
                good.append(np.minimum(spectrum(a)[0], spectrum(b)[0]).sum())
                for _ in range(5):
                    bad.append(np.minimum(*(spectrum(draw.choice(other[stem["id"]]))[0] for stem in (a, b))).sum())
    good, bad = np.array(good), np.array(bad)
    auc = np.mean([np.mean((bad > one) + 0.5 * (bad == one)) for one in good])
    print(f"{len(good)} chosen pairs, median overlap {np.median(good):.3f}; random {np.median(bad):.3f}; AUC {auc:.3f}; {len(owners)} stems "
          f"of other parts mostly below 60 Hz in {castings} castings: {sorted(set(owners))}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
