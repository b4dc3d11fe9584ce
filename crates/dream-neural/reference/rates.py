"""Writes what the reference's resampler makes of noise at several rates: rates.json.

    python rates.py

The input is the sequence that `door::tests::noise` draws.
"""
import json
from pathlib import Path

import numpy as np
import torch
from julius import resample_frac
from small import noise

RATES = [(8000, 44100), (11025, 44100), (22050, 44100), (32000, 44100), (48000, 44100), (96000, 44100), (192000, 44100),
         (44100, 48000)]


def main():
    mix = torch.from_numpy(noise(1500))
    answers = []
    for old, new in RATES:
        out = resample_frac(mix, old, new).numpy()
        step = max(1, len(out) // 200) | 1
        answers.append({"from": old, "to": new, "frames": len(out), "step": step,
                        "every": np.round(out[::step].astype(float), 7).tolist()})
    Path(__file__).with_name("rates.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
