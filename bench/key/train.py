"""Fits the key model and writes its table: `train.py FIT_DIR FIT.jsonl OUT.rs [--also DIR JSONL] [--check DIR JSONL]`.

    python synthesise.py 31 fit31 --count 4500 --fit --rate 22050 --seconds 10
    python synthesise.py 32 fit32 --count 4500 --first 2400 --fit --rate 22050 --seconds 10
    python synthesise.py 33 fit33 --count 1400 --only pad --fit --rate 22050 --seconds 10
    cargo run --release -p dream-analysis --example key_features fit31/*.wav > fit31.jsonl (and fit32, fit33)
    python train.py fit31 fit31.jsonl ../../crates/dream-analysis/src/key/table.rs --also fit32 fit32.jsonl --also fit33 fit33.jsonl

These made the committed table; none of the sounds and styles that synthesise.py holds back is among them.
One scorer sees the profiles and triads from a tonic and rates it as a major and as a minor tonic; the same weights serve
all twelve tonics, and a softmax over the 24 ratings gives the key; the ratings of two nets are averaged. A second, rotation-free one rates from the scalars
whether there is a key at all. Early stopping on a tenth of the items; temperature fitted on the same tenth.
"""
import argparse
import json
import os

import numpy as np

NAMES = "C C# D D# E F F# G G# A A# B".split()
PROFILES, TRIADS, SCALARS = 18, 3, 16
INPUTS = 12 * PROFILES + 24 * TRIADS
NETS, HIDDEN = 2, 24


def load(folder, path):
    truth = json.load(open(os.path.join(folder, "truth.json")))
    rows = [json.loads(line) for line in open(path)]
    rows = [row for row in rows if os.path.basename(row["path"]) in truth]
    return np.array([row["features"] for row in rows], np.float32), [truth[os.path.basename(row["path"])] for row in rows]


def from_tonics(features):
    """[items, 12 tonics, INPUTS]."""
    n = len(features)
    profiles = features[:, : 12 * PROFILES].reshape(n, PROFILES, 12)
    triads = features[:, 12 * PROFILES : INPUTS].reshape(n, TRIADS, 2, 12)
    views = [np.concatenate([np.roll(profiles, -t, 2).reshape(n, -1), np.roll(triads, -t, 3).reshape(n, -1)], 1) for t in range(12)]
    return np.stack(views, 1).astype(np.float32)


def labels(truth):
    out = []
    for item in truth:
        tonic, mode = item["key"].split()
        out.append(NAMES.index(tonic) * 2 + (mode == "minor"))
    return np.array(out)


class Scorer:
    """INPUTS -> HIDDEN (ReLU) -> 2, by Adam with dropout and weight decay."""

    def __init__(self, rng, inputs, hidden, outputs):
        self.p = [rng.normal(0, (2 / inputs) ** 0.5, (inputs, hidden)), np.zeros(hidden), rng.normal(0, (1 / hidden) ** 0.5, (hidden, outputs)), np.zeros(outputs)]
        self.p = [p.astype(np.float32) for p in self.p]
        self.m = [np.zeros_like(p) for p in self.p]
        self.v = [np.zeros_like(p) for p in self.p]
        self.t = 0

    def forward(self, x, rng=None, dropout=0.0):
        w1, b1, w2, b2 = self.p
        self.x = x
        if rng is not None and dropout:
            self.x = x * ((rng.random(x.shape, dtype=np.float32) > dropout) / (1 - dropout)).astype(np.float32)
        self.h = np.maximum(self.x @ w1 + b1, 0)
        self.mask = None
        if rng is not None:
            self.mask = ((rng.random(self.h.shape, dtype=np.float32) > 0.2) / 0.8).astype(np.float32)
            self.h = self.h * self.mask
        return self.h @ w2 + b2

    def step(self, g, rate, decay):
        w1, b1, w2, b2 = self.p
        flat = lambda a: a.reshape(-1, a.shape[-1])
        gh = (g @ w2.T) * (self.h > 0) * self.mask
        grads = [flat(self.x).T @ flat(gh), flat(gh).sum(0), flat(self.h).T @ flat(g), flat(g).sum(0)]
        self.t += 1
        for i, grad in enumerate(grads):
            self.m[i] = 0.9 * self.m[i] + 0.1 * grad
            self.v[i] = 0.999 * self.v[i] + 0.001 * grad**2
            update = (self.m[i] / (1 - 0.9**self.t)) / (np.sqrt(self.v[i] / (1 - 0.999**self.t)) + 1e-8)
            self.p[i] -= (rate * (update + (decay * self.p[i] if i % 2 == 0 else 0))).astype(np.float32)


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def scores(p, y):
    """Exact and MIREX."""
    got = p.argmax(1)
    step, gm, tm = (got // 2 - y // 2) % 12, got % 2, y % 2
    mirex = np.where(got == y, 1, np.where((gm == tm) & (step == 7), 0.5, np.where((gm != tm) & (step == 0), 0.2, np.where((gm != tm) & (step == np.where(tm == 1, 3, 9)), 0.3, 0))))
    return (got == y).mean(), mirex.mean()


def fit(x, y, xv, yv, seed, epochs=70, hidden=HIDDEN, decay=0.02, dropout=0.2, rate0=0.004, quiet=False):
    rng = np.random.default_rng(seed)
    net = Scorer(rng, x.shape[2], hidden, 2)
    best = (9e9, None)
    for epoch in range(epochs):
        order = rng.permutation(len(x))
        rate = rate0 * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for start in range(0, len(order), 64):
            part = order[start : start + 64]
            z = net.forward(x[part], rng, dropout).reshape(len(part), 24)
            p = softmax(z)
            p[np.arange(len(part)), y[part]] -= 1
            net.step((p / len(part)).reshape(len(part), 12, 2), rate, decay)
        p = softmax(net.forward(xv).reshape(-1, 24))
        loss = -np.log(p[np.arange(len(yv)), yv] + 1e-12).mean()
        if loss < best[0]:
            best = (loss, [w.copy() for w in net.p], epoch)
    net.p = best[1]
    if not quiet:
        print(f"  stopped at {best[2]}, loss {best[0]:.3f}", scores(softmax(net.forward(xv).reshape(-1, 24)), yv))
    return net


def tonal_head(z, y, seed=0):
    """Logistic regression with squares on the standardised scalars: mean, deviation, weights [2 * SCALARS], bias."""
    from sklearn.linear_model import LogisticRegression

    mean, deviation = z.mean(0), z.std(0) + 1e-6
    model = LogisticRegression(C=0.3, max_iter=3000).fit(squares(z, mean, deviation), y)
    return mean, deviation, model.coef_[0], float(model.intercept_[0])


def squares(z, mean, deviation):
    s = np.clip((z - mean) / deviation, -4, 4)
    return np.concatenate([s, s * s], 1)


def probability(head, z):
    mean, deviation, weights, bias = head
    return 1 / (1 + np.exp(-(squares(z, mean, deviation) @ weights + bias)))


def temperature(logits, y):
    """The divisor of the logits under which the items have the greatest likelihood."""
    losses = [(-np.log(softmax(logits / t)[np.arange(len(y)), y] + 1e-12).mean(), t) for t in np.arange(0.6, 2.5, 0.05)]
    return float(min(losses)[1])


def fix(value):
    """A number as rustfmt would leave it, to three places."""
    text = f"{value:.3f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def row(values):
    return "[" + ", ".join(fix(float(value)) for value in values) + "]"


def rust(path, nets, scale, head):
    w1, b1, w2, b2 = nets.p
    mean, deviation, weights, bias = head
    lines = ["//! The weights of the key model, made by `bench/key/train.py`.", "",
             "#![allow(clippy::approx_constant, reason = \"fitted numbers may come near a constant\")]", "", "#[rustfmt::skip]",
             "mod weights {", "    use crate::key::features::SCALARS;", "    use crate::key::model::{HIDDEN, INPUTS};", ""]
    lines += [f"    pub(in crate::key) static FIRST: [[f32; HIDDEN]; INPUTS] = ["] + [f"        {row(r)}," for r in w1] + ["    ];"]
    lines += [f"    pub(in crate::key) static FIRST_BIAS: [f32; HIDDEN] = {row(b1)};"]
    lines += [f"    pub(in crate::key) static SECOND: [[f32; 2]; HIDDEN] = [" + ", ".join(row(r) for r in w2) + "];"]
    lines += [f"    pub(in crate::key) static SECOND_BIAS: [f32; 2] = {row(b2)};"]
    lines += [f"    /// Divisor of the ratings under which they are probabilities.", f"    pub(in crate::key) const TEMPERATURE: f32 = {fix(scale)};"]
    lines += [f"    pub(in crate::key) static MEAN: [f32; SCALARS] = {row(mean)};", f"    pub(in crate::key) static DEVIATION: [f32; SCALARS] = {row(deviation)};"]
    lines += [f"    pub(in crate::key) static TONAL: [f32; 2 * SCALARS] = {row(weights)};", f"    pub(in crate::key) const TONAL_BIAS: f32 = {fix(bias)};", "}", "",
              "pub(super) use weights::*;", ""]
    open(path, "w").write("\n".join(lines))


def report(net, scale, head, features, truth):
    keyed = np.array([item["key"] is not None for item in truth])
    kinds = [item["kind"] for item in truth]
    tonal = probability(head, features[:, INPUTS : INPUTS + SCALARS])
    for group in (["cadence"], ["pad"], ["bass"], ["comp"], ["mix"], ["chord"], ["bass", "comp", "mix"]):
        pick = np.array([kind in group for kind in kinds])
        if pick.any():
            p = softmax(net.forward(from_tonics(features[pick])).reshape(-1, 24) / scale)
            print(f"{'+'.join(group):16} exact %.3f mirex %.3f" % scores(p, labels([t for t, ok in zip(truth, pick) if ok])), "called tonal %.3f" % (tonal[pick] > 0.5).mean())
    for kind in ("drums", "hit", "noise", "note"):
        pick = np.array([k == kind for k in kinds])
        if pick.any():
            print(f"{kind:16} called tonal {(tonal[pick] > 0.5).mean():.3f}")


def together(nets):
    """One net whose ratings are the mean of those of several: their hidden units side by side."""
    out = nets[0]
    out.p = [np.concatenate([n.p[0] for n in nets], 1), np.concatenate([n.p[1] for n in nets]), np.concatenate([n.p[2] for n in nets]) / len(nets), np.mean([n.p[3] for n in nets], 0)]
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("features")
    parser.add_argument("out")
    parser.add_argument("--also", nargs=2, action="append", default=[], metavar=("DIR", "JSONL"))
    parser.add_argument("--check", nargs=2, metavar=("DIR", "JSONL"))
    args = parser.parse_args()
    features, truth = load(args.folder, args.features)
    for more in args.also:
        also, also_truth = load(*more)
        features, truth = np.concatenate([features, also]), truth + also_truth
    keyed = np.array([item["key"] is not None for item in truth])
    x, y = from_tonics(features[keyed]), labels([item for item in truth if item["key"]])
    held = np.arange(len(x)) % 10 == 0
    net = together([fit(x[~held], y[~held], x[held], y[held], seed) for seed in range(NETS)])
    scale = temperature(net.forward(x[held]).reshape(-1, 24), y[held])
    head = tonal_head(features[:, INPUTS : INPUTS + SCALARS], keyed)
    print(f"{len(x)} with a key, {len(features) - len(x)} without; temperature {scale:.2f}")
    report(net, scale, head, features, truth)
    if args.check:
        print("check")
        report(net, scale, head, *load(*args.check))
    rust(args.out, net, scale, head)


if __name__ == "__main__":
    main()
