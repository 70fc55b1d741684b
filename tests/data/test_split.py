import pytest
from pydantic import ValidationError

from data.document import sha256_hex
from data.split import SplitConfig, split_of

HALF, THREE_QUARTERS = "8" + "0" * 63, "c" + "0" * 63


@pytest.mark.parametrize(
    ("document_id", "split"), [("0" * 64, "test"), (HALF, "validation"), (THREE_QUARTERS, "train")]
)
def test_place_of_the_id_decides(document_id: str, split: str) -> None:
    assert split_of(document_id, SplitConfig(test=0.5, validation=0.25)) == split


def test_fractions_are_met_within_three_sigma() -> None:
    splits = [split_of(sha256_hex(f"文档 {number}"), SplitConfig(test=0.1, validation=0.2)) for number in range(4000)]

    assert abs(splits.count("test") - 400) < 3 * 19
    assert abs(splits.count("validation") - 800) < 3 * 26


def test_changing_validation_leaves_the_test_part_alone() -> None:
    ids = [sha256_hex(str(number)) for number in range(500)]
    small, large = SplitConfig(test=0.1, validation=0.01), SplitConfig(test=0.1, validation=0.3)

    assert [split_of(i, small) == "test" for i in ids] == [split_of(i, large) == "test" for i in ids]


def test_nothing_left_to_train_on_is_refused() -> None:
    with pytest.raises(ValidationError, match="nothing to train on"):
        SplitConfig(test=0.5, validation=0.5)
