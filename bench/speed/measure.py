"""CPU seconds of `dream analyse` beside librosa's, and its memory.

    python bench/speed/measure.py DREAM [--stems 20] [--track FILE]

DREAM is the release binary. Synthesised stems of 16 s (stereo, 16 bit, 44.1 kHz) are analysed by one process, and by warm
librosa (load, beat_track, chroma_cqt, melspectrogram) with pyloudnorm in this one: fewer facts, and mono at 22.05 kHz but
for the loudness. Both on one thread; CPU is user and system time. Then a track of four minutes and one of ten
(made from the stems, or FILE and FILE alone): CPU and the highest resident memory.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile as sf

RATE = 44_100


def stem(seed, seconds=16.0):
    """Kicks, hats and a moving chord at a tempo of the seed's, stereo."""
    rng = np.random.default_rng(seed)
    frames = int(seconds * RATE)
    t = np.arange(frames) / RATE
    beat = 60 / rng.uniform(80, 170)
    out = np.zeros((frames, 2))
    since = t % beat
    out += (0.5 * np.sin(2 * np.pi * 50 * since + 6 * (1 - np.exp(-since / 0.02))) * np.exp(-since / 0.1))[:, None]
    hat = rng.normal(0, 0.2, (frames, 2)) * np.exp(-((t + beat / 2) % (beat / 2)) / 0.02)[:, None]
    out += np.diff(hat, axis=0, prepend=0)
    root = 110 * 2 ** (rng.integers(0, 12) / 12)
    for step in (0, 3, 7, 12):
        hz = root * 2 ** ((step + np.array([0, 5, 7, 3])[(t / (4 * beat)).astype(int) % 4]) / 12)
        phase = 2 * np.pi * np.cumsum(hz) / RATE
        for k in range(1, 6):
            out += (0.05 / k * np.sin(k * phase))[:, None] * rng.uniform(0.7, 1, 2)
    return (0.8 * out / np.abs(out).max()).astype(np.float32)


# In a process of its own, since a child begins with the highest memory of the one that started it.
WATCH = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""


def run(dream, files):
    """CPU seconds and highest memory in MB of one process over the files."""
    command = [dream, "--json", "--threads", "1", "analyse", "--no-name-hints", *map(str, files)]
    watched = subprocess.run([sys.executable, "-c", WATCH, *command], capture_output=True, check=True, text=True)
    cpu, memory = map(float, watched.stdout.split())
    return cpu, memory


def by_librosa(path):
    import librosa
    import pyloudnorm

    y, rate = librosa.load(path)
    librosa.beat.beat_track(y=y, sr=rate)
    librosa.feature.chroma_cqt(y=y, sr=rate)
    librosa.feature.melspectrogram(y=y, sr=rate)
    stereo, rate = sf.read(path)
    pyloudnorm.Meter(rate).integrated_loudness(stereo)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("dream")
    parser.add_argument("--stems", type=int, default=20)
    parser.add_argument("--track", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if args.track is None:
            measure_stems(args, folder)
            minute = np.vstack([stem(seed, 15.0) for seed in range(4)])
            tracks = []
            for minutes in (4, 10):
                tracks.append(folder / f"track of {minutes} min.wav")
                sf.write(tracks[-1], np.vstack([minute] * minutes), RATE)
        else:
            tracks = [args.track]
        for track in tracks:
            cpu, memory = run(args.dream, [track])
            print(f"{track.name}: {cpu:.2f} s CPU, {memory:.0f} MB")


def measure_stems(args, folder):
    files = []
    for seed in range(args.stems):
        files.append(folder / f"{seed}.wav")
        sf.write(files[-1], stem(seed), RATE)
    # The start of the process is measured with one file, and left out.
    first, _ = run(args.dream, files[:1])
    all_of_them, _ = run(args.dream, files)
    dream = (all_of_them - first) / (len(files) - 1)
    by_librosa(files[0])  # imports, compiles and caches
    start = time.process_time()
    for path in files[1:]:
        by_librosa(path)
    peer = (time.process_time() - start) / (len(files) - 1)
    print(f"16 s stereo stem: dream {1000 * dream:.1f} ms, librosa {1000 * peer:.1f} ms, ratio {peer / dream:.1f}")


if __name__ == "__main__":
    main()
