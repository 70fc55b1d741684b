import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.tokenizer import Tokenizer
from data.vocabulary import SPECIALS, special_piece
from lightning_modules.export import TARGETS
from lightning_modules.export.tokenizer import write_tokenizer

transformers = pytest.importorskip("transformers")
TEXTS = [
    "",
    "The harbour was quiet, and the boats lay on the sand.",
    "港口很安静。渔民在哪里？",
    "mixed 中文 and English，日本語も",
    "🙂👩‍👩‍👧 é e\u0301 \u00a0\u3000\ufeff",
    "  two  spaces, a tab\tand the end \n\n",
    "blocks ▁▂▃ ▁ and ▁▁x▁",
    "龘靐 a\0b\r\n\x7f",
    "literal <0x0A> <0xE4><0x0a> <unk> <0x",
    "one<br>two <br/>三渔<b<br>",
]
SPELLED = ["<|bos|>", "<|mask|> <|spare_0|>", "a<|pad|>b", "<|<|bos|>|>"]


@pytest.fixture(scope="module", params=["unigram", "bpe", "symbols"])
def both(request: pytest.FixtureRequest, tokenizers: dict[str, Path], tmp_path_factory: pytest.TempPathFactory):
    """Ours, and what `AutoTokenizer` makes of it: all text read as text."""
    folder, output = tokenizers[request.param], tmp_path_factory.mktemp(request.param)
    write_tokenizer(folder, output, TARGETS["llama"], max_positions=32)
    return Tokenizer.load(folder), transformers.AutoTokenizer.from_pretrained(output, split_special_tokens=True)


@pytest.mark.parametrize("text", [*TEXTS, *SPELLED])
def test_ids_are_equal_and_give_the_text_back(both, text: str):
    ours, theirs = both
    ids = theirs(text, add_special_tokens=False)["input_ids"]

    assert ids == ours.encode(text)
    assert theirs.decode(ids) == text


UNICODE = st.characters(exclude_categories=["Cs"])
PARTS = st.sampled_from(
    [" ", "  ", "\n", "。", "...", "！", "the", "港口", "🙂", "▁", "<0x0A>", "<0", "xE4>", "<|", "|>"]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(UNICODE | PARTS, max_size=40).map("".join))
def test_any_text_gets_equal_ids_or_an_equally_probable_cut_of_a_run(both, text: str):
    ours, theirs = both
    here, there = ours.encode(text), theirs(text, add_special_tokens=False)["input_ids"]

    assert theirs.decode(there) == text
    if type(theirs.backend_tokenizer.model).__name__ == "BPE":
        assert here == there
    else:
        scores = ours.scores()
        assert sum(scores[index] for index in here) == pytest.approx(sum(scores[index] for index in there), rel=1e-6)


def test_texts_start_with_bos_and_whole_texts_end_with_eos(tokenizers: dict[str, Path], tmp_path: Path):
    ours = Tokenizer.load(tokenizers["bpe"])
    a, b = ours.encode("the harbour"), ours.encode("很安静")
    for name, target in TARGETS.items():
        (tmp_path / name).mkdir()
        write_tokenizer(tokenizers["bpe"], tmp_path / name, target, max_positions=32)
        theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / name)
        end = [] if target.attention == "causal" else [SPECIALS.eos]

        assert theirs("the harbour")["input_ids"] == [SPECIALS.bos, *a, *end]
        assert theirs("the harbour", "很安静")["input_ids"] == [SPECIALS.bos, *a, SPECIALS.sep, *b, *end]
        assert theirs(["the harbour", "很"], padding=True)["attention_mask"][1][0] == (target.attention == "full")


def test_specials_have_our_ids_and_a_spelled_mask_takes_its_space_along(tokenizers: dict[str, Path], tmp_path: Path):
    write_tokenizer(tokenizers["unigram"], tmp_path, TARGETS["eurobert-masked"], max_positions=32)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ours = Tokenizer.load(tokenizers["unigram"])

    assert {
        name: theirs.convert_tokens_to_ids(special_piece(name)) for name in SPECIALS.by_name()
    } == SPECIALS.by_name()
    assert len(theirs) == ours.vocab_size
    assert theirs.model_max_length == 32
    assert theirs("the <|mask|> was", add_special_tokens=False)["input_ids"] == [
        *ours.encode("the"),
        theirs.mask_token_id,
        *ours.encode(" was"),
    ]
    assert theirs.decode([*SPECIALS.by_name().values(), *ours.encode("the")], skip_special_tokens=True) == "the"
    assert (theirs.pad_token_id, theirs.cls_token_id, theirs.eos_token_id) == (SPECIALS.pad, SPECIALS.bos, SPECIALS.eos)


def test_tokenizer_that_changes_texts_is_refused(tokenizers: dict[str, Path], tmp_path: Path):
    with pytest.raises(ValueError, match="normalization nfkc or nfkc_cf"):
        write_tokenizer(tokenizers["nfkc"], tmp_path, TARGETS["llama"], max_positions=32)
    assert list(tmp_path.iterdir()) == []


def test_sentencepiece_model_lies_beside(tokenizers: dict[str, Path], tmp_path: Path):
    write_tokenizer(tokenizers["unigram"], tmp_path, TARGETS["llama"], max_positions=32)

    assert (
        Tokenizer.load(tmp_path).sha256 == json.loads((tokenizers["unigram"] / "tokenizer.json").read_text())["sha256"]
    )
