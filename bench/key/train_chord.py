"""Fits the model of a chord's root and writes its table: `train_chord.py FIT_DIR FIT.jsonl OUT.rs [--check DIR JSONL]`.

    python chords.py 501 fit501 --count 3000 --fit
    cargo run --release -p dream-analysis --example key_features fit501/*.wav > fit501.jsonl
    python train_chord.py fit501 fit501.jsonl ../../crates/dream-analysis/src/key/chord/table.rs

One scorer sees the profiles and the triads from each of the twelve roots; a softmax over its ratings gives the root. A
logistic regression on the rating's lead and what no transposition changes gives the probability that it is right: that the
sound is a chord with this root.
"""
import argparse
import json
import os

import numpy as np

from train import PROFILES, SCALARS, INPUTS, Scorer, fix, row, softmax, squares

SEEN = [0, 1, 2, 8, 12]  # everything high, the lowest notes, everything, the raw peaks, the bass line
WIDTH = 12 * len(SEEN) + 24
HIDDEN = 12


def load(folder, path):
    truth = json.load(open(os.path.join(folder, "truth.json")))
    rows = [json.loads(line) for line in open(path)]
    return np.array([row["features"] for row in rows], np.float32), [truth[os.path.basename(row["path"])] for row in rows]


def from_roots(features):
    """[items, 12 roots, WIDTH]."""
    n = len(features)
    profiles = features[:, : 12 * PROFILES].reshape(n, PROFILES, 12)[:, SEEN]
    triads = features[:, 12 * PROFILES : 12 * PROFILES + 24].reshape(n, 2, 12)
    return np.stack([np.concatenate([np.roll(profiles, -r, 2).reshape(n, -1), np.roll(triads, -r, 2).reshape(n, -1)], 1) for r in range(12)], 1).astype(np.float32)


def fit(x, y, xv, yv, epochs=80):
    rng = np.random.default_rng(0)
    net = Scorer(rng, WIDTH, HIDDEN, 1)
    best = (9e9, None)
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        rate = 0.002 * (1 + np.cos(np.pi * epoch / epochs))
        for start in range(0, len(order), 64):
            part = order[start : start + 64]
            p = softmax(net.forward(x[part], rng, 0.1)[:, :, 0])
            p[np.arange(len(part)), y[part]] -= 1
            net.step((p / len(part))[:, :, None], rate, 0.02)
        p = softmax(net.forward(xv)[:, :, 0])
        loss = -np.log(p[np.arange(len(yv)), yv] + 1e-12).mean()
        if loss < best[0]:
            best = (loss, [w.copy() for w in net.p], epoch)
    net.p = best[1]
    print(f"stopped at {best[2]}, loss {best[0]:.3f}, right {(softmax(net.forward(xv)[:, :, 0]).argmax(1) == yv).mean():.3f}")
    return net


def evidence(net, features):
    """The root, and what says that it is right: probability, lead over the second, and the scalars."""
    p = softmax(net.forward(from_roots(features))[:, :, 0])
    ordered = np.sort(p, 1)
    lead = np.log(ordered[:, -1] + 1e-9) - np.log(ordered[:, -2] + 1e-9)
    return p.argmax(1), np.concatenate([ordered[:, -1:], np.minimum(lead, 8)[:, None], features[:, INPUTS : INPUTS + SCALARS]], 1)


def probability(head, z):
    mean, deviation, weights, bias = head
    return 1 / (1 + np.exp(-(squares(z, mean, deviation) @ weights + bias)))


def report(net, head, features, truth, least):
    roots, z = evidence(net, features)
    p = probability(head, z)
    given = p >= least
    right = np.array([t["root"] is not None and t["root"] == r for t, r in zip(truth, roots)])
    clear = np.array([t["clear"] for t in truth])
    print(f"least {least}: given {given.mean():.3f}, right of given {right[given].mean():.3f}, recall of the clear {(given & right)[clear].mean():.3f}")
    for what in ("kind", "style", "layout"):
        for value in sorted({t[what] for t in truth}):
            pick = np.array([t[what] == value for t in truth])
            shown = given & pick
            print(f"  {what:7}{value:10} n {pick.sum():4d} given {given[pick].mean():.2f} right {right[shown].mean() if shown.any() else float('nan'):.2f}")
    parts = np.array_split(np.argsort(p), 5)
    print("calibration", "  ".join(f"{p[q].mean():.2f}->{right[q].mean():.2f}" for q in parts))


def rust(path, net, head):
    w1, b1, w2, b2 = net.p
    mean, deviation, weights, bias = head
    lines = ["//! The weights of the chord model, made by `bench/key/train_chord.py`.", "",
             "#![allow(clippy::approx_constant, reason = \"fitted numbers may come near a constant\")]", "", "#[rustfmt::skip]",
             "mod weights {", "    use crate::key::chord::{EVIDENCE, HIDDEN, INPUTS};", ""]
    lines += ["    pub(in crate::key) static FIRST: [[f32; HIDDEN]; INPUTS] = ["] + [f"        {row(r)}," for r in w1] + ["    ];"]
    lines += [f"    pub(in crate::key) static FIRST_BIAS: [f32; HIDDEN] = {row(b1)};"]
    lines += [f"    pub(in crate::key) static SECOND: [f32; HIDDEN] = {row(w2[:, 0])};"]
    lines += [f"    pub(in crate::key) static MEAN: [f32; EVIDENCE] = {row(mean)};", f"    pub(in crate::key) static DEVIATION: [f32; EVIDENCE] = {row(deviation)};"]
    lines += [f"    pub(in crate::key) static CLEAR: [f32; 2 * EVIDENCE] = {row(weights)};", f"    pub(in crate::key) const CLEAR_BIAS: f32 = {fix(float(bias))};", "}", "",
              "pub(super) use weights::*;", ""]
    open(path, "w").write("\n".join(lines))


def main():
    from sklearn.linear_model import LogisticRegression

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("features")
    parser.add_argument("out")
    parser.add_argument("--least", type=float, default=0.7)
    parser.add_argument("--check", nargs=2, metavar=("DIR", "JSONL"))
    args = parser.parse_args()
    features, truth = load(args.folder, args.features)
    rooted = np.array([t["root"] is not None for t in truth])
    clear = np.array([t["clear"] for t in truth])
    held = np.arange(len(truth)) % 4 == 0
    x, y = from_roots(features), np.array([t["root"] or 0 for t in truth])
    # The scorer learns from what is clear; the head, from items it has not seen, what is not.
    net = fit(x[clear & ~held], y[clear & ~held], x[clear & held], y[clear & held])
    roots, z = evidence(net, features)
    right = rooted & (roots == y)
    mean, deviation = z[held].mean(0), z[held].std(0) + 1e-6
    model = LogisticRegression(C=0.1, max_iter=5000).fit(squares(z[held], mean, deviation), right[held])
    head = mean, deviation, model.coef_[0], float(model.intercept_[0])
    report(net, head, features[held], [t for t, h in zip(truth, held) if h], args.least)
    if args.check:
        print("check")
        report(net, head, *load(*args.check), args.least)
    rust(args.out, net, head)


if __name__ == "__main__":
    main()
