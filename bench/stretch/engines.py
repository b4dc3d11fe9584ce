"""The stretchers that are compared. Each reads a file and writes a file; its processor time comes back."""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import resource
import shutil
import subprocess
import time

import librosa
import numpy as np
import soundfile as sf

RATE = 44100


def process(command):
    """User and system seconds of a program, its file access included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def within(change):
    """The same for a function of this process: reading, changing and writing."""

    def run(source, target, ratio, semitones, kind):
        start = time.process_time()
        y = sf.read(source, always_2d=True, dtype="float32")[0].T
        sf.write(target, change(y, ratio, semitones).T, RATE, subtype="FLOAT")
        return time.process_time() - start

    return run


def ours(binary):
    return lambda source, target, ratio, semitones, kind: process(
        [binary, source, target, repr(ratio), repr(semitones), kind]
    )


def rubberband(*flags):
    return lambda source, target, ratio, semitones, kind: process(
        ["rubberband", "-q", *flags, "-t", repr(ratio), "-p", repr(semitones), source, target]
    )


def soundtouch(source, target, ratio, semitones, kind):
    whole = target + ".in.wav"  # it reads whole numbers only
    sf.write(whole, sf.read(source)[0], RATE, subtype="PCM_24")
    seconds = process(["soundstretch", whole, target, f"-tempo={100 / ratio - 100!r}", f"-pitch={semitones!r}"])
    os.remove(whole)
    return seconds


def sox(source, target, ratio, semitones, kind):
    effects = (["tempo", "-m", repr(1 / ratio)] if ratio != 1 else []) + (
        ["pitch", repr(100 * semitones)] if semitones else []
    )
    return process(["sox", source, target, *effects])


def atempo(source, target, ratio, semitones, kind):
    up = 2 ** (semitones / 12)
    chain = f"atempo={1 / ratio / up!r}"
    if semitones:
        chain = f"asetrate={round(RATE * up)},aresample={RATE}," + chain
    command = ["ffmpeg", "-y", "-threads", "1", "-i", source, "-af", chain, "-c:a", "pcm_f32le", target]
    return process(command)


def librosa_vocoder(y, ratio, semitones):
    if semitones:
        y = librosa.effects.pitch_shift(y, sr=RATE, n_steps=semitones)
    return librosa.effects.time_stretch(y, rate=1 / ratio) if ratio != 1 else y


def signalsmith(configure):
    def change(y, ratio, semitones):
        import python_stretch

        stretch = python_stretch.Signalsmith.Stretch(1)
        configure(stretch)
        stretch.setTimeFactor(1 / ratio)
        if semitones:
            stretch.setTransposeSemitones(semitones)
        return np.array(stretch.process(np.ascontiguousarray(y)))

    return within(change)


def available(binary):
    """The engines that this machine has, by name, and the names of those that it lacks."""
    engines = {
        "ours": ours(binary),
        "rubberband R2": rubberband("-2"),
        "rubberband R3": rubberband("-3"),
        "SoundTouch": soundtouch,
        "sox tempo": sox,
        "ffmpeg atempo": atempo,
        "librosa": within(librosa_vocoder),
        "signalsmith": signalsmith(lambda s: s.preset(2, float(RATE))),
        "signalsmith 60 ms": signalsmith(lambda s: s.configure(2, int(0.06 * RATE), int(0.015 * RATE))),
    }
    needs = {"rubberband R2": "rubberband", "rubberband R3": "rubberband", "SoundTouch": "soundstretch"}
    needs |= {"sox tempo": "sox", "ffmpeg atempo": "ffmpeg"}
    missing = [name for name, program in needs.items() if shutil.which(program) is None]
    try:
        import python_stretch  # noqa: F401
    except ImportError:
        missing += ["signalsmith", "signalsmith 60 ms"]
    return {name: run for name, run in engines.items() if name not in missing}, missing
