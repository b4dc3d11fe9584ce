"""Do the stems of a track have what its prompt asks of sounds?

The attributes of the stems are read from the library's database; see `cast/wishes.py` for what is compared with what.
"""

from cast.library import stems
from cast.wishes import Library, asked


def wishes(track, home):
    """The attribute score of the casting against those of 100 random castings of the same plan; None where the prompt asks nothing
    of sounds. `home` is the folder that the track was composed in."""
    wants = asked(track.plan["prompt"])
    compared = Library(stems(home)).compared(track.casting, wants) if wants else None
    if compared is None:
        return None
    score, chance = compared
    share = (chance < score).mean()
    return bool(share >= 0.9), f"{score - chance.mean():+.2f} sd, above {100 * share:.0f} %"
