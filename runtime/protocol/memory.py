"""Memory for answers, used again: the kernel clears each new page, which costs more than a fetch does."""

from typing import Final

_STEP: Final = 1 << 20
_MOST: Final = 1 << 26


class Memory:
    """Hands out buffers, and again once nobody looks at them.

    Args:
        most: bytes that are kept.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: list[bytearray] = []

    def take(self, size: int) -> memoryview:
        """A buffer of so many bytes or more, whatever is in them; it is free when no view of it is left."""
        if large := [one for one in self._kept if len(one) >= size and _is_free(one)]:
            return memoryview(min(large, key=len))
        new = bytearray(-(-size // _STEP) * _STEP)
        if self._held() + len(new) > self._most:  # those that are free are too small
            self._kept = [one for one in self._kept if not _is_free(one)]
        if self._held() + len(new) <= self._most:
            self._kept.append(new)
        return memoryview(new)

    def _held(self) -> int:
        return sum(map(len, self._kept))


def _is_free(one: bytearray) -> bool:
    """Whether no view of it is left: Python refuses to resize what is looked at."""
    try:
        one.pop()
    except BufferError:
        return False
    one.append(0)
    return True
