"""One segment through the reference and through `examples/segment`: the largest error over the reference's scale.

    python core.py BINARY AUDIO MODEL.th...

BINARY is target/release/examples/segment. The scale is the root mean square of the reference's output.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch
from demucs.states import load_model

torch.backends.mha.set_fastpath_enabled(False)


def main():
    binary, audio, *models = sys.argv[1:]
    for path in models:
        model = load_model(path).eval()
        frames = int(model.segment * model.samplerate)
        mix, _ = soundfile.read(audio, start=30 * 44100, frames=frames, dtype="float32", always_2d=True)
        mix = np.ascontiguousarray(mix.T[[0, -1]])
        with torch.no_grad():
            want = model(torch.from_numpy(mix)[None])[0].numpy()
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "in"), Path(folder, "out")
            mix.tofile(source)
            subprocess.run([binary, path, source, target], check=True, stdout=subprocess.DEVNULL)
            got = np.fromfile(target, np.float32).reshape(want.shape)
        scale = np.sqrt(np.mean(want.astype(float) ** 2))
        error = got.astype(float) - want
        snr = 10 * np.log10(np.mean(want.astype(float) ** 2) / np.mean(error ** 2))
        print(f"{Path(path).name}: largest error {np.abs(error).max() / scale:.2e} of the scale {scale:.3g}, SNR {snr:.1f} dB")


if __name__ == "__main__":
    main()
