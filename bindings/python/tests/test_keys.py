"""Keys of every kind, from every sort of caller."""

import array
import ctypes
import mmap

import pytest

from sluicegate import Limiter


@pytest.fixture
def limiter():
    return Limiter("fixed-window 1000/d", max_keys=1_000)


def same(limiter, *keys):
    """Whether the keys share one budget, by check and by batch."""
    for key in keys:
        limiter.check(key)
    limiter.check_many(list(keys))
    return limiter.stats().live_keys == 1 and limiter.peek(keys[0], 0).remaining == 1000 - 2 * len(keys)


def test_text_is_its_utf_8_bytes(limiter):
    assert same(limiter, "ключ", "ключ".encode(), bytearray("ключ".encode()), memoryview("ключ".encode()))


def test_the_empty_key_is_a_key(limiter):
    assert same(limiter, "", b"", bytearray(), memoryview(b""))


def test_zero_bytes_do_not_end_a_key(limiter):
    keys = ["a", "a\0", "a\0b", "\0a", "\0", "\0\0", ""]
    for key in [*keys, *(key.encode() for key in keys)]:
        limiter.check(key)
    limiter.check_many(keys)
    assert limiter.stats().live_keys == len(keys)
    assert [limiter.peek(key, 0).remaining for key in keys] == [997] * len(keys)


def test_surrogates_are_kept_apart(limiter):
    # As os.fsdecode and JSON make them. No two texts are one key, and no key raises.
    keys = ["\ud800", "\udfff", "\udc80", "a\udc80", "\ud83d\udca9", "\N{PILE OF POO}", "?", "\ufffd"]
    for key in keys:
        assert limiter.check(key).allowed
        assert limiter.check(key, 1).allowed
    assert limiter.check_many(keys).allowed == [True] * len(keys)
    limiter.refund("\ud800")
    limiter.reset("\udfff")
    # All but the one that was reset.
    assert limiter.stats().live_keys == len(keys) - 1
    assert [limiter.peek(key, 0).remaining for key in keys] == [998, 1000, *[997] * (len(keys) - 2)]


def test_long_keys_are_told_apart_by_their_last_byte(limiter):
    long = b"x" * 10_000_000
    for key in (long, long + b"y", long[:-1], long.decode()):
        limiter.check(key)
    assert limiter.stats().live_keys == 3


def test_subclasses_count_by_what_they_are(limiter):
    class Name(str):
        def encode(self, *_):
            return b"something else"

    class Blob(bytes):
        def __len__(self):
            return 1

        def __bytes__(self):
            return b"something else"

    assert same(limiter, "ann", Name("ann"), b"ann", Blob(b"ann"))


def test_anything_that_lends_its_bytes_is_a_key(limiter):
    mapped = mmap.mmap(-1, 3)
    mapped[:] = b"ann"
    assert same(
        limiter, "ann", array.array("b", b"ann"), mapped, (ctypes.c_char * 3)(*b"ann"), memoryview(b"a-n-n")[::2]
    )


@pytest.mark.parametrize("key", [None, 5, 1.5, ["ann"], ("ann",), object(), {"ann"}])
def test_nothing_else_is_a_key(limiter, key):
    for call in (limiter.check, limiter.peek, limiter.refund, limiter.reset):
        with pytest.raises(TypeError, match="a key must be str or bytes, not"):
            call(key)
    with pytest.raises(TypeError, match=r"requests\[0\]: a key must be str or bytes, not"):
        limiter.check_many([key])


def test_a_key_with_a_false_class_is_no_key(limiter):
    class Liar:
        __class__ = bytes
        _as_parameter_ = 1

        def __len__(self):
            return 1_000

    with pytest.raises(TypeError):
        limiter.check(Liar())
