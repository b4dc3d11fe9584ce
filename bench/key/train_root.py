"""Fits the confidence of the root: `train_root.py FIT_DIR FIT.jsonl [CHECK_DIR CHECK.jsonl]`; prints the weights for pitch.rs.

FIT_DIR is made by synthesise.py, FIT.jsonl by the example key_features. A root is right where the item is a note and the
pitch lies within half a semitone of it; chords, drums and noise have none.
"""
import json
import os
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression


def load(folder, path):
    truth = json.load(open(os.path.join(folder, "truth.json")))
    x, y, kinds, errors = [], [], [], []
    for row in map(json.loads, open(path)):
        item = truth[os.path.basename(row["path"])]
        if item["kind"] not in ("note", "chord", "hit", "drums", "noise") or row["root"] is None:
            continue
        if item["style"] in ("808", "longkick") and item["kind"] == "hit":
            continue  # a tuned kick is a note as far as its sound goes: the category decides
        midi, evidence = row["root"]
        error = abs(midi - item["note"]) if item["note"] is not None else 99.0
        x.append(evidence)
        y.append(error < 0.5)
        errors.append(error)
        kinds.append((item["kind"], item["style"]))
    return np.array(x), np.array(y), kinds, np.array(errors)


def report(model, x, y, kinds, errors):
    p = model.predict_proba(x)[:, 1]
    for kind in sorted({k for k, _ in kinds}):
        pick = np.array([k == kind for k, _ in kinds])
        given = p[pick] >= 0.5
        print(f"{kind:6} n={pick.sum():4d} given {given.mean():.3f}", f"right of given {y[pick][given].mean():.3f} within 10 cents {(errors[pick][given] < 0.1).mean():.3f}" if kind == "note" and given.any() else "")
    order = np.argsort(p)
    parts = np.array_split(order, 5)
    print("calibration", "  ".join(f"{p[q].mean():.2f}->{y[q].mean():.2f}" for q in parts))
    return p


def main():
    x, y, kinds, errors = load(*sys.argv[1:3])
    model = LogisticRegression(C=3.0, max_iter=5000).fit(x, y)
    report(model, x, y, kinds, errors)
    if len(sys.argv) > 4:
        x, y, kinds, errors = load(*sys.argv[3:5])
        p = report(model, x, y, kinds, errors)
        for i, (kind, style) in enumerate(kinds):
            if (p[i] >= 0.5) != y[i] or (kind == "note" and errors[i] > 0.1):
                print("  ", kind, style, np.round(x[i], 2), f"p {p[i]:.2f} error {errors[i]:.2f}")
    print("WEIGHTS:", ", ".join(f"{w:.3f}" for w in model.coef_[0]), " BIAS:", f"{model.intercept_[0]:.3f}")


if __name__ == "__main__":
    main()
