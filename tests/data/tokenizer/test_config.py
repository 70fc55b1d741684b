import pytest
from pydantic import ValidationError

from data.tokenizer import TokenizerConfig


@pytest.mark.parametrize(
    ("symbols", "problem"),
    [
        (["<br>", "<br>"], "'<br>' is written twice"),
        (["<|bos|>"], "'<|bos|>' is how a special or a byte is written"),
        (["<0x0A>"], "'<0x0A>' is how a special or a byte is written"),
        ([""], "'' is empty, or holds white space"),
        (["a b"], "'a b' is empty, or holds white space"),
        (["▁"], "'▁' is empty, or holds white space"),
    ],
)
def test_symbols_that_could_be_taken_for_something_else_are_refused(symbols: list[str], problem: str):
    with pytest.raises(ValidationError, match=problem.replace("|", r"\|")):
        TokenizerConfig(user_symbols=symbols)


def test_what_changes_texts_is_not_lossless():
    assert TokenizerConfig().lossless
    assert not TokenizerConfig(normalization="nfkc_cf").lossless
    assert not TokenizerConfig(whitespace="collapse").lossless
