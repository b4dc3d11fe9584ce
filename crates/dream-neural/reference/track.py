"""Thirty seconds of a track through the reference's `apply_model` and through `examples/separate`: the SNR in dB.

    python track.py BINARY AUDIO FOLDER

BINARY is target/release/examples/separate, FOLDER has the checkpoints that checkpoints.py writes. Cases: stereo; mono;
other rates, where the reference separates what our resampler made (the network alone) and what its own resampler
made (the whole way); a bag with the published weights and one with mixed weights; six sources.
"""
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch
from demucs.apply import BagOfModels, apply_model
from demucs.audio import convert_audio
from demucs.states import load_model
from scipy.signal import resample_poly

torch.backends.mha.set_fastpath_enabled(False)
EYE = np.eye(4).tolist()
MIXED = [[1, 0, 2, 1], [0, 1, 1, 1], [0, 0, 1, 1], [3, 0, 0, 1]]


def reference(model, wav):
    """As the reference's command: standardised by the mono sum, split, no shifts."""
    ref = wav.mean(0)
    mean, std = ref.mean(), ref.std() + 1e-8
    out = apply_model(model, ((wav - mean) / std)[None], shifts=0, split=True, overlap=0.25)[0]
    return (out * std + mean).numpy()


def snr(want, got):
    frames = min(want.shape[-1], got.shape[-1])
    want, got = want[..., :frames].astype(float), got[..., :frames].astype(float)
    return 10 * np.log10(np.mean(want ** 2) / np.mean((got - want) ** 2))


def case(binary, name, samples, rate, paths, weights=None):
    model = load_model(paths[0]) if len(paths) == 1 else BagOfModels([load_model(path) for path in paths], weights)
    rows = "-" if weights is None else "/".join(",".join(f"{x:g}" for x in row) for row in weights)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.wav"), Path(folder, "out")
        soundfile.write(source, samples.T, rate, subtype="FLOAT")
        subprocess.run([binary, source, target, rows, *paths], check=True, stdout=subprocess.DEVNULL)
        mix = np.fromfile(f"{target}.mix", np.float32).reshape(2, -1)
        got = np.fromfile(target, np.float32).reshape(len(model.sources), 2, -1)
    text = f"{name}: {snr(reference(model, torch.from_numpy(mix)), got):.1f} dB"
    if rate != 44100:
        own = convert_audio(torch.from_numpy(samples), rate, 44100, 2)
        text += f"; with the reference's resampler {snr(reference(model, own), got):.1f} dB"
        text += f" (mixtures {snr(own.numpy(), mix):.1f} dB)"
    print(text, flush=True)


def main():
    binary, audio, folder = sys.argv[1:4]
    one, six = (sorted(map(str, Path(folder).glob(pattern))) for pattern in ("htdemucs-*.th", "htdemucs_6s-*.th"))
    four = sorted(map(str, Path(folder).glob("htdemucs_ft_*.th")))
    mix, rate = soundfile.read(audio, start=30 * 44100, frames=30 * 44100, dtype="float32", always_2d=True)
    assert rate == 44100
    mix = np.ascontiguousarray(mix.T[[0, -1]])
    with torch.no_grad():
        case(binary, "stereo", mix, rate, one)
        case(binary, "mono", mix.mean(0, keepdims=True), rate, one)
        for rate in (8000, 22050, 32000, 48000, 96000):
            common = math.gcd(rate, 44100)
            samples = resample_poly(mix, rate // common, 44100 // common, axis=1).astype(np.float32)
            case(binary, f"{rate} Hz", samples, rate, one)
        case(binary, "six sources", mix, rate, six)
        case(binary, "bag, published weights", mix, rate, four, EYE)
        case(binary, "bag, mixed weights", mix, rate, four, MIXED)


if __name__ == "__main__":
    main()
