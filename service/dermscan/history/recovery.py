"""The recovery key: a second key to the keyring, written on paper as 24 words and never kept on the device."""

from typing import Self

from mnemonic import Mnemonic

from dermscan.errors import InputError
from dermscan.history.keys import SecretKey

WORDS = 24
_SOURCE = "The recovery words"
_LIST = Mnemonic("english")


class RecoveryKey(SecretKey):
    """A key that a person keeps on paper; BIP-39 spells its 256 bits, and 8 bits of checksum, in 24 English words."""

    __slots__ = ()

    @classmethod
    def from_words(cls, text: str) -> Self:
        """Read the words as a person typed them: any case, any white space, numbers before them or not.

        Raises:
            InputError: They are not 24, one is not in the list, or the checksum does not fit.
        """
        words = [word for word in text.lower().split() if not word.rstrip(".)").isdecimal()]
        if len(words) != WORDS:
            raise InputError(source=_SOURCE, problem=f"there are {len(words)} and not {WORDS}")
        unknown = [number for number, word in enumerate(words, start=1) if word not in _LIST.wordlist]
        if unknown:
            raise InputError(source=_SOURCE, problem=f"number {unknown[0]} is not in the list of words")
        if not _LIST.check(" ".join(words)):
            raise InputError(source=_SOURCE, problem="one is wrong, or two are in the wrong order")
        return cls(bytes(_LIST.to_entropy(words)))

    def words(self) -> list[str]:
        """The 24 words, to be shown once."""
        return _LIST.to_mnemonic(self.expose()).split()
