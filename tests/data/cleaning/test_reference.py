from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.cleaning import RULES, TextBatch
from tests.data.cleaning import reference
from tests.data.text.texts import batches

ALONE = [name for name, rule in RULES.items() if not any(f.is_required() for f in rule.Config.model_fields.values())]
"""Rules that need nothing of their user's."""


def after(rule: str, texts: list[str], **settings: Any) -> TextBatch:
    batch = TextBatch(texts, [None] * len(texts))
    RULES[rule](RULES[rule].Config(**settings), ("en",)).apply(batch)
    return batch


@given(batches)
@settings(deadline=None, max_examples=300)
def test_repairs_are_those_of_the_reference(texts: list[str]) -> None:
    for rule, expected in (("repair", reference.repair), ("boilerplate", reference.boilerplate)):
        batch = after(rule, texts)
        assert list(batch.texts) == [expected(text) for text in texts]
        assert batch.repairs == [[rule] if expected(text) != text else [] for text in texts]


@given(batches)
@settings(deadline=None, max_examples=300)
def test_drops_are_those_of_the_reference(texts: list[str]) -> None:
    drops = {
        "length": after("length", texts, min_words=5, min_characters=8, max_words=60),
        "repetition": after("repetition", texts),
        "quality": after("quality", texts),
    }
    for rule, batch in drops.items():
        reasons = [getattr(reference, rule)(text) for text in texts]
        assert batch.dropped == [reason and f"{rule}/{reason}" for reason in reasons]


@given(batches, st.integers(0, 6))
@settings(deadline=None)
def test_a_batch_decides_as_its_parts_do(texts: list[str], cut: int) -> None:
    for rule in ALONE:
        whole, first, second = (after(rule, part) for part in (texts, texts[:cut], texts[cut:]))
        assert list(whole.texts) == [*first.texts, *second.texts]
        assert whole.dropped == first.dropped + second.dropped
        np.testing.assert_array_equal(whole.languages, [*first.languages, *second.languages])


@pytest.mark.parametrize("rule", ALONE)
def test_what_was_dropped_stays_as_it_was(rule: str) -> None:
    batch = TextBatch(["All rights reserved\n\n\n &amp; x"], [None], dropped=["source/not_utf8"])
    RULES[rule](RULES[rule].Config(), ("zh",)).apply(batch)

    assert (list(batch.texts), batch.dropped) == (["All rights reserved\n\n\n &amp; x"], ["source/not_utf8"])
    assert (batch.repairs, batch.languages.tolist()) == ([[]], [None])
