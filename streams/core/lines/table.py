"""The modes of a partition: all of them as saved bytes, the ones used last decoded."""

from collections import OrderedDict
from collections.abc import Iterator

from streams.core import slots
from streams.core.lines import modes
from streams.core.lines.modes import Mode

VERSION = 1
"""Version of a saved mode."""

_PREFIX = b"mode:"


class Table:
    """Modes by name.

    Args:
        decoded: most modes kept decoded; it bounds memory and changes no result.
    """

    def __init__(self, decoded: int) -> None:
        self._limit = decoded
        self._saved: dict[bytes, bytes] = {}
        self._decoded: OrderedDict[bytes, Mode] = OrderedDict()
        self._dirty: set[bytes] = set()

    def reflected(self, name: bytes) -> int:
        """Offset of the last record that the mode reflects by what was restored; -1 for none."""
        saved = None if name in self._decoded else self._saved.get(name)
        return -1 if saved is None else slots.offset_of(saved)

    def take(self, name: bytes) -> Mode:
        """The mode, to be changed by records it does not reflect."""
        mode = self._decoded.get(name)
        if mode is None:
            saved = self._saved.get(name)
            mode = Mode() if saved is None else modes.decode(slots.unpack(VERSION, saved)[1])
            self._decoded[name] = mode
        else:
            self._decoded.move_to_end(name)
        self._dirty.add(name)
        return mode

    def shrink(self, offset: int) -> None:
        """Keep no more modes decoded than allowed; all reflect what stands before and at the offset."""
        while len(self._decoded) > self._limit:
            name, mode = self._decoded.popitem(last=False)
            if name in self._dirty:
                self._save(name, mode, offset)

    def take_dirty(self, offset: int) -> Iterator[tuple[bytes, bytes]]:
        """State key and saved state of every mode that changed since the last call."""
        for name in sorted(self._dirty):
            if name in self._decoded:
                self._save(name, self._decoded[name], offset)
            yield _PREFIX + name, self._saved[name]
        self._dirty.clear()

    def restore(self, key: bytes, state: bytes) -> None:
        """Take up one saved mode."""
        self._saved[key.removeprefix(_PREFIX)] = state

    def _save(self, name: bytes, mode: Mode, offset: int) -> None:
        self._saved[name] = slots.pack(VERSION, offset, modes.encode(mode))
