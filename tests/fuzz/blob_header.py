"""Encrypted pictures and wrapped keys as they lie on the disk: only what was sealed for this place is given away."""

import secrets
from unittest.mock import patch

from dermscan.errors import HistoryCorrupt
from dermscan.history.keys import SecretKey
from dermscan.history.vault import DataKey, Encoding, Place, Vault, seal, unseal

KEY = DataKey(bytes(range(32)))
PLACE = Place("scans", "1", "frame")
VAULT = Vault(SecretKey(bytes(range(32, 64))))
with patch.object(secrets, "token_bytes", lambda count: bytes(range(count))):
    # The same in every run: what an earlier run sealed, and its corpus kept, was sealed by somebody
    BLOB = seal(b"content", KEY, PLACE, Encoding.ROWS, 1)
    WRAPPED = VAULT.wrap(KEY, "lesion")
SEEDS = (BLOB, WRAPPED, BLOB[:40], seal(b"", KEY, Place("scans", "2", "frame"), Encoding.BITS, 2))


def fuzz(data: bytes) -> None:
    try:
        unseal(data, KEY, PLACE)
        assert data == BLOB, "a blob that nobody sealed was opened"
    except HistoryCorrupt:
        pass
    try:
        VAULT.unwrap(data, "lesion")
        assert data == WRAPPED, "a key that nobody wrapped was opened"
    except HistoryCorrupt:
        pass
