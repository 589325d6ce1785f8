"""Marks whose sources keep their numbers over a restart, since the rows of trade dates hold them."""

from streams.core.watermark import Watermarks


class NumberedMarks(Watermarks):
    """Marks that are saved in the order of their numbers instead of that of their names."""

    def pack(self) -> bytes:
        """The state, to be part of the partition's own, by number."""
        writers = [(number, name, ts) for (number, name), ts in self._writers.items()]
        return self._packed(range(len(self)), writers)
