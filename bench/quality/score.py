"""Scores the defects that the engine names against those that were applied.

    cargo build --release -p dream-analysis --example quality_dir
    python bench/quality/score.py JUDGE SOUNDS ALTERED [--list]

JUDGE is the example, SOUNDS the untouched folder, ALTERED the output of `defects.py`. Per defect: recall at each strength over the
copies of those sounds that are free of the defect untouched; how many untouched sounds are named with it (with --list,
which ones and by which measures); the median of quality before and after. A curve so hard that its tops are cut counts as told
when it is named clipping.
"""
import collections
import csv
import json
import pathlib
import subprocess
import sys

import numpy as np


def judge(program, files):
    found = {}
    for start in range(0, len(files), 200):
        part = [str(file) for file in files[start : start + 200]]
        lines = subprocess.run([program, *part], capture_output=True, text=True, check=True).stdout
        for line in lines.splitlines():
            facts = json.loads(line)
            found[pathlib.Path(facts["path"]).name] = facts
    return found


def names(defect):
    return {"soft_clipping", "clipping"} if defect == "soft_clipping" else {defect}


def main():
    program, sounds, altered = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    clean = judge(program, sorted(sounds.iterdir()))
    rows = list(csv.DictReader(open(altered / "manifest.csv")))
    changed = judge(program, [altered / row["file"] for row in rows if not row["left_out"]])
    table = collections.defaultdict(lambda: collections.defaultdict(list))
    out = collections.Counter()
    there = collections.Counter()
    for row in rows:
        name = row["defect"].split("_mp3")[0].split("_ogg")[0].split("_rate")[0]
        if row["left_out"]:
            out[row["defect"], row["strength"]] += 1
        elif names(name) & set(clean[row["sound"]]["defects"]):
            there[row["defect"], row["strength"]] += 1
        else:
            after = changed[row["file"]]
            table[row["defect"]][row["strength"]].append(
                (bool(names(name) & set(after["defects"])), clean[row["sound"]]["score"], after["score"], row["file"])
            )
    print(f"{'defect':22} {'strength':8} {'n':>3} {'left out':>8} {'there':>5} {'recall':>6}  quality before, after")
    for defect, by_strength in table.items():
        for strength, results in sorted(by_strength.items()):
            recall = np.mean([hit for hit, *_ in results])
            before, after = (np.median([r[k] for r in results]) for k in (1, 2))
            key = (defect, strength)
            print(f"{defect:22} {strength:8} {len(results):3} {out[key]:8} {there[key]:5} {recall:6.2f}  {before:.2f} {after:.2f}")
            if "--missed" in sys.argv:
                for hit, _, _, file in results:
                    if not hit:
                        print("    missed", file, json.dumps(changed[file]["measures"]))
    print(f"\nnamed on {len(clean)} untouched sounds, mean quality {np.mean([f['score'] for f in clean.values()]):.3f}")
    named = collections.defaultdict(list)
    for file, facts in clean.items():
        for defect in facts["defects"]:
            named[defect].append(file)
    for defect, files in sorted(named.items()):
        print(f"{defect:22} {len(files):3}")
        if "--list" in sys.argv:
            for file in files:
                print("   ", file, clean[file]["form"], json.dumps({k: round(v, 4) for k, v in clean[file]["measures"].items()}))


if __name__ == "__main__":
    main()
