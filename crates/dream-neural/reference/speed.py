"""Seconds per segment, ours and PyTorch's in turn, and peak memory: the whole network with its transforms.

    python speed.py BINARY MODEL.th [ROUNDS [THREADS]]

BINARY is target/release/examples/segment. Every round times each contestant once after a warm-up, so that other load on
the machine falls on all; PyTorch runs with the fast path of its attention off (its faster setting) and on. Given are
the median and the least of all rounds, and the median of the ratios within a round.
"""
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = """
import sys, time, resource, torch
from demucs.states import load_model
torch.set_num_threads(int(sys.argv[2]))
torch.backends.mha.set_fastpath_enabled(sys.argv[3] == "on")
model = load_model(sys.argv[1]).eval()
mix = torch.randn(1, 2, int(model.segment * model.samplerate)) * 0.1
with torch.no_grad():
    for line in sys.stdin:
        start = time.perf_counter()
        model(mix)
        print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
"""


def main():
    binary, path = sys.argv[1:3]
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    threads = sys.argv[4] if len(sys.argv) > 4 else "2"
    env = {**os.environ, "RAYON_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
    torch = {name: subprocess.Popen([sys.executable, "-c", CHILD, path, threads, name], env=env, text=True,
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE) for name in ("off", "on")}

    def pytorch(name):
        torch[name].stdin.write("\n")
        torch[name].stdin.flush()
        seconds, memory = torch[name].stdout.readline().split()
        return float(seconds), int(memory) / 1e3

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in"), Path(folder, "out")
        import numpy
        (numpy.random.default_rng(1).standard_normal((2, 343980)).astype(numpy.float32) * 0.1).tofile(source)

        def ours():
            done = subprocess.run(["/usr/bin/time", "-f", "%M", binary, path, source, target, "2"], env=env, text=True,
                                  capture_output=True, check=True)
            return float(done.stdout.split()[-1]), int(done.stderr.split()[-1]) / 1e3

        contestants = {"ours": ours, "PyTorch, fast path off": lambda: pytorch("off"),
                       "PyTorch, fast path on": lambda: pytorch("on")}
        for run in contestants.values():
            run()
        seen = {name: [run() for run in [run]] for name, run in contestants.items()}
        for _ in range(rounds - 1):
            for name, run in contestants.items():
                seen[name].append(run())
    for child in torch.values():
        child.stdin.close()
        child.wait()
    for name, values in seen.items():
        seconds = [value[0] for value in values]
        print(f"{name:24} median {statistics.median(seconds):.2f} s, least {min(seconds):.2f} s, "
              f"peak {max(value[1] for value in values):.0f} MB")
    for name in list(seen)[1:]:
        ratios = [ours[0] / other[0] for ours, other in zip(seen["ours"], seen[name])]
        least = min(value[0] for value in seen["ours"]) / min(value[0] for value in seen[name])
        print(f"ours / {name}: median of ratios {statistics.median(ratios):.2f}, of the least {least:.2f}")


if __name__ == "__main__":
    main()
