"""What becomes of a category that learns from its own dreams: `cycle.py DREAM KITS_CSV OUT CATEGORY SEEDS [ROUNDS [KEEP]]`.

SEEDS is a list with commas. Per seed the corpus of corpus.py (a quarter of the real files held out) goes into a fresh home, and three
loops start from it: `dream cycle` as it is, one with `--fully-synthetic --no-guard`, and one with `--fully-synthetic` alone. Per round
and loop: acceptance of the gate, diversity and distance from the stems that were not dreamed as the engine's guard has them, mean
pairwise distance of the stems kept (in the space of metrics.py), and of 100 fresh dreams of the round's model their acceptance,
KAD x 1000 against the held-out real files, and their mean pairwise distance. Prints medians over the seeds; all figures are left in
OUT/results.json."""
import json, pathlib, shutil, statistics, subprocess, sys
import numpy as np
import metrics

HERE = pathlib.Path(__file__).resolve().parent
LOOPS = {"cycle": [], "synthetic, no guard": ["--fully-synthetic", "--no-guard"], "synthetic": ["--fully-synthetic"]}


def main():
    dream, kits, out, category, seeds = sys.argv[1:6]
    rounds, keep = (sys.argv[6:] + ["6", "10"][len(sys.argv) - 6:])[:2]
    results = {name: [] for name in LOOPS}
    for seed in seeds.split(","):
        folder = pathlib.Path(out) / seed
        subprocess.run([sys.executable, HERE / "corpus.py", kits, category, folder, seed], check=True)
        base = folder / "home"
        ask(dream, base, "ingest", folder / "training", "--category", category)
        for name, options in LOOPS.items():
            results[name].append(loop(dream, folder, base, category, [*options, "--rounds", rounds, "--keep", keep, "--seed", seed]))
            pathlib.Path(out, "results.json").write_text(json.dumps(results, indent=1))
    for name, runs in results.items():
        print(f"\n{name}: {[len(run) for run in runs]} rounds, ended by {[run[-1]['fallen'] for run in runs]}")
        for number in range(max(map(len, runs))):
            there = [run[number] for run in runs if len(run) > number]
            print(number + 1, {key: round(statistics.median(run[key] for run in there), 3) for key in there[0] if key != "fallen"}, f"n {len(there)}")


def loop(dream, folder, base, category, options):
    home = fresh(base, folder / "cycle")
    model = home / "models" / f"{category}_vae.safetensors"
    command = [dream, "--home", home, "--json", "cycle", "--category", category, *options]
    told = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            line = json.loads(line)
            if "round" in line:
                # The next round's model comes seconds later.
                shutil.copy(model, folder / f"model_{line['round']}")
                told.append(line)
    paths = {stem["id"]: stem["path"] for stem in ask(dream, home, "stems", "list", "--source", "generated")[0]}
    real = [metrics.aligned(metrics.load(path)) for name in ("training", "held_out") for path in sorted((folder / name).glob("*.wav"))]
    described = np.stack([metrics.describe(x) for x in real])
    space = metrics.Space(described)
    held = space(described[-len(list((folder / "held_out").glob("*.wav"))):])
    rows = []
    for line in told:
        probe = fresh(home, folder / "probe")
        shutil.copy(folder / f"model_{line['round']}", probe / "models" / model.name)
        shutil.rmtree(probe / "generated_stems")
        report = ask(dream, probe, "generate", category, "-n", "100", "--seed", "7")[-1]
        dreams = space(features((probe / "generated_stems" / category).glob("*.wav")))
        kept = space(features(paths[stem] for stem in line["kept"]))
        rows.append({"acceptance": line["acceptance"], "acceptance_100": report["acceptance"], "diversity_db": line["diversity"],
                     "away_db": line["away"], "kept_apart": apart(kept), "kad_held_out": metrics.kad(dreams, held),
                     "dreams_apart": apart(dreams), "fallen": line["fallen"]})
    return rows


def ask(dream, home, *args):
    run = subprocess.run([dream, "--home", home, "--json", *map(str, args)], stdout=subprocess.PIPE, text=True)
    # A few dreams that were refused eight times are no failure.
    assert run.returncode in (0, 1) and run.stdout, run
    return [json.loads(line) for line in run.stdout.splitlines()]


def fresh(source, target):
    shutil.rmtree(target, ignore_errors=True)
    return pathlib.Path(shutil.copytree(source, target))


def features(paths):
    return np.stack([metrics.describe(metrics.aligned(metrics.load(path))) for path in sorted(paths)])


def apart(rows):
    d = metrics.distances(rows, rows)
    return float(d[np.triu_indices(len(rows), 1)].mean())


if __name__ == "__main__":
    main()
