"""So much of DER as a dry run needs beside ``cryptography``: elements, one after the other. Checks no certificate."""

from __future__ import annotations

SEQUENCE, INTEGER, OBJECT_IDENTIFIER = 0x30, 0x02, 0x06


def element(data: bytes) -> tuple[int, bytes, int]:
    """Tag, content and whole length of the first element; raises `ValueError` where there is none, or a part of one."""
    if len(data) < 2:
        raise ValueError("it is cut off")
    length, begin = data[1], 2
    if length >= 0x80:
        begin += length - 0x80
        # The indefinite form, and lengths beyond four bytes, are in no certificate.
        if not 3 <= begin <= 6:
            raise ValueError("a length is not DER")
        length = int.from_bytes(data[2:begin])
    if len(data) < begin + length:
        raise ValueError("it is cut off")
    return data[0], data[begin : begin + length], begin + length


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """All elements that follow each other in ``data``, as tag and content."""
    found = []
    while data:
        tag, content, length = element(data)
        found.append((tag, content))
        data = data[length:]
    return found
