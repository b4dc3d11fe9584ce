"""Scores tempo estimates: ours beside those of the peers, on the same files, as one table per set.

    cargo run --release -p dream-analysis --example analyse_dir -- FILE... > ours.jsonl
    python peers.py ...                                          # see there; fills PEERS.jsonl
    python score.py synthetic OUT/truth.jsonl ours.jsonl PEERS.jsonl
    python score.py loops ANON/truth.csv ours.jsonl PEERS.jsonl  # neutral copies of labelled loops, one-shots and pads
    python score.py tracks TRACKS ours.jsonl PEERS.jsonl         # folder with *.beats.json beside the audio

Acc1: within 4 % of the label. Acc2: or of its double, triple, half, third. tight: Acc2 within 0.5 %. 0.1: within 0.1 bpm of the label
after the octave is forgiven. For real material a label of 165 or more also accepts its half in Acc1. F: mir_eval's
beat F-measure (70 ms, first 5 s left out), at the better of the stated grid and its half (both phases).
Peers without a line in PEERS.jsonl for every file are scored on what they have; n says so.
"""

import argparse
import csv
import json
import pathlib
from collections import defaultdict

import numpy as np

FACTORS = (1, 2, 3, 1 / 2, 1 / 3)


def load_ours(path):
    return {pathlib.Path(row["path"]).name: row["facts"] for row in map(json.loads, open(path))}


def load_peers(path):
    found = defaultdict(dict)
    if path:
        for row in map(json.loads, open(path)):
            found[row["peer"]][row["file"]] = (row["bpm"], row["beats"])
    return found


def judge(bpm, label, halve):
    if not bpm:
        return [0.0, 0.0, 0.0, 0.0]
    near = [abs(bpm / (label * f) - 1) for f in FACTORS]
    acc1 = near[0] < 0.04 or (halve and label >= 165 and abs(2 * bpm / label - 1) < 0.04)
    best = FACTORS[int(np.argmin(near))]
    return [float(v) for v in (acc1, min(near) < 0.04, min(near) < 0.005, abs(bpm / best - label) < 0.1)]


def table(title, labels, estimates, halve=False):
    """`labels`: file -> bpm; `estimates`: name -> file -> bpm."""
    print(f"{title} (n = {len(labels)})")
    for name, found in estimates.items():
        files = [file for file in labels if file in found]
        if files:
            rows = np.array([judge(found[file], labels[file], halve) for file in files])
            counts = "  ".join(f"{column} {int(v):3} {100 * v / len(files):5.1f} %" for column, v in
                               zip(("Acc1", "Acc2", "tight", "0.1"), rows.sum(0)))
            print(f"  {name:13} n {len(files):3}  {counts}")


def bpms(ours, peers):
    out = {"ours": {file: facts["bpm"] for file, facts in ours.items()}}
    for name, found in peers.items():
        out[name] = {file: bpm for file, (bpm, _) in found.items()}
    return out


def off_grid(found, truth, period):
    """The median distance of the found times from the true grid, in seconds."""
    off = (np.array(found) - truth + period / 2) % period - period / 2
    return float(np.median(np.abs(off)))


def synthetic(args):
    rows = [json.loads(line) for line in open(args.truth)]
    ours = load_ours(args.ours)
    pulsed = [row for row in rows if row["bpm"]]
    estimates = bpms(ours, load_peers(args.peers))
    table("all", {row["file"]: row["bpm"] for row in pulsed}, estimates)
    for key in ("octave", "kind", "feel", "end"):
        for value in sorted({row[key] for row in pulsed}):
            table(f"{key} {value}", {row["file"]: row["bpm"] for row in pulsed if row[key] == value}, estimates)
    exact = [row for row in pulsed if abs((ours[row["file"]]["bpm"] or 0) / row["bpm"] - 1) < 0.04]
    for name, period in (("beats_s", 60), ("downbeats_s", 240)):
        right = [row for row in exact if ours[row["file"]][name]
                 and off_grid(ours[row["file"]][name], row["start_s"], period / row["bpm"]) < 0.03]
        print(f"ours, {name} within 30 ms where Acc1 is right: {len(right)} of {len(exact)}")
    loops = [row for row in pulsed if row["end"] == "cut"]
    print("ours, cut loops: form loop", sum(ours[r["file"]]["form"] == "loop" for r in loops),
          "bars right", sum(ours[r["file"]]["bars"] == r["bars"] for r in loops), "of", len(loops))
    tails = [row for row in pulsed if row["end"] in ("tail", "offset")]
    print("ours, with tail or offset: form loop", sum(ours[r["file"]]["form"] == "loop" for r in tails),
          "bars right", sum(ours[r["file"]]["bars"] == r["bars"] for r in tails), "of", len(tails))
    none = [row for row in rows if not row["bpm"]]
    for kind in sorted({row["kind"] for row in none}):
        picked = [row for row in none if row["kind"] == kind]
        print(f"ours, without a pulse, {kind}: a tempo in {sum(ours[r['file']]['bpm'] is not None for r in picked)} of {len(picked)}")
    calibration([(ours[r["file"]]["bpm_confidence"], judge(ours[r["file"]]["bpm"], r["bpm"] or 1e9, False)[0])
                 for r in rows if ours[r["file"]]["bpm"]])


def calibration(pairs):
    print("ours, confidence against Acc1:")
    pairs = np.array(pairs)
    for low in np.arange(0, 1, 0.2):
        picked = pairs[(pairs[:, 0] >= low) & (pairs[:, 0] < low + 0.2 + (low > 0.7))]
        if len(picked):
            print(f"  {low:.1f} to {low + 0.2:.1f}: n {len(picked):3} said {picked[:, 0].mean():.2f} right {picked[:, 1].mean():.2f}")


def loops(args):
    rows = list(csv.DictReader(open(args.truth)))
    ours = load_ours(args.ours)
    estimates = bpms(ours, load_peers(args.peers))
    labelled = [row for row in rows if row["bpm"]]
    by_length = lambda row: row["bpm_source"].startswith("duration")
    table("stated tempo", {r["anon_name"]: float(r["bpm"]) for r in labelled if not by_length(r)}, estimates, True)
    table("tempo from the file's length", {r["anon_name"]: float(r["bpm"]) for r in labelled if by_length(r)}, estimates, True)
    for row in labelled:
        facts = ours[row["anon_name"]]
        told = " ".join(f"{bpm:.1f}:{weight:.2f}" for bpm, weight in facts["bpm_candidates"][:4])
        verdict = judge(facts["bpm"], float(row["bpm"]), True)
        print(f"  {row['anon_name']:11} {row['category']:9} label {row['bpm']:>6} ours {facts['bpm'] or 0:7.2f} {facts['bpm_confidence']:.2f}"
              f" {facts['form']:8} bars {facts['bars']} {'' if verdict[0] else 'ACC1 ' if verdict[1] else 'ACC2'} [{told}]")
    forms = defaultdict(lambda: defaultdict(int))
    tempi = defaultdict(lambda: [0, 0])
    for row in rows:
        if row["bpm"] or row["anon_name"] not in ours:
            continue
        facts = ours[row["anon_name"]]
        kind = f"{row['category']} {row['sub']}"
        forms[kind][facts["form"]] += 1
        tempi[kind][0] += facts["bpm"] is not None
        tempi[kind][1] += 1
    print("without a tempo label: form, and how many have a tempo")
    for kind in sorted(forms):
        print(f"  {kind:24} {dict(forms[kind])} tempo {tempi[kind][0]} of {tempi[kind][1]}")
    print("labelled: form", {form: sum(ours[r['anon_name']]['form'] == form for r in labelled) for form in ("loop", "one_shot", "free")})


def beat_f(found, grid):
    import mir_eval

    versions = [grid, grid[::2], grid[1::2]]
    trim = mir_eval.beat.trim_beats
    return max(mir_eval.beat.f_measure(trim(v), trim(np.array(sorted(found)))) for v in versions) if len(found) else 0.0


def tracks(args):
    ours = load_ours(args.ours)
    peers = load_peers(args.peers)
    labels, grids = {}, {}
    for path in sorted(pathlib.Path(args.truth).glob("*.beats.json")):
        row = json.load(open(path))
        labels[row["file"]], grids[row["file"]] = float(row["bpm"]), np.array(row["beats"])
    table("tracks", labels, bpms(ours, peers), True)
    everyone = {"ours": {file: facts["beats_s"] for file, facts in ours.items()}}
    for name, found in peers.items():
        everyone[name] = {file: beats for file, (_, beats) in found.items()}
    for name, found in everyone.items():
        scores = {file: beat_f(found[file], grids[file]) for file in labels if file in found}
        print(f"  F {name:13} mean {np.mean(list(scores.values())):.3f} ", " ".join(f"{v:.2f}" for v in scores.values()))
    for file in ours:
        facts = ours[file]
        told = " ".join(f"{bpm:.1f}:{weight:.2f}" for bpm, weight in facts["bpm_candidates"][:4])
        print(f"  {file:28} label {labels.get(file, 0):6.1f} ours {facts['bpm'] or 0:7.2f} {facts['bpm_confidence']:.2f} varies {facts['bpm_varies']} [{told}]")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=["synthetic", "loops", "tracks"])
    parser.add_argument("truth")
    parser.add_argument("ours")
    parser.add_argument("peers", nargs="?")
    args = parser.parse_args()
    {"synthetic": synthetic, "loops": loops, "tracks": tracks}[args.set](args)


if __name__ == "__main__":
    main()
