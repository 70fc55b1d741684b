"""A small bilingual corpus and the tokenizer trained on it, and a Ray, once for all tests of the room."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.document import CORPUS_SCHEMA
from data.engines.ray import connected
from data.tokenizer import Tokenizer, TokenizerConfig, train_tokenizer

ENGLISH = [
    "The harbour was quiet before the storm. Fishermen pulled their boats onto the sand and tied them to the posts.",
    "A letter arrived in the morning! It had no stamp, no name and no address. Who could have written it?",
    "In 1987 the bridge cost 3.14 million. The town paid for it in ten years. Nobody misses the old ferry now.",
    'She opened the window and said "look at the snow." Then she closed it again. The room stayed cold all day.',
    "Bread needs flour, water, salt and time. Mix it slowly. Wait until the dough doubles. Bake it in a hot oven.",
    "The library keeps newspapers from three centuries.\nVisitors may read them in the great hall.\nBags stay outside.",
    "Our train left early, so we walked to the next station. The road followed the river. We counted seven herons.",
    "Students measured the speed of sound with two stones and a watch. Their result was close. The teacher smiled.",
]
CHINESE = [
    "港口在暴风雨之前很安静。渔民把船拉到沙滩上，系在木桩上。孩子们站在岸边看。",
    "早上来了一封信！信上没有邮票，没有名字，也没有地址。是谁写的呢？",
    "这座桥花了三百万元。全城用了十年才还清。现在没有人记得那条旧渡船了。",
    "她打开窗户说：“看，下雪了。”然后她又把窗户关上。房间里一整天都很冷。",
    "做面包需要面粉、水、盐和时间。慢慢搅拌。等到面团变大一倍。放进热炉子里烤。",
    "图书馆保存着三个世纪的报纸。\n读者可以在大厅里阅读。\n书包要放在外面。",
    "我们的火车提前开了，所以我们走到下一个车站。路沿着河走。我们数到七只白鹭。",
    "学生们用两块石头和一只手表测量声音的速度。他们的结果很接近。老师很高兴。",
]


def write_corpus(folder: Path, splits: dict[str, list[tuple[str, str]]]) -> Path:
    """Writes a `corpus` artifact from (text, language) pairs; splits that are not named are empty."""
    for split in ("train", "validation", "test"):
        (folder / split).mkdir(parents=True)
        rows = [
            {
                "id": hashlib.sha256(text.encode()).hexdigest(),
                "text": text,
                "title": None,
                "source": "toy",
                "language": language,
                "origin": f"toy:{number}",
                "licence": "CC0-1.0",
            }
            for number, (text, language) in enumerate(splits.get(split, []))
        ]
        pq.write_table(pa.Table.from_pylist(rows, schema=CORPUS_SCHEMA), folder / split / "part-00000.parquet")
    return folder


@pytest.fixture(name="write_corpus", scope="session")
def corpus_writer() -> Callable[[Path, dict[str, list[tuple[str, str]]]], Path]:
    return write_corpus


@pytest.fixture(scope="session")
def toy_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pairs = [(text, "en") for text in ENGLISH] + [(text, "zh") for text in CHINESE]
    return write_corpus(tmp_path_factory.mktemp("corpus"), {"train": pairs, "validation": pairs[::4]})


@pytest.fixture(scope="session")
def toy_config() -> TokenizerConfig:
    return TokenizerConfig(vocab_size=600)


@pytest.fixture(scope="session")
def toy_training(
    toy_corpus: Path, toy_config: TokenizerConfig, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """The `tokenizer` artifact and the report of its training."""
    folder = tmp_path_factory.mktemp("tokenizer")
    return folder, train_tokenizer(toy_config, toy_corpus, folder, seed=17)


@pytest.fixture(scope="session")
def toy_tokenizer(toy_training: tuple[Path, dict[str, Any]]) -> Tokenizer:
    return Tokenizer.load(toy_training[0])


@pytest.fixture(scope="session")
def ray_of_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Ray with two CPUs on this machine, started as the engine starts it; gives the folder of its session."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("ray")
        patch.setenv("RAY_TMPDIR", str(folder))
        with connected(None, 2):
            yield folder
