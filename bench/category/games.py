"""Labels the sound effects that come with the Python package `arcade`: Kenney's, in the public domain (CC0).

    pip download --no-deps arcade==2.6.17
    python games.py arcade-2.6.17-py3-none-any.whl OUT
    cargo run --release -p dream-analysis --example train_category -- DIR --more OUT
"""
import os
import sys
import zipfile

from soundfont import labels


def main(wheel, out):
    os.makedirs(os.path.join(out, "fx"), exist_ok=True)
    rows = []
    with zipfile.ZipFile(wheel) as package:
        for name in sorted(package.namelist()):
            if name.startswith("arcade/resources/sounds/") and name.endswith((".wav", ".ogg")):
                path = "fx/" + os.path.basename(name)
                with open(os.path.join(out, path), "wb") as sound:
                    sound.write(package.read(name))
                rows.append([path, "fx", "CC0-1.0", "kenney", name])
    labels(out, rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
