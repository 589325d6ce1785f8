"""Record batches to columns and back: a decoder for each topic that is read, an encoder for each written."""

from collections.abc import Callable, Mapping

from schemas.batches.decode import Decoder
from schemas.batches.encode import Encoded, Encoder
from schemas.batches.frames import Frames
from schemas.codec import names_of
from schemas.columns import Columns
from schemas.topics import TOPICS


class Codec:
    """Decoders and encoders of all topics, made when they are first needed.

    Args:
        ids: schema id by record name, for what is written.
        names: record name by schema id, of every version that is read the fast way.
        writer_schema: text of a schema by its id, None where there is none.
    """

    def __init__(
        self,
        ids: Mapping[str, int],
        names: Mapping[int, str] | None = None,
        writer_schema: Callable[[int], str | None] = lambda _: None,
    ) -> None:
        self._ids = dict(ids)
        self._names = dict(names) if names is not None else names_of(ids)
        self._writer_schema = writer_schema
        self._decoders: dict[str, Decoder] = {}
        self._encoders: dict[str, Encoder] = {}

    def decode(self, topic: str, frames: Frames, partition: int) -> Columns:
        """Columns of records of one topic and partition."""
        decoder = self._decoders.get(topic)
        if decoder is None:
            decoder = self._decoders[topic] = Decoder(TOPICS[topic], self._names, self._writer_schema)
        return decoder.decode(frames, partition)

    def encode(self, columns: Columns) -> Encoded:
        """Keys, values and timestamps of the records in columns."""
        topic = columns.topic.name
        encoder = self._encoders.get(topic)
        if encoder is None:
            encoder = self._encoders[topic] = Encoder(columns.topic, self._ids)
        return encoder.encode(columns)
