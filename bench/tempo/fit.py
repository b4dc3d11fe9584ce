"""Fits the weights of the evidence for a reading (crates/dream-analysis/src/tempo/weights.rs).

    python synthesise.py SEED FIT --set fit --each 20
    cargo run --release -p dream-analysis --example tempo_evidence -- FIT/*.wav > evidence.jsonl
    python fit.py FIT/truth.jsonl evidence.jsonl [--write crates/dream-analysis/src/tempo/weights.rs]

TRUTH and EVIDENCE may each be several files, joined by commas.

Twice: what tells a pulse rests on the best reading, so it is fitted on evidence dumped with the weights of the first run.

A conditional logit with a hidden layer: the readings at the label's tempo with the right downbeat are right (at the right tempo alone
where no reading has the right downbeat); half the logarithm of the sum of their probabilities and half that of all readings at the label's
tempo is maximised, less an L2 penalty on standardised weights. Clips whose octave is clear weigh double: the label of the others is one of
two as good. Fitted on the likeliest readings of a linear logit, from several random starts, whose mean score is one wider layer.
Phase and bar: a linear logit among the readings at the right tempo. The pulse: a logistic regression over the sounds with a tempo and those without, each class weighing half.
Prints what the weights get right in four-fold cross-validation.
"""

import argparse
import json
import pathlib

import numpy as np
from scipy.optimize import minimize


def pairs(truth_paths, evidence_paths):
    """The lines of evidence, each with its truth."""
    for truth_path, evidence_path in zip(truth_paths.split(","), evidence_paths.split(",")):
        truth = {row["file"]: row for row in map(json.loads, open(truth_path))}
        for row in map(json.loads, open(evidence_path)):
            yield row, truth[pathlib.Path(row["path"]).name]


def load(truth_path, evidence_path):
    clips = []
    for row, known in pairs(truth_path, evidence_path):
        if known["bpm"] is None or not row["readings"]:
            continue
        bpm = np.array([r[0] for r in row["readings"]])
        start = np.array([r[1] for r in row["readings"]])
        x = np.array([r[2] for r in row["readings"]])
        bar = 240 / known["bpm"]
        at_tempo = np.abs(bpm / known["bpm"] - 1) < 0.01
        off = (start - known["start_s"] + bar / 2) % bar - bar / 2
        right = at_tempo & (np.abs(off) < 0.03)
        beat = at_tempo & (np.abs((off + bar / 8) % (bar / 4) - bar / 8) < 0.03)
        factors = [np.abs(bpm / known["bpm"] / f - 1) < 0.04 for f in (1, 2, 3, 1 / 2, 1 / 3)]
        clips.append({"x": x, "right": right if right.any() else at_tempo, "at_tempo": np.abs(bpm / known["bpm"] - 1) < 0.04,
                      "acc2": np.any(factors, 0), "known": known, "bpm": bpm, "beat": beat, "found": right.any()})
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


UNITS, STARTS, LIKELIEST = 6, 4, 36
L2_UNITS = 0.004


def fit_layer(clips, l2):
    """Weights [evidence] and units: weights [units, evidence], biases, worths."""
    linear = fit(clips, 0.003)
    packed = []
    for clip in clips:
        keep = clip["right"].copy()
        keep[np.argsort(-(clip["x"] @ linear))[:LIKELIEST]] = True
        if clip["right"].any():
            packed.append((clip["x"][keep], clip["right"][keep], clip["at_tempo"][keep], 2.0 if clip["known"]["octave"] == "clear" else 1.0))
    x = np.concatenate([p[0] for p in packed])
    masks = [np.concatenate([p[k] for p in packed]).astype(float) for k in (1, 2)]
    counts = np.array([len(p[0]) for p in packed])
    starts = np.r_[0, np.cumsum(counts)[:-1]]
    weight = np.array([p[3] for p in packed])
    weight /= weight.sum()
    each = lambda values: np.repeat(values, counts)
    mean, scale = x.mean(0), x.std(0) + 1e-6
    z, d, h = (x - mean) / scale, x.shape[1], UNITS

    def parts(p):
        return p[:d], p[d : d + d * h].reshape(d, h), p[d + d * h : d + d * h + h], p[-h:]

    def loss(p):
        w, u, b, v = parts(p)
        t = np.tanh(z @ u + b)
        s = z @ w + t @ v
        e = np.exp(s - each(np.maximum.reduceat(s, starts)))
        share = e / each(np.add.reduceat(e, starts))
        total, grad = 0.0, share * each(weight)
        for mask in masks:
            q = share * mask
            told = np.add.reduceat(q, starts) + 1e-12
            total -= 0.5 * weight @ np.log(told)
            grad = grad - 0.5 * each(weight) * q / each(told)
        back = grad[:, None] * v * (1 - t * t)
        slope = [z.T @ grad + 2 * l2 * w, (z.T @ back + 2 * L2_UNITS * u).ravel(), back.sum(0), t.T @ grad + 2 * L2_UNITS * v]
        return total + l2 * w @ w + L2_UNITS * ((u * u).sum() + v @ v), np.concatenate(slope)

    found = []
    for seed in range(STARTS):
        rng = np.random.default_rng(seed)
        p = np.r_[np.zeros(d), rng.normal(0, 0.9 / np.sqrt(d), d * h), rng.normal(0, 0.3, h), rng.normal(0, 0.1, h)]
        found.append(parts(minimize(loss, p, jac=True, method="L-BFGS-B", options={"maxiter": 250}).x))
    w = np.mean([f[0] for f in found], 0) / scale
    u = np.concatenate([f[1] for f in found], 1).T / scale
    return w, u, np.concatenate([f[2] for f in found]) - u @ mean, np.concatenate([f[3] for f in found]) / STARTS


def scored(x, weights):
    """The scores of readings; `weights` are those of `fit` or of `fit_layer`."""
    if isinstance(weights, tuple):
        w, u, b, v = weights
        return x @ w + np.tanh(x @ u.T + b) @ v
    return x @ weights


def judge(clips, w):
    rows = []
    for clip in clips:
        s = scored(clip["x"], w)
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


def at_right_tempo(clips):
    picked = []
    for clip in clips:
        if clip["found"]:
            same = clip["bpm"] == clip["bpm"][clip["right"]][0]
            picked.append({"x": clip["x"][same], "right": clip["right"][same], "beat": clip["beat"][same], "known": clip["known"]})
    return picked


def phase_table(clips, w):
    for key in ("end", "kind"):
        for value in sorted({clip["known"][key] for clip in clips}):
            best = [(clip["right"][k], clip["beat"][k]) for clip in clips if clip["known"][key] == value
                    for k in [(clip["x"] @ w).argmax()]]
            print(f"phase, {key} {value:8} n={len(best):4} downbeat {np.mean([b[0] for b in best]):.3f} beat {np.mean([b[1] for b in best]):.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth")
    parser.add_argument("evidence")
    parser.add_argument("--l2", type=float, default=0.002)
    parser.add_argument("--folds", type=int, default=4, help="0 leaves the cross-validation out")
    parser.add_argument("--write", metavar="WEIGHTS.RS")
    parser.add_argument("--check", nargs=2, metavar=("TRUTH", "EVIDENCE"), help="judge the weights on these, too")
    args = parser.parse_args()
    clips = load(args.truth, args.evidence)
    folds = np.random.default_rng(0).integers(0, max(args.folds, 1), len(clips))
    rows = []
    for k in range(args.folds):
        w = fit_layer([c for c, f in zip(clips, folds) if f != k], args.l2)
        rows += judge([c for c, f in zip(clips, folds) if f == k], w)
    if rows:
        table(rows)
    w = fit_layer(clips, args.l2)
    if args.check:
        print("-- checked on", args.check[0])
        table(judge(load(*args.check), w))
    phases = at_right_tempo(clips)
    phase = fit(phases, 0.003)
    phase_table(phases, phase)
    if args.check:
        phase_table(at_right_tempo(load(*args.check)), phase)
    pulse, bias = fit_pulse(args.truth, args.evidence)
    if args.check:
        check_pulse(*args.check, pulse, bias)
    if args.write:
        pathlib.Path(args.write).write_text(RUST + constant("WEIGHTS", "EVIDENCE", w[0]) + units(*w[1:])
                                            + constant("PHASE", "EVIDENCE", phase) + constant("PULSE", "PULSE_EVIDENCE", pulse)
                                            + f"pub(super) const PULSE_BIAS: f64 = {bias:.3f};\n")


RUST = """//! Weights as `bench/tempo/fit.py` printed them.

use crate::tempo::pulse::PULSE_EVIDENCE;
use crate::tempo::reading::EVIDENCE;

"""


def constant(name, length, values):
    rows = ["    " + ", ".join(f"{v:.3f}" for v in values[k : k + 8]) + ",\n" for k in range(0, len(values), 8)]
    return f"#[rustfmt::skip]\npub(super) const {name}: [f64; {length}] = [\n" + "".join(rows) + "];\n"


def units(weights, biases, worths):
    rows = []
    for w, b, v in zip(weights, biases, worths):
        lines = ["        " + ", ".join(f"{x:.3f}" for x in w[k : k + 8]) + ",\n" for k in range(0, len(w), 8)]
        rows.append("    ([\n" + "".join(lines) + f"    ], {b:.3f}, {v:.3f}),\n")
    doc = "/// Weights, bias and worth of each unit.\n"
    return f"{doc}#[rustfmt::skip]\npub(super) const UNITS: [([f64; EVIDENCE], f64, f64); {len(rows)}] = [\n" + "".join(rows) + "];\n"


def pulses(truth_path, evidence_path):
    found = [(row["pulse"], known) for row, known in pairs(truth_path, evidence_path) if row["pulse"]]
    return np.array([pulse for pulse, _ in found]), np.array([known["bpm"] is not None for _, known in found]), [known for _, known in found]


def fit_pulse(truth_path, evidence_path):
    x, y, _ = pulses(truth_path, evidence_path)
    mean, scale = x.mean(0), x.std(0) + 1e-6
    z = (x - mean) / scale
    weight = np.where(y, 0.5 / y.sum(), 0.5 / (~y).sum())

    def loss(w):
        s = z @ w[1:] + w[0]
        return weight @ np.logaddexp(0, np.where(y, -s, s)) + 0.002 * w[1:] @ w[1:]

    w = minimize(loss, np.zeros(z.shape[1] + 1), method="L-BFGS-B").x
    right = (z @ w[1:] + w[0] > 0) == y
    print(f"pulse: n {len(y)}, with a pulse right {right[y].mean():.3f}, without {right[~y].mean():.3f}")
    return w[1:] / scale, w[0] - w[1:] @ (mean / scale)


def check_pulse(truth_path, evidence_path, pulse, bias):
    x, y, known = pulses(truth_path, evidence_path)
    right = (x @ pulse + bias > 0) == y
    print(f"pulse, checked: n {len(y)}, with a pulse right {right[y].mean():.3f}, without {right[~y].mean():.3f}")
    for row, fine in zip(known, right):
        if not fine:
            print("   ", row["file"], row["kind"], row["feel"], row["bars"], row["bpm"])


if __name__ == "__main__":
    main()
