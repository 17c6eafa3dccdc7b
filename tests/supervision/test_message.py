from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from .helpers import Echo, Note


@pytest.mark.parametrize("message", [Note("a"), Echo("a")])
def test_messages_are_frozen_and_carry_no_dict(message: Note | Echo) -> None:
    assert not hasattr(message, "__dict__")
    with pytest.raises(FrozenInstanceError):
        message.text = "b"  # type: ignore[misc]
