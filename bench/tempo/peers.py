"""What other tempo estimators say of files, as JSON lines {"file", "peer", "bpm", "beats"}.

    python peers.py librosa,multifeature,percival CACHE.jsonl FILE...
    MADMOM_PYTHON peers.py madmom CACHE.jsonl FILE...      # an environment with madmom 0.16 and numpy < 1.24

Files that CACHE.jsonl has already are skipped, so each peer runs once. Peers run with their own defaults: librosa's
beat tracker; essentia's RhythmExtractor2013 (multifeature) and PercivalBpmEstimator; madmom's RNNBeatProcessor with
DBNBeatTrackingProcessor (median beat distance is the tempo). Clips under 4 s are played round to 10 s first: every peer needs some
seconds, and a loop is made to be played round; the beats of the first round count.
"""

import json
import pathlib
import sys

import numpy as np

RATE = 44_100


def load(path):
    try:
        import soundfile as sf

        x, rate = sf.read(path, dtype="float32", always_2d=True)
        x = x.mean(1)
    except ImportError:
        import subprocess

        raw = subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"],
                             capture_output=True, check=True).stdout
        x, rate = np.frombuffer(raw, np.float32), RATE
    if rate != RATE:
        from scipy.signal import resample_poly

        x = resample_poly(x, RATE, rate).astype(np.float32)
    seconds = len(x) / RATE
    if 0 < seconds < 4:
        x = np.tile(x, int(np.ceil(10 / seconds)))
    return np.ascontiguousarray(x, dtype=np.float32), seconds


def librosa_(x):
    import librosa

    tempo, beats = librosa.beat.beat_track(y=x, sr=RATE, units="time")
    return float(np.atleast_1d(tempo)[0]), beats.tolist()


def multifeature(x):
    import essentia.standard as es

    bpm, ticks, *_ = es.RhythmExtractor2013(method="multifeature")(x)
    return float(bpm), ticks.tolist()


def percival(x):
    import essentia.standard as es

    return float(es.PercivalBpmEstimator()(x)), []


MADMOM = {}


def madmom_(x):
    from madmom.audio.signal import Signal
    from madmom.features.beats import DBNBeatTrackingProcessor, RNNBeatProcessor

    if not MADMOM:
        MADMOM["rnn"], MADMOM["dbn"] = RNNBeatProcessor(), DBNBeatTrackingProcessor(fps=100)
    beats = MADMOM["dbn"](MADMOM["rnn"](Signal(x, sample_rate=RATE, num_channels=1)))
    return (60 / float(np.median(np.diff(beats))) if len(beats) > 1 else None), beats.tolist()


PEERS = {"librosa": librosa_, "multifeature": multifeature, "percival": percival, "madmom": madmom_}


def main():
    names, cache, files = sys.argv[1].split(","), pathlib.Path(sys.argv[2]), sys.argv[3:]
    done = set()
    if cache.exists():
        done = {(row["peer"], row["file"]) for row in map(json.loads, cache.open())}
    with cache.open("a") as out:
        for path in files:
            todo = [name for name in names if (name, pathlib.Path(path).name) not in done]
            if not todo:
                continue
            x, seconds = load(path)
            for name in todo:
                bpm, beats = PEERS[name](x)
                beats = [round(beat, 4) for beat in beats if beat < seconds]
                row = {"file": pathlib.Path(path).name, "peer": name, "bpm": bpm, "beats": beats}
                out.write(json.dumps(row) + "\n")
                out.flush()


if __name__ == "__main__":
    main()
