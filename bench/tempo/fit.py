"""Fits the weights of the evidence for a reading (crates/dream-analysis/src/tempo/weights.rs).

    python synthesise.py SEED FIT --set fit --each 20
    cargo run --release -p dream-analysis --example tempo_evidence -- FIT/*.wav > evidence.jsonl
    python fit.py FIT/truth.jsonl evidence.jsonl [--l2 0.003]

A conditional logit: the readings at the label's tempo with the right downbeat are right (at the right tempo alone
where no reading has the right downbeat), the sum of their probabilities is maximised, less an L2 penalty on standardised weights.
Prints the weights and what they get right in four-fold cross-validation.
"""

import argparse
import json
import pathlib

import numpy as np
from scipy.optimize import minimize


def load(truth_path, evidence_path):
    truth = {row["file"]: row for row in map(json.loads, open(truth_path))}
    clips = []
    for line in open(evidence_path):
        row = json.loads(line)
        known = truth[pathlib.Path(row["path"]).name]
        if known["bpm"] is None or not row["readings"]:
            continue
        bpm = np.array([r[0] for r in row["readings"]])
        start = np.array([r[1] for r in row["readings"]])
        x = np.array([r[2] for r in row["readings"]])
        bar = 240 / known["bpm"]
        at_tempo = np.abs(bpm / known["bpm"] - 1) < 0.01
        off = (start - known["start_s"] + bar / 2) % bar - bar / 2
        right = at_tempo & (np.abs(off) < 0.03)
        factors = [np.abs(bpm / known["bpm"] / f - 1) < 0.04 for f in (1, 2, 3, 1 / 2, 1 / 3)]
        clips.append({"x": x, "right": right if right.any() else at_tempo, "at_tempo": np.abs(bpm / known["bpm"] - 1) < 0.04,
                      "acc2": np.any(factors, 0), "known": known, "bpm": bpm, "found": right.any()})
    return clips


def fit(clips, l2):
    clips = [clip for clip in clips if clip["right"].any()]
    scale = np.concatenate([clip["x"] for clip in clips]).std(0) + 1e-6
    n = len(scale)

    def loss(w):
        total, grad = 0.0, np.zeros(n)
        for clip in clips:
            x = clip["x"] / scale
            s = x @ w
            p = np.exp(s - s.max())
            p /= p.sum()
            share = p[clip["right"]].sum()
            q = np.where(clip["right"], p, 0) / share
            total -= np.log(share)
            grad += x.T @ (p - q)
        return total / len(clips) + l2 * w @ w, grad / len(clips) + 2 * l2 * w

    return minimize(loss, np.zeros(n), jac=True, method="L-BFGS-B", options={"maxiter": 500}).x / scale


def judge(clips, w):
    rows = []
    for clip in clips:
        s = clip["x"] @ w
        p = np.exp(s - s.max())
        p /= p.sum()
        best = p.argmax()
        rows.append((clip["known"], clip["at_tempo"][best], clip["acc2"][best], clip["right"][best], p[clip["at_tempo"]].sum(),
                     clip["acc2"].any(), clip["found"]))
    return rows


def table(rows):
    def line(name, picked):
        if picked:
            a = np.array([[float(v) for v in row[1:]] for row in picked]).mean(0)
            print(f"{name:18} n={len(picked):4} acc1 {a[0]:.3f} acc2 {a[1]:.3f} downbeat {a[2]:.3f} p {a[3]:.3f}"
                  f" | possible acc2 {a[4]:.3f} downbeat {a[5]:.3f}")

    line("all", rows)
    for key in ("octave", "kind", "feel", "end"):
        for value in sorted({row[0][key] for row in rows}):
            line(f"{key} {value}", [row for row in rows if row[0][key] == value])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth")
    parser.add_argument("evidence")
    parser.add_argument("--l2", type=float, default=0.003)
    parser.add_argument("--check", nargs=2, metavar=("TRUTH", "EVIDENCE"), help="judge the weights on these, too")
    args = parser.parse_args()
    clips = load(args.truth, args.evidence)
    folds = np.random.default_rng(0).integers(0, 4, len(clips))
    rows = []
    for k in range(4):
        w = fit([c for c, f in zip(clips, folds) if f != k], args.l2)
        rows += judge([c for c, f in zip(clips, folds) if f == k], w)
    table(rows)
    w = fit(clips, args.l2)
    if args.check:
        print("-- checked on", args.check[0])
        table(judge(load(*args.check), w))
    print("pub(super) const WEIGHTS: [f64; EVIDENCE] = [")
    for k in range(0, len(w), 8):
        print("    " + ", ".join(f"{v:.3f}" for v in w[k : k + 8]) + ",")
    print("];")


if __name__ == "__main__":
    main()
