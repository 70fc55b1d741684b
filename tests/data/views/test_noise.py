import numpy as np

from data.views.noise import key, mix, permutation, row_seeds, uniform


def test_mixer_gives_the_published_sequence():
    # The first outputs of SplitMix64 from seed 0: java.util.SplittableRandom and its C reference agree on them.
    states = np.arange(3, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)

    assert [f"{value:x}" for value in mix(states)] == ["e220a8397b1dcdaf", "6e789e6aa1b965f4", "6c45d188009454f"]


def test_noise_is_uniform_and_independent_between_purposes():
    seeds = row_seeds(key(1), np.arange(400))
    one, other = uniform(seeds, "one", 500), uniform(seeds, "other", 500)
    size = one.size

    assert one.min() >= 0.0
    assert one.max() < 1.0
    # Three standard errors: of a mean (1/sqrt(12 n)), of a bin's count, of a correlation (1/sqrt(n)).
    assert abs(one.mean() - 0.5) < 3 / np.sqrt(12 * size)
    assert np.abs(np.histogram(one, 16, (0, 1))[0] - size / 16).max() < 4 * np.sqrt(size / 16)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 3 / np.sqrt(size)
    assert abs(np.corrcoef(one[:, :-1].ravel(), one[:, 1:].ravel())[0, 1]) < 3 / np.sqrt(size)
    assert abs(np.corrcoef(one[:-1].ravel(), one[1:].ravel())[0, 1]) < 3 / np.sqrt(size)


def test_noise_of_a_row_depends_on_its_seed_alone():
    seeds = row_seeds(key(1, "x", 3), np.arange(10))

    np.testing.assert_array_equal(uniform(seeds, "select", 8)[6:], uniform(seeds[6:], "select", 12)[:, :8])
    assert not (uniform(row_seeds(key(1, "x", 4), np.arange(10)), "select", 8) == uniform(seeds, "select", 8)).any()


def test_permutation_holds_every_number_once():
    assert np.sort(permutation(key(5), 1000)).tolist() == list(range(1000))
    assert permutation(key(5), 1000).tolist() != permutation(key(6), 1000).tolist()
