"""Do the stems that are chosen have what the prompt's words ask for?

For 50 prompts with a word for a sound (with `--fresh` 50 whole sentences of two or three other words, with `--drawn LIST` 50 prompts
that a seeded draw makes of the words of the lexicon), the stems of the casting are compared with random castings of the same plan
(`wishes.py`). Prints per prompt the distance in the named direction in standard deviations and the share of 100 random castings with
a lower score, then the shares of prompts that pass (0.5 sd; 90 of 100).

Usage: attributes.py DREAM HOME [SEED] [--fresh | --drawn LIST]
"""

import argparse
import itertools
import random
import re

import numpy as np

from library import casting, stems
from wishes import Library, asked, lexicon

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
# Whole sentences of other words and genres; what they ask of everything is counted over the casting, what they ask of one part over
# that part: the roles, then attributes with directions.
FRESH = [
    ("warm, deep house with airy pads", {"": "warmth+ depth+", "pad": "air+"}),
    ("a gloomy dub techno track, heavy and cavernous", {"": "brightness- depth+ reverb+"}),
    ("crisp garage with snappy claps", {"": "brightness+", "clap": "punch+"}),
    ("ein finsterer, schwerer dubstep track", {"": "brightness- depth+"}),
    ("mellow lofi hip hop with muffled drums", {"": "warmth+", "kick snare hat": "sharpness-"}),
    ("icy minimal techno, sterile and clean", {"": "warmth- distortion-"}),
    ("brutal hard techno with crushed kicks", {"": "distortion+ roughness+", "kick": "distortion+"}),
    ("sanfte ambient musik, luftig und weit", {"": "hardness- air+ width+"}),
    ("gritty electro with metallic percussion", {"": "roughness+", "perc": "metallic+"}),
    ("strahlender trance mit breiten flächen", {"": "brightness+", "pad": "width+"}),
    ("a tender downtempo song, quiet and mellow", {"": "hardness- warmth+"}),
    ("brachialer industrial techno mit dreckigem bass", {"": "distortion+ hardness+", "bass": "roughness+"}),
    ("silky house with a subby bass", {"": "roughness-", "bass": "sub+"}),
    ("murky jungle with boomy kicks", {"": "brightness-", "kick": "boominess+"}),
    ("spacious dub techno with a dry kick", {"": "width+", "kick": "reverb-"}),
    ("trockener minimal techno mit kurzen hats", {"": "reverb-", "hat": "decay-"}),
    ("sparkling progressive house, lush and wide", {"": "brightness+ spread+ width+"}),
    ("saturated breakbeat with piercing leads", {"": "distortion+", "lead": "sharpness+"}),
    ("staubiger hip hop mit warmen akkorden", {"": "air-", "chords stab": "warmth+"}),
    ("tough drum and bass with a growling, dirty bass", {"": "hardness+", "bass": "roughness+"}),
    ("schimmernder synthwave mit kalten pads", {"pad": "warmth-"}),
    ("sinister techno with noisy textures", {"": "brightness-", "noise": "noisiness+"}),
    ("relaxed chillout with silky pads and soft drums", {"": "hardness-", "pad": "roughness-"}),
    ("pounding schranz, abrasive and loud", {"": "hardness+ distortion+"}),
    ("ethereal ambient with reverberant pads", {"": "reverb+ hardness-", "pad": "reverb+"}),
    ("blecherner electro mit scharfen hats", {"": "metallic+", "hat": "sharpness+"}),
    ("organic house with cosy chords", {"": "warmth+", "chords stab": "warmth+"}),
    ("eisiger techno mit glockigen stabs", {"": "warmth-", "stab": "metallic+"}),
    ("heavy dubstep with a distorted bass", {"": "depth+ warmth+", "bass": "distortion+"}),
    ("verhallter dub techno mit dumpfen akkorden", {"": "reverb+", "chords stab": "sharpness-"}),
    ("light, tinny disco with crisp hats", {"": "depth- warmth-", "hat": "brightness+"}),
    ("powerful trance with an overdriven lead", {"": "punch+ hardness+", "lead": "distortion+"}),
    ("gedämpfter deep house mit tiefem bass", {"": "sharpness- brightness-", "bass": "depth+"}),
    ("angry breakbeat with a rough bass", {"": "distortion+ hardness+ roughness+", "bass": "roughness+"}),
    ("wistful lofi, cosy and dull", {"": "brightness- warmth+ sharpness-"}),
    ("seidiger house mit weichen pads", {"": "roughness-", "pad": "hardness-"}),
    ("fuzzy hard techno, dark and dirty", {"": "distortion+ brightness- roughness+"}),
    ("sonniger house mit klaren akkorden", {"": "brightness+ air+", "chords stab": "distortion-"}),
    ("robotic electro with tonal percussion", {"": "distortion+ metallic+", "perc": "tonality+"}),
    ("celestial trance with breathy vocals", {"": "reverb+", "vocal": "air+"}),
    ("creepy ambient with hissy textures", {"": "brightness-", "noise": "noisiness+"}),
    ("wuchtiger drum and bass mit knackiger snare", {"": "punch+ hardness+", "snare": "punch+"}),
    ("thick techno with a massive kick", {"": "depth+ warmth+", "kick": "depth+"}),
    ("sauberer trance mit strahlenden leads", {"": "distortion- noisiness-", "lead": "brightness+"}),
    ("vintage house with mellow keys", {"": "air-", "chords stab": "warmth+"}),
    ("schneidender techno mit rauem bass", {"": "sharpness+ hardness+", "bass": "roughness+"}),
    ("sad deep house with soft chords", {"": "brightness- warmth+", "chords stab": "hardness-"}),
    ("roomy breakbeat with punchy kicks", {"": "reverb+", "kick": "punch+"}),
    ("steriler minimal, hallfrei und dünn", {"": "warmth- reverb- depth-"}),
    ("melodious trance with edgy stabs", {"": "tonality+ noisiness-", "stab": "sharpness+"}),
]
GENRES = ["techno 132 bpm", "house 124 bpm", "trance 138 bpm", "breakbeat 130 bpm", "drum and bass 174 bpm"]


# Genres of drawn prompts, and parts that their words may speak of, in English and German.
STYLES = ["techno", "house", "trance", "breakbeat", "drum and bass", "hard techno", "deep house", "electro", "dubstep", "downtempo"]
NAMED = {"en": ["kicks", "snares", "claps", "hats", "bass", "stabs", "chords", "leads", "pads"],
         "de": ["kicks", "snares", "claps", "hats", "bass", "stabs", "akkorden", "leads", "pads"]}
GERMAN = re.compile("[äöüß]|(ig|isch|iert|end|lich|voll|los|iv)$")


def drawn(seed):
    """50 prompts of two words of the lexicon each, half of them with a third for one part; none in which one word asks for the
    opposite of another."""
    draw, words = random.Random(seed), lexicon()
    by_language = {"de": sorted(w for w in words if GERMAN.search(w)), "en": sorted(w for w in words if not GERMAN.search(w))}

    def agree(*some):
        return all(words[a][k] * words[b][k] > 0 for a, b in itertools.combinations(some, 2) for k in set(words[a]) & set(words[b]))

    while True:
        language = draw.choice(["en", "de"])
        one, two, three = draw.sample(by_language[language], 3)
        style, part = draw.choice(STYLES), draw.choice(NAMED[language])
        with_part = draw.random() < 0.5
        if not agree(one, two, *[three] * with_part):
            continue
        if language == "en":
            yield f"{one}, {two} {style}" + f" with {three} {part}" * with_part
        else:
            yield f"{one}er, {two}er {style}" + f" mit {three}en {part}" * with_part


def asked_of(fresh):
    """Prompts with what they ask: roles (none for all), attribute, direction."""
    if not fresh:
        for number, (word, (attribute, sign)) in enumerate(WORDS.items()):
            yield word, f"{word} {GENRES[number % len(GENRES)]}", [((), attribute, sign)]
        return
    for prompt, wants in FRESH:
        aims = [(tuple(roles.split()), want[:-1], 1 if want[-1] == "+" else -1) for roles, all in wants.items() for want in all.split()]
        yield prompt, prompt, aims


def listed(dream, home, seed, fresh):
    """Each attribute by itself: the means over them."""
    library, far, beats = Library(stems(home)), [], []
    for number, (name, prompt, aims) in enumerate(asked_of(fresh)):
        document = casting(dream, home, prompt, seed)
        told = []
        scores = []
        for roles, attribute, sign in aims:
            special = {role for other, same, _ in aims if other and same == attribute for role in other}
            chosen = library.chosen(document["casting"], roles, special)
            if not chosen:
                continue
            draw = random.Random(number)
            score = np.mean([sign * library.place(stem, attribute) for stem in chosen])
            chance = np.array([np.mean([sign * library.place(draw.choice(library.groups[s["group"]]), attribute) for s in chosen])
                               for _ in range(100)])
            scores.append((score - chance.mean(), np.mean(chance < score)))
            told.append(f"{' '.join(roles)} {attribute}{'+' if sign > 0 else '-'} {scores[-1][0]:+.2f}".strip())
        if not scores:
            print(f"{name:14} asks for parts that are not cast or leave no choice")
            continue
        far.append(np.mean([score for score, _ in scores]))
        beats.append(np.mean([share for _, share in scores]))
        print(f"{name:14} {far[-1]:+.2f} sd, above {100 * beats[-1]:3.0f} % of random castings ({', '.join(told)})")
    far, beats = np.array(far), np.array(beats)
    print(f"{len(far)} prompts: 0.5 sd {100 * np.mean(far >= 0.5):.0f} %, above 90 of 100 random castings {100 * np.mean(beats >= 0.9):.0f} %")


def directions(dream, home, seed, list_seed):
    """The direction that the words of a drawn prompt name together, in its own deviations; beside it the mean over the attributes,
    each in its own, and what the best stem of every group would reach."""
    library, rows = Library(stems(home)), []
    for prompt in itertools.islice(drawn(list_seed), 50):
        wants = asked(prompt)
        document = casting(dream, home, prompt, seed)
        far = library.far(document["casting"], wants)
        if far is None:
            print(f"{prompt}: asks for parts that are not cast or leave no choice")
            continue
        compared, chance = library.compared(document["casting"], wants)
        rows.append((*far, compared - chance.mean(), np.mean(chance < compared)))
        print(f"{far[0]:+.2f} sd (best {far[1]:+.2f}; by attribute {rows[-1][2]:+.2f}), above {100 * rows[-1][3]:3.0f} %: {prompt}")
    far, best, mean, beats = np.array(rows).T
    print(f"{len(far)} prompts: 0.5 sd {100 * np.mean(far >= 0.5):.0f} % (an oracle {100 * np.mean(best >= 0.5):.0f} %; by attribute "
          f"{100 * np.mean(mean >= 0.5):.0f} %), above 90 of 100 random castings {100 * np.mean(beats >= 0.9):.0f} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dream")
    parser.add_argument("home")
    parser.add_argument("seed", type=int, nargs="?", default=1)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--drawn", type=int)
    args = parser.parse_args()
    if args.drawn is None:
        listed(args.dream, args.home, args.seed, args.fresh)
    else:
        directions(args.dream, args.home, args.seed, args.drawn)
