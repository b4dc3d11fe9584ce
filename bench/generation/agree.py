"""Whether our own measures agree with metrics.py on the same folders: `agree.py TRAINING HELD_OUT RECONSTRUCTED GENERATED`.

Needs the example `judge` built: `cargo build --release -p dream-neural --example judge`. Prints both figures of every measure; fails where they
are further apart than 1 % and 0.02."""
import json, math, pathlib, subprocess, sys
import metrics

JUDGE = pathlib.Path(__file__).resolve().parents[2] / "target/release/examples/judge"


def main():
    ours = json.loads(subprocess.run([JUDGE, *sys.argv[1:5]], check=True, capture_output=True, text=True).stdout)
    theirs = metrics.judge(*sys.argv[1:5])
    apart = []
    for name, x in ours.items():
        y = theirs[name]
        if x is None and math.isnan(y):
            continue
        print(f"{name:>18} {x:12.4f} {y:12.4f}")
        if abs(x - y) > 0.02 + 0.01 * abs(y):
            apart.append(name)
    sys.exit(f"apart: {', '.join(apart)}" if apart else 0)


if __name__ == "__main__":
    main()
