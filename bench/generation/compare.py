"""Our models against the two opponents: `compare.py KITS_CSV TORCH_PYTHON OUT CATEGORIES SEEDS [SIZE [SECONDS]]`.

CATEGORIES and SEEDS are lists with commas. Per category and seed the same files, split (see corpus.py, SIZE as there) and processor time go to
original, repaired (opponents.py, SECONDS, default 30) and ours (the example `vae`: 100 epochs, whatever time they take); 100 sounds are drawn of
each and judged by metrics.py. Prints a table of medians over the seeds per category and leaves all figures in OUT/results.json."""
import json, pathlib, statistics, subprocess, sys
import metrics

HERE = pathlib.Path(__file__).resolve().parent
VAE = HERE.parents[1] / "target/release/examples/vae"
COUNT = 100


def main():
    kits, torch_python, out, categories, seeds = sys.argv[1:6]
    size = sys.argv[6] if len(sys.argv) > 6 else "120"
    seconds = sys.argv[7] if len(sys.argv) > 7 else "30"
    results = {}
    for category in categories.split(","):
        for seed in seeds.split(","):
            folder = pathlib.Path(out) / f"{category}_{size}_{seed}"
            print(subprocess.run([sys.executable, HERE / "corpus.py", kits, category, folder, seed, size],
                                 check=True, capture_output=True, text=True).stdout.strip(), file=sys.stderr)
            training, held_out = folder / "training", folder / "held_out"
            for kind in ("original", "repaired"):
                run([torch_python, HERE / "opponents.py", kind, training, held_out, folder / kind, COUNT, seed, seconds])
            run([VAE, training, held_out, folder / "ours", COUNT, seed])
            for kind, suffix in (("original", ""), ("repaired", ""), ("ours", ""), ("ours", "_phase")):
                made = folder / kind
                figures = metrics.judge(training, held_out, made / f"held_out{suffix}", made / f"random{suffix}")
                results.setdefault(category, {}).setdefault(kind + suffix, []).append(figures)
            pathlib.Path(out, "results.json").write_text(json.dumps(results, indent=1))
    for category, kinds in results.items():
        names = list(next(iter(kinds.values()))[0])
        print(f"\n{category}\n" + "".join(f"{n:>18}" for n in ["", *kinds]))
        for name in names:
            print(f"{name:>18}" + "".join(f"{statistics.median(f[name] for f in figures):18.3f}" for figures in kinds.values()))


def run(command):
    print(subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout.strip(), file=sys.stderr)


if __name__ == "__main__":
    main()
