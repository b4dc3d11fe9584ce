"""Do the tonal stems that are chosen together sound together?

Every pair of tonal loops, textures and chords of a casting (stems that run, at their transposition, and chords at the notes they
play) is judged by chroma features of librosa in the tonal interval space (Bernardes et al. 2016/2017, small-scale compatibility; weights
of the published paper), and compared with random pairs of stems of the same categories. Prints the area under the curve: how often a
chosen pair clashes less than a random one.

Usage: harmony.py DREAM HOME [SEEDS]
"""

import itertools
import random
import sys

import librosa
import numpy as np

from library import ROLES, casting, stems

TONAL = {"bass", "sub", "stab", "chords", "arp", "lead", "pad", "drone", "vocal"}
GENRES = ["industrial techno", "techno", "hard techno", "minimal", "dub techno", "house", "deep house", "trance",
          "drum and bass", "breakbeat", "ambient", "lofi hip hop"]
WEIGHTS = np.array([3, 8, 11.5, 15, 14.5, 7.5])


def space(chroma):
    return WEIGHTS * np.fft.fft(chroma / chroma.sum())[1:7]


def clash(a, b):
    full = 2 * np.linalg.norm(WEIGHTS)
    return (1 - np.linalg.norm(a + b) / full) * np.linalg.norm(a - b) / full


def main(dream, home, seeds=3):
    library = stems(home)
    known = {}

    def chroma(stem):
        """Mean chroma weighted with the energy; None for what is not tonal."""
        if stem["id"] not in known:
            y, rate = librosa.load(home + "/processed_database/stems/" + stem["hash"] + ".wav", sr=22050, duration=30)
            y = np.pad(y, (0, max(0, 4096 - len(y))))
            power = librosa.feature.chroma_cqt(y=y, sr=rate, norm=None).mean(1)
            tonal = stem["facts"]["attributes"].get("tonality", 0) >= 0.2
            known[stem["id"]] = power if tonal and power.sum() > 0 else None
        return known[stem["id"]]

    def played(cast, stem, plan, part):
        """The chroma as it sounds in the track."""
        own = chroma(stem)
        if own is None:
            return None
        notes = [n for s in plan["structure"] for q in s["stem_queries"]
                 if all(q[k] == part[k] for k in ("role", "category", "tags", "text")) for n in q.get("notes", [])]
        pitched = [n for n in notes if n.get("pitch") is not None]
        if cast["form"] == "loop" or not pitched:
            return np.roll(own, round(cast["semitones"]))
        if cast["root"] is None or not cast["chord"]:
            return None
        first = {}
        for note in sorted(pitched, key=lambda n: (n["beat"], n["pitch"])):
            first.setdefault(round(note["beat"], 6), note)
        return sum(n["velocity"] * n["length"] * np.roll(own, round(n["pitch"] - cast["root"]) % 12) for n in first.values())

    draw = random.Random(0)
    tonal = [s for s in library.values() if s["form"] != "one_shot" or "chord" in s["facts"]["tags"]]
    good, bad = [], []
    for genre, seed in itertools.product(GENRES, range(1, seeds + 1)):
        document = casting(dream, home, genre, seed)
        sounds = []
        for part in document["casting"]:
            if part["part"]["role"] in TONAL:
                for cast in part["stems"]:
                    sound = played(cast, library[cast["id"]], document["arrangement_plan"], part["part"])
                    if sound is not None:
                        sounds.append((part["part"]["role"], cast["id"], sound))
        for (one, i, a), (two, j, b) in itertools.combinations(sounds, 2):
            if i == j:
                continue
            good.append(clash(space(a), space(b)))
            # Ten random pairs for the same two parts.
            for _ in range(10):
                pair = [draw.choice([s for s in tonal if s["category"] in ROLES[role] and chroma(s) is not None] or [None])
                        for role in (one, two)]
                if None not in pair and pair[0]["id"] != pair[1]["id"]:
                    bad.append(clash(space(chroma(pair[0])), space(chroma(pair[1]))))
    good, bad = np.array(good), np.array(bad)
    auc = np.mean((good[:, None] < bad[None, :]) + 0.5 * (good[:, None] == bad[None, :]))
    print(f"{len(good)} chosen pairs, median clash {np.median(good):.3f}; {len(bad)} random pairs, median {np.median(bad):.3f}, "
          f"95th percentile {np.percentile(bad, 95):.3f}; AUC {auc:.3f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 3)
