"""A training step of our network here and in PyTorch, one after the other: `step.py TORCH_PYTHON [ROUNDS]`.

Batch 32, 4288 cells, latent 128, two threads each; ours makes the bent examples, too. Needs the example `vae` built. Prints the medians and
their ratio."""
import json, os, pathlib, statistics, subprocess, sys

HERE = pathlib.Path(__file__).resolve().parent
VAE = HERE.parents[1] / "target/release/examples/vae"


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    two = os.environ | {"RAYON_NUM_THREADS": "2"}
    took = lambda *command: json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env=two).stdout)["ms_per_step"]
    pairs = [(took(VAE, "step"), took(sys.argv[1], HERE / "opponents.py", "step")) for _ in range(rounds)]
    ours, theirs = (statistics.median(column) for column in zip(*pairs))
    print(json.dumps({"ours_ms": round(ours, 2), "pytorch_ms": round(theirs, 2), "ratio": round(ours / theirs, 3), "rounds": rounds}))


if __name__ == "__main__":
    main()
