from lightning_modules.weighting.window import Window


def test_each_window_gives_the_newest_measurement_of_every_objective_in_their_order():
    window = Window(["a", "b"], steps=4)

    assert window.enter(0, {"b": 1.0}) is None
    assert window.enter(1, {"b": 2.0}) is None
    assert window.enter(2, {"a": 3.0}) == [3.0, 2.0]


def test_a_complete_window_is_closed_until_the_next_begins():
    window = Window(["a"], steps=4)
    window.enter(2, {"a": 1.0})

    assert [step for step in range(3, 10) if window.is_open(step)] == [4, 5, 6, 7, 8, 9]
    assert window.enter(3, {"a": 2.0}) is None
    assert window.enter(4, {"a": 3.0}) == [3.0]
