"""Renders labelled sounds of a DSSI synthesizer's presets: basses, leads, pads, keys, effects of many authors.

    python synths.py OUT [--plugin /usr/lib/dssi/libzynaddsubfx_dssi.so] [--banks DIR] [--maker zyn] [--seed 1] [--notes 3]
    cargo run --release -p dream-analysis --example train_category -- DIR --more OUT

A preset's category is read from its name and its bank (LABELS below); presets whose name says nothing are left out. Each
plays notes, chords and lines of its category. OUT gets a folder per category and `labels.csv`. Needs numpy and soundfile,
and a plugin with presets: Debian has zynaddsubfx-dssi (with zynaddsubfx-data), amsynth and whysynth; the last two have no banks
(`--banks ''`). The presets are played, not copied: what comes out is the sound of a program, not the program.
"""
import argparse
import ctypes
import multiprocessing
import os
import re
import time

import numpy as np
import soundfile

from soundfont import chord, labels, line

RATE, BLOCK = 44100, 256
NOTE_ON, NOTE_OFF = 6, 7
# The first that matches the name decides; a name without any is looked up by its bank.
LABELS = [
    (r"drum ?kit|drums kit|^arp|arpeg|sequenc|sequenz|split|^layered|echo fx|readme|hit ensemble|leadbass|basslead|\btest\b|init|voices?$.*==|^[-=< ]|stack|nsteel|orlead", None),
    (r"^kick", "kick"), (r"^snare", "snare"), (r"^hit?hat|^hihat", "hihat"),
    (r"\bperc|clunk|\btick\b|electro tom|tom$|woodblock", "percussion"),
    (r"^fx |laser|sparo|gun|bomb|explos|bleep|beep|alien|robot|glitch|computer game|ufo|alarm|alert|missile|metal sound|"
     r"sound effect|effect|noise\d|synth effect|ioio|interferenz|elettrico|passa_|nave|zap|riser|filter rise|starting_machine|"
     r"radio$|drip|train bell|ronzio|asteroide|short noise|scherzo|drop1|drop2|dropofwater|bubble", "fx"),
    (r"\brain|_rain|wind\b|vento|pioggia|nebbia|thunder|ocean\b|surf|canyon|ambient$|landscape|drone|spazio|in_the_space|atmo$|ancestral|"
     r"from_another|saturnus|spaceatmo|darknight|abyss", "atmo"),
    (r"bass(?!oon|y|o)|base\b|_bass|sub delay", "bass"),
    # A synthesizer's choir is a pad: the voices are in voices.py.
    (r"pad|string|lush|ethereal|sweep matrix|rushes|ice field|soft$|smooth|aura|"
     r"choir|voice|vocal|ahh|ooh|ooo|soprano|vox|eooo", "pad"),
    (r"guitar|banjo", "guitar"),
    (r"rhodes|piano|clavic|harpsi|\bep\b|e_p_|wurli|pianola|clav|harmonium", "piano"),
    (r"lead|solo|whistle|theramin|theremin|flute|reed|clarinet|sax|ocarina|fagotto|zufolo|trumpet|thrumpet|horn|violin|fiddle|"
     r"harmonica|fanfare|bassoon|oboe|pipes|organ\b|organ |organ_|organo|organett|accord|concertina", "lead"),
    (r"brass|brazz|synth|saw|square|pulse|pluck|hoover|stab|reso|trash|analog|buzz|chip|twang|fm ", "synth"),
    (r"bell|vibe|xylo|marimba|campane|chime|glass|mallet|music ?box|steel drum|kalimba|harp", "synth"),
]
BANKS = {"noises": "fx", "cormi_noise": "fx", "pads": "pad", "strings": "pad", "choir and voice": "pad", "bass": "bass",
         "synth": "synth", "plucked": "synth", "brass": "synth", "reed and wind": "lead", "organ": "lead", "guitar": "guitar",
         "rhodes": "piano", "synthpiano": "piano", "fantasy": "pad"}


class Hint(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_int), ("low", ctypes.c_float), ("high", ctypes.c_float)]

    def default(self):
        share = {0x40: 0, 0x80: 0.25, 0xC0: 0.5, 0x100: 0.75, 0x140: 1}
        kind = self.kind & 0x3C0
        return self.low + share[kind] * (self.high - self.low) if kind in share else {0x240: 1, 0x280: 100, 0x2C0: 440}.get(kind, 0)


class Ladspa(ctypes.Structure):
    _fields_ = [("unique_id", ctypes.c_ulong), ("label", ctypes.c_char_p), ("properties", ctypes.c_int), ("name", ctypes.c_char_p),
                ("author", ctypes.c_char_p), ("copyright", ctypes.c_char_p), ("port_count", ctypes.c_ulong),
                ("ports", ctypes.POINTER(ctypes.c_int)), ("port_names", ctypes.POINTER(ctypes.c_char_p)), ("hints", ctypes.POINTER(Hint)),
                ("data", ctypes.c_void_p), ("instantiate", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ulong)),
                ("connect_port", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_void_p)),
                ("activate", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
                ("run", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ulong))]


class Program(ctypes.Structure):
    _fields_ = [("bank", ctypes.c_ulong), ("program", ctypes.c_ulong), ("name", ctypes.c_char_p)]


class Event(ctypes.Structure):
    """ALSA's snd_seq_event_t with a note."""
    _fields_ = [("type", ctypes.c_uint8), ("flags", ctypes.c_uint8), ("tag", ctypes.c_uint8), ("queue", ctypes.c_uint8),
                ("tick", ctypes.c_uint32), ("fraction", ctypes.c_uint32), ("ends", ctypes.c_uint8 * 4), ("channel", ctypes.c_uint8),
                ("note", ctypes.c_uint8), ("velocity", ctypes.c_uint8), ("off_velocity", ctypes.c_uint8),
                ("duration", ctypes.c_uint32), ("spare", ctypes.c_uint32)]


class Dssi(ctypes.Structure):
    _fields_ = [("version", ctypes.c_int), ("ladspa", ctypes.POINTER(Ladspa)), ("configure", ctypes.c_void_p),
                ("get_program", ctypes.CFUNCTYPE(ctypes.POINTER(Program), ctypes.c_void_p, ctypes.c_ulong)),
                ("select_program", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)),
                ("midi_controller", ctypes.c_void_p),
                ("run_synth", ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_ulong, ctypes.POINTER(Event), ctypes.c_ulong))]


class Synth:
    """One instance of a plugin."""

    def __init__(self, path):
        library = ctypes.CDLL(path)
        library.dssi_descriptor.restype, library.dssi_descriptor.argtypes = ctypes.POINTER(Dssi), [ctypes.c_ulong]
        self.dssi = library.dssi_descriptor(0).contents
        plugin = self.dssi.ladspa.contents
        self.handle = plugin.instantiate(self.dssi.ladspa, RATE)
        self.out, self.controls = [], []
        for port in range(plugin.port_count):
            kind = plugin.ports[port]
            if kind & 8:  # audio
                buffer = np.zeros(BLOCK, np.float32)
                if kind & 2:
                    self.out.append(buffer)
            else:
                buffer = np.full(1, plugin.hints[port].default(), np.float32)
            self.controls.append(buffer)
            plugin.connect_port(self.handle, port, buffer.ctypes.data)
        if plugin.activate:
            plugin.activate(self.handle)

    def programs(self):
        found, index = [], 0
        while program := self.dssi.get_program(self.handle, index):
            program = program.contents
            found.append((program.bank, program.program, program.name.decode("utf-8", "replace")))
            index += 1
        return found

    def play(self, bank, program, notes, seconds):
        """notes: (start s, length s, key, velocity)."""
        self.dssi.select_program(self.handle, bank, program)
        for _ in range(30):  # some load in a thread of their own
            time.sleep(0.01)
            self.dssi.run_synth(self.handle, BLOCK, (Event * 1)(), 0)
        events = [(start, NOTE_ON, key, velocity) for start, _, key, velocity in notes]
        events += [(start + length, NOTE_OFF, key, 0) for start, length, key, _ in notes]
        events.sort(key=lambda event: (event[0], event[1] == NOTE_ON))
        blocks, at, silent = [], 0, 0
        for block in range(int(seconds * RATE / BLOCK)):
            now = []
            while at < len(events) and events[at][0] * RATE < (block + 1) * BLOCK:
                start, kind, key, velocity = events[at]
                tick = min(max(int(start * RATE) - block * BLOCK, 0), BLOCK - 1)
                now.append(Event(type=kind, tick=tick, note=int(np.clip(key, 0, 127)), velocity=int(velocity)))
                at += 1
            self.dssi.run_synth(self.handle, BLOCK, (Event * max(len(now), 1))(*now), len(now))
            blocks.append(np.mean(self.out, axis=0))
            silent = silent + 1 if np.abs(blocks[-1]).max() < 1e-5 else 0
            if at == len(events) and silent > 40:
                break
        return np.concatenate(blocks)


def label(bank, name):
    for pattern, category in LABELS:
        if re.search(pattern, name.lower()):
            return category
    return BANKS.get(bank.lower())


def clips(rng, category, count):
    """Notes and seconds of some clips of a category."""
    low, high = {"bass": (26, 50), "lead": (52, 86), "synth": (44, 80), "guitar": (40, 72), "piano": (36, 84), "pad": (40, 76),
                 "vocals": (41, 77), "atmo": (32, 72), "fx": (30, 86)}.get(category, (36, 76))
    long = category in ("pad", "atmo")
    for number in range(count):
        kind = number % 3
        seconds = float(rng.uniform(2, 7) if long else np.exp(rng.uniform(np.log(0.15), np.log(3.5))))
        velocity = int(rng.integers(60, 120))
        if kind == 1 and category in ("pad", "atmo", "synth", "guitar", "piano") or category == "pad" and kind == 2:
            yield chord(rng, low, high, seconds), seconds + 1.8
        elif kind != 0 and category in ("bass", "lead", "synth", "guitar", "piano", "vocals"):
            length, notes = line(rng, low, high, held=float(rng.uniform(0.4, 1.0)), rest=float(rng.uniform(0.1, 0.5)))
            yield notes, min(length + float(rng.choice([0, 1.5])), 9)
        else:
            yield [(0, seconds, int(rng.integers(low, high)), velocity)], seconds + 2.5


def banks(folder):
    """Name of a preset to the name of its bank, if the banks are folders with a file for each preset."""
    found = {}
    for root, _, files in os.walk(folder) if folder else ():
        for file in files:
            found.setdefault(re.sub(r"^\d+-", "", os.path.splitext(file)[0]), os.path.basename(root))
    return found


def render(job):
    plugin, out, maker, seed, count, number, bank, program, category = job
    rng = np.random.default_rng([seed, number])
    synth, rows = Synth(plugin), []
    for take, (notes, seconds) in enumerate(clips(rng, category, count)):
        wave = synth.play(bank, program, notes, seconds)
        peak = np.abs(wave).max(initial=0)
        if not np.isfinite(wave).all() or peak < 1e-3:
            continue
        loud = np.flatnonzero(np.abs(wave) > 1e-3 * peak)
        path = f"{category}/{number:04}-{take}.wav"
        soundfile.write(os.path.join(out, path), wave[:loud[-1] + 1] / peak * 0.9, RATE, subtype="PCM_16")
        rows.append([path, category, maker, path])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--plugin", default="/usr/lib/dssi/libzynaddsubfx_dssi.so")
    parser.add_argument("--banks", default="/usr/share/zynaddsubfx/banks")
    parser.add_argument("--maker", default="zyn")
    parser.add_argument("--licence", default="CC0 (output of a program)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--notes", type=int, default=3)
    parser.add_argument("--list", action="store_true", help="print the labels only")
    args = parser.parse_args()
    with multiprocessing.Pool(1) as pool:
        programs = pool.apply(listed, (args.plugin,))
    home, jobs = banks(args.banks), []
    for number, (bank, program, name) in enumerate(programs):
        category = label(home.get(name, ""), name)
        if args.list:
            print(category, "|", home.get(name), "|", name)
        elif category:
            jobs.append((args.plugin, args.out, args.maker, args.seed, args.notes, number, bank, program, category))
            os.makedirs(os.path.join(args.out, category), exist_ok=True)
    if args.list:
        return
    rows = []
    with multiprocessing.Pool(2, maxtasksperchild=1) as pool:
        for at, found in enumerate(pool.imap(render, jobs)):
            rows += found
            if at % 100 == 0:
                print(at, len(jobs), flush=True)
    labels(args.out, [[path, category, args.licence, maker, source] for path, category, maker, source in rows])


def listed(plugin):
    return Synth(plugin).programs()


if __name__ == "__main__":
    main()
