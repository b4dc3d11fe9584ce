"""Roots of chord one-shots: `score_chords.py DIR OURS.jsonl`.

DIR is made by chords.py; OURS.jsonl by `cargo run --release -p dream-analysis --example analyse_dir DIR/*.wav`. Prints for the
sounds of instruments.py and of the soundfont how many roots are given, how many of them are right (the pitch class), and
the share of the clear chords that get theirs; then the same by chord and by position, and the share that is heard as a one-shot.
"""
import json
import os
import sys

import numpy as np


def main():
    folder, ours = sys.argv[1:3]
    truth = json.load(open(os.path.join(folder, "truth.json")))
    facts = {os.path.basename(row["path"]): row["facts"] for row in map(json.loads, open(ours))}
    groups = [("all", lambda t: True)]
    for what in ("kind", "style", "layout"):
        groups += [(f"{what} {value}", lambda t, w=what, v=value: t[w] == v) for value in sorted({t[what] for t in truth.values() if t[what]})]
    print(f"{'':20}{'n':>5}{'one-shot':>10}{'given':>7}{'right':>7}{'recall of the clear':>21}")
    for name, belongs in groups:
        files = [file for file in truth if belongs(truth[file])]
        given = [file for file in files if facts[file]["root"] is not None]
        right = {file for file in given if truth[file]["root"] is not None and round(facts[file]["root"]) % 12 == truth[file]["root"]}
        clear = [file for file in files if truth[file]["clear"]]
        share = lambda part, whole: f"{100 * len(part) / len(whole):.1f}" if whole else "-"
        shots = [file for file in files if facts[file]["form"] == "one_shot"]
        print(f"{name:20}{len(files):5d}{share(shots, files):>10}{share(given, files):>7}{share(right, given):>7}{share(right & set(clear), clear):>21}")


if __name__ == "__main__":
    main()
