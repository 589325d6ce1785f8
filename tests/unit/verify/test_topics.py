"""A topic equals what must be in it when only repeats are added."""

from barline.verify.topics import Identity, compare


def identities(*values: int) -> list[Identity]:
    return [Identity(b"SPY", str(value).encode()) for value in values]


def test_a_repeated_stretch_changes_nothing():
    difference = compare(identities(1, 2, 3, 4), identities(1, 2, 3, 2, 3, 4))
    assert difference.equal
    assert difference.repeats == 2


def test_a_missing_record_is_found():
    difference = compare(identities(1, 2, 3), identities(1, 3))
    assert not difference.equal
    assert difference.missing == identities(2)


def test_a_wrong_record_is_found():
    difference = compare(identities(1, 2), identities(1, 9, 2))
    assert not difference.equal
    assert difference.wrong == identities(9)


def test_another_order_is_found():
    difference = compare(identities(1, 2, 3), identities(1, 3, 2))
    assert not difference.equal
    assert difference.disordered == 2
