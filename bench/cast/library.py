"""What the scripts of this folder share: castings from the program, stems from the library's database."""

import json
import sqlite3
import subprocess

ROLES = {
    "kick": ["kick"], "snare": ["snare", "clap"], "clap": ["clap", "snare"], "hat": ["hihat"], "open_hat": ["hihat"],
    "ride": ["percussion", "hihat"], "shaker": ["percussion", "hihat"], "perc": ["percussion"], "tom": ["percussion"],
    "break": ["drums"], "bass": ["bass"], "sub": ["bass"], "stab": ["synth", "lead", "piano", "guitar"],
    "chords": ["synth", "lead", "piano", "guitar"], "arp": ["synth", "lead", "piano", "guitar"],
    "lead": ["lead", "synth"], "pad": ["pad", "atmo", "synth"], "drone": ["atmo", "pad", "fx"], "noise": ["atmo", "fx"],
    "riser": ["fx"], "downlifter": ["fx"], "impact": ["fx"], "reverse": ["fx"],
    "crash": ["percussion", "fx", "hihat"], "vocal": ["vocals"],
}


def stems(home):
    """Every stem of a home by its number: category, form, hash, facts."""
    rows = sqlite3.connect(f"file:{home}/processed_database/library.db?mode=ro", uri=True).execute(
        "select id, name, category, form, hash, facts from stem order by id")
    return {i: dict(id=i, name=n, category=c, form=f, hash=h, facts=json.loads(facts)) for i, n, c, f, h, facts in rows}


def casting(dream, home, prompt, seed):
    """The plan and the casting for a prompt, nothing rendered."""
    command = [dream, "--home", home, "--json", "compose", prompt, "--plan-only", "--explain", "--seed", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
