"""What a prompt asks of sounds, and how far stems have it.

The words and what they name are read from the engine's lexicon; the reading of the prompt and the judgement are written
for this script. A stem is compared with the stems of its group: same category, form and kind (open hat, ride, stab ...: tags
that say what it is, not how it sounds), in their standard deviations.
"""

import math
import pathlib
import random
import re

import numpy as np

KINDS = {"closed", "open", "ride", "crash", "splash", "shaker", "tambourine", "tom", "rim", "snap", "sub", "stab", "chord", "keys", "pluck",
         "arp", "drone", "noise", "vinyl", "rain", "riser", "downlifter", "impact", "reverse", "sweep", "siren", "break"}
LEXICON = pathlib.Path(__file__).parents[2] / "crates/dream-analysis/src/descriptors/lexicon.rs"
ENDINGS = ["eren", "erer", "eres", "ere", "en", "em", "er", "es", "est", "e", "ish", "ly", ""]
STRONG = {"very": 1.6, "extremely": 1.6, "sehr": 1.6, "extrem": 1.6, "slightly": 0.5, "somewhat": 0.5, "leicht": 0.5, "etwas": 0.5}
NOT = {"not", "no", "without", "nicht", "ohne", "kein", "keine", "keinen"}
# Instruments as prompts name them, and the roles that play them.
PARTS = {
    "kick": "kick", "kicks": "kick", "snare": "snare", "snares": "snare", "clap": "clap", "claps": "clap", "hat": "hat", "hats": "hat",
    "drums": "kick snare clap hat open_hat ride shaker perc tom break", "percussion": "perc shaker ride tom", "bass": "bass sub",
    "stab": "stab", "stabs": "stab", "chord": "chords stab", "chords": "chords stab", "akkorde": "chords stab", "akkorden": "chords stab",
    "keys": "chords stab", "lead": "lead", "leads": "lead", "pad": "pad", "pads": "pad", "flächen": "pad", "vocal": "vocal",
    "vocals": "vocal", "textures": "noise", "drone": "drone",
}
# Genres whose names hold the name of an instrument.
NOT_PARTS = re.compile(r"drum (and|&|und|n) bass|hip hop|breakbeats?")


def lexicon():
    """Every word with what it names: attributes with the wanted deviations."""
    text = LEXICON.read_text()
    named = {name: {a: float(x) for a, x in re.findall(r'\("(\w+)", (-?[\d.]+)\)', wishes)}
             for name, wishes in re.findall(r"const (\w+): Wishes = &\[(.*?)\];", text)}
    table = text[text.index("const WORDS"):text.index("fn wishes")]
    return {word: named[name] for words, name in re.findall(r"\(\s*&\[(.*?)\],\s*(\w+),?\s*\)", table, re.S)
            for word in re.findall(r'"([^"]+)"', words)}


def meaning(words, word):
    """What a word names, in its own form or without its ending."""
    for form in (word, word.replace("ae", "ä").replace("oe", "ö").replace("ue", "ü")):
        for ending in [""] + ENDINGS:
            if form.endswith(ending) and len(form) - len(ending) >= 3 and form[:len(form) - len(ending)] in words:
                return words[form[:len(form) - len(ending)]]
    return None


def asked(prompt):
    """What a prompt asks: roles (none for all of them) to attributes with the wanted deviations. Words before an instrument
    speak of it, if nothing parts them; all others of everything."""
    words, wants = lexicon(), {}
    for phrase in re.split(r"[,;.:]| with | and | but | mit | und | aber ", NOT_PARTS.sub("music", prompt.lower())):
        found, roles, factor = {}, (), 1.0
        for word in re.findall(r"[\w-]+", phrase):
            wish = None if word in NOT or word in STRONG else meaning(words, word)
            if word in NOT or word in STRONG:
                factor *= -0.7 if word in NOT else STRONG[word]
            elif word in PARTS:
                roles = tuple(PARTS[word].split())
            elif wish:
                for attribute, deviations in wish.items():
                    found[attribute] = found.get(attribute, 0.0) + factor * deviations
                factor = 1.0
        into = wants.setdefault(roles, {})
        for attribute, deviations in found.items():
            into.setdefault(attribute, deviations)
    return {roles: {a: x for a, x in wishes.items() if abs(x) > 0.05} for roles, wishes in wants.items() if wishes}


def scaled(name, value):
    if name in ("attack", "decay", "length"):
        return math.log2(max(value, 1e-3))
    return math.log2(value + 0.25) if name == "density" else value


class Library:
    """The stems of a library (`library.stems`) in their groups."""

    def __init__(self, stems):
        self.stems, self.groups, self.places = stems, {}, {}
        for stem in stems.values():
            stem["group"] = stem["category"], stem["form"], *sorted(KINDS & set(stem["facts"]["tags"]))
            self.groups.setdefault(stem["group"], []).append(stem)

    def place(self, stem, attribute):
        """How many deviations the stem lies above the mean of its group."""
        if attribute not in self.places:
            self.places[attribute] = {}
            for group in self.groups.values():
                values = [scaled(attribute, member["facts"]["attributes"].get(attribute, 0.0)) for member in group]
                for member, value in zip(group, values):
                    self.places[attribute][member["id"]] = (value - np.mean(values)) / (np.std(values) + 1e-9)
        return self.places[attribute][stem["id"]]

    def chosen(self, casting, roles, unless=()):
        """The stems of the casting in those roles (none: in all but `unless`); a group of two leaves no choice."""
        stems = [self.stems[s["id"]] for part in casting for s in part["stems"]
                 if (part["part"]["role"] in roles if roles else part["part"]["role"] not in unless)]
        return [stem for stem in stems if len(self.groups[stem["group"]]) > 2]

    def terms(self, casting, wants):
        """Every chosen stem with what is asked of it and the part of the prompt that asks it, by its role; what is asked of a part goes
        before what is asked of all."""
        special = {}
        for roles, wishes in wants.items():
            for role in roles:
                special.setdefault(role, {}).update(wishes)
        for part in casting:
            own = special.get(part["part"]["role"], {})
            general = {a: x for a, x in wants.get((), {}).items() if a not in own}
            for stem in self.chosen([part], ()):
                yield from ((role, stem, wishes) for role, wishes in ((part["part"]["role"], own), ("", general)) if wishes)

    def far(self, casting, wants):
        """How far the stems lie in the direction that is asked of them, in deviations of their groups along it, and how far the best of
        their groups do: means over the stems of each part that the prompt speaks of, then over those and what it says of everything.
        None where there is no choice."""
        told = {}
        for role, stem, wishes in self.terms(casting, wants):
            along = {s["id"]: sum(x * self.place(s, a) for a, x in wishes.items()) for s in self.groups[stem["group"]]}
            spread = np.std(list(along.values())) + 1e-9
            told.setdefault(role, []).append((along[stem["id"]] / spread, max(along.values()) / spread))
        return tuple(np.mean([np.mean(pairs, axis=0) for pairs in told.values()], axis=0)) if told else None

    def compared(self, casting, wants, count=100, seed=0):
        """The score of a casting and those of random castings of the same plan (for every part a random stem of the same group):
        the mean over parts and attributes, weighted as they were wanted; None where the casting leaves no choice."""
        draw = random.Random(seed)
        terms = [(stem, a, x) for _, stem, wishes in self.terms(casting, wants) for a, x in wishes.items()]
        if not terms:
            return None
        weight = sum(abs(wanted) for *_, wanted in terms)
        score = sum(wanted * self.place(stem, attribute) for stem, attribute, wanted in terms) / weight
        chance = []
        for _ in range(count):
            drawn = {}
            for stem, *_ in terms:
                drawn.setdefault(stem["id"], draw.choice(self.groups[stem["group"]]))
            chance.append(sum(wanted * self.place(drawn[stem["id"]], attribute) for stem, attribute, wanted in terms) / weight)
        return score, np.array(chance)
