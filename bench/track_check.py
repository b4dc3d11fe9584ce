"""Renders tracks of every genre and prints which share of them passes each check of a good track.

Twelve genres, three seeds, with the starter kit and with a folder of kits if one is given. Every track is rendered with
its layers, judged (`track/checks.py`), rendered again for the same bytes, and removed; the figures of each go to
RESULTS.jsonl, from which `--table` prints without rendering.

Usage: track_check.py DREAM WORK_FOLDER [--kits FOLDER] [--seeds 1,2,3] [--genres techno,house] [--table]
(ffmpeg on the PATH; packages in requirements.txt)
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from track.checks import CHECKS, Track
from track.wishes import wishes

PROMPTS = {
    "industrial techno": ["driving industrial techno 138 bpm", "dark industrial techno", "raw mechanical industrial techno 142 bpm"],
    "techno": ["driving peak-time techno 132 bpm", "dark hypnotic techno", "melodic techno 126 bpm in A minor"],
    "hard techno": ["aggressive hard techno 150 bpm", "schranz 155 bpm", "dark hard techno"],
    "minimal": ["minimal techno 128 bpm", "hypnotic minimal", "deep minimal 125 bpm"],
    "dub techno": ["deep dub techno 120 bpm", "dub techno with warm chords", "dark dub techno 118 bpm"],
    "house": ["groovy house 124 bpm", "uplifting house with vocals", "house 126 bpm in C minor"],
    "deep house": ["deep house with vocals 121 bpm", "warm deep house", "dark deep house 119 bpm"],
    "trance": ["uplifting trance 138 bpm", "euphoric trance in F# minor", "melodic trance 140 bpm"],
    "drum and bass": ["dark drum and bass 174 bpm", "melodic drum and bass", "aggressive dnb 176 bpm"],
    "breakbeat": ["funky breakbeat 132 bpm", "breakbeat", "raw breakbeat 128 bpm"],
    "ambient": ["ambient drone 70 bpm", "calm warm ambient", "dark ambient 60 bpm"],
    "lofi": ["lofi hip hop 82 bpm", "warm lofi beat", "melancholic lofi hip hop 88 bpm"],
}
WISHES, REPEATED = "wishes", "repeated"


def compose(dream, home, prompt, seed, out, *more):
    command = [dream, "--home", home, "--json", "compose", prompt, "--seed", str(seed), "--out", str(out), *more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{prompt}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def judge(dream, home, library, prompt, genre, seed, folder, starter):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wav = folder / "track.wav"
    first = compose(dream, home, prompt, seed, wav, "--stems", str(folder / "stems"), *starter)
    again = compose(dream, home, prompt, seed, folder / "again.wav", *starter)
    track = Track(wav, wav.with_suffix(".json"), folder / "stems")
    row = {"library": library, "genre": genre, "seed": seed, "prompt": prompt, "checks": {}, "warnings": first["warnings"],
           "seconds": first["timing_s"]["total"]}
    for name, check in [*CHECKS.items(), (WISHES, lambda track: wishes(track, home))]:
        answer = check(track)
        row["checks"][name] = None if answer is None else [bool(answer[0]), answer[1]]
    same = first["track"]["sha256"] == again["track"]["sha256"]
    row["checks"][REPEATED] = [same, first["track"]["sha256"][:8]]
    shutil.rmtree(folder)
    return row


def table(rows):
    for library in sorted({row["library"] for row in rows}):
        mine = [row for row in rows if row["library"] == library]
        print(f"\n{library}: {len(mine)} tracks\n{'check':<13}{'pass':>5}{'n':>4}{'share':>7}  failed")
        for name in [*CHECKS, WISHES, REPEATED]:
            given = [(row, row["checks"][name]) for row in mine if row["checks"].get(name)]
            failed = [f"{row['genre']}/{row['seed']} {figure}" for row, (passed, figure) in given if not passed]
            share = 100 * (1 - len(failed) / len(given)) if given else float("nan")
            print(f"{name:<13}{len(given) - len(failed):>5}{len(given):>4}{share:>6.0f}%  {'; '.join(failed)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dream")
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--kits")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--genres", default=",".join(PROMPTS))
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    results = args.work / "RESULTS.jsonl"
    if not args.table:
        libraries = {"starter kit": ("home", [])}
        if args.kits:
            libraries["kits"] = ("home_kits", ["--no-starter"])
            subprocess.run([args.dream, "--home", args.work / "home_kits", "ingest", args.kits], check=True, capture_output=True)
        results.unlink(missing_ok=True)
        for library, (home, starter) in libraries.items():
            for genre in args.genres.split(","):
                for number, seed in enumerate(args.seeds.split(",")):
                    prompt = PROMPTS[genre][number % len(PROMPTS[genre])]
                    row = judge(args.dream, str(args.work / home), library, prompt, genre, int(seed), args.work / "track", starter)
                    with results.open("a") as file:
                        file.write(json.dumps(row) + "\n")
                    failed = [f"{name} {answer[1]}" for name, answer in row["checks"].items() if answer and not answer[0]]
                    print(f"{library}, {genre}, seed {seed}, {row['seconds']:.1f} s: {'; '.join(failed) or 'all passed'}", flush=True)
    table([json.loads(line) for line in results.read_text().splitlines()])


if __name__ == "__main__":
    main()
