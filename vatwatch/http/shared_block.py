"""Messages of the stream in the forms in which they go to clients, each made once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from vatwatch.live.stream.blocks import StreamBlock, deflated
from vatwatch.live.stream.log import StreamPosition


class SharedBlock:
    """The same bytes for all who are at `start`; who has them is at `end`. None: they do not move
    anybody."""

    def __init__(
        self,
        plain: bytes,
        deflate: Callable[[], bytes],
        start: StreamPosition | None = None,
        end: StreamPosition | None = None,
    ) -> None:
        """`deflate` gives the compressed form, as `blocks.deflated` does."""
        self.plain = plain
        self.start, self.end = start, end
        self._deflate = deflate

    @classmethod
    def of(cls, block: StreamBlock, start: StreamPosition | None) -> SharedBlock:
        """A block for those who are at `start`; the block itself may be a snapshot."""
        return cls(block.plain, lambda: block.deflated, start, block.end)

    @classmethod
    def small(cls, plain: bytes) -> SharedBlock:
        """A few bytes, which are compressed here if anybody wants that."""
        return cls(plain, lambda: deflated(plain))

    @cached_property
    def compressed(self) -> bytes:
        """In gzip's stream."""
        return self._deflate()

    @cached_property
    def plain_chunk(self) -> bytes:
        """As a chunk of a chunked answer (RFC 9112, 7.1)."""
        return _chunk(self.plain)

    @cached_property
    def compressed_chunk(self) -> bytes:
        """The same, compressed."""
        return _chunk(self.compressed)


def _chunk(content: bytes) -> bytes:
    return b"%X\r\n%b\r\n" % (len(content), content)
