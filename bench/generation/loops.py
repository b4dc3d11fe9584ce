"""Generated loops, measured apart from the engine: `loops.py DREAM HOME OUT CATEGORIES SEEDS [COUNT]`.

Per category and seed (lists with commas) the loops of the library in HOME are learned (`dream train C --form loop`), COUNT loops (default 40) are
dreamed of each mode, and measured from their WAV files. HOME is changed: give it a copy. Medians over the seeds are printed and all figures left
in OUT/loops.json.
exact: share of loops of exactly round(bars * 240 / bpm * 44100) frames; seam: the largest step from end to start over the 99.9th percentile
of all steps; vs, vs_parents, vs_loss: vector strength of the onsets (librosa, the loop played twice, the second time heard) on the sixteenths, of the
loops, of their parents by weight, and the median difference; s_per_loop: wall time with analysis and storage.
held_out_db: error of the envelopes of bars of held-out loops, by training. Per bar, described by 64 mel bands in 16 steps: fad, kad (to all
real bars; floors between learned and held out), density, coverage (k = 5); novelty: distance to the nearest learned bar, in units of
how far a learned bar lies from the nearest of another loop; copies: share below 0.2."""
import json, pathlib, statistics, struct, subprocess, sys, time
import librosa
import numpy as np
import soundfile as sf
import metrics

RATE = 44100
MODES = {"random": [], "interpolated": ["--mode", "interpolated"]}


def dream(binary, home, *args):
    run = subprocess.run([binary, "--home", home, "--json", *map(str, args)], capture_output=True, text=True)
    if run.returncode and not run.stdout:
        sys.exit(run.stderr)
    return run.stdout


class Loop:
    """A stem of the library as whole bars."""

    def __init__(self, path, bpm, bars, span=None):
        x, rate = sf.read(path, dtype="float64", always_2d=True)
        assert rate == RATE, path
        self.whole = x
        if span:
            x = x[round(span[0] * RATE):round(span[1] * RATE)]
        self.x, self.bpm, self.bars = x, bpm, bars

    def exact(self):
        return len(self.x) == round(self.bars * 240 / self.bpm * RATE)

    def seam(self):
        steps = np.abs(np.diff(self.x, axis=0))
        usual = np.maximum(np.quantile(steps, 0.999, axis=0), 1e-9)
        return float((np.abs(self.x[0] - self.x[-1]) / usual).max())

    def strength(self):
        mono = np.tile(self.x.mean(axis=1), 2)
        onsets = librosa.onset.onset_detect(y=mono.astype(np.float32), sr=RATE, hop_length=128, units="samples")
        onsets = onsets[onsets >= len(self.x) - 2000] - len(self.x)
        step = len(self.x) / (16 * self.bars)
        return float(np.abs(np.exp(2j * np.pi * onsets / step).mean())) if len(onsets) > 3 else None

    def describe(self):
        """Per bar 1024 levels in dB: 64 mel bands in 16 steps, not below the loudest - 70."""
        mono = self.x.mean(axis=1)
        n = len(mono)
        mono = mono / np.sqrt((mono ** 2).sum() / self.bars + 1e-12)
        power = np.abs(metrics.stft(mono, 1024, 128)) ** 2 @ MEL.T
        edges = np.round(np.linspace(0, n / 128, 16 * self.bars + 1)).astype(int)
        levels = 10 * np.log10(np.stack([power[a:b].mean(axis=0) for a, b in zip(edges[:-1], edges[1:])]) + 1e-12)
        return np.maximum(levels, levels.max() - 70).reshape(self.bars, -1)


MEL = metrics.mel(1024, 64)


def card(home, category):
    raw = (pathlib.Path(home) / f"models/{category}_loop_vae.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    return json.loads(json.loads(raw[8:8 + size])["__metadata__"]["kwargs"])


def library(binary, home, category):
    """The loops of a category: their numbers by their hashes."""
    return {s["content_hash"]: s["id"] for s in json.loads(dream(binary, home, "stems", "list", "--category", category, "--form", "loop"))}


def loop_of(binary, home, stem, cache):
    if stem not in cache:
        shown = json.loads(dream(binary, home, "stems", "show", stem))
        cache[stem] = Loop(shown["path"], shown["bpm"], shown["bars"], shown["facts"].get("loop_points_s"))
    return cache[stem]


def measure(binary, home, category, seed, count):
    trained = [json.loads(line) for line in dream(binary, home, "train", category, "--form", "loop", "--seed", seed).splitlines()]
    model = trained[-1]["models"][0]
    header = card(home, category)
    by_hash, cache = library(binary, home, category), {}
    bars = [(name.rsplit("#", 1)[0], int(name.rsplit("#", 1)[1])) for name in header["stems"]]
    rows = {h: loop_of(binary, home, by_hash[h], cache).describe() for h in dict.fromkeys(h for h, _ in bars)}
    held = set(header["held_out"])
    part = lambda keep: [(h, rows[h][b]) for i, (h, b) in enumerate(bars) if (i in held) == keep]
    learned, others = part(False), part(True)
    space = metrics.Space(np.stack([row for _, row in learned + others]))
    t, h = space(np.stack([r for _, r in learned])), space(np.stack([r for _, r in others])) if others else None
    real = np.concatenate([t, h]) if others else t
    apart = metrics.distances(t, t)
    names = np.array([name for name, _ in learned])
    apart[names[:, None] == names[None]] = np.inf
    unit = float(np.median(apart.min(axis=1)))
    found = {"loops": len(rows), "bars": len(bars), "held_out_bars": len(others), "method": model["method"],
             "held_out_db": model["held_out_db"], "training_db": model["training_db"]}
    if others:
        found["fad_floor"], found["kad_floor"] = metrics.fad(t, h), metrics.kad(h, t)
        found["novelty_held_out"] = float(np.median(metrics.distances(h, t).min(axis=1)) / unit)
    for mode, options in MODES.items():
        begun = time.time()
        out = dream(binary, home, "generate", category, "--form", "loop", "-n", count, "--seed", seed, *options)
        took = time.time() - begun
        made = [json.loads(line) for line in out.splitlines()]
        report, made = made[-1], made[:-1]
        loops = [Loop(row["path"], row["bpm"], row["bars"]) for row in made]
        g = space(np.concatenate([loop.describe() for loop in loops]))
        nearest = metrics.distances(g, t).min(axis=1) / unit
        strengths = []
        for row, loop in zip(made, loops):
            own = [(p["weight"], loop_of(binary, home, p["stem"], cache).strength()) for p in row["parents"]]
            if loop.strength() is not None and all(s is not None for _, s in own):
                strengths.append((loop.strength(), sum(w * s for w, s in own)))
        pairs = np.array(strengths)
        density, coverage = metrics.density_coverage(g, real)
        figures = {
            "made": len(made), "acceptance": report["acceptance"], "exact": float(np.mean([loop.exact() for loop in loops])),
            "seam_max": max(loop.seam() for loop in loops), "vs": float(np.median(pairs[:, 0])),
            "vs_parents": float(np.median(pairs[:, 1])), "vs_loss": float(np.median(pairs[:, 1] - pairs[:, 0])),
            "vs_loss_mean": float(np.mean(pairs[:, 1] - pairs[:, 0])), "n_vs": len(pairs),
            "fad": metrics.fad(g, real), "kad": metrics.kad(g, real), "density": density, "coverage": coverage,
            "novelty": float(np.median(nearest)), "copies": float((nearest < 0.2).mean()), "s_per_loop": took / len(made)}
        print(category, seed, mode, report["refused"], file=sys.stderr)
        found.update({f"{mode}_{k}": v for k, v in figures.items()})
        # Another seed learns from the same library.
        dream(binary, home, "stems", "rm", *[row["id"] for row in made])
    return found


def main():
    binary, home, out, categories, seeds = sys.argv[1:6]
    count = int(sys.argv[6]) if len(sys.argv) > 6 else 40
    results = {c: [measure(binary, home, c, int(s), count) for s in seeds.split(",")] for c in categories.split(",")}
    pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    pathlib.Path(out, "loops.json").write_text(json.dumps(results, indent=1))
    for category, figures in results.items():
        print(f"\n{category}, {len(figures)} seeds")
        for name in figures[0]:
            values = [f[name] for f in figures]
            middle = values[0] if isinstance(values[0], str) or values[0] is None else round(statistics.median(values), 3)
            print(f"{name:>28} {middle}")


if __name__ == "__main__":
    main()
