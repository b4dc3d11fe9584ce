"""The two opponents, in PyTorch: `opponents.py KIND TRAINING HELD_OUT OUT COUNT SEED SECONDS`.

original: log power spectrogram 1024/512, standardised, through an MLP 512-256-128 with a latent of 128 and a sigmoid output; powers taken
for magnitudes, random phase, places from N(0, I). repaired: the same network with a linear output, magnitudes, and phases by gradient
integration and 16 rounds of fast Griffin-Lim. Both learn for SECONDS of processor time on 2 threads, from the same files cut to 32768 frames
at their onset, and write OUT/held_out (reconstructions) and OUT/random (COUNT drawn sounds).
step: times a training step of our own network in PyTorch, in ms: `opponents.py step`."""
import heapq, json, pathlib, sys, time
import numpy as np
import scipy.signal
import soundfile as sf
import torch
from torch import nn

RATE, LENGTH, SIZE, HOP = 44100, 32768, 1024, 512
torch.set_num_threads(2)


def aligned(path):
    x, rate = sf.read(path, dtype="float32", always_2d=True)
    assert rate == RATE, path
    x = x.mean(axis=1)
    peak = np.abs(x).max() + 1e-12
    start = int(np.argmax(np.abs(x) >= 0.0316 * peak)) - 64
    out = np.zeros(LENGTH, np.float32)
    src = x[max(start, 0):start + LENGTH]
    out[max(-start, 0):max(-start, 0) + len(src)] = src
    return out / peak


def spectrum(x):
    return scipy.signal.stft(x, RATE, nperseg=SIZE, noverlap=SIZE - HOP)[2]


class Net(nn.Module):
    def __init__(self, cells, sigmoid):
        super().__init__()
        layers = lambda *n: [m for a, b in zip(n[:-1], n[1:]) for m in (nn.Linear(a, b), nn.ReLU())]
        self.encode = nn.Sequential(*layers(cells, 512, 256, 128))
        self.mean, self.log_variance = nn.Linear(128, 128), nn.Linear(128, 128)
        self.decode = nn.Sequential(*layers(128, 128, 256, 512), nn.Linear(512, cells), *([nn.Sigmoid()] if sigmoid else []))

    def forward(self, x):
        h = self.encode(x)
        m, v = self.mean(h), self.log_variance(h).clamp(-10, 10)
        return self.decode(m + torch.exp(0.5 * v) * torch.randn_like(m)), m, v


def train(net, data, seconds, seed):
    torch.manual_seed(seed)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
    begun, steps = time.process_time(), 0
    while time.process_time() - begun < seconds:
        for batch in torch.randperm(len(data)).split(32):
            y, m, v = net(data[batch])
            loss = ((y - data[batch]) ** 2).sum(1).mean() - 0.5 * (1 + v - m ** 2 - v.exp()).sum(1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            steps += 1
    return time.process_time() - begun, steps


def integrate(magnitudes, rng):
    """Phases by gradient integration (Prusa 2017) for frames whose phase is counted from their first sample."""
    bins, hops = magnitudes.shape
    gamma = 0.25645 * SIZE ** 2
    s = np.log(magnitudes + 1e-12)
    dt = (HOP * SIZE / gamma) * np.gradient(s, axis=0) + 2 * np.pi * HOP * np.arange(bins)[:, None] / SIZE
    dw = -(gamma / (HOP * SIZE)) * np.gradient(s, axis=1)
    phase = rng.uniform(0, 2 * np.pi, magnitudes.shape)
    done = magnitudes <= 1e-6 * magnitudes.max()
    for start in np.argsort(-magnitudes, axis=None):
        start = np.unravel_index(start, magnitudes.shape)
        if done[start]:
            continue
        done[start], phase[start] = True, 0.0
        heap = [(-magnitudes[start], start)]
        while heap:
            _, (m, n) = heapq.heappop(heap)
            for a, b, step in ((m, n + 1, dt), (m, n - 1, dt), (m + 1, n, dw), (m - 1, n, dw)):
                if 0 <= a < bins and 0 <= b < hops and not done[a, b]:
                    done[a, b] = True
                    phase[a, b] = phase[m, n] + (a - m + b - n) * 0.5 * (step[m, n] + step[a, b])
                    heapq.heappush(heap, (-magnitudes[a, b], (a, b)))
    # From the centre of the window to its first sample.
    return phase + np.pi * np.arange(bins)[:, None]


def invert(spec):
    return scipy.signal.istft(spec, RATE, nperseg=SIZE, noverlap=SIZE - HOP)[1]


def sound(log_power, repaired, rng):
    if not repaired:
        magnitudes = np.exp(np.minimum(log_power, 20))
        return invert(magnitudes * np.exp(1j * rng.uniform(0, 2 * np.pi, magnitudes.shape)))
    magnitudes = np.sqrt(np.exp(np.minimum(log_power, 20)))
    spec, before = magnitudes * np.exp(1j * integrate(magnitudes, rng)), None
    for _ in range(16):
        now = spectrum(invert(spec))[:, :magnitudes.shape[1]]
        ahead = now if before is None else now + 0.99 * (now - before)
        spec, before = magnitudes * np.exp(1j * np.angle(ahead)), now
    return invert(spec)


def run(kind, training, held_out, out, count, seed, seconds):
    files = lambda folder: sorted(pathlib.Path(folder).glob("*.wav"))
    specs = lambda folder: np.stack([np.log(np.abs(spectrum(aligned(p))) ** 2 + 1e-10) for p in files(folder)])
    train_specs, held_specs = specs(training), specs(held_out)
    shape = train_specs.shape[1:]
    flat = train_specs.reshape(len(train_specs), -1)
    mean, sd = flat.mean(0), flat.std(0) + 1e-8
    torch.manual_seed(seed)
    net = Net(flat.shape[1], kind == "original")
    took, steps = train(net, torch.tensor((flat - mean) / sd, dtype=torch.float32), seconds, seed)
    rng = np.random.default_rng(seed)
    back = lambda y: (y.numpy() * sd + mean).reshape(-1, *shape)
    with torch.no_grad():
        x = torch.tensor((held_specs.reshape(len(held_specs), -1) - mean) / sd, dtype=torch.float32)
        parts = {"held_out": ([p.stem for p in files(held_out)], back(net.decode(net.mean(net.encode(x))))),
                 "random": ([f"{i:03}" for i in range(count)], back(net.decode(torch.randn(count, 128))))}
    for part, (names, made) in parts.items():
        folder = pathlib.Path(out) / part
        folder.mkdir(parents=True, exist_ok=True)
        for name, log_power in zip(names, made):
            y = sound(log_power, kind == "repaired", rng)
            sf.write(folder / f"{name}.wav", (0.891 * y / (np.abs(y).max() + 1e-9)).astype(np.float32), RATE, subtype="FLOAT")
    print(json.dumps({"kind": kind, "processor_s": round(took, 1), "steps": steps,
                      "parameters": sum(p.numel() for p in net.parameters())}))


def step(cells=4288, latent=128, batch=32, rounds=100):
    encode = nn.Sequential(nn.Linear(cells, 512), nn.SiLU(), nn.Linear(512, 256), nn.SiLU(), nn.Linear(256, 2 * latent))
    decode = nn.Sequential(nn.Linear(latent, 256), nn.SiLU(), nn.Linear(256, 512), nn.SiLU(), nn.Linear(512, cells))
    parameters = [*encode.parameters(), *decode.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=1e-3, fused=True)
    x, weight = torch.randn(batch, cells), torch.rand(batch, cells)
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        m, v = encode(x).chunk(2, 1)
        e = decode(m + torch.exp(0.5 * v) * torch.randn_like(m)) - x
        loss = (weight * (e.abs() + 2 * e * e)).mean() + 2e-4 * (0.5 * (m ** 2 + v.exp() - 1 - v)).mean(0).clamp(min=0.02).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        times.append(time.perf_counter() - begun)
    print(json.dumps({"ms_per_step": round(1e3 * float(np.median(times)), 2)}))


if __name__ == "__main__":
    if sys.argv[1] == "step":
        step()
    else:
        kind, training, held_out, out, count, seed, seconds = sys.argv[1:8]
        run(kind, training, held_out, out, int(count), int(seed), float(seconds))
