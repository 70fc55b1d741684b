"""WordNet where nltk finds it, out of files that a Linux distribution packages: no network but the distribution's.

    python -m benchmarks.wordnet --files FOLDER --nltk-data FOLDER

`--files` holds WordNet 3.0 as Debian's packages wordnet-base and wordnet-sense-index install it (data.noun, index.sense
and so on). Afterwards `NLTK_DATA=<folder>` gives the metric `meteor`. nltk reads one file more than these packages
have, lexnames, a table of 45 names; it is written here, after the manual page lexnames(5WN).
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

NEEDED = (
    "index.sense",
    "cntlist.rev",
    *(f"{kind}.{part}" for kind in ("data", "index") for part in ("adj", "adv", "noun", "verb")),
    *(f"{part}.exc" for part in ("adj", "adv", "noun", "verb")),
)
LEXICOGRAPHER_FILES = {
    "noun": "Tops act animal artifact attribute body cognition communication event feeling food group location motive "
    "object person phenomenon plant possession process quantity relation shape state substance time",
    "verb": "body change cognition communication competition consumption contact creation emotion motion perception "
    "possession social stative weather",
}
PARTS = {"noun": 1, "verb": 2, "adj": 3, "adv": 4}


def lexnames() -> str:
    """Returns the table: number, name and part of speech of each file that WordNet was written in."""
    names = ["adj.all", "adj.pert", "adv.all"]
    names += [f"{part}.{topic}" for part, topics in LEXICOGRAPHER_FILES.items() for topic in topics.split()]
    names.append("adj.ppl")
    return "".join(f"{number:02}\t{name}\t{PARTS[name.split('.')[0]]}\n" for number, name in enumerate(names))


def install(files: Path, nltk_data: Path) -> Path:
    """Copies WordNet to where nltk looks for it; returns the folder.

    Raises:
        FileNotFoundError: some of the files are missing.
    """
    if missing := [name for name in NEEDED if not (files / name).exists()]:
        raise FileNotFoundError(f"{files}: no {', '.join(missing)}; give the folder that holds WordNet's data.noun")
    folder = nltk_data / "corpora" / "wordnet"
    folder.mkdir(parents=True, exist_ok=True)
    for name in NEEDED:
        shutil.copyfile(files / name, folder / name)
    (folder / "lexnames").write_text(lexnames(), encoding="ascii")
    return folder


def parser() -> argparse.ArgumentParser:
    """Returns the options."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--files", type=Path, required=True, help="folder of WordNet 3.0, such as /usr/share/wordnet")
    made.add_argument("--nltk-data", type=Path, required=True, help="folder to make, for NLTK_DATA")
    return made


def main() -> None:
    """Installs WordNet."""
    given = parser().parse_args()
    print(install(given.files, given.nltk_data))


if __name__ == "__main__":
    main()
