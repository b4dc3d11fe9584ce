"""Do the stems that are chosen have what the prompt's words ask for?

For 50 prompts with a word for a sound, the stems of the casting are compared with random castings of the same plan: for every
part a random stem of the same category, form and kind (open hat, ride, stab ...: tags that say what it is, not how it sounds). An
attribute is counted in standard deviations among those stems of the library; parts with fewer than three are left out. Prints per prompt the distance in the named direction and the share of 100 random castings with a
lower score, then the shares of prompts that pass (0.5 sd; 90 of 100).

Usage: attributes.py DREAM HOME [SEED]
"""

import math
import random
import sys

import numpy as np

from library import casting, stems

# Words and what they name: an attribute of the library and its direction.
WORDS = {
    "dark": ("brightness", -1), "dunkler": ("brightness", -1), "düsterer": ("brightness", -1), "bright": ("brightness", 1),
    "heller": ("brightness", 1), "warm": ("warmth", 1), "warmer": ("warmth", 1), "cold": ("warmth", -1), "kalter": ("warmth", -1),
    "deep": ("depth", 1), "tiefer": ("depth", 1), "hard": ("hardness", 1), "harter": ("hardness", 1), "soft": ("hardness", -1),
    "weicher": ("hardness", -1), "sanfter": ("hardness", -1), "aggressive": ("distortion", 1), "aggressiver": ("distortion", 1),
    "distorted": ("distortion", 1), "verzerrter": ("distortion", 1), "harsh": ("distortion", 1), "raw": ("distortion", 1),
    "clean": ("distortion", -1), "industrial": ("distortion", 1), "mechanischer": ("distortion", 1), "metallic": ("metallic", 1),
    "metallischer": ("metallic", 1), "noisy": ("noisiness", 1), "rough": ("roughness", 1), "rauer": ("roughness", 1),
    "smooth": ("roughness", -1), "punchy": ("punch", 1), "knackiger": ("punch", 1), "wide": ("width", 1), "dry": ("reverb", -1),
    "trockener": ("reverb", -1), "wet": ("reverb", 1), "halliger": ("reverb", 1), "airy": ("air", 1), "sharp": ("sharpness", 1),
    "dull": ("sharpness", -1), "dumpfer": ("sharpness", -1), "boomy": ("boominess", 1), "thin": ("depth", -1), "fat": ("depth", 1),
    "fetter": ("depth", 1), "rich": ("spread", 1), "lofi": ("air", -1), "melodic": ("tonality", 1), "dusty": ("air", -1),
}
KINDS = {"closed", "open", "ride", "crash", "splash", "shaker", "tambourine", "tom", "rim", "snap", "sub", "stab", "chord", "keys", "pluck",
         "arp", "drone", "noise", "vinyl", "rain", "riser", "downlifter", "impact", "reverse", "sweep", "siren", "break"}
GENRES = ["techno 132 bpm", "house 124 bpm", "trance 138 bpm", "breakbeat 130 bpm", "drum and bass 174 bpm"]


def scaled(name, value):
    if name in ("attack", "decay", "length"):
        return math.log2(max(value, 1e-3))
    return math.log2(value + 0.25) if name == "density" else value


def main(dream, home, seed=1):
    library = stems(home)
    groups = {}
    for stem in library.values():
        stem["group"] = stem["category"], stem["form"], *sorted(KINDS & set(stem["facts"]["tags"]))
        groups.setdefault(stem["group"], []).append(stem)
    far, beats = [], []
    for number, (word, (attribute, sign)) in enumerate(WORDS.items()):
        value = lambda stem: scaled(attribute, stem["facts"]["attributes"][attribute])
        place = {}
        for group in groups.values():
            values = [value(stem) for stem in group]
            for stem, v in zip(group, values):
                place[stem["id"]] = sign * (v - np.mean(values)) / (np.std(values) + 1e-9)
        document = casting(dream, home, f"{word} {GENRES[number % len(GENRES)]}", seed)
        chosen = [library[s["id"]] for part in document["casting"] for s in part["stems"]]
        # A group of one leaves no choice.
        chosen = [stem for stem in chosen if len(groups[stem["group"]]) > 2]
        draw = random.Random(number)
        score = np.mean([place[stem["id"]] for stem in chosen])
        chance = [np.mean([place[draw.choice(groups[s["group"]])["id"]] for s in chosen]) for _ in range(100)]
        far.append(score - np.mean(chance))
        beats.append(np.mean(np.array(chance) < score))
        print(f"{word:14} {sign * 1:+d} {attribute:12} {far[-1]:+.2f} sd, above {100 * beats[-1]:3.0f} % of random castings")
    far, beats = np.array(far), np.array(beats)
    print(f"{len(far)} prompts: 0.5 sd {100 * np.mean(far >= 0.5):.0f} %, above 90 of 100 random castings {100 * np.mean(beats >= 0.9):.0f} %")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1)
