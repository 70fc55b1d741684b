import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import data.cleaning
from data.cleaning import RULES, CleaningConfig, TextBatch, build_rules
from data.text import TextColumn

ENGLISH = (
    "The committee met on Tuesday to discuss the new library, which the town has wanted for years. "
    "Its members heard from builders, teachers and two librarians before they voted to begin work in spring."
)
CHINESE = (
    "市议会星期二开会讨论新图书馆的建设方案，居民们多年来一直盼望着它。"
    "委员们听取了建筑师、教师和两位馆员的意见，然后投票决定明年春天动工。"
)
GERMAN = "Der Ausschuss hat am Dienstag über die neue Bibliothek beraten, auf die die Stadt seit Jahren wartet."


def outcome(rule: str, text: str, **settings: Any) -> str | None:
    """'rule/reason' of one rule for one text."""
    batch = TextBatch([text], [None])
    RULES[rule](RULES[rule].Config(**settings), ("en", "zh")).apply(batch)
    return batch.dropped[0]


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_good_text_passes_every_rule(text: str) -> None:
    config = CleaningConfig.model_validate({"length": {"min_words": 20, "min_characters": 40}})
    batch = TextBatch([text], [None])
    for rule in build_rules(config, ("en", "zh")):
        rule.apply(batch)

    assert batch.dropped == [None]
    assert batch.repairs == [[]]
    assert batch.languages.tolist() == ["zh" if text == CHINESE else "en"]


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("The Mona Lisa doesnâ€™t smile", "The Mona Lisa doesn’t smile"),
        ("ä½\xa0å¥½ï¼Œä¸–ç•Œ", "你好，世界"),
        ("Fish &amp; chips &#8212; &lt;b&gt;", "Fish & chips — <b>"),
        ("cafe\u0301", "café"),
        ("全角，ＡＢＣ！", "全角，ＡＢＣ！"),
        ("soft\u00adhyphen zero\u200bwidth \x00null", "softhyphen zerowidth null"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("  tabs\t\tand   blanks \n\n\n\n\u3000\u3000段落  ", "tabs and blanks\n\n段落"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("one \n two  \n  three", "one\ntwo\nthree"),
        ("The end of page 1.\x0cPage 2 begins\x0bhere\x1fnow", "The end of page 1.\nPage 2 begins\nhere now"),
        ("an \ufffcobject, \ufff9café\ufffb, old\u206a marks", "an object, café, old marks"),
        ("第一页。\x0c第二页\x0b又一行\x00 café", "第一页。\n第二页\n又一行 café"),
    ],
)
def test_repair_gives_one_spelling(dirty: str, clean: str) -> None:
    batch = TextBatch([dirty, clean], [None] * 2)
    RULES["repair"](RULES["repair"].Config(), ("en",)).apply(batch)

    assert list(batch.texts) == [clean, clean]
    assert batch.repairs == [["repair"] if dirty != clean else [], []]


def test_boilerplate_lines_go_and_sentences_stay() -> None:
    mentions = (
        "The ministry said on Monday that it will publish a new privacy policy for all of its online services soon."
    )
    batch = TextBatch(
        [f"{ENGLISH}\n{mentions}\nAll rights reserved.\nShare this", f"{CHINESE}\n责任编辑：王某\n版权所有"], [None] * 2
    )
    RULES["boilerplate"](RULES["boilerplate"].Config(), ("en",)).apply(batch)

    assert list(batch.texts) == [f"{ENGLISH}\n{mentions}", CHINESE]
    assert batch.repairs == [["boilerplate"], ["boilerplate"]]


@pytest.mark.parametrize(
    ("line", "stays"),
    [
        ("Why did the actors sign up for this?", True),
        ("The costume design in the film is up there with the best.", True),
        ("He is not afraid to share this with her.", True),
        ('"Log in," said the guard, and he did.', True),
        ("Read more books, said her mother.", True),
        ("他让我点击这里，我没有。", True),
        ("Sign in", False),
        ("Already a member? Log in here.", False),
        ("Home | Please subscribe to our newsletter", False),
        ("» Read more »", False),
        ("请点击下载客户端", False),
        ("首页 | 上一页", False),
    ],
)
def test_lines_that_invite_go_and_stories_of_the_same_words_stay(line: str, stays: bool) -> None:
    batch = TextBatch([f"{ENGLISH}\n{line}"], [None])
    RULES["boilerplate"](RULES["boilerplate"].Config(), ("en",)).apply(batch)

    assert list(batch.texts) == [f"{ENGLISH}\n{line}" if stays else ENGLISH]


@pytest.mark.parametrize(
    ("rule", "text", "reason"),
    [
        ("length", ENGLISH, "too_short"),
        ("length", CHINESE, "too_short"),
        ("language", GERMAN, "de"),
        ("repetition", "\n".join(["Same line again."] * 3 + ["Another line."]), "duplicate_lines"),
        ("repetition", "buy now " * 20, "top_2_gram"),
        ("repetition", "恭喜发财" * 20, "top_2_gram"),
        ("repetition", f"{ENGLISH} {ENGLISH}", "duplicate_5_grams"),
        ("repetition", CHINESE * 2, "duplicate_5_grams"),
        ("quality", "#one #two #three words and some more words", "symbols"),
        ("quality", "12 34 56 78 90 11 12 one", "few_letters"),
        ("quality", "１２３，４５６，７８９ 价 １０，１１，１２ 格 ＃ ＆ ＊ ＃", "few_letters"),
        ("quality", "a b c d e f g h i j", "word_length"),
        ("quality", "\n".join(["- another entry without verbs"] * 5), "bullets"),
        (
            "quality",
            "\n".join(
                [
                    f"Read more about the {n} story that everybody in town is talking about today..."
                    for n in ("first", "last")
                ]
            ),
            "ellipses",
        ),
    ],
)
def test_planted_defect_is_dropped_with_its_reason(rule: str, text: str, reason: str) -> None:
    settings = {"length": {"min_words": 60, "min_characters": 100}}.get(rule, {})

    assert outcome(rule, text, **settings) == f"{rule}/{reason}"


def test_characters_of_a_translation_are_no_short_words() -> None:
    assert outcome("quality", "Restart the kernel and clear all outputs\n重启内核并清除所有输出") is None


def test_length_counts_words_or_characters() -> None:
    assert outcome("length", "one two three", min_words=3) is None
    assert outcome("length", "one two", min_words=3) == "length/too_short"
    assert outcome("length", "三个字", min_words=50, min_characters=3) is None
    assert outcome("length", "one two three", min_words=1, max_words=2) == "length/too_long"


def test_minimum_of_the_source_replaces_that_of_the_rule() -> None:
    batch = TextBatch(["one two three", "三个字"], [None, None], min_words=3, min_characters=4)
    RULES["length"](RULES["length"].Config(), ("en",)).apply(batch)

    assert batch.dropped == [None, "length/too_short"]


def test_fixed_language_is_not_identified_again() -> None:
    batch = TextBatch([GERMAN], ["en"])
    RULES["language"](RULES["language"].Config(), ("en",)).apply(batch)

    assert batch.dropped == [None]
    assert batch.languages.tolist() == ["en"]


def test_pidgin_is_not_among_the_candidates() -> None:
    assert outcome("language", "RT @name: 5 tips to sleep well tonight, no phone in bed and no late coffee!") is None


def test_unknown_language_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"xx: not known.*zh"):
        RULES["language"](RULES["language"].Config(candidates=("xx",)), ("en",)).apply(TextBatch([ENGLISH], [None]))


def test_dropped_documents_meet_no_later_rule_and_repairs_refresh_words() -> None:
    batch = TextBatch(["a b", "c d"], [None, None])
    assert batch.texts.words.counts.tolist() == [2, 2]
    batch.drop("length", "too_short", np.array([False, True]))
    batch.drop("quality", "bullets", np.array([False, True]))
    batch.repair("repair", TextColumn(["A B C", "C D E"]))
    batch.tag("quality", "short", np.array([True, True]))

    assert batch.dropped == [None, "length/too_short"]
    assert batch.alive.tolist() == [True, False]
    assert list(batch.texts) == ["A B C", "c d"]
    assert batch.texts.words.counts.tolist() == [3, 2]
    assert batch.repairs == [["repair"], []]
    assert batch.tags == [["quality/short"], []]


def test_lines_taken_out_leave_the_rest_in_order_without_margins() -> None:
    texts = [" one\ntwo\n\nthree ", " left alone\n ", "dropped\nbefore"]
    batch = TextBatch(texts, [None] * 3, dropped=[None, None, "quality/bullets"])
    batch.keep_lines("rule", np.array([True, False, True, True, True, True, False, False]))

    assert list(batch.texts) == ["one\n\nthree", " left alone\n ", "dropped\nbefore"]
    assert batch.repairs == [["rule"], [], []]


def test_rules_are_indexed_configured_and_switched_off_by_null() -> None:
    files = {path.stem for path in Path(str(data.cleaning.__file__)).parent.glob("*.py")} - {"__init__", "rule"}

    assert files == set(RULES) == {rule.name for rule in RULES.values()}
    assert list(CleaningConfig.model_fields) == [*RULES, "order"]
    rules = build_rules(CleaningConfig.model_validate({"quality": None, "c4": {"min_sentences": 3}}), ("en",))
    on = {"repair", "boilerplate", "c4", "length", "language", "repetition"}
    assert [rule.name for rule in rules] == [name for name in RULES if name in on]


def test_order_of_the_recipe_is_kept() -> None:
    order = ("length", *(name for name in RULES if name != "length"))
    built = [rule.name for rule in build_rules(CleaningConfig(order=order), ("en",))]

    assert built == ["length", "repair", "boilerplate", "language", "repetition", "quality"]


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (["repair"], "order: leaves out boilerplate, length"),
        ([*RULES, "repair"], "order: names a rule twice"),
        ([*RULES, "qualty"], "unknown rule 'qualty'. Did you mean 'quality'"),
    ],
)
def test_order_that_leaves_something_open_is_refused(order: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CleaningConfig.model_validate({"order": order})


@pytest.mark.parametrize(
    ("page", "words"), [("how-to-clean.md", ("on", "off")), ("how-to-clean.zh-CN.md", ("开", "关"))]
)
def test_pages_list_every_rule_in_its_order_with_its_default_and_reasons(page: str, words: tuple[str, str]) -> None:
    text = (Path(__file__).parents[3] / "docs" / page).read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]

    assert [row[0].strip("`") for row in rows] == list(RULES)
    on = {name for name in RULES if getattr(CleaningConfig(), name) is not None}
    assert [row[1] for row in rows] == [words[0] if name in on else words[1] for name in RULES]
    for row in rows:
        said = re.findall(r"'([a-z_]+)'", RULES[row[0].strip("`")].__doc__ or "")
        assert [
            reason for reason in said if f"`{reason}`" not in row[3] and not reason.startswith(("top_", "duplicate_5"))
        ] == []
