"""How much do castings differ? Prints the Jaccard index of the stem sets of castings for different prompts and for different seeds
of one prompt, and whether the same seed gives the same casting twice.

Usage: variety.py DREAM HOME
"""

import itertools
import sys

import numpy as np

from library import casting

PROMPTS = ["industrial techno", "techno", "minimal", "dub techno", "house", "deep house", "trance", "drum and bass", "breakbeat",
           "ambient", "lofi hip hop", "warm deep house", "dark techno", "bright trance"]


def chosen(dream, home, prompt, seed):
    return frozenset(s["hash"] for part in casting(dream, home, prompt, seed)["casting"] for s in part["stems"])


def jaccard(sets):
    return np.array([len(a & b) / len(a | b) for a, b in itertools.combinations(sets, 2)])


def main(dream, home):
    prompts = jaccard([chosen(dream, home, prompt, 1) for prompt in PROMPTS])
    seeds = np.concatenate([jaccard([chosen(dream, home, prompt, seed) for seed in range(1, 5)]) for prompt in PROMPTS])
    same = all(casting(dream, home, prompt, 1) == casting(dream, home, prompt, 1) for prompt in PROMPTS[:4])
    print(f"different prompts: mean {prompts.mean():.2f}, below 0.5 in {100 * np.mean(prompts < 0.5):.0f} % of {len(prompts)} pairs; "
          f"different seeds: mean {seeds.mean():.2f}; the same seed twice the same: {same}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
