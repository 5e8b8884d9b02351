"""The encrypted local history: keys, database, pictures. Nothing in clear ever reaches the disk."""

from dermscan.history.key_status import KeyPlace, KeyStatus, KeyStrength, key_status
from dermscan.history.keys import MasterKey, create_key_file, load_master_key
from dermscan.history.records import ScanSummary
from dermscan.history.store import History

__all__ = [
    "History",
    "KeyPlace",
    "KeyStatus",
    "KeyStrength",
    "MasterKey",
    "ScanSummary",
    "create_key_file",
    "key_status",
    "load_master_key",
]
