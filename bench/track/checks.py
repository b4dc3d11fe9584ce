"""The measurable properties of a good track, each judged by tools that share no code with the engine.

A check takes a `Track` and answers None where it does not apply, else (passed, figure). Times come from the plan; sound
from the master, the buses and the layers that `dream compose --stems` writes.
"""

import json
import pathlib
import re
import subprocess
from functools import cached_property

import essentia.standard as es
import librosa
import mir_eval
import numpy as np
import soundfile as sf
from scipy import signal
from scipy.spatial.distance import cdist
from scipy.stats import spearmanr

ROLES = """kick snare clap open_hat hat ride shaker perc tom break bass sub stab chords arp lead pad drone noise riser
downlifter impact crash reverse vocal""".split()
DRUMS = "kick snare clap open_hat hat ride shaker perc tom break".split()
SLOW = {"ambient", "minimal", "dub techno"}
FREE_ENDS_S = 6.0


class Section:
    def __init__(self, data, first_bar, bar_s):
        self.data, self.name, self.energy = data, data["section"], data["energy"]
        self.first_bar, self.bars = first_bar, data["bars"]
        self.start, self.end = first_bar * bar_s, (first_bar + data["bars"]) * bar_s

    def plays(self, roles):
        """Whether a part of these roles sounds for at least half of the section."""
        def sounds(query):
            return query["role"] in roles and query["leave_bar"] - query["enter_bar"] >= self.bars / 2
        return any(sounds(query) for query in self.data["stem_queries"])


class Track:
    """A finished track: its JSON, its master and, for the checks that hear layers, the folder of its layers and buses."""

    def __init__(self, wav, sidecar, stems=None):
        self.wav, self.stems = pathlib.Path(wav), stems and pathlib.Path(stems)
        self.json = json.loads(pathlib.Path(sidecar).read_text())
        self.plan, self.casting = self.json["arrangement_plan"], self.json["casting"]
        self.bpm, self.genre = self.plan["bpm"], self.plan["genre"]
        self.beat_s = 60 / self.bpm
        self.bar_s = 4 * self.beat_s
        self.sections, bar = [], 0
        for data in self.plan["structure"]:
            self.sections.append(Section(data, bar, self.bar_s))
            bar += data["bars"]
        self.bars = bar
        self.end_s = bar * self.bar_s

    @cached_property
    def master(self):
        return sf.read(self.wav, dtype="float32", always_2d=True)[0]

    rate = 44_100

    @cached_property
    def mono(self):
        return self.master.mean(1)

    def layers(self, roles=ROLES):
        """Role and file of every layer, in mix order."""
        for path in sorted(self.stems.glob("layer_*.wav")):
            name = re.sub(r"^layer_\d+_", "", path.stem)
            role = max((role for role in ROLES if name.startswith(role)), key=len)
            if role in roles:
                yield role, path

    def bus(self, name):
        return sf.read(self.stems / f"bus_{name}.wav", dtype="float32", always_2d=True)[0]

    def beat_time(self, first_bar, beat):
        """Seconds of a note: odd sixteenths are late by the swing."""
        step = beat * 4
        late = 0.0
        if abs(step - round(step)) < 1e-6 and round(step) % 2 == 1:
            late = (self.plan["swing"] / 100 - 0.5) * self.beat_s / 2
        return first_bar * self.bar_s + beat * self.beat_s + late

    @cached_property
    def step_levels(self):
        """Root mean square of every layer in each sixteenth, `[layers, steps]`."""
        count = self.bars * 16
        edges = np.round(np.arange(count + 1) * self.bar_s / 16 * self.rate).astype(int)
        rows = []
        for _, path in self.layers():
            power = (sf.read(path, dtype="float32", always_2d=True)[0] ** 2).mean(1, dtype=np.float64)
            total = np.concatenate([[0.0], np.cumsum(power)])
            edge = np.minimum(edges, len(power))
            rows.append(np.sqrt(np.maximum(np.diff(total[edge]) / np.maximum(np.diff(edge), 1), 0)))
        return np.array(rows)

    @cached_property
    def short_term(self):
        """Short-term loudness by ffmpeg, LUFS ten times a second; integrated loudness, range and true peak."""
        command = ["ffmpeg", "-nostdin", "-hide_banner", "-i", str(self.wav), "-filter_complex", "ebur128=peak=true", "-f", "null", "-"]
        text = subprocess.run(command, capture_output=True, text=True).stderr
        frames = re.findall(r"t:\s*([\d.]+)\s.*?S:\s*(-?[\d.]+|-inf|nan)", text)
        times = np.array([float(t) for t, _ in frames])
        loud = np.array([max(float(s), -70.0) if s not in ("-inf", "nan") else -70.0 for _, s in frames])
        summary = text[text.rfind("Summary:"):]
        values = [float(re.search(rf"{name}:\s+(-?[\d.]+)", summary)[1]) for name in ("I", "LRA", "Peak")]
        return times, loud, *values

    def section_lufs(self):
        times, loud, *_ = self.short_term
        means = []
        for section in self.sections:
            # A window of three seconds counts where it ends; only whole ones.
            inside = (times >= min(section.start + 3.0, section.end - 0.2)) & (times <= section.end)
            means.append(loud[inside].mean() if inside.any() else -70.0)
        return np.array(means)


def duration(track):
    seconds = len(track.master) / track.rate
    return 300 <= seconds <= 480, f"{seconds:.0f} s"


def tempo(track):
    """One slope through the beats of all sections with drums, an intercept each: the tracker may choose the off-beat."""
    rows = []
    for number, section in enumerate(s for s in track.sections if s.plays(["kick", "snare", "break"])):
        if section.end - section.start < 12:
            continue
        cut = track.mono[int(section.start * track.rate):int(section.end * track.rate)]
        beats, _ = es.BeatTrackerMultiFeature()(np.ascontiguousarray(cut))
        if len(beats) < 16:
            continue
        octave = min((0.25, 0.5, 1, 1.5, 2, 4), key=lambda o: abs(np.log(np.median(np.diff(beats)) / (track.beat_s * o))))
        index = np.round((beats - beats[0]) / (track.beat_s * octave)) * octave
        rows += [(number, i, b) for i, b in zip(index, beats)]
    if not rows:
        return None
    number, index, times = np.array(rows).T
    groups = np.unique(number)
    design = np.column_stack([index] + [number == g for g in groups])
    keep = np.ones(len(times), bool)
    for _ in range(8):
        solution = np.linalg.lstsq(design[keep], times[keep], rcond=None)[0]
        off = np.abs(design @ solution - times)
        keep = off < max(0.02, 3 * np.median(off[keep]))
    error = 60 / solution[0] - track.bpm
    return abs(error) <= 0.02, f"{error:+.4f} bpm"


def hits(path, times, before_s=0.012, after_s=0.06):
    """Where a layer first rises above 30 dB under the peak of each hit, seconds."""
    samples, rate = sf.read(path, dtype="float32", always_2d=True)
    level = np.abs(samples).max(1)
    found = []
    for time in times:
        start, end = max(int((time - before_s) * rate), 0), int((time + after_s) * rate)
        window = level[start:end]
        if len(window) == 0 or window.max() < 1e-4:
            found.append(np.nan)
            continue
        found.append((start + np.argmax(window > window.max() * 10 ** -1.5)) / rate)
    return np.array(found)


def kick_onsets(track):
    paths = [path for _, path in track.layers(["kick"])]
    times = []
    for section in track.sections:
        for query in section.data["stem_queries"]:
            if query["role"] == "kick":
                times += [track.beat_time(section.first_bar, note["beat"]) for note in query.get("notes", [])]
    if not paths or not times:
        return None
    times = np.array(sorted(set(times)))
    # A hit that follows another at once has no pause to rise from.
    times = times[np.concatenate([[True], np.diff(times) > 0.12])]
    off = np.abs(hits(paths[0], times) - times)
    last = off[times > track.end_s - 60]
    share = np.mean(off <= 0.003)
    late = np.mean(last <= 0.003) if len(last) else 1.0
    return share >= 0.95 and late >= 0.95, f"{100 * share:.1f} % of {len(times)}"


def key(track):
    planned = track.plan["key"]
    if planned is None:
        return None
    tonal = sum(track.bus(name).mean(1) for name in ("bass", "music"))
    if np.abs(tonal).max() < 1e-3:
        return None
    tonic, scale, _ = es.KeyExtractor(profileType="bgate")(np.ascontiguousarray(tonal, dtype=np.float32))
    score = mir_eval.key.weighted_score(planned, f"{tonic} {scale}")
    return score >= 0.5, f"{tonic} {scale} for {planned}: {score}"


def bar_features(track):
    """Log-mel spectrum of each bar, standardised by band."""
    mel = librosa.feature.melspectrogram(y=track.mono, sr=track.rate, n_fft=4096, hop_length=1024, n_mels=48)
    edges = librosa.time_to_frames(np.arange(track.bars + 1) * track.bar_s, sr=track.rate, hop_length=1024)
    bars = np.stack([mel[:, a:b].mean(1) for a, b in zip(edges[:-1], edges[1:])])
    image = librosa.power_to_db(bars, ref=np.max, top_db=80)
    return (image - image.mean(0)) / (image.std(0) + 1e-6)


def boundaries(track):
    """Peaks of novelty within a bar of the boundaries where the planned energy jumps."""
    jumps = [b for a, b in zip(track.sections, track.sections[1:]) if abs(b.energy - a.energy) >= 0.15 - 1e-9]
    if not jumps:
        return None
    # Foote, "Automatic audio segmentation using a measure of audio novelty", ICME 2000; a kernel of 16 bars.
    features, half = bar_features(track), 8
    distance = cdist(features, features)
    similar = np.pad(np.exp(-distance / np.median(distance)), half, mode="edge")
    axis = (np.arange(2 * half) - half + 0.5) / half
    kernel = np.outer(np.sign(axis) * np.exp(-2 * axis**2), np.sign(axis) * np.exp(-2 * axis**2))
    novelty = np.array([(kernel * similar[i:i + 2 * half, i:i + 2 * half]).sum() for i in range(len(features) + 1)])
    peaks, _ = signal.find_peaks(novelty, prominence=0.05 * novelty.max())
    found = [np.abs(peaks - section.first_bar).min(initial=99) <= 1 for section in jumps]
    return np.mean(found) >= 0.8, f"{sum(found)} of {len(found)}"


def energy(track):
    if len(track.sections) < 4:
        return None
    planned = [section.energy for section in track.sections]
    rank = spearmanr(planned, track.section_lufs())[0]
    return rank >= 0.8, f"{rank:.2f}"


def drop(track):
    """The quietest drop against the loudest break."""
    loud = track.section_lufs()
    named = lambda pattern: [l for s, l in zip(track.sections, loud) if re.search(pattern, s.name, re.I)]
    drops, breaks = named(r"drop|climax"), named(r"break(?!.*build)")
    if not drops or not breaks:
        return None
    gap = min(drops) - max(breaks)
    return gap >= 3.0, f"{gap:.1f} LU"


def part_states(track):
    """What each part does in every bar, from the plan: silent, a pattern of notes, a running loop."""
    states = [{} for _ in range(track.bars)]
    for section in track.sections:
        for query in section.data["stem_queries"]:
            part = json.dumps([query["role"], query["category"], query["tags"], query["text"]])
            patterns = {}
            for note in query.get("notes", []):
                bar = int(note["beat"] // 4)
                patterns.setdefault(bar, []).append((round(note["beat"] % 4, 3), round(note["velocity"], 2), note.get("pitch")))
            for bar in range(query["enter_bar"], query["leave_bar"]):
                notes = tuple(patterns.get(bar, ()))
                states[section.first_bar + bar][part] = notes if query.get("notes") else "runs"
        for move in section.data["transitions"]:
            bar = min(int(move["bar"]), section.bars - 1)
            states[section.first_bar + bar][move["kind"]] = True
    return states


def changes(track):
    """A layer or a variation changes at each 8 bars (16 in slow genres), in the plan and in the levels of the layers."""
    phrase = 16 if track.genre in SLOW else 8
    states, levels = part_states(track), track.step_levels
    planned = heard = count = 0
    for line in range(phrase, track.bars - phrase + 1, phrase):
        count += 1
        planned += states[line - phrase:line] != states[line:line + phrase]
        before = levels[:, (line - phrase) * 16:line * 16].reshape(len(levels), -1, 16)
        after = levels[:, line * 16:(line + phrase) * 16].reshape(len(levels), -1, 16)
        before, after = np.sqrt((before**2).mean(1)), np.sqrt((after**2).mean(1))
        scale = np.maximum(before, after).max(1)
        audible = scale > 10 ** (-60 / 20)
        heard += bool((np.abs(before - after).max(1)[audible] > 0.1 * scale[audible]).any())
    if count == 0:
        return None
    return planned == count and heard == count, f"planned {planned}, heard {heard} of {count}"


def blocks(track):
    """Adjacent blocks of 16 bars are not the same image."""
    mel = librosa.feature.melspectrogram(y=track.mono, sr=track.rate, n_fft=2048, hop_length=1024, n_mels=64)
    image = librosa.power_to_db(mel, ref=np.max, top_db=80) + 80
    width = int(16 * track.bar_s * track.rate / 1024)
    starts = librosa.time_to_frames(np.arange(0, track.bars - 15, 16) * track.bar_s, sr=track.rate, hop_length=1024)
    pieces = [image[:, s:s + width].ravel() for s in starts if s + width <= image.shape[1]]
    if len(pieces) < 2:
        return None
    cosines = [a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for a, b in zip(pieces, pieces[1:])]
    return max(cosines) < 0.995, f"{max(cosines):.4f}"


def loudness(track):
    *_, integrated, _, _ = track.short_term
    target = track.plan["loudness_lufs"]
    return abs(integrated - target) <= 0.5, f"{integrated:.1f} for {target:.1f}"


def true_peak(track):
    peak = track.short_term[4]
    return peak <= -1.0, f"{peak:.2f} dBTP"


def side(track):
    low = signal.butter(8, 120, fs=track.rate, output="sos")
    mid, difference = track.mono, (track.master[:, 0] - track.master[:, 1]) / 2
    power = [np.mean(signal.sosfilt(low, x.astype(np.float64)) ** 2) for x in (mid, difference)]
    level = 10 * np.log10((power[1] + 1e-20) / (power[0] + 1e-20))
    return level <= -20, f"{level:.0f} dB"


def clipping(track):
    count = int((np.abs(track.master) >= 32_767 / 32_768).sum())
    return count == 0, f"{count}"


def seams(track):
    """Where a loop or a texture comes round: the largest step between samples against those around it."""
    worst = 0.0
    order = [stem for cast in track.casting for stem in cast["stems"]]
    for (role, path), stem in zip(track.layers(), order):
        if stem["form"] != "loop" or not stem.get("bars"):
            continue
        samples = sf.read(path, dtype="float32", always_2d=True)[0].mean(1)
        steps = np.abs(np.diff(samples))
        for section in track.sections:
            for query in section.data["stem_queries"]:
                if query["role"] != role or query.get("notes"):
                    continue
                for bar in range(query["enter_bar"], query["leave_bar"] + 1):
                    at = int((section.first_bar + bar) * track.bar_s * track.rate)
                    around = steps[max(at - 2205, 0):at + 2205]
                    if len(around) < 1000 or around.max() < 1e-4:
                        continue
                    near = steps[max(at - 32, 0):at + 32].max()
                    worst = max(worst, near / max(np.quantile(around, 0.999), 1e-6))
    return (worst <= 3.0, f"{worst:.2f}") if worst else None


def silence(track):
    """No pause of more than half a beat that the plan did not ask for."""
    hop = 441
    frames = track.mono[: int(track.end_s * track.rate) // hop * hop].reshape(-1, hop)
    quiet = np.sqrt((frames.astype(np.float64) ** 2).mean(1)) < 10 ** (-60 / 20)
    planned = np.zeros(len(quiet), bool)
    for section in track.sections:
        for move in section.data["transitions"]:
            if move["kind"] in ("silence", "fill_c"):
                start = section.start + move["bar"] * track.bar_s
                planned[int(start * 100):int((start + move["beats"] * track.beat_s) * 100) + 2] = True
    # A track may begin with a swell and end with its tail.
    planned[: int(FREE_ENDS_S * 100)] = True
    planned[-int(FREE_ENDS_S * 100):] = True
    runs = np.diff(np.flatnonzero(np.concatenate([[True], ~(quiet & ~planned), [True]]))) - 1
    longest = runs.max(initial=0) / 100
    return longest <= track.beat_s / 2, f"{longest:.2f} s"


def attacks(path, times, rate=44_100):
    """Where a layer begins to be heard within 30 ms before and 45 ms after each planned time: the first peak of its rise (the level
    of 10 ms against that of the 10 ms before) that is at least half of the largest one there.

    Not a number where it hardly rises: a hit that is masked by its own tail, a ghost, a sixteenth in which a loop has none.
    """
    hop, width = rate // 1000, 10
    power = (sf.read(path, dtype="float32", always_2d=True)[0].astype(np.float64) ** 2).sum(1)
    power = np.concatenate([[0.0], np.cumsum(power[: len(power) // hop * hop].reshape(-1, hop).mean(1))])
    at = np.arange(len(power) - 1)
    after = power[np.minimum(at + width, len(at))] - power[at]
    before = power[at] - power[np.maximum(at - width, 0)]
    rise = np.sqrt(np.maximum(after, 0)) - np.sqrt(np.maximum(before, 0))
    found, height = np.full(len(times), np.nan), np.zeros(len(times))
    for i, time in enumerate(times):
        start = max(int((time - 0.03) * rate / hop), 0)
        near = rise[start:int((time + 0.045) * rate / hop)]
        if len(near) and near.max() > 0:
            peaks, _ = signal.find_peaks(np.pad(near, 1), height=near.max() / 2)
            found[i], height[i] = (start + peaks[0] - 1) * hop / rate, near[peaks[0] - 1]
    found[height < 0.35 * np.quantile(height, 0.9, method="higher")] = np.nan
    return found


def planned_times(track, part):
    """Times of the notes of a part; of a running loop, every sixteenth in which it may have a hit."""
    times = set()
    for section in track.sections:
        for query in section.data["stem_queries"]:
            if all(query[name] == part[name] for name in part):
                steps = np.arange(16 * query["enter_bar"], 16 * query["leave_bar"]) / 4
                beats = [note["beat"] for note in query["notes"]] if query.get("notes") else steps
                times |= {round(track.beat_time(section.first_bar, beat), 4) for beat in beats}
    return np.array(sorted(times))


def alignment(track):
    """Of the steps that two rhythmic layers share in the plan, how many have their attacks within 15 ms."""
    parts = [cast["part"] for cast in track.casting for _ in cast["stems"]]
    found = []
    for (role, path), part in zip(track.layers(), parts):
        times = planned_times(track, part)
        if role in DRUMS and len(times) >= 8:
            found.append(dict(zip(times, attacks(path, times))))
    gaps = [abs(a[time] - b[time]) for i, a in enumerate(found) for b in found[i + 1:] for time in a.keys() & b.keys()]
    gaps = np.array([gap for gap in gaps if np.isfinite(gap)])
    if len(gaps) < 20:
        return None
    share = np.mean(gaps <= 0.015)
    return share >= 0.9, f"{100 * share:.1f} % of {len(gaps)}"


CHECKS = {
    "duration": duration, "tempo": tempo, "kick onsets": kick_onsets, "key": key, "boundaries": boundaries, "energy": energy,
    "drop": drop, "changes": changes, "blocks": blocks, "loudness": loudness, "true peak": true_peak, "side": side,
    "clipping": clipping, "seams": seams, "silence": silence, "alignment": alignment,
}
