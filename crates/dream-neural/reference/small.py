"""Writes the small networks that the tests load, and what the reference makes of them: small-*.th, small.safetensors,
small.json.

    python small.py

Two networks for the same two sources: one as htdemucs (wider bottom, half precision), one as htdemucs_6s (none) with
cross attention first. The input is the sequence that `tests::noise` draws. Outputs are every 7th sample.
"""
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from checkpoints import COMMON, random_model, save_safetensors, save_th
from demucs.apply import BagOfModels, apply_model
from demucs.states import load_model

HERE = Path(__file__).parent
SMALL = dict(COMMON, sources=["drums", "other"], samplerate=8000, segment=Fraction(4001, 8000), channels=8, nfft=1024,
             depth=3, dconv_comp=4, t_layers=2, t_heads=4, t_hidden_scale=1.0)
WEIGHTS = [[1.0, 0.5], [0.0, 1.5]]


def noise(count):
    state, out = 1, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(state / (2**32 - 1) * 2 - 1)
    return np.array(out, np.float32)


def main():
    torch.backends.mha.set_fastpath_enabled(False)
    for old in HERE.glob("small-*.th"):
        old.unlink()
    first = random_model(1, **{**SMALL, "bottom_channels": 32})
    second = random_model(2, **{**SMALL, "bottom_channels": 0, "t_cross_first": True, "t_norm_out": False,
                                "dconv_mode": 1})
    first = load_model(save_th(first, HERE / "small")).eval()
    save_safetensors(second, HERE / "small.safetensors")
    with torch.no_grad():
        for value in second.parameters():
            value.copy_(value.half().float())
        segment = int(first.segment * 8000)
        mix = torch.from_numpy(noise(2 * segment).reshape(1, 2, segment))
        track = torch.from_numpy(noise(2 * 10000).reshape(2, 10000)) * 0.3 + 0.05
        ref = track.mean(0)
        normal = ((track - ref.mean()) / (ref.std() + 1e-8))[None]
        bag = BagOfModels([first, second], WEIGHTS)
        whole = apply_model(bag, normal, shifts=0, overlap=0.25)[0] * (ref.std() + 1e-8) + ref.mean()
        result = {"segments": [model(mix)[0].flatten()[::7].tolist() for model in (first, second)],
                  "track": whole.flatten()[::7].tolist()}
    rounded = {name: np.array(values).round(5).tolist() for name, values in result.items()}
    (HERE / "small.json").write_text(json.dumps(rounded))


if __name__ == "__main__":
    main()
