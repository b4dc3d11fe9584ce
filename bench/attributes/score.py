"""Says how often each effect of effects.py moved its attribute in the named direction.

    python score.py OUT_DIR/table.csv heard.jsonl [--variants]

heard.jsonl are lines of `analyse_dir` for the files of the table. A sound whose attribute already lies beyond the 95th
percentile of its category (of the originals) in the direction of the effect is left out and counted. `change` is the
mean change in standard deviations of the category. Exits with 1 below 95 % over all or 85 % for one effect.
"""

import argparse
import csv
import json
import pathlib
import sys

import numpy as np

DIRECTIONS = {
    "darker": ("brightness", -1),
    "brighter": ("brightness", 1),
    "deeper": ("depth", 1),
    "softer": ("hardness", -1),
    "noisier": ("noisiness", 1),
    "wetter": ("reverb", 1),
    "distorted": ("distortion", 1),
    "warmer": ("warmth", 1),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table")
    parser.add_argument("heard")
    parser.add_argument("--variants", action="store_true", help="a row per variant and strength")
    parser.add_argument("--wrong", action="store_true", help="list what moved the wrong way")
    args = parser.parse_args()
    heard = {}
    for line in open(args.heard):
        item = json.loads(line)
        heard[pathlib.Path(item["path"]).name] = item["facts"]["attributes"]
    rows = [row for row in csv.DictReader(open(args.table)) if row["file"] in heard]
    originals = {row["sound"]: row for row in rows if not row["effect"]}
    values = {}
    for row in originals.values():
        for name, value in heard[row["file"]].items():
            values.setdefault((row["category"], name), []).append(value)
    results, total = {}, {}
    for row in rows:
        if not row["effect"]:
            continue
        name, sign = DIRECTIONS[row["effect"]]
        before, after = heard[originals[row["sound"]]["file"]][name], heard[row["file"]][name]
        known = np.array(values[row["category"], name])
        if sign * before > np.percentile(sign * known, 95):
            moved = None
        else:
            moved = sign * (after - before) / (np.std(known) + 1e-9)
            if args.wrong and moved <= 0:
                print(f"{row['file']} {row['category']:<9} {row['effect']} ({row['variant']}, {row['strength']}): {before:.4g} -> {after:.4g}")
        total.setdefault(row["effect"], []).append(moved)
        if args.variants:
            results.setdefault(f"{row['effect']}: {row['variant']}, {row['strength']}", []).append(moved)
        else:
            results.setdefault(row["effect"], []).append(moved)
    print(f"{'effect':<34} {'n':>5} {'left out':>8} {'right %':>8} {'change':>7}")
    for effect, moves in results.items():
        kept = np.array([move for move in moves if move is not None])
        print(f"{effect:<34} {len(kept):>5} {len(moves) - len(kept):>8} {100 * np.mean(kept > 0):>8.1f} {np.mean(kept):>7.2f}")
    right = {effect: np.array([m > 0 for m in moves if m is not None]) for effect, moves in total.items()}
    overall = np.mean(np.concatenate(list(right.values())))
    least = min(np.mean(share) for share in right.values())
    print(f"over all {100 * overall:.1f} %, least {100 * least:.1f} %")
    sys.exit(not (overall >= 0.95 and least >= 0.85))


if __name__ == "__main__":
    main()
