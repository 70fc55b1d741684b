import numpy as np
import pytest

from data.views.replaced_token import ReplacedTokenView, ReplacedTokenViewConfig
from data.vocabulary import SPECIALS


@pytest.mark.parametrize("alignment", ["shifted", "same"])
def test_generator_sees_masks_and_the_originals_stay_beside(context, lay_out, seeds, alignment):
    documents = [[40 + (number + index) % 150 for index in range(60)] for number in range(400)]
    rows = lay_out([*documents, [50]], 128)
    view = ReplacedTokenView(ReplacedTokenViewConfig(), context(128, alignment))
    batch, counts, text_tokens = view(rows, seeds(len(rows.input_ids_BT)))
    original = rows.input_ids_BT.reshape(-1)
    shown, selected = batch.input_ids_BT.numpy().reshape(-1), batch.corrupted_M.numpy()
    masked = np.flatnonzero(shown == SPECIALS.mask)

    assert batch.original_ids_BT.numpy().reshape(-1).tolist() == original.tolist()
    assert np.flatnonzero(shown != original).tolist() == masked.tolist()
    assert np.isin(masked, selected).all()
    assert abs(len(masked) / len(selected) - 0.85) < 3 * np.sqrt(0.85 * 0.15 / len(selected))
    assert batch.targets_M.tolist() == original[selected].tolist()
    assert (selected - batch.predict_M.numpy() == (alignment == "shifted")).all()
    assert batch.real_N.tolist() == np.flatnonzero(original >= SPECIALS.count).tolist()
    assert counts == {"generator": len(selected), "replaced_token": text_tokens}
    assert text_tokens == 400 * 60 + 1


def test_the_generators_rate_moves_with_the_stage(context, lay_out, seeds):
    rows = lay_out([[40 + index for index in range(126)]] * 10, 128)
    config = ReplacedTokenViewConfig(selection="span", rate=0.3, final_rate=0.15)
    view = ReplacedTokenView(config, context(128))

    assert view.at(0.0)(rows, seeds(10)).counts["generator"] == 10 * round(126 * 0.3)
    assert view.at(1.0)(rows, seeds(10)).counts["generator"] == 10 * round(126 * 0.15)
