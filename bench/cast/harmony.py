"""Do the tonal stems that are chosen together sound together?

Every pair of tonal loops, textures and chords of a casting, as it is heard in the track (stems that run, at their transposition; chord
one-shots where the renderer puts them for the notes of the plan) is judged by chroma features of librosa in the tonal interval space (Bernardes et al. 2016/2017, small-scale compatibility; weights
of the published paper), and compared with random pairs of stems of the same categories. Prints the area under the curve: how often a
chosen pair clashes less than a random one.

Usage: harmony.py DREAM HOME [SEEDS [WORST PAIRS TO NAME]]
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
SCALES = {"major": {0, 2, 4, 5, 7, 9, 11}, "minor": {0, 2, 3, 5, 7, 8, 10}}
NOTES = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
WEIGHTS = np.array([3, 8, 11.5, 15, 14.5, 7.5])


def space(chroma):
    return WEIGHTS * np.fft.fft(chroma / chroma.sum())[1:7]


def clash(a, b):
    full = 2 * np.linalg.norm(WEIGHTS)
    return (1 - np.linalg.norm(a + b) / full) * np.linalg.norm(a - b) / full


def placed(role, key, sounding, root, chord):
    """How many semitones the renderer moves a chord with that root for the pitches that start together: to where its tones agree
    best with them and with the key, at most 4 away (pads 3), a stab on the lowest."""
    if not chord:
        return sounding[0] - root
    low, high = (-3, 3) if role in ("pad", "drone") else (-2, 2) if role == "vocal" else (-5, 7) if role in ("bass", "sub") else (-4, 4)
    scale = SCALES[key.split()[1]] if key else set(range(12))
    tonic = NOTES.index(key.split()[0]) if key else 0
    away = sounding[0] - root
    if not low <= away <= high:
        away = (away + 6) % 12 - 6
        away = away + 12 if away < low and away + 12 <= high else away

    def worth(by):
        tones = [round(root + by) + step for step in chord]
        return (sum(1.0 if tone % 12 in {p % 12 for p in sounding} else 0.0 if (tone - tonic) % 12 in scale else -1.5 for tone in tones)
                + (4.0 if role == "stab" else 0.7) * (round(root + by) % 12 == sounding[0] % 12) - 0.02 * abs(by)
                - 0.6 * max(by - high, low - by, 0))

    return max((by for by in (away + k for k in range(-12, 13)) if abs(by) <= 6.5), key=worth, default=away)


def main(dream, home, seeds=3, worst=0):
    library = stems(home)
    known = {}

    def chroma(stem, by=0.0):
        """Mean chroma at 440 Hz, weighted with the energy, of a stem moved by semitones; None for what is not tonal."""
        whole = round(by)
        name = stem["id"], round(whole - by, 2)
        if name not in known:
            y, rate = librosa.load(home + "/processed_database/stems/" + stem["hash"] + ".wav", sr=22050, duration=30)
            y = np.pad(y, (0, max(0, 4096 - len(y))))
            power = librosa.feature.chroma_cqt(y=y, sr=rate, norm=None, tuning=name[1]).mean(1)
            tonal = stem["facts"]["attributes"].get("tonality", 0) >= 0.2
            known[name] = power if tonal and power.sum() > 0 else None
        return None if known[name] is None else np.roll(known[name], whole)

    def played(cast, stem, plan, part):
        """The chroma as it sounds in the track."""
        if chroma(stem) is None:
            return None
        together = {}
        for index, section in enumerate(plan["structure"]):
            for query in section["stem_queries"]:
                if all(query[k] == part[k] for k in ("role", "category", "tags", "text")):
                    for note in query.get("notes", []):
                        together.setdefault((index, round(note["beat"], 6)), []).append(note)
        if cast["form"] == "loop" or not together or cast["root"] is None:
            return chroma(stem, cast["semitones"])
        heard, melody = 0, False
        for notes in together.values():
            pitches = sorted(note["pitch"] for note in notes if note.get("pitch") is not None)
            melody |= bool(pitches)
            # A note without pitch is on the tonic.
            wanted = pitches or ([NOTES.index(plan["key"].split()[0])] if plan["key"] else [])
            by = placed(part["role"], plan["key"], wanted, cast["root"], cast["chord"]) if wanted else 0
            heard = heard + notes[0]["velocity"] * notes[0]["length"] * chroma(stem, round(by, 2))
        return None if melody and not cast["chord"] else heard

    draw = random.Random(0)
    tonal = [s for s in library.values() if s["form"] != "one_shot" or "chord" in s["facts"]["tags"]]
    good, bad, named = [], [], []
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
            named.append((good[-1], genre, seed, one, library[i]["name"], two, library[j]["name"]))
            # Ten random pairs for the same two parts.
            for _ in range(10):
                pair = [draw.choice([s for s in tonal if s["category"] in ROLES[role] and chroma(s) is not None] or [None])
                        for role in (one, two)]
                if None not in pair and pair[0]["id"] != pair[1]["id"]:
                    bad.append(clash(space(chroma(pair[0])), space(chroma(pair[1]))))
    for pair in sorted(named, reverse=True)[:worst]:
        print(f"{pair[0]:.3f}", *pair[1:])
    good, bad = np.array(good), np.array(bad)
    auc = np.mean((good[:, None] < bad[None, :]) + 0.5 * (good[:, None] == bad[None, :]))
    print(f"{len(good)} chosen pairs, median clash {np.median(good):.3f}; {len(bad)} random pairs, median {np.median(bad):.3f}, "
          f"95th percentile {np.percentile(bad, 95):.3f}; AUC {auc:.3f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:]))
