"""Writes random checkpoints of the three published shapes with the reference's own serialiser.

    python checkpoints.py FOLDER

Weights are drawn as the reference initialises them, with the small learnt factors (residual branches and transformer)
raised, so that every part of the network shows in the output. Files: htdemucs-XXXXXXXX.th (half precision),
htdemucs_ft_{0..3}-XXXXXXXX.th, htdemucs_6s-XXXXXXXX.th, and htdemucs.safetensors as the models are published there.
"""
import hashlib
import io
import json
import sys
from fractions import Fraction
from pathlib import Path

import torch
from demucs.htdemucs import HTDemucs
from demucs.states import get_state, serialize_model
from omegaconf import OmegaConf
from safetensors.torch import save_file

FOUR = ["drums", "bass", "other", "vocals"]
COMMON = dict(
    audio_channels=2, samplerate=44100, segment=Fraction(39, 5), channels=48, channels_time=None, growth=2, nfft=4096,
    wiener_iters=0, end_iters=0, wiener_residual=False, cac=True, depth=4, rewrite=True, multi_freqs=[],
    multi_freqs_depth=3, freq_emb=0.2, emb_scale=10, emb_smooth=True, kernel_size=8, stride=4, time_stride=2,
    context=1, context_enc=0, norm_starts=4, norm_groups=4, dconv_mode=3, dconv_depth=2, dconv_comp=8,
    dconv_init=1e-3, bottom_channels=512, t_layers=5, t_hidden_scale=4.0, t_heads=8, t_dropout=0.02,
    t_layer_scale=True, t_gelu=True, t_emb="sin", t_max_positions=10000, t_max_period=10000.0,
    t_weight_pos_embed=1.0, t_norm_in=True, t_norm_in_group=False, t_group_norm=False, t_norm_first=True,
    t_norm_out=True, t_weight_decay=0.0, t_lr=None, t_sparse_self_attn=False, t_sparse_cross_attn=False,
    t_cross_first=False, rescale=0.1)
SHAPES = {
    "htdemucs": dict(sources=FOUR),
    "htdemucs_ft": dict(sources=FOUR),
    "htdemucs_6s": dict(sources=FOUR + ["guitar", "piano"], bottom_channels=0),
}


def random_model(seed, **kwargs):
    """A network with random weights, every part of it audible."""
    torch.manual_seed(seed)
    model = HTDemucs(**kwargs).eval()
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith(".scale"):
                value.uniform_(0.1, 0.5)
            elif "norm" in name or ".dconv.layers." in name and value.dim() == 1:
                value.add_(0.2 * torch.randn_like(value))
            elif name.endswith("bias"):
                value.add_(0.02 * torch.randn_like(value))
    return model


def save_th(model, path):
    """The reference's serialiser; the name gets the start of the SHA-256."""
    buffer = io.BytesIO()
    torch.save(serialize_model(model, OmegaConf.create({"lr": 3e-4, "dset": {"use_musdb": True}}), half=True), buffer)
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()[:8]
    path = path.parent / f"{path.name}-{digest}.th"
    path.write_bytes(buffer.getvalue())
    return path


def save_safetensors(model, path):
    """Class and arguments as JSON in the metadata."""
    def encode(value):
        if isinstance(value, Fraction):
            return {"_type": "fraction", "numerator": value.numerator, "denominator": value.denominator}
        raise TypeError(value)
    args, kwargs = model._init_args_kwargs
    klass = type(model)
    metadata = {"klass": f"{klass.__module__}.{klass.__name__}", "args": json.dumps(args, default=encode),
                "kwargs": json.dumps(kwargs, default=encode)}
    save_file(get_state(model, None, half=True), str(path), metadata)
    return path


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, shape) in enumerate(SHAPES.items()):
        count = 4 if name.endswith("_ft") else 1
        for k in range(count):
            model = random_model(100 * seed + k, **{**COMMON, **shape})
            print(save_th(model, folder / (name if count == 1 else f"{name}_{k}")))
            if name == "htdemucs":
                print(save_safetensors(model, folder / "htdemucs.safetensors"))


if __name__ == "__main__":
    main()
