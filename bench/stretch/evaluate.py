"""Compares the stretcher with other programs against exact targets.

    python bench/stretch/evaluate.py STRETCH_FILE [--variant 0] [--kits DIR] [--keep DIR] [--engines ours,...]

STRETCH_FILE is the release build of the example of that name. Each material (see materials.py) is made at its tempo
(the input) and, as the exact target, at the stretched tempo (ratios 0.8, 0.9, 1.1, 1.25) or the moved pitch (-3, -1,
+2, +3 semitones). Every engine stretches the input, all of them in this run; its output is measured against the target:

  len    largest |length error|, frames
  on     mean |onset error|, ms; p95 its 95th percentile; lag the mean signed error
  pre    excess energy in the 12 to 2 ms before an onset, dB, median
  att    rise of the spectrum at the onset against the target's, dB, median
  lms    mean |log-mel difference| of drums, dB, in blocks of 12 ms; lm the same in blocks of 46 ms
  pitch  lm over all tonal materials with their pitch moved; drum pitch: lms of drums, moved as a sampler moves them
  x      seconds of output per CPU second, file access included

Needs rubberband, soundstretch, sox, ffmpeg, fluidsynth with FluidR3, python-stretch; what is missing is named and left
out. --keep writes all audio there.
"""

import argparse
import pathlib
import tempfile

import engines as available_engines
import materials
import measures
import numpy as np
import soundfile as sf

RATIOS = (0.8, 0.9, 1.1, 1.25)
PITCHES = (-3.0, -1.0, 2.0, 3.0)
TONAL = ("bass", "mix", "keys", "pad", "strings")
COLUMNS = "len drum-on drum-p95 |lag| pre |att| lms tonal-on tonal-p95 lm pad-lm pitch-lm x".split()


def measure(name, y, x, onsets):
    """All figures of one output."""
    group = materials.MATERIALS[name][2]
    length = abs(y.shape[1] - x.shape[1])
    y = np.pad(y, ((0, 0), (0, max(0, x.shape[1] - y.shape[1]))))[:, : x.shape[1]]
    row = {"len": length, "lm": measures.mel_distance(y, x), "level": measures.level(y, x)}
    if group == "drums":
        row |= {"lms": measures.short_mel_distance(y, x), "att": measures.attack_loss(y, x, onsets)}
    if onsets and group != "pad":
        row["onsets"] = measures.onset_errors(y, x, onsets, 0.002 if group == "drums" else 0.02)
        row["pre"] = measures.pre_echo(y, x, onsets)
    return row


def run_all(args, engines, folder):
    """{(engine, material, ratio, semitones): figures}, processor time and seconds included."""
    of, results = materials.Set(args.variant, args.kits), {}
    names = args.materials.split(",")
    tasks = [(r, 0.0) for r in args.ratios] + [(1.0, p) for p in args.pitches]
    for name in names:
        source = str(folder / f"{name}.wav")
        sf.write(source, materials.render(of, name, 1.0, 0.0)[0].T, materials.RATE, subtype="FLOAT")
        for ratio, semitones in tasks:
            exact, onsets = materials.render(of, name, ratio, semitones)
            if args.keep:
                sf.write(folder / f"{name}_{ratio}_{semitones}_exact.wav", exact.T, materials.RATE, subtype="FLOAT")
            for engine, run in engines.items():
                out = str(folder / f"{name}_{ratio}_{semitones}_{engine.replace(' ', '_')}.wav")
                cpu = run(source, out, ratio, semitones, materials.MATERIALS[name][1])
                row = measure(name, sf.read(out, always_2d=True)[0].T, exact, onsets)
                row |= {"cpu": cpu, "seconds": exact.shape[1] / materials.RATE}
                results[engine, name, ratio, semitones] = row
                if not args.keep:
                    pathlib.Path(out).unlink()
    return results


def summary(results, engine):
    """The row of the table of one engine."""

    def rows(group, pitched):
        return [
            row
            for (e, name, _, semitones), row in results.items()
            if e == engine and materials.MATERIALS[name][2] in group and (semitones != 0) == pitched
        ]

    mean = lambda values: float(np.mean(values)) if len(values) else np.nan
    every = lambda group, key: np.array([v for row in rows(group, False) for v in row[key]])
    drum, tone = every(["drums"], "onsets"), every(["tonal"], "onsets")
    p95 = lambda e: float(np.percentile(np.abs(e), 95)) if e.size else np.nan
    median = lambda e: float(np.median(e)) if e.size else np.nan
    own = [row for (e, *_), row in results.items() if e == engine]
    return {
        "len": max(row["len"] for row in own),
        "drum-on": mean(np.abs(drum)),
        "drum-p95": p95(drum),
        "|lag|": abs(mean(drum)),
        "pre": median(every(["drums"], "pre")),
        "|att|": abs(median(every(["drums"], "att"))),
        "lms": mean([row["lms"] for row in rows(["drums"], False)]),
        "tonal-on": mean(np.abs(tone)),
        "tonal-p95": p95(tone),
        "lm": mean([row["lm"] for row in rows(["tonal"], False)]),
        "pad-lm": mean([row["lm"] for row in rows(["pad"], False)]),
        "pitch-lm": mean([row["lm"] for row in rows(["tonal", "pad"], True)]),
        "x": sum(row["seconds"] for row in own) / sum(row["cpu"] for row in own),
        "drum-pitch": mean([row["lms"] for row in rows(["drums"], True)]),
    }


def verdict(table):
    """Each line of the claim, with its figures."""
    us, r3 = table["ours"], table["rubberband R3"]
    others = {name: row for name, row in table.items() if name != "ours"}
    for column in ("drum-p95", "lms", "tonal-p95", "lm"):
        print(f"{column:10} {us[column]:7.3f} against R3's {r3[column]:.3f}: {us[column] <= 1.05 * r3[column]}")
    for column in ("pad-lm", "pitch-lm"):
        best = min(others, key=lambda name: others[name][column])
        bound = others[best][column]
        print(f"{column:10} {us[column]:7.3f} against {best}'s {bound:.3f}: {us[column] <= 1.05 * bound}")
    print(f"x          {us['x']:7.1f} against R3's {r3['x']:.1f}: {us['x'] >= 6 * r3['x']}")
    # Neither speed nor length: what is heard.
    heard = [column for column in COLUMNS if column not in ("x", "len")]
    ahead = [c for c in heard if us[c] < min(row[c] for row in others.values())]
    print(f"ahead of every engine in {len(ahead)} of {len(heard)} columns: {' '.join(ahead)}; length error {us['len']}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--variant", type=int, default=0)
    parser.add_argument("--kits", help="folder with kick, snare, hihat and perc")
    parser.add_argument("--keep")
    parser.add_argument("--engines")
    parser.add_argument("--materials", default=",".join(materials.MATERIALS))
    floats = lambda text: tuple(float(part) for part in text.split(",") if part)
    parser.add_argument("--ratios", type=floats, default=RATIOS)
    parser.add_argument("--pitches", type=floats, default=PITCHES)
    args = parser.parse_args()
    if not args.kits:
        args.materials = ",".join(name for name in args.materials.split(",") if name != "kit")
        print("without --kits: no real hits")
    engines, missing = available_engines.available(args.binary)
    print("missing:", ", ".join(missing) or "none")
    if args.engines:
        engines = {name: run for name, run in engines.items() if name in args.engines.split(",")}
    temporary = tempfile.TemporaryDirectory()
    folder = pathlib.Path(args.keep or temporary.name)
    folder.mkdir(parents=True, exist_ok=True)
    results = run_all(args, engines, folder)
    table = {engine: summary(results, engine) for engine in engines}
    columns = [*COLUMNS, "drum-pitch"]
    print(f"{'':18}" + "".join(f"{column:>11}" for column in columns))
    for engine, row in table.items():
        print(f"{engine:18}" + "".join(f"{row[column]:11.2f}" for column in columns))
    if "ours" in table and "rubberband R3" in table:
        verdict(table)
    for pitched in (False, True):
        print("\nlm by material,", "pitch" if pitched else "stretch")
        names = args.materials.split(",")
        print(f"{'':18}" + "".join(f"{name:>9}" for name in names))
        for engine in engines:
            mean = lambda name: np.mean(
                [row["lm"] for (e, n, _, s), row in results.items() if (e, n) == (engine, name) and (s != 0) == pitched]
            )
            print(f"{engine:18}" + "".join(f"{mean(name):9.2f}" for name in names))


if __name__ == "__main__":
    main()
