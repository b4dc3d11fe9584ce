"""Training and held-out folders for a category: `corpus.py KITS_CSV CATEGORY OUT SEED [SIZE]`.

Real one-shots of at most 4 s come from the rows of KITS_CSV whose category is CATEGORY; a quarter of them, drawn by the seed, is held
out (OUT/held_out), the others and as many synthesised ones as make SIZE files (default 120, 0: real files only) are OUT/training.
Everything becomes 44.1 kHz float WAV. Needs ffmpeg, and the example `one_shots` built:
`cargo build --release -p dream-audio --example one_shots`."""
import csv, pathlib, random, shutil, subprocess, sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYNONYMS = {"hihat": ["hihat"], "percussion": ["perc", "tom", "cymbal"]}


def main():
    kits, category, out, seed = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4])
    size = int(sys.argv[5]) if len(sys.argv) > 5 else 120
    names = SYNONYMS.get(category, [category])
    rows = [r for r in csv.DictReader(open(kits)) if r["category"] in names and float(r["seconds"]) <= 4.0]
    rows.sort(key=lambda r: r["sha256"])
    random.Random(seed).shuffle(rows)
    held = len(rows) // 4
    shutil.rmtree(out, ignore_errors=True)
    for folder in ("training", "held_out"):
        (out / folder).mkdir(parents=True)
    for i, row in enumerate(rows):
        target = out / ("held_out" if i < held else "training") / f"real_{row['sha256'][:12]}.wav"
        subprocess.run(["ffmpeg", "-v", "error", "-i", kits.parent / row["file"], "-ar", "44100", "-ac",
                        str(min(2, int(row["channels"]))), "-c:a", "pcm_f32le", target], check=True)
    missing = size - len(rows)
    if missing > 0:
        subprocess.run([ROOT / "target/release/examples/one_shots", category, str(missing), str(seed), out / "training"], check=True)
    print(f"{category}: {len(rows) - held} real and {max(missing, 0)} synthesised to learn from, {held} real held out")


if __name__ == "__main__":
    main()
