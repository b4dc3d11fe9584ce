"""Our models against the two opponents: `compare.py KITS_CSV TORCH_PYTHON OUT CATEGORIES SEEDS [SIZE [SECONDS]]`.

CATEGORIES and SEEDS are lists with commas. Per category and seed the same files, split (see corpus.py, SIZE as there) and processor time go to
original, repaired (opponents.py, SECONDS, default 30) and ours (the example `vae`: 100 epochs, whatever time they take); 100 sounds are drawn of
each and judged by metrics.py, and 16 ways between two sounds of ours. What the opponents made is kept in OUT and not made again while files, seed and SECONDS are the same.
Prints a table of medians over the seeds per category and leaves all figures in OUT/results_SIZE.json."""
import hashlib, json, pathlib, statistics, subprocess, sys
import metrics

HERE = pathlib.Path(__file__).resolve().parent
VAE = HERE.parents[1] / "target/release/examples/vae"
COUNT = 100


def main():
    kits, torch_python, out, categories, seeds = sys.argv[1:6]
    size = sys.argv[6] if len(sys.argv) > 6 else "120"
    seconds = sys.argv[7] if len(sys.argv) > 7 else "30"
    results, walks = {}, {}
    for category in categories.split(","):
        for seed in seeds.split(","):
            folder = pathlib.Path(out) / f"{category}_{size}_{seed}"
            corpus = folder / "corpus"
            say([sys.executable, HERE / "corpus.py", kits, category, corpus, seed, size])
            training, held_out = corpus / "training", corpus / "held_out"
            key = digest(corpus, seed, seconds)
            for kind in ("original", "repaired"):
                made = folder / kind / "made_of.txt"
                if not made.exists() or made.read_text() != key:
                    say([torch_python, HERE / "opponents.py", kind, training, held_out, folder / kind, COUNT, seed, seconds])
                    made.write_text(key)
            say([VAE, training, held_out, folder / "ours", COUNT, seed])
            for kind, suffix in (("original", ""), ("repaired", ""), ("ours", ""), ("ours", "_phase")):
                made = folder / kind
                figures = metrics.judge(training, held_out, made / f"held_out{suffix}", made / f"random{suffix}")
                results.setdefault(category, {}).setdefault(kind + suffix, []).append(figures)
            walks.setdefault(category, []).append(metrics.walks(folder / "ours/walk", training, held_out))
            pathlib.Path(out, f"results_{size}.json").write_text(json.dumps({"results": results, "walks": walks}, indent=1))
    for category, kinds in results.items():
        names = list(next(iter(kinds.values()))[0])
        print(f"\n{category}\n" + "".join(f"{n:>18}" for n in ["", *kinds]))
        for name in names:
            print(f"{name:>18}" + "".join(f"{statistics.median(f[name] for f in figures):18.3f}" for figures in kinds.values()))
        print("ours, between two: " + ", ".join(f"{name} {statistics.median(w[name] for w in walks[category]):.3f}" for name in walks[category][0]))


def digest(corpus, *settings):
    """What the opponents' work depends on."""
    sha = hashlib.sha256((HERE / "opponents.py").read_bytes())
    for path in sorted(corpus.rglob("*.wav")):
        sha.update(path.relative_to(corpus).as_posix().encode() + hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest() + "\n" + " ".join(settings)


def say(command):
    print(subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout.strip(), file=sys.stderr)


if __name__ == "__main__":
    main()
