"""Do the tonal stems that are chosen together sound together?

Every pair of tonal loops, textures and chords of a casting, as it is heard in the track (stems that run, at their transposition; chord
one-shots where the renderer puts them for the notes of the plan), is judged by chroma features of librosa in the tonal interval space
(Bernardes et al. 2016/2017, small-scale compatibility; weights of the published paper), and compared with random pairs of stems of
the same two roles: as they are in the library, and where the renderer would put them for the notes of the same two parts. With
`--melodies` also single notes that play the plan's melodies are judged. A stem whose chroma points nowhere, less than that of 95 of 100
snares, claps and hats, has no pitch to clash with: such pairs are counted apart. Prints the area under the curve, which is how often
a chosen pair clashes less than a random one, and what it would be for the same parts if this script chose by its own measure among
the stem that was chosen and its three best losers.

Usage: harmony.py DREAM HOME [--seeds 3] [--worst 0] [--melodies]
"""

import argparse
import itertools
import random
import warnings

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


def chroma(path, tuning):
    """Mean chroma, weighted with the energy, for an A of 440 Hz moved by the tuning in semitones."""
    samples, rate = librosa.load(path, sr=22050, duration=30)
    samples = np.pad(samples, (0, max(0, 8192 - len(samples))))
    with warnings.catch_warnings():
        # Low octaves of short sounds.
        warnings.simplefilter("ignore")
        return librosa.feature.chroma_cqt(y=samples, sr=rate, norm=None, tuning=tuning).mean(1)


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


class Judge:
    def __init__(self, home, melodies):
        self.home, self.melodies, self.library, self.known = home, melodies, stems(home), {}
        noise = [s for s in self.library.values() if s["category"] in ("snare", "clap", "hihat") and s["form"] == "one_shot"]
        self.least = np.percentile([self.points(s) for s in noise], 95)

    def chroma(self, stem, by=0.0):
        """At 440 Hz, of a stem moved by semitones."""
        whole = round(by)
        name = stem["id"], round(whole - by, 2)
        if name not in self.known:
            self.known[name] = chroma(f"{self.home}/processed_database/stems/{stem['hash']}.wav", name[1]) + 1e-12
        return np.roll(self.known[name], whole)

    def points(self, stem):
        """How far its chroma lies from the flat one, 0 to 1, at its own tuning."""
        cents = stem["facts"].get("tuning_cents") or 0.0
        return np.linalg.norm(space(self.chroma(stem, -round(cents) / 100 if abs(cents) >= 15 else 0.0))) / np.linalg.norm(WEIGHTS)

    def is_tonal(self, stem):
        return self.points(stem) > self.least

    def played(self, stem, by, root, chord, plan, part):
        """The chroma of a stem as it sounds in the track: by notes from its root, or, where it has none or is a loop, moved by `by`;
        None for a melody that is not judged."""
        together = {}
        for index, section in enumerate(plan["structure"]):
            for query in section["stem_queries"]:
                if all(query[k] == part[k] for k in ("role", "category", "tags", "text")):
                    for note in query.get("notes", []):
                        together.setdefault((index, round(note["beat"], 6)), []).append(note)
        if stem["form"] == "loop" or not together or root is None:
            return self.chroma(stem, by)
        heard, melody = 0, False
        for notes in together.values():
            pitches = sorted(note["pitch"] for note in notes if note.get("pitch") is not None)
            melody |= bool(pitches)
            # A note without pitch is on the tonic.
            wanted = pitches or ([NOTES.index(plan["key"].split()[0])] if plan["key"] else [])
            voices = [wanted] if chord else [[pitch] for pitch in wanted]
            for sounding in voices:
                away = placed(part["role"], plan["key"], sounding, root, chord)
                heard = heard + notes[0]["velocity"] * notes[0]["length"] * self.chroma(stem, round(away, 2))
            if not wanted:
                heard = heard + self.chroma(stem)
        return None if melody and not chord and not self.melodies else heard

    def random(self, draw, role):
        """A random tonal stem for a role."""
        own = [s for s in self.library.values() if s["category"] in ROLES[role] and self.is_tonal(s)
               and (self.melodies or s["form"] != "one_shot" or "chord" in s["facts"]["tags"])]
        return draw.choice(own) if own else None


def chord_of(stem):
    """The chord that the stem holds, in semitones above its root."""
    tags, key = stem["facts"]["tags"], stem["facts"].get("key") or ""
    third = [4] if key.endswith("major") else [3] if key.endswith("minor") else []
    return [0, *third, 7] if "chord" in tags else []


def root_of(stem):
    """The root that analysis gives it; casting also finds one in a long tone."""
    return stem["facts"].get("root")


def auc(good, bad):
    good, bad = np.array(good), np.array(bad)
    return np.mean((good[:, None] < bad[None, :]) + 0.5 * (good[:, None] == bad[None, :]))


def main(dream, home, seeds, worst, melodies):
    judge, draw = Judge(home, melodies), random.Random(0)
    good, library, there, best, named, apart = [], [], [], [], [], 0
    for genre, seed in itertools.product(GENRES, range(1, seeds + 1)):
        document = casting(dream, home, genre, seed)
        plan, sounds = document["arrangement_plan"], []
        for cast, told in zip(document["casting"], document["explanation"]):
            if cast["part"]["role"] not in TONAL:
                continue
            rivals = [judge.library[loser["id"]] for loser in told["losers"]]
            rivals = [judge.played(s, 0.0, root_of(s), chord_of(s), plan, cast["part"]) for s in rivals if judge.is_tonal(s)]
            for one in cast["stems"]:
                stem = judge.library[one["id"]]
                sound = judge.played(stem, one["semitones"], one["root"], one["chord"], plan, cast["part"])
                if sound is not None:
                    sounds.append((cast["part"], stem, sound, [sound] + [rival for rival in rivals if rival is not None]))
        picked = []
        for part, stem, _, rivals in sounds:
            if judge.is_tonal(stem):
                picked.append(min(map(space, rivals), key=lambda r: sum(clash(r, other) for other in picked)))
        best += [clash(a, b) for a, b in itertools.combinations(picked, 2)]
        for (one, i, a, _), (two, j, b, _) in itertools.combinations(sounds, 2):
            if i["id"] == j["id"]:
                continue
            if not (judge.is_tonal(i) and judge.is_tonal(j)):
                apart += 1
                continue
            good.append(clash(space(a), space(b)))
            named.append((good[-1], genre, seed, one["role"], i["name"], two["role"], j["name"]))
            # Ten random pairs for the same two parts.
            for _ in range(10):
                pair = judge.random(draw, one["role"]), judge.random(draw, two["role"])
                if None in pair or pair[0]["id"] == pair[1]["id"]:
                    continue
                library.append(clash(*(space(judge.chroma(stem)) for stem in pair)))
                heard = [judge.played(stem, 0.0, root_of(stem), chord_of(stem), plan, part) for stem, part in zip(pair, (one, two))]
                heard = [judge.chroma(stem) if sound is None else sound for stem, sound in zip(pair, heard)]
                there.append(clash(*map(space, heard)))
    for pair in sorted(named, reverse=True)[:worst]:
        print(f"{pair[0]:.3f}", *pair[1:])
    print(f"{len(good)} chosen pairs, median clash {np.median(good):.3f}, {apart} more with a stem without pitch (below {judge.least:.2f}); "
          f"{len(library)} random pairs, median {np.median(library):.3f} in the library, {np.median(there):.3f} where they would be played")
    print(f"AUC {auc(good, library):.3f} against pairs of the library, {auc(good, there):.3f} where they would be played; "
          f"chosen here among the best four {auc(best, library):.3f} and {auc(best, there):.3f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dream")
    parser.add_argument("home")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--worst", type=int, default=0)
    parser.add_argument("--melodies", action="store_true")
    main(**vars(parser.parse_args()))
