"""Key, tuning and root against synthesised truth and peers: `score.py DIR OURS.jsonl [--peers] [--misses]`.

DIR is made by synthesise.py; OURS.jsonl by `cargo run --release -p dream-analysis --example analyse_dir DIR/*.wav`.
With --peers, librosa (chroma_cqt and the Krumhansl profiles) and essentia (KeyExtractor) are run, once per folder
(DIR/peers.json keeps what they said); madmom (CNNKeyRecognition) needs its own interpreter, named by --madmom PYTHON.
Prints per kind: n, exact, MIREX weighted score (1 same, .5 fifth, .3 relative, .2 parallel, 0 none), and for what has no
key the share of null; tuning and root errors; and the calibration of the confidences.
"""
import argparse
import json
import os
import subprocess

import numpy as np

NAMES = "C C# D D# E F F# G G# A A# B".split()
FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#", "Cb": "B", "Fb": "E"}
KRUMHANSL = {"major": [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
             "minor": [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17]}
PROFILES = ["edma", "bgate", "krumhansl", "temperley"]
MADMOM = """
import collections, collections.abc, json, sys
for name in ("MutableSequence", "Iterable", "Mapping", "Sequence"):
    setattr(collections, name, getattr(collections.abc, name))
from madmom.features.key import CNNKeyRecognitionProcessor, key_prediction_to_label
run = CNNKeyRecognitionProcessor()
out = {}
for path in sys.argv[1:]:
    try:
        out[path] = key_prediction_to_label(run(path))
    except Exception:
        out[path] = None
print("RESULT" + json.dumps(out))
"""


def parsed(text):
    if not text:
        return None
    tonic, mode = text.split()
    return NAMES.index(FLATS.get(tonic, tonic)), mode.lower()


def mirex(truth, got):
    if got is None:
        return 0.0
    if truth == got:
        return 1.0
    step = (got[0] - truth[0]) % 12
    if got[1] == truth[1]:
        return 0.5 if step == 7 else 0.0
    if step == 0:
        return 0.2
    return 0.3 if step == (3 if truth[1] == "minor" else 9) else 0.0


def librosa_key(path):
    import librosa

    y, rate = librosa.load(path, sr=22050)
    chroma = librosa.feature.chroma_cqt(y=y, sr=rate).mean(axis=1)
    scored = [(np.corrcoef(np.roll(KRUMHANSL[mode], tonic), chroma)[0, 1], f"{NAMES[tonic]} {mode}") for tonic in range(12) for mode in KRUMHANSL]
    return max(scored)[1]


def essentia_keys(path):
    import essentia

    essentia.log.infoActive = essentia.log.warningActive = False
    import essentia.standard as es

    y = es.MonoLoader(filename=path)()
    return {f"essentia {profile}": " ".join(es.KeyExtractor(profileType=profile)(y)[:2]) for profile in PROFILES}


def peers(folder, names, madmom):
    path = os.path.join(folder, "peers.json")
    kept = json.load(open(path)) if os.path.exists(path) else {}
    for name in names:
        said = kept.setdefault(name, {})
        file = os.path.join(folder, name)
        if "librosa" not in said:
            said["librosa"] = librosa_key(file)
            said.update(essentia_keys(file))
    if madmom:
        wanted = [name for name in names if "madmom" not in kept[name]]
        for start in range(0, len(wanted), 50):
            part = wanted[start : start + 50]
            run = subprocess.run([madmom, "-c", MADMOM, *(os.path.join(folder, name) for name in part)], capture_output=True, text=True)
            line = [line for line in run.stdout.splitlines() if line.startswith("RESULT")]
            for file, key in (json.loads(line[0][6:]) if line else {}).items():
                kept[os.path.basename(file)]["madmom"] = key
    json.dump(kept, open(path, "w"))
    return kept


def table(truth, said, kinds):
    rows = sorted({who for answers in said.values() for who in answers})
    print(f"{'':20}" + "".join(f"{kind:>16}" for kind in kinds) + f"{'bass+comp+mix':>16}")
    for who in rows:
        cells = []
        for group in [[kind] for kind in kinds] + [["bass", "comp", "mix"]]:
            files = [file for file in truth if truth[file]["kind"] in group and who in said.get(file, {})]
            scores = [mirex(parsed(truth[file]["key"]), parsed(said[file][who])) for file in files]
            cells.append(f"{100 * np.mean([s == 1 for s in scores]):5.1f} {100 * np.mean(scores):5.1f} {len(scores):3d}" if scores else "-")
        print(f"{who:20}" + "".join(f"{cell:>16}" for cell in cells))


def calibration(pairs, label):
    """Mean confidence and share of right answers by fifths of the confidence, and the expected calibration error."""
    if not pairs:
        return
    pairs = sorted(pairs)
    parts = np.array_split(np.array(pairs, float), 5)
    error = sum(len(p) * abs(p[:, 0].mean() - p[:, 1].mean()) for p in parts if len(p)) / len(pairs)
    print(f"{label}: " + "  ".join(f"{p[:, 0].mean():.2f}->{p[:, 1].mean():.2f}" for p in parts if len(p)) + f"  error {error:.3f} (n={len(pairs)})")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("ours")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--madmom")
    parser.add_argument("--misses", action="store_true")
    args = parser.parse_args()
    truth = json.load(open(os.path.join(args.folder, "truth.json")))
    facts = {os.path.basename(item["path"]): item["facts"] for item in map(json.loads, open(args.ours))}
    keyed = [file for file in truth if truth[file]["key"] and truth[file]["kind"] != "chord"]
    said = peers(args.folder, keyed, args.madmom) if args.peers else {file: {} for file in truth}
    for file in truth:
        said.setdefault(file, {})["ours"] = facts[file]["key"]
        if truth[file]["key"]:
            best = facts[file]["key_candidates"]
            said[file]["ours, best candidate"] = best[0][0] if best else None
    kinds = [kind for kind in ("cadence", "pad", "bass", "comp", "mix", "chord", "line") if any(t["kind"] == kind for t in truth.values())]
    print("exact, MIREX, n")
    table({file: t for file, t in truth.items() if t["key"]}, said, kinds)
    for kind in ("drums", "hit", "noise", "note"):
        files = [file for file in truth if truth[file]["kind"] == kind]
        if files:
            null = [facts[file]["key"] is None for file in files]
            rootless = [facts[file]["root"] is None for file in files]
            print(f"{kind}: key null {100 * np.mean(null):.1f} %, root null {100 * np.mean(rootless):.1f} % (n={len(files)})")
            if args.misses and kind != "note":
                for file, ok in zip(files, null):
                    if not ok:
                        print("   ", file, truth[file]["style"], facts[file]["key"], facts[file]["key_confidence"], facts[file]["category"], facts[file]["form"])
    tunings = [(abs((facts[file]["tuning_cents"] - truth[file]["tuning"] + 50) % 100 - 50), file) for file in keyed if facts[file]["tuning_cents"] is not None]
    for kind in kinds:
        errors = [e for e, file in tunings if truth[file]["kind"] == kind]
        if errors:
            print(f"tuning {kind}: within 5 cents {100 * np.mean(np.array(errors) <= 5):.1f} %, median {np.median(errors):.2f} (n={len(errors)})")
    calibration([(facts[file]["key_confidence"], parsed(truth[file]["key"]) == parsed(facts[file]["key"])) for file in keyed if facts[file]["key"]], "key confidence")
    roots(truth, facts, args.misses)
    if args.misses:
        for file in keyed:
            score = mirex(parsed(truth[file]["key"]), parsed(facts[file]["key"]))
            if score < 1:
                t = truth[file]
                print(f"{file} {t['kind']:8} {t['style']:10} {t['key']:9} {t['tuning']:6.1f} -> {facts[file]['key']} {facts[file]['key_confidence']:.2f} ({score})", [c[0] for c in facts[file]["key_candidates"]][:3], facts[file]["category"], facts[file]["form"])


def roots(truth, facts, misses):
    notes = [file for file in truth if truth[file]["note"] is not None]
    if not notes:
        return
    given = [(file, facts[file]["root"] - truth[file]["note"]) for file in notes if facts[file]["root"] is not None]
    errors = np.array([e for _, e in given])
    octave = (np.abs(errors) > 0.5) & (np.abs(((errors + 6) % 12) - 6) < 0.5)
    print(f"roots: given {len(given)} of {len(notes)}; right octave and note {100 * np.mean(np.abs(errors) < 0.5):.1f} %, within 10 cents {100 * np.mean(np.abs(errors) <= 0.1):.1f} %, octave errors {int(octave.sum())}")
    calibration([(facts[file]["root_confidence"], abs(e) < 0.5) for file, e in given], "root confidence")
    chords = [(facts[file]["root"], NAMES.index(truth[file]["key"].split()[0])) for file in truth if truth[file]["kind"] == "chord"]
    right = [round(root) % 12 == tonic for root, tonic in chords if root is not None]
    if chords:
        print(f"roots of chords: given {len(right)} of {len(chords)}, right {100 * np.mean(right):.1f} %" if right else "roots of chords: none given")
    for kind in ("drums", "hit", "noise"):
        files = [file for file in truth if truth[file]["kind"] == kind]
        if files:
            print(f"root null on {kind}: {100 * np.mean([facts[file]['root'] is None for file in files]):.1f} % (n={len(files)})")
    if misses:
        for file in notes:
            root, t = facts[file]["root"], truth[file]
            if root is None or abs(root - t["note"]) > 0.1:
                print(f"{file} {t['style']:10} {t['note']:.2f} -> {root} {facts[file]['root_confidence']:.2f}", facts[file]["category"], facts[file]["form"])


if __name__ == "__main__":
    main()
