"""Clean documents, and documents with one defect each: every rule takes what it should, and nothing else."""

import base64
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from data.cleaning import RULES, CleaningConfig, TextBatch, apply_rules, build_rules, prepare_rules
from data.sources import SourceFields, read_source


def among(words: str, between: str = " ") -> list[str]:
    return words.replace("\n", "").split(between)


PEOPLE = among(
    "baker carpenter doctor farmer gardener judge librarian mason nurse painter sailor tailor teacher weaver"
)
DID = among("admired bought carried described drew finished found hid kept lost mended moved opened remembered sold")
THINGS = among("basket boat bridge chair clock door engine fence kettle ladder lamp letter map mirror wagon window")
KINDS = among("ancient broken bright copper heavy hollow lovely narrow painted plain polished quiet rusty simple tall")
PLACES = among("barn castle harbour market meadow mill orchard school station theatre tower valley village yard")
WHEN = among(
    "after the storm,before dawn,in early spring,that evening,when bells rang,years later,on a cold Monday", ","
)
ENDS = among(
    """and nobody asked for the reason|which made all children laugh|because an old road had been closed|
while neighbours talked of other matters|so that it could be seen from far away|although its price seemed rather high|
and people spoke of nothing else for weeks|but no newspaper wrote a word about that|as everyone had expected for a long
 time|until winter came with snow and ice|since somebody had left a note there|with a little help from two friends|
without telling anyone at home|just like their parents once did""",
    "|",
)
人 = among("面包师 木匠 医生 农民 园丁 法官 馆员 石匠 护士 画家 水手 裁缝 老师 织工")
做 = among("喜欢 买下 搬走 描述 画出 完成 找到 藏起 保存 丢失 修好 打开 记住 卖掉")
物 = among("篮子 小船 木桥 椅子 时钟 大门 机器 篱笆 水壶 梯子 油灯 书信 地图 镜子 马车 窗户")
样 = among("古老 破旧 明亮 沉重 空心 可爱 狭窄 朴素 光滑 安静 生锈 简单 高大 崭新")
处 = among("谷仓 城堡 港口 集市 草地 磨坊 果园 学校 车站 剧院 塔楼 山谷 村庄 院子")
时 = among("暴风雨过后 天亮以前 在初春时节 那天傍晚 钟声响起时 许多年以后 寒冷的星期一")
尾 = among(
    """没有人问起其中缘由 孩子们听了都笑起来 因为旧路早就不能通行 邻居们却谈论别的事情 这样从山上也能看得见
 虽然价钱看起来有点贵 全城人为此说了好几星期 可是报纸上一个字也没提 正如大家早已料到的那样 直到冬天带来冰雪为止
 原来有谁留下过一张字条 两位朋友帮了一点小忙 家里谁都不知道 就像父母当年做过的一样"""
)


def english(seed: int, paragraphs: int = 4, sentences: int = 3) -> str:
    draw = random.Random(seed)
    ends = draw.sample(ENDS, len(ENDS)) * paragraphs

    def sentence() -> str:
        did = f"the {draw.choice(PEOPLE)} {draw.choice(DID)} a {draw.choice(KINDS)} {draw.choice(THINGS)}"
        return f"{draw.choice(WHEN).capitalize()} {did} near the {draw.choice(PLACES)}, {ends.pop()}."

    return "\n".join(" ".join(sentence() for _ in range(sentences)) for _ in range(paragraphs))


def chinese(seed: int, paragraphs: int = 4, sentences: int = 3) -> str:
    draw = random.Random(seed)
    ends = draw.sample(尾, len(尾)) * paragraphs

    def sentence() -> str:
        did = f"{draw.choice(做)}了{draw.choice(样)}的{draw.choice(物)}"
        return f"{draw.choice(时)}，{draw.choice(人)}在{draw.choice(处)}旁{did}，{ends.pop()}。"

    return "\n".join("".join(sentence() for _ in range(sentences)) for _ in range(paragraphs))


WRITE: dict[str, Callable[..., str]] = {"en": english, "zh": chinese}
PROGRAM = "\n".join(
    ["import sys", "", "def main(arguments):", '    """Adds."""']
    + [f"    total_{n} = int(arguments[{n}])\n    print('part {n}', total_{n})" for n in range(12)]
    + ["    return 0", "", "if __name__ == '__main__':", "    sys.exit(main(sys.argv))"]
)
SPAM = among("click win prize bonus casino jackpot cash free offer deal cheap pills loan credit lucky spin bet poker")
广告 = among("点击 中奖 大奖 红包 赌场 现金 免费 优惠 便宜 药丸 贷款 信用 好运 投注 彩票 返利 秒杀 包邮")
LISTED = {"en": ["grommet", "flange", "wing nut"], "zh": ["螺母垫圈", "法兰盘"]}


def spam(seed: int, language: str) -> str:
    draw, words = random.Random(seed), SPAM if language == "en" else 广告
    joined = {"en": (" ", ", and the ", "."), "zh": ("", "，在", "。")}[language]
    lines = []
    for _ in range(6):
        halves = [joined[0].join(draw.sample(words, 9)) for _ in range(2)]
        lines.append(joined[1].join(halves) + joined[2])
    return "\n".join(lines)


CLEANING: dict[str, Any] = {
    **{name: {} for name in RULES if name not in {"blocklist", "learned"}},
    "length": {"max_words": 5_000},
    "characters": {"min_length": 200, "max_length": 20_000},
    "quality": {"min_stop_words": 2},
    "repetition": {
        "max_duplicate_line_characters": 0.5,
        "max_duplicate_paragraphs": 0.3,
        "max_duplicate_paragraph_characters": 0.2,
    },
}
"""All rules on. The words of `blocklist` and the examples of `learned` are written by the test."""


def cycle(words: list[str], times: int, language: str) -> str:
    joined = {"en": (" ", "."), "zh": ("", "。")}[language]
    return joined[0].join(words * times) + joined[1]


def short_sentences(language: str, count: int, seed: int = 0) -> list[str]:
    draw = random.Random(seed)
    if language == "en":
        return [f"The {draw.choice(KINDS)} {draw.choice(THINGS)} was there." for _ in range(count)]
    return [f"{draw.choice(样)}的{draw.choice(物)}在这里。" for _ in range(count)]


def without_small_words(language: str) -> str:
    draw = random.Random(1)
    if language == "en":
        return "\n".join(
            f"{draw.choice(KINDS)} {draw.choice(PEOPLE)} quickly {draw.choice(DID)} {draw.choice(KINDS)} "
            f"{draw.choice(THINGS)} near {draw.choice(KINDS)} {draw.choice(PLACES)}.".capitalize()
            for _ in range(12)
        )
    return "\n".join(
        f"{draw.choice(人)}{draw.choice(做)}{draw.choice(样)}{draw.choice(物)}，快速返回{draw.choice(处)}。"
        for _ in range(14)
    )


Plant = Callable[[str, str], str]
DROPS: dict[str, tuple[tuple[str, ...], Plant, dict[str, Any]]] = {
    # rule/reason: languages, (clean text, language) -> the same with the defect, rules that are set otherwise.
    "c4/lorem_ipsum": (("en", "zh"), lambda t, _: f"{t}\nLorem ipsum {'dolor sit amet consectetur ' * 4}est.", {}),
    "c4/curly_brace": (("en", "zh"), lambda t, _: t.replace("，", "，{", 1).replace(", ", ", {", 1), {}),
    "c4/few_sentences": (("en", "zh"), lambda t, _: t.split("\n")[0], {}),
    "length/too_short": (("en", "zh"), lambda _, language: "\n".join(short_sentences(language, 6)), {}),
    "length/too_long": (("en", "zh"), lambda _, language: WRITE[language](5, 120 if language == "en" else 60), {}),
    "characters/too_short": (
        ("en", "zh"),
        lambda _, language: "It is so. We go up. As it is, so be it. " * 5 if language == "en" else chinese(4, 2, 3),
        {},
    ),
    "characters/too_long": (("en",), lambda _, language: english(6, 75), {}),
    "characters/symbols": (
        ("en", "zh"),
        lambda t, _: t + "\n" + "★♥☎" * (len(t) // 15) + "ok, ok, ok, ok, ok, ok ok.",
        {},
    ),
    "characters/digits": (("en", "zh"), lambda t, _: t + "\nSum 1 2 3 " + "1234567 " * (len(t) // 20) + "ok.", {}),
    "characters/upper": (("en",), lambda t, _: t.upper(), {}),
    "characters/punctuation": (
        ("en", "zh"),
        lambda t, _: t + "\n" + "ok, ok, ok, ok, ok, ok?! " + "!?;:" * (len(t) // 8) + ".",
        {},
    ),
    "characters/spaces": (("en", "zh"), lambda t, _: " ".join(t.replace(" ", "")).replace(" \n ", "\n"), {}),
    "language/de": (
        ("en",),
        lambda *_: (
            "Der Ausschuss hat über die neue Bibliothek beraten. Alle Mitglieder waren dafür. Die Stadt wartet seit "
            "Jahren darauf. Niemand hat widersprochen. Im Frühling beginnt der Bau auf dem alten Platz neben der "
            "Kirche, den die Gemeinde schon vor langer Zeit gekauft hatte. Es wird auch einen Garten geben."
        ),
        {"length": {"min_words": 40}},
    ),
    "repetition/duplicate_lines": (("en", "zh"), lambda t, _: f"{t}\n{t}", {}),
    "repetition/duplicate_line_characters": (
        ("en", "zh"),
        lambda t, language: "\n".join([*short_sentences(language, 9, 2), *[t.replace("\n", " ")] * 3]),
        {"c4": None, "length": {}},
    ),
    "repetition/duplicate_paragraphs": (
        ("en", "zh"),
        lambda _, language: "\n\n".join(
            [WRITE[language](seed, 5, 1) for seed in (10, 11, 12)] + [short_sentences(language, 1)[0]] * 4
        ),
        {},
    ),
    "repetition/duplicate_paragraph_characters": (
        ("en", "zh"),
        lambda t, language: "\n\n".join([t, *(WRITE[language](seed, 1, 1) for seed in (31, 32, 33, 34)), t]),
        {"repetition": CLEANING["repetition"] | {"max_duplicate_lines": 1.0}},
    ),
    "repetition/top_2_gram": (
        ("en", "zh"),
        lambda t, language: f"{t}\n{cycle(['buy', 'now'] if language == 'en' else list('恭喜发财'), 60, language)}",
        {},
    ),
    "quality/symbols": (("en", "zh"), lambda t, _: re.sub("[aeiou的了在旁，]", r"\g<0>#", t), {"characters": None}),
    "quality/bullets": (("en", "zh"), lambda t, _: "\n".join(f"- {line}" for line in t.split("\n")), {}),
    "quality/ellipses": (("en", "zh"), lambda t, _: "\n".join(line[:-1] + "…" for line in t.split("\n")), {}),
    "quality/few_letters": (
        ("en", "zh"),
        lambda t, language: (
            t.replace(" ", " 5 ") if language == "en" else re.sub("[的，]", r"\g<0> 5 6 7 8 9 1 2 3 4 ", t)
        ),
        {"characters": None, "repetition": None},
    ),
    "quality/word_length": (("en",), lambda t, _: re.sub(r"(\w+) (\w+) (\w+)", r"\1-\2-\3", t), {"c4": None}),
    "quality/few_stop_words": (("en", "zh"), lambda _, language: without_small_words(language), {"repetition": None}),
    "fineweb/few_ended_lines": (
        ("en", "zh"),
        lambda t, language: (
            t.split("\n")[0] + "\n" + "\n".join(line.rstrip(".。") for line in WRITE[language](20, 12, 1).split("\n"))
        ),
        {"c4": None},
    ),
    "fineweb/short_lines": (
        ("en", "zh"),
        lambda t, language: "\n".join(
            WRITE[language](9, 1).split("\n")
            + [
                ("We saw {} there." if language == "en" else "{}在这里。").format(w)
                for w in (THINGS if language == "en" else 物)
            ]
        ),
        {"repetition": None},
    ),
    "fineweb/duplicate_lines": (
        ("en", "zh"),
        lambda _, language: (lambda lines: "\n".join([*lines, lines[0]]))(WRITE[language](21, 8, 1).split("\n")),
        {},
    ),
    "fineweb/list": (
        ("en", "zh"),
        lambda _, language: (
            "\n\n".join(f"The {person} of the {place} came." for person, place in zip(PEOPLE, PLACES, strict=False))
            if language == "en"
            else "\n\n".join(f"{a}的{b}在{c}那里。" for a, b, c in zip(样 * 2, 物 * 2, 处 * 2, strict=False))
        ),
        {"repetition": None, "fineweb": {"short_line_characters": 5, "short_line_characters_unspaced": 5}},
    ),
    "blocklist/listed_words": (
        ("en", "zh"),
        lambda t, language: (
            t.replace("the ", f"the {LISTED['en'][0]} ").replace("，", f"，{LISTED['zh'][0]}")
            if language == "zh"
            else t.replace("the ", "the Grommet, a wing nut and ")
        ),
        {"repetition": None},
    ),
    "learned/low_score": (
        ("en", "zh"),
        lambda _, language: spam(1234, language),
        {"repetition": None, "quality": None, "boilerplate": None},
    ),
    "code/encoded": (
        ("en",),
        lambda *_: f"{PROGRAM}\nDATA = '{base64.b64encode(random.Random(0).randbytes(1200)).decode()}'",
        {},
    ),
    "code/minified": (
        ("en",),
        lambda *_: "\n".join(f"var a{n}=function(b,c){{return(b+c)*{n};}};a{n}(1,2);" * 2 for n in range(12)),
        {},
    ),
    "code/long_line": (("en",), lambda *_: PROGRAM + "\nVALUES = [" + ", ".join(map(str, range(400))) + "]", {}),
    "code/long_lines": (
        ("en",),
        lambda *_: "\n".join(f"value_{n} = add({', '.join(['first and second'] * 8)});" for n in range(20)),
        {},
    ),
    "code/few_alphanumerics": (
        ("en",),
        lambda *_: "\n".join(f"x{n} = (- - - - + + + + * * * * & & & & | | | |);" for n in range(60)),
        {},
    ),
    "code/generated": (("en",), lambda *_: f"# This file is generated; do not edit by hand.\n{PROGRAM}", {}),
}
REPAIRS: dict[str, tuple[str, Plant]] = {
    "repair: entities": ("repair", lambda t, _: t.replace(", ", ", &#8203;").replace("，", "&#65292;")),
    "repair: spaces": ("repair", lambda t, _: t.replace("\n", " \t\r\n  ") + " \n\n\n"),
    "boilerplate: lines": (
        "boilerplate",
        lambda t, _: f"Skip to main content\n{t}\n版权所有，未经许可不得转载\nAll rights reserved.",
    ),
    "c4: javascript": ("c4", lambda t, _: t.replace("\n", "\nJavaScript draws the map on this page for you.\n", 1)),
    "c4: no end": ("c4", lambda t, _: t.replace("\n", "\nhome news sport 首页 新闻 体育\n", 1)),
    "c4: few words": ("c4", lambda t, _: t.replace("\n", "\nOh.\n", 1)),
    "teasers: announced": (
        "teasers",
        lambda t, language: (
            t
            + "\n\n"
            + (
                "Related articles\nTown buys land for a school\nMayor asks for patience"
                if language == "en"
                else "相关阅读：\n新学校选址确定\n市民期待新馆"
            )
        ),
    ),
    "teasers: one story": (
        "teasers",
        lambda t, language: t + ("\nRead more: Town buys land" if language == "en" else "\n延伸阅读：新馆设计图公布"),
    ),
    "teasers: headlines": (
        "teasers",
        lambda t, language: (
            t
            + "\n"
            + (
                "Storm Hits Coast Near Harbour\nMinister Resigns After Long Debate\n"
                "Five Things About Budget\nLocal Team Wins Third Title"
                if language == "en"
                else "新馆设计图公布[图]\n城东地铁开工10-12\n学校扩建方案出炉…\n市长答记者问..."
            )
        ),
    ),
    "tripled: displaystyle": (
        "tripled",
        lambda t, _: t.replace("x^{2}", "x 2 x^{2} {\\displaystyle x^{2}}"),
    ),
    "tripled: glyph": ("tripled", lambda t, _: t.replace("α", "α α \\alpha")),
}


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, Any]], list[Any]]:
    """Builds all rules, prepared, some of them set otherwise."""
    folder = tmp_path_factory.mktemp("planted")
    texts = {
        "good": "\n\n".join(write(seed) for seed in range(1000, 1150) for write in WRITE.values()),
        "bad": "\n\n".join(spam(seed, language) for seed in range(150) for language in WRITE),
        **{language: "\n".join(["# planted", *words]) for language, words in LISTED.items()},
    }
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    lists = {language: [{"path": f"{language}.txt"}] for language in LISTED}
    examples = {kind: {"path": f"{kind}.txt", "unit": "paragraph"} for kind in ("good", "bad")}
    config = CleaningConfig.model_validate(
        {**CLEANING, "blocklist": {"lists": lists}, "learned": {**examples, "min_score": 0.5}}
    )

    def read(source: SourceFields) -> Iterator[str]:
        return (row.text for row in read_source(source, folder, folder))

    def build(changed: dict[str, Any]) -> list[Any]:
        given = CleaningConfig.model_validate({**config.model_dump(), **changed})
        return build_rules(given, ("en", "zh"), folder / "prepared")

    prepare_rules(config, folder / "prepared", read)
    return build


def cleaned(rules: list[Any], texts: list[str]) -> TextBatch:
    batch = TextBatch(texts, [None] * len(texts))
    apply_rules(rules, batch)
    return batch


def test_clean_documents_pass_all_rules_untouched(rules):
    texts = [write(seed) for write in WRITE.values() for seed in range(100, 200)] + [PROGRAM]
    batch = cleaned(rules({}), texts)

    assert [reason for reason in batch.dropped if reason] == []
    assert [names for names in batch.repairs if names] == []
    assert list(batch.texts) == texts
    assert batch.languages.tolist() == ["en"] * 100 + ["zh"] * 100 + ["en"]


CASES = [(reason, language) for reason, (languages, *_) in DROPS.items() for language in languages]


@pytest.mark.parametrize(("reason", "language"), CASES)
def test_planted_defect_is_dropped_for_its_reason(rules, reason: str, language: str):
    _, plant, changed = DROPS[reason]
    texts = [plant(WRITE[language](seed), language) for seed in range(200, 205)]

    assert cleaned(rules(changed), texts).dropped == [reason] * len(texts)


@pytest.mark.parametrize("language", WRITE)
@pytest.mark.parametrize("name", REPAIRS)
def test_planted_defect_is_repaired_and_nothing_else(rules, name: str, language: str):
    rule, plant = REPAIRS[name]
    formula = {"tripled: displaystyle": " x^{2} ", "tripled: glyph": " α "}.get(name, "")
    clean = [WRITE[language](seed) for seed in range(300, 305)]
    clean = [
        text.replace(" near", f"{formula}near", 1).replace("在", f"在{formula}", 1) if formula else text
        for text in clean
    ]
    changed = {"c4": {"curly_braces": False}} if formula else {}
    batch = cleaned(rules(changed), [plant(text, language) for text in clean])

    assert batch.dropped == [None] * len(clean)
    assert list(batch.texts) == clean
    assert batch.repairs == [[rule]] * len(clean)


def test_every_rule_has_a_planted_defect():
    repairing = {rule for rule, _ in REPAIRS.values()}

    assert repairing | {reason.partition("/")[0] for reason in DROPS} == set(RULES)
