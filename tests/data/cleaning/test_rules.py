"""What the planted defects leave open: edges, and texts that look like a defect and are none."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from data.cleaning import RULES, CleaningConfig, TextBatch, apply_rules, build_rules, overridden, prepare_rules
from data.cleaning.c4 import count_sentences
from data.cleaning.repetition import paragraphs
from data.cleaning.teasers import TeasersConfig, without_teasers
from data.cleaning.tripled import TripledConfig, glyphs, untripled
from data.language import split_words
from data.sources import SourceError, SourceFields, read_source
from data.text import TextColumn
from data.text.repeats import seen_before

PROGRAM = "def add(first, second):\n    total = first + second\n    if total:\n        print(total)\n    return total\n"


def applied(texts: list[str], languages: list[str | None], prepared: Path | None = None, **rules: Any) -> TextBatch:
    """The batch after these rules alone."""
    config = CleaningConfig.model_validate({**dict.fromkeys(RULES), **rules})
    batch = TextBatch(texts, languages)
    apply_rules(build_rules(config, ("en", "zh"), prepared), batch)
    return batch


def reader(folder: Path):
    def read(source: SourceFields) -> Iterator[str]:
        return (row.text for row in read_source(source, folder, folder))

    return read


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        (r"an angle α α \alpha, say", "an angle α, say"),
        ("the value x2x^{2}x2 is", "the value x^{2} is"),
        ("a\n\n  b\n  2\n {\\displaystyle b^{2}}\n c", "a\n\n  b^{2}\n c"),
        (r"∑ i = 1 n i {\textstyle \sum _{i=1}^{n}i} is", r"\sum _{i=1}^{n}i is"),
        (r"设角 θ θ \theta 为锐角", "设角 θ 为锐角"),
        ("E=mc2 E=mc2 E=mc^{2} holds", "E=mc^{2} holds"),
    ],
)
def test_formula_is_left_once(dirty: str, clean: str):
    assert untripled(dirty, TripledConfig()) == clean
    assert untripled(clean, TripledConfig()) == clean


@pytest.mark.parametrize(
    "text",
    [
        r"see \alpha and \beta in TeX; take x_{1} here",
        r"C:\new\table and snake_case_name and ^_^ and 2^10",
        "the max {\\displaystyle x} of it",  # no x of its own before it
        r"θ is an angle, and \theta is how it is written",
    ],
)
def test_latex_without_its_glyphs_stays(text: str):
    assert untripled(text, TripledConfig()) == text


def test_glyphs_are_what_latex_draws():
    assert glyphs(r"\mathrm {d} \varphi _{n}^{2}\leq \sin(\pi )") == "dφn2≤sin(π)"


ARTICLE = "The committee met on Tuesday, and it voted for the new library.\nIts members then went home for the night."


@pytest.mark.parametrize(
    "text",
    [
        ARTICLE,
        f"{ARTICLE}\nRelated articles show that the town is right.",
        f"{ARTICLE}\nRelated articles\nThis paragraph ends as a sentence does.",
        "Related articles\nOne\nTwo",  # a tail that is more than half of the text is the text
        f"{ARTICLE}\nHome, Sweet Home\nThe Old Road Again",  # too few to be a list
        "春眠不觉晓，\n处处闻啼鸟。\n夜来风雨声，\n花落知多少。",
    ],
)
def test_text_without_a_tail_of_teasers_stays(text: str):
    assert without_teasers(text, TeasersConfig()) == text


def test_several_tails_go_together():
    tail = "\n\nMore from this author\nA small walk\n\nMost read:\nIs there a bridge?"

    assert without_teasers(ARTICLE + tail, TeasersConfig()) == ARTICLE


def test_sentences_are_counted_in_both_languages():
    texts = ["One. Two? “Three!” Version 2.5 is no end... Four", "一。二？三！“四。”五……六", "中文.英文标点.也是句号."]

    assert count_sentences(TextColumn(texts)).tolist() == [4, 5, 3]


def test_c4_takes_quotation_marks_for_ends_and_keeps_long_lines():
    quoted = '"We shall go," she said, "tomorrow morning."\n他说：“明天早上我们就出发。”\n「明日は早く出かけよう」'
    long = "word " * 120
    batch = applied([f"{quoted}\nHome News Sport Weather\n{long}"], ["en"], c4={"min_sentences": 1})

    assert batch.texts[0] == f"{quoted}\n{long}".strip()


def test_shares_of_a_single_line_are_not_judged():
    assert applied(["Menu"], ["en"], fineweb={}).dropped == [None]


def test_paragraphs_are_hashed_with_the_order_of_their_lines():
    hashes, characters, offsets = paragraphs(TextColumn(["a\nb\n\nb\na\n\n\na\nb", "", "a\nb"]))

    assert offsets.tolist() == [0, 3, 3, 4]
    assert characters.tolist() == [2, 2, 2, 2]
    assert seen_before(hashes, offsets).tolist() == [False, False, True, False]


@pytest.mark.parametrize(
    ("ellipsis", "symbols"),
    [("…", 1), ("……", 1), ("………", 2), ("...", 1), ("......", 1), (".........", 2)],
)
def test_an_ellipsis_of_six_dots_is_one_symbol(ellipsis: str, symbols: int):
    text = f"他走了{ellipsis}再也没有回来"
    words = len(split_words(text))
    allowed, refused = (
        applied([text], ["zh"], quality={"max_symbols_per_word": share / words}) for share in (symbols, symbols - 0.5)
    )

    assert (allowed.dropped, refused.dropped) == ([None], ["quality/symbols"])


def test_stop_words_must_differ_and_other_languages_are_not_asked():
    texts = ["the the the the", "the boat and", "das Boot", "的的的的", "小船的在"]
    batch = applied(texts, ["en", "en", "de", "zh", "zh"], quality={"min_stop_words": 2, "min_mean_word_length": 0})

    assert batch.dropped == ["quality/few_stop_words", None, None, "quality/few_stop_words", None]


def test_lists_of_too_few_stop_words_are_refused_with_a_way_out():
    with pytest.raises(ValidationError, match=r"stop_words\.zh: 0 different words, of which a text must have 2; give"):
        applied(["小船"], ["zh"], quality={"min_stop_words": 2, "stop_words": {"en": ["the", "of"], "zh": []}})


def test_code_is_found_spared_and_given_a_language():
    batch = applied([PROGRAM, "Some prose about code."], [None, "en"], code={}, repair={}, quality={}, language={})

    assert batch.code.tolist() == [True, False]
    assert batch.texts[0] == PROGRAM  # repair would take the indentation
    assert batch.languages.tolist() == ["en", "en"]


def test_source_of_code_is_spared_whatever_its_shape():
    batch = TextBatch(["  x = 1"], ["en"])
    batch.code[:] = True
    apply_rules(build_rules(CleaningConfig(length=None), ("en",)), batch)

    assert list(batch.texts) == ["  x = 1"]
    assert batch.dropped == [None]


@pytest.fixture
def listed(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "en.txt").write_text("# remark\nGrommet\nwing  nut\na$$\nx\nflange\n", encoding="utf-8")
    (tmp_path / "zh.txt").write_text("螺母垫圈\n法兰\nlok chat\n", encoding="utf-8")
    lists = {"en": [{"path": "en.txt"}], "zh": [{"path": "zh.txt"}]}
    return {"lists": lists, "except_entries": ["flange"], "min_matches": 2, "min_share": 0.05}


def test_listed_words_are_whole_words_in_english_and_anywhere_in_chinese(listed: dict[str, Any], tmp_path: Path):
    config = CleaningConfig.model_validate({"blocklist": listed})
    facts = prepare_rules(config, tmp_path / "prepared", reader(tmp_path))
    texts = [
        "A GROMMET, and a wing nut.",
        "Grommets and awing nuts, grommetlike.",
        "grommet " + "word " * 50 + "grommet",  # too small a share
        "flange flange flange",  # left out
        "a$$ and a$$",
        "新的螺母垫圈和法兰盘",
        "有一个法兰",
        "lok chat, lok chat 吗",
        "法兰法兰 grommet grommet",  # in a language without a list
    ]
    languages = ["en"] * 5 + ["zh"] * 3 + ["ja"]
    batch = applied(texts, languages, tmp_path / "prepared", blocklist=listed)

    assert facts == {"blocklist": {"entries_en": 3, "entries_zh": 3}}
    caught = [0, 4, 5, 7]
    assert [row for row, reason in enumerate(batch.dropped) if reason == "blocklist/listed_words"] == caught
    tagged = applied(texts, languages, tmp_path / "prepared", blocklist={**listed, "action": "tag"})
    assert tagged.dropped == [None] * len(texts)
    assert [row for row, tags in enumerate(tagged.tags) if tags == ["blocklist/listed_words"]] == caught


def test_empty_list_and_missing_list_are_errors(tmp_path: Path):
    (tmp_path / "empty.txt").write_text("# nothing\n", encoding="utf-8")
    for path, kind, message in (("empty.txt", ValueError, "not one entry"), ("none.txt", SourceError, "no file")):
        config = CleaningConfig.model_validate({"blocklist": {"lists": {"en": [{"path": path}]}}})
        with pytest.raises(kind, match=message):
            prepare_rules(config, tmp_path / "prepared", reader(tmp_path))


@pytest.mark.parametrize("rule", [{"lists": {"en": [{"task": "topics"}]}}, {"lists": {"en": []}}, {"lists": {}}])
def test_what_is_no_list_is_refused_without_reading(rule: dict[str, Any]):
    with pytest.raises(ValidationError, match="lists"):
        CleaningConfig.model_validate({"blocklist": rule})


def test_classifier_is_judged_on_what_it_did_not_see_and_is_the_same_again(tmp_path: Path):
    random = np.random.default_rng(0)
    words = {
        "good": ["the", "river", "carried", "small", "boats", "past", "quiet", "villages"],
        "bad": ["buy", "cheap", "pills", "now"],
    }
    for kind, own in words.items():
        rows = [" ".join(random.choice([*own, "and", "on", "day"], 30)) for _ in range(200)]
        (tmp_path / f"{kind}.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows))
    learned = {kind: {"path": f"{kind}.jsonl"} for kind in words}
    config = CleaningConfig.model_validate({"learned": learned})
    facts, again = (prepare_rules(config, tmp_path / name, reader(tmp_path)) for name in ("one", "two"))

    assert facts == again
    assert facts["learned"]["auc"] == 1.0
    assert facts["learned"]["brier"] < 0.1
    files = ("weights.npy", "model.json")
    assert [(tmp_path / "one" / "learned" / name).read_bytes() for name in files] == [
        (tmp_path / "two" / "learned" / name).read_bytes() for name in files
    ]
    texts = ["the quiet river carried boats past small villages", "buy pills now, cheap cheap pills now"]
    rule = build_rules(config, ("en",), tmp_path / "one")[-1]
    both, alone = rule.model.scores(TextColumn(texts)), [rule.model.scores(TextColumn([text]))[0] for text in texts]
    assert both.tolist() == alone  # whatever stands beside it
    assert both[0] > 0.8 > 0.2 > both[1]
    assert applied(texts, ["en"] * 2, tmp_path / "one", learned=learned).dropped == [None, "learned/low_score"]


def test_too_few_examples_are_an_error_that_says_how_many(tmp_path: Path):
    for kind in ("good", "bad"):
        (tmp_path / f"{kind}.txt").write_text("\n".join(f"{kind} {n}" for n in range(20)), encoding="utf-8")
    learned = {kind: {"path": f"{kind}.txt", "unit": "line"} for kind in ("good", "bad")}
    with pytest.raises(ValueError, match=r"learned\.good: 20 different texts .* at least 100"):
        prepare_rules(CleaningConfig.model_validate({"learned": learned}), tmp_path / "x", reader(tmp_path))


def test_source_may_switch_a_prepared_rule_off_but_not_read_lists_of_its_own(listed: dict[str, Any]):
    config = CleaningConfig.model_validate({"blocklist": listed})

    assert overridden(config, {"blocklist": None}).blocklist is None
    assert overridden(config, {"blocklist": {"min_matches": 9}}).blocklist.min_matches == 9
    with pytest.raises(ValueError, match=r"blocklist\.lists\.en\.0: what a rule reads is read once"):
        overridden(config, {"blocklist": {"lists": {"en": [{"path": "other.txt"}]}}})
