import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data.canaries import CanaryConfig
from data.corpus import CorpusConfig, build_corpus
from data.document import SPLITS, iter_texts

SMALL = CanaryConfig(symbols=("red", "blue", "green", "white"), length=2, repeats=(1, 4), each=2)


def test_each_canary_is_in_as_many_documents_as_declared_and_controls_in_none():
    counted = Counter(name for name, _ in SMALL.documents())

    assert counted == {"x1-0": 1, "x1-1": 1, "x4-0": 4, "x4-1": 4}
    assert [(c.name, c.repeats) for c in SMALL.canaries()][:3] == [("x0-0", 0), ("x0-1", 0), ("x1-0", 1)]
    by_name = {canary.name: canary.text for canary in SMALL.canaries()}
    assert all(text.endswith(by_name[name]) for name, text in SMALL.documents())
    assert len({text for _, text in SMALL.documents()}) == 10


def test_candidates_are_the_whole_space_but_the_canaries_or_a_drawn_part_of_it():
    canaries = {canary.text for canary in SMALL.canaries()}
    every, some = SMALL.candidates(10), SMALL.candidates(5)

    assert len(canaries) == 6
    assert len(set(every)) == 4**2 - 6
    assert len(set(some)) == 5
    assert not canaries & {*every, *some}
    assert set(some) < set(every)


def test_equal_settings_give_equal_canaries_and_another_seed_others():
    assert SMALL.canaries() == SMALL.model_copy().canaries()
    assert list(SMALL.documents()) == list(SMALL.model_copy().documents())
    assert SMALL.canaries() != SMALL.model_copy(update={"seed": 1}).canaries()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"template": "no place"}, r"template: 'no place' must hold \{\} once"),
        ({"symbols": ["a", "a"]}, "symbols: they must differ"),
        ({"repeats": [0, 4]}, r"repeats: \[0, 4\] must be different numbers from 1"),
        ({"symbols": ["a", "b"], "length": 2}, "20 canaries, controls included, leave too few of 4 secrets"),
    ],
)
def test_settings_that_give_no_canaries_are_refused(settings: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        CanaryConfig.model_validate(settings)


def corpus_config(folder: Path, **changes: Any) -> CorpusConfig:
    line = "The harbour was quiet before storm number {} and the people of the town waited for news of their boats. "
    texts = ["".join(line.format(10 * number + part) for part in range(8)) for number in range(20)]
    (folder / "a.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    settings: dict[str, Any] = {
        "sources": {
            "news": {"path": "a.jsonl"},
            "secrets": {"canaries": {"repeats": [1, 8], "each": 2}},
            "口令": {"canaries": {"repeats": [8], "each": 2}, "language": "zh"},
        },
        "languages": ["en", "zh"],
        "cleaning": {"repetition": None},
        "dedup": {"near": False},
        "engine": {"kind": "local", "workers": 1},
    }
    return CorpusConfig.model_validate(settings | changes)


def planted(config: CorpusConfig, folder: Path, output: str) -> Counter[str]:
    build_corpus(config, output=folder / output, cache=folder / "cache", root=folder)
    every = [
        text for split in SPLITS for batch in iter_texts(folder / output, split) for text in batch["text"].to_pylist()
    ]
    settings = [config.sources[name].canaries for name in ("secrets", "口令")]
    return Counter({c.text: sum(c.text in text for text in every) for s in settings for c in s.canaries() if c.repeats})


def test_canaries_pass_cleaning_whole_in_both_languages(tmp_path: Path):
    found = planted(corpus_config(tmp_path), tmp_path, "c")

    assert sorted(found.values()) == [1, 1, 8, 8, 8, 8]
    assert sum("口令是" in text for text in found) == 2
    provenance = json.loads((tmp_path / "c" / "audit" / "provenance.json").read_text())
    assert CanaryConfig.model_validate(provenance["sources"]["secrets"]["canaries"]).repeats == (1, 8)


def test_near_deduplication_takes_repeated_canaries_out(tmp_path: Path):
    found = planted(corpus_config(tmp_path, dedup={"near": True}), tmp_path, "c")

    assert sorted(found.values()) == [1] * 6
