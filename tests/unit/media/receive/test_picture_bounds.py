"""Numbers between two pictures hold nothing of either: parity that got lost is not asked for."""

from media.receive.picture_bounds import MAX_BETWEEN, MAX_PICTURES, PictureBounds


def test_what_stands_between_two_pictures_is_known_from_either_side() -> None:
    bounds = PictureBounds()
    assert not bounds.end(7, 15, 100)
    assert [*bounds.start(8, 15, 104)] == [101, 102, 103]
    late = PictureBounds()
    assert not late.start(8, 15, 104)
    assert [*late.end(7, 15, 100)] == [101, 102, 103]  # the picture's last packet came again later


def test_a_picture_in_between_is_missed() -> None:
    bounds = PictureBounds()
    bounds.end(7, 15, 100)
    assert not bounds.start(9, 15, 104)
    assert [*bounds.start(8, 15, 102)] == [101]


def test_picture_ids_wrap_at_their_size() -> None:
    for bits in (7, 15):
        bounds = PictureBounds()
        bounds.end((1 << bits) - 1, bits, 5)
        assert [*bounds.start(0, bits, 7)] == [6]


def test_what_is_long_ago_or_impossible_is_not_believed() -> None:
    bounds = PictureBounds()
    bounds.end(1, 7, 10)
    assert not bounds.start(2, 7, 10 + MAX_BETWEEN + 1)
    assert not bounds.start(2, 7, 9)
    for picture in range(2, MAX_PICTURES + 3):
        bounds.end(picture, 15, 10 + picture)
    assert not bounds.start(2, 7, 11)  # forgotten: ids of seven bits come again
