"""Training and held-out folders for a category: `corpus.py KITS_CSV CATEGORY OUT SEED [SIZE]`.

Real one-shots of at most 4 s come from the rows of KITS_CSV whose category is CATEGORY, but for loops and phrases; a quarter of them, drawn
by the seed, is held out (OUT/held_out), the others and as many synthesised ones as make SIZE files (default 120, 0: real files only) are
OUT/training. Everything becomes 44.1 kHz float WAV. Of bass only what has a pitch is taken, not further than two octaves from the others:
the notes go to OUT/roots.json, by name. Needs ffmpeg, and the example `one_shots` built: `cargo build --release -p dream-audio --example
one_shots`; for bass the program, too: `cargo build --release -p dream`."""
import csv, json, pathlib, random, shutil, statistics, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = ROOT / "target/release"
SYNONYMS = {"hihat": ["hihat"], "percussion": ["perc", "tom", "cymbal"]}
TONAL = {"bass"}
NO_ONE_SHOTS = {"loop", "phrase"}


def main():
    kits, category, out, seed = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4])
    size = int(sys.argv[5]) if len(sys.argv) > 5 else 120
    names = SYNONYMS.get(category, [category])
    rows = [r for r in csv.DictReader(open(kits)) if r["category"] in names and r["sub"] not in NO_ONE_SHOTS and float(r["seconds"]) <= 4.0]
    rows.sort(key=lambda r: r["sha256"])
    random.Random(seed).shuffle(rows)
    shutil.rmtree(out, ignore_errors=True)
    training, held_out, real = out / "training", out / "held_out", out / "real"
    for folder in (training, held_out, real):
        folder.mkdir(parents=True)
    for row in rows:
        subprocess.run(["ffmpeg", "-v", "error", "-i", kits.parent / row["file"], "-ar", "44100", "-ac",
                        str(min(2, int(row["channels"]))), "-c:a", "pcm_f32le", real / f"real_{row['sha256'][:12]}.wav"], check=True)
    files = [real / f"real_{row['sha256'][:12]}.wav" for row in rows]
    # Not all that is synthesised has a note.
    drawn = size * (3 if category in TONAL else 1)
    if drawn:
        subprocess.run([RELEASE / "examples/one_shots", category, str(drawn), str(seed), training], check=True)
    made = sorted(training.glob("*.wav"))
    if category in TONAL:
        roots = notes(files + made)
        middle = statistics.median(roots.values())
        roots = {name: root for name, root in roots.items() if abs(root - middle) <= 24}
        files, made = ([file for file in of if file.stem in roots] for of in (files, made))
        (out / "roots.json").write_text(json.dumps(roots, indent=1))
    wanted = set(made[:max(0, size - len(files))])
    for file in training.glob("*.wav"):
        if file not in wanted:
            file.unlink()
    held = len(files) // 4
    for i, file in enumerate(files):
        file.rename((held_out if i < held else training) / file.name)
    shutil.rmtree(real)
    synthesised = len(list(training.glob("synth_*.wav")))
    print(f"{category}: {len(files) - held} real and {synthesised} synthesised to learn from, {held} real held out")


def notes(files):
    """The MIDI note of every file that has one."""
    lines = subprocess.run([RELEASE / "dream", "--json", "analyse", *files], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in lines.splitlines():
        facts = json.loads(line)
        root = facts.get("facts", facts).get("root")
        if root is not None:
            found[pathlib.Path(facts["path"]).stem] = root
    return found


if __name__ == "__main__":
    main()
