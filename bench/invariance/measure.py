"""How many facts of real sounds change when the sound does not.

    python bench/invariance/measure.py DREAM FOLDER [--count 60] [--list FACT]

DREAM is the release binary, FOLDER holds audio files. Of `count` files, evenly spread over the sorted names, this writes a
float WAV at 44.1 kHz with a peak of 0.2, and from it: 12 dB more, 12 dB less, the other polarity, swapped
channels, 48 kHz and 96 kHz (by sox), 3 samples later and earlier. All are analysed without their names. Printed per
fact and change: the share of files whose fact differs beyond the tolerance that `dream_analysis::analyse` states,
read from its unit tests. Sounds
that lie in good part above 19.5 kHz, which no other rate keeps, are left out of the changes of rate, and counted.
`--list FACT` prints the files and values behind the numbers of one fact.
"""

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile as sf

RATE = 44_100
CHANGES = ["+12 dB", "-12 dB", "polarity", "swap", "48 kHz", "96 kHz", "+3", "-3"]
GAIN = {"+12 dB": 12.0, "-12 dB": -12.0}
# The tolerances are those of the unit tests: absolute, and as a share of the value.
TESTS = (Path(__file__).parents[2] / "crates/dream-analysis/src/tests/invariance.rs").read_text()
EDGE_S, QUIET_LUFS = (float(re.search(rf"const {name}: f64 = (-?[0-9.]+);", TESTS)[1]) for name in ("EDGE_S", "QUIET_LUFS"))
TOLERANCES = {
    fact: (EDGE_S if absolute == "EDGE_S" else float(absolute), float(share))
    for fact, absolute, share in re.findall(r'^    \("([a-z0-9_ ]+)", ([A-Z_]+|[0-9.]+), ([0-9.]+)\),$', TESTS, re.MULTILINE)
}
WORDS = ["form", "category", "bpm_varies", "key", "defects", "tags"]
# What is given from a least confidence on may come and go up to this one.
DECIDED = {
    "category": ("category_confidence", 0.5, ["category", "tags"]),
    "bpm": ("bpm_confidence", 0.35, ["bpm", "bpm_confidence", "bpm_varies", "beats_s", "downbeats_s", "bars", "loop_points_s", "form", "form_confidence", "tags", "drum_voices", "neuromorphic"]),
    "key": ("key_confidence", 0.4, ["key", "key_confidence"]),
    "root": ("root_confidence", 0.6, ["root", "root_confidence"]),
}
CHORD_ROOT, CHORD_FOLLOWS = 0.9, ["root", "root_confidence", "tags"]
# A sound with more than this share of its treble (first difference) above what another rate keeps is left out there.
KEPT_HZ, LOST_SHARE = 19_500, 0.15
# Tags this close to their percentile may come and go.
TAG_PERCENTILE, TAG_MARGIN = 0.84, 0.03
# Parts of the quality that are about single samples, and the changes that move these.
OF_SAMPLES = {"truncated_start": ["48 kHz", "96 kHz", "-3"], "truncated_end": ["48 kHz", "96 kHz"], "intersample_clipping": ["48 kHz", "96 kHz"]}
FACTS = [fact for fact in TOLERANCES if " " not in fact] + WORDS


def variants(path, folder, name):
    """Writes the file and its changes; returns their paths, the unchanged one first."""
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-f", "wav", "-c:a", "pcm_f32le", "-ar", str(RATE), "-"],
        capture_output=True, check=True,
    ).stdout
    decoded = folder / f"{name}.wav"
    decoded.write_bytes(raw)
    x, _ = sf.read(decoded, dtype="float32", always_2d=True)
    x = x[:, :2]
    peak = np.abs(x).max(initial=0)
    if len(x) < 100 or peak == 0:
        return None
    x = x * (0.2 / peak)
    louder = 10 ** (12 / 20)
    made = {
        "base": x, "+12 dB": x * louder, "-12 dB": x / louder, "polarity": -x, "swap": x[:, ::-1],
        "+3": np.vstack([np.zeros((3, x.shape[1]), np.float32), x]), "-3": x[3:],
    }
    paths = {}
    for change, samples in made.items():
        paths[change] = folder / f"{name}_{change.replace(' ', '')}.wav"
        sf.write(paths[change], samples, RATE, subtype="FLOAT")
    for rate in (48, 96):
        out = folder / f"{name}_{rate}k.wav"
        subprocess.run(["sox", "-V1", paths["base"], out, "rate", "-v", str(rate * 1000)], check=True)
        paths[f"{rate} kHz"] = out
    return [paths["base"]] + [paths[change] for change in CHANGES]


def is_lost(path):
    """Whether another rate loses much of the sound."""
    x, rate = sf.read(path, dtype="float64", always_2d=True)
    power = (np.abs(np.fft.rfft(np.diff(x, axis=0), axis=0)) ** 2).sum(axis=1)
    hz = np.fft.rfftfreq(len(x) - 1, 1 / rate)
    return power[hz > KEPT_HZ].sum() > LOST_SHARE * power.sum()


def close(fact, old, new):
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(close(f"{fact} {k}" if f"{fact} {k}" in TOLERANCES else fact, old[k], new[k]) for k in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(close(fact, a, b) for a, b in zip(old, new))
    if fact in WORDS or old is None or new is None or isinstance(old, (str, bool)):
        return old == new
    absolute, relative = TOLERANCES[fact]
    return abs(old - new) <= absolute + relative * abs(old)


def prepared(facts, change):
    """The facts without what the change may alter, as `analyse` states."""
    facts = dict(facts)
    gain = GAIN.get(change, 0.0)
    facts["true_peak_dbtp"] -= gain
    if facts["loudness_lufs"] is not None:
        facts["loudness_lufs"] -= gain
    end = facts["duration_s"] - EDGE_S
    for beats in ("beats_s", "downbeats_s"):
        facts[beats] = [t for t in facts[beats] if EDGE_S < t < end]
    sure = {tag for tag, percentile in facts["tag_percentiles"].items() if percentile > TAG_PERCENTILE + TAG_MARGIN}
    facts["tags"] = sorted(set(facts["tags"]) - set(facts["tag_percentiles"]) | sure)
    return facts


def differing(old, new, change):
    """Names of the facts that differ beyond the tolerances."""
    old, new = prepared(old, ""), prepared(new, change)
    # A tag that one of the two is sure of may be near its percentile in the other.
    near = set(old["tag_percentiles"]) & set(new["tag_percentiles"])
    for facts, other in ((old, new), (new, old)):
        facts["tags"] = sorted(set(facts["tags"]) | near & set(other["tags"]))
    for facts in (old, new):
        facts["tag_percentiles"] = {tag: facts["tag_percentiles"][tag] for tag in sorted(near)}
        parts = dict(facts["quality_parts"])
        for part, changes in OF_SAMPLES.items():
            if change in changes:
                facts["quality"] /= max(parts.pop(part), 1e-9)
                facts["defects"] = [defect for defect in facts["defects"] if defect != part]
        facts["quality_parts"] = parts
    differ = [fact for fact in FACTS if not close(fact, old[fact], new[fact])]
    quiet = "loudness_lufs quiet one_shot" if old["form"] == "one_shot" else "loudness_lufs quiet"
    if "loudness_lufs" in differ and old["loudness_lufs"] < QUIET_LUFS and close(quiet, old["loudness_lufs"], new["loudness_lufs"]):
        differ.remove("loudness_lufs")
    chord = "chord" in old["tags"] + new["tags"]
    for fact, (confidence, least, follows) in DECIDED.items():
        if fact == "root" and chord:
            least, follows = CHORD_ROOT, CHORD_FOLLOWS
        decided = old[fact] != new[fact] if fact == "category" else (old[fact] is None) != (new[fact] is None)
        if decided and max(old[confidence], new[confidence]) < least:
            differ = [other for other in differ if other not in follows]
    return differ, old, new


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dream")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--list", metavar="FACT", default="")
    args = parser.parse_args()
    files = sorted(path for path in args.folder.iterdir() if path.is_file())
    files = [files[i * len(files) // args.count] for i in range(min(args.count, len(files)))]
    count = left_out = 0
    changed = {fact: dict.fromkeys(CHANGES, 0) for fact in FACTS}
    any_change = dict.fromkeys(CHANGES, 0)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for path in files:
            made = variants(path, folder, path.stem)
            if made is None:
                continue
            count += 1
            out = subprocess.run(
                [args.dream, "--json", "--threads", "1", "analyse", "--no-name-hints", *made],
                capture_output=True, check=True, text=True,
            ).stdout
            base, *rest = [json.loads(line) for line in out.splitlines()][:-1]
            lost = is_lost(made[0])
            left_out += lost
            for change, facts in zip(CHANGES, rest):
                if lost and change.endswith("kHz"):
                    continue
                differ, old, new = differing(base, facts, change)
                any_change[change] += bool(differ)
                for fact in differ:
                    changed[fact][change] += 1
                    if fact == args.list:
                        print(f"{path.name:24} {change:9} {old[fact]} -> {new[fact]}")
            for wav in folder.iterdir():
                wav.unlink()
    print(f"files: {count}, {left_out} of them not at other rates; percent of files whose fact changes")
    print(f"{'fact':20}" + "".join(f"{change:>10}" for change in CHANGES))
    for fact, row in [*changed.items(), ("any", any_change)]:
        print(f"{fact:20}" + "".join(f"{100 * row[c] / count:10.1f}" for c in CHANGES))


if __name__ == "__main__":
    main()
