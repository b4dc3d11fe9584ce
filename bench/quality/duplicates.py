"""Near-duplicates: eight alterations of 60 sounds against each other and against all other sounds.

    cargo build --release -p dream-analysis --example fingerprint_dir
    python bench/quality/duplicates.py JUDGE SOUNDS TRUTH.csv WORK [THRESHOLD]

JUDGE is the example, WORK a folder for the altered copies (kept, made once). A pair is right when both files come from the same
sound. Prints recall per alteration (against the original) and over all pairs of copies, precision at the threshold, and
the strangers that are most alike. Sounds that are equal to begin with (correlation of their samples over 0.99) count as one. Needs
ffmpeg.
"""
import collections
import csv
import json
import pathlib
import subprocess
import sys

import numpy as np
import soundfile as sf
from defects import RATE, chosen, read
from scipy.signal import sosfilt

sys.path.insert(0, str(pathlib.Path(__file__).parent))


def shelf(hz, db, high):
    """Second-order shelf after R. Bristow-Johnson's cookbook."""
    a, w = 10 ** (db / 40), 2 * np.pi * hz / RATE
    cos, alpha = np.cos(w), np.sin(w) / np.sqrt(2)
    s = -1 if high else 1
    root = 2 * np.sqrt(a) * alpha
    b = [a * (a + 1 - s * (a - 1) * cos + root), s * 2 * a * (a - 1 - s * (a + 1) * cos), a * (a + 1 - s * (a - 1) * cos - root)]
    d = [a + 1 + s * (a - 1) * cos + root, -s * 2 * (a - 1 + s * (a + 1) * cos), a + 1 + s * (a - 1) * cos - root]
    return np.array([[*(v / d[0] for v in b), *(v / d[0] for v in d)]])


def coded(extension, *options):
    def apply(x, path):
        sf.write(path, x, RATE, subtype="PCM_16")
        out = path.with_suffix(extension)
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(path), *options, str(out)], check=True)
        path.unlink()

    return apply


def written(change):
    return lambda x, path: sf.write(path, change(x), RATE, subtype="PCM_16")


def trimmed(x):
    """Silence 50 dB below the peak cut off at both ends, then 0.3 s added at the end."""
    loud = np.flatnonzero(np.abs(x).max(axis=1) > 0.00316 * np.abs(x).max())
    return np.vstack([x[loud[0] : loud[-1] + 1], np.zeros((RATE * 3 // 10, x.shape[1]))])


ALTERATIONS = {
    "mp3_96": coded(".mp3", "-b:a", "96k"),
    "ogg_q1": coded(".ogg", "-c:a", "libvorbis", "-q:a", "1"),
    "gain": written(lambda x: x * 10 ** (-11 / 20)),
    "trimmed": written(trimmed),
    "offset": written(lambda x: np.vstack([np.zeros((int(0.137 * RATE), x.shape[1])), x])),
    "rate_32k": coded(".low.wav", "-ar", "32000"),
    "channels": written(lambda x: x.mean(axis=1, keepdims=True) if x.shape[1] > 1 else np.repeat(x, 2, axis=1)),
    "eq": written(lambda x: sosfilt(np.vstack([shelf(200, -3, False), shelf(4000, 3, True)]), x, axis=0) * 0.7),
}


def main():
    program, sounds, truth, work = sys.argv[1], *map(pathlib.Path, sys.argv[2:5])
    threshold = float(sys.argv[5]) if len(sys.argv) > 5 else 0.77
    work.mkdir(parents=True, exist_ok=True)
    rows = list(csv.DictReader(open(truth)))
    for row in chosen(rows, 60):
        name = pathlib.Path(row["anon_name"]).stem
        if any(work.glob(f"{name}.eq.*")):
            continue
        x = read(sounds / row["anon_name"])
        for alteration, apply in ALTERATIONS.items():
            apply(x, work / f"{name}.{alteration}.wav")
    files = sorted(sounds.iterdir()) + sorted(work.iterdir())
    kind = {row["anon_name"].split(".")[0]: row["category"] for row in rows}
    lines = subprocess.run([program, *map(str, files)], capture_output=True, text=True, check=True).stdout
    pairs = {}
    for line in lines.splitlines():
        pair = json.loads(line)
        pairs[frozenset(pathlib.Path(pair[k]).name for k in "ab")] = pair

    def base(file):
        return file.split(".")[0]

    groups = collections.defaultdict(list)
    for file in files:
        groups[base(file.name)].append(file.name)
    hits, by_alteration = [], collections.defaultdict(list)
    for name, members in groups.items():
        for i, a in enumerate(members):
            for b in members[i + 1 :]:
                pair = pairs.get(frozenset((a, b)), {"similarity": 0.0, "candidate": False})
                hit = pair["similarity"] >= threshold and pair["candidate"]
                hits.append(hit)
                if len(a.split(".")) == 2:
                    by_alteration[b.split(".")[1]].append((hit, pair["similarity"], pair["candidate"], b))
    for alteration, results in by_alteration.items():
        missed = [(f"{b} {s:.2f} {c}") for hit, s, c, b in results if not hit]
        print(f"{alteration:10} recall {np.mean([hit for hit, *_ in results]):.3f} of {len(results)}, missed {missed[:8]}")
    strangers = collections.defaultdict(float)
    wrong = 0
    for names, pair in pairs.items():
        a, b = sorted(names)
        if base(a) != base(b) and pair["candidate"]:
            key = tuple(sorted((base(a), base(b))))
            strangers[key] = max(strangers[key], pair["similarity"])
            wrong += pair["similarity"] >= threshold
    right = sum(hits)
    n = len(files)
    print(f"all pairs of {n} files: {len(hits)} right ones, recall {right / len(hits):.4f}")
    print(f"precision {right / max(1, right + wrong):.4f} ({wrong} wrong of {n * (n - 1) // 2 - len(hits)} pairs of strangers)")
    for (a, b), value in sorted(strangers.items(), key=lambda item: -item[1])[:25]:
        print(f"  {value:.3f} {a} {kind[a]} {b} {kind[b]}")


if __name__ == "__main__":
    main()
