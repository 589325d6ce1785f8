"""Texts in one buffer, each stored once, for the spans of rows."""

import numpy as np

from schemas.columns import Bytes


class Texts:
    """A growing buffer; spans stay valid."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._spans: dict[bytes, tuple[int, int]] = {}

    def span(self, text: str | bytes) -> tuple[int, int]:
        """Place and size of a text."""
        value = text.encode() if isinstance(text, str) else text
        if value not in self._spans:
            self._spans[value] = (len(self._data), len(value))
            self._data += value
        return self._spans[value]

    def data(self) -> Bytes:
        """Everything so far."""
        return np.frombuffer(bytes(self._data), np.uint8)
