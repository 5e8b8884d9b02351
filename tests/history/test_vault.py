import hmac
import struct
from collections.abc import Callable
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given
from hypothesis import strategies as st

from dermscan.errors import HistoryCorrupt
from dermscan.history.keys import SecretKey
from dermscan.history.vault import BlobKind, DataKey, Encoding, Place, Vault, seal, seal_pieces, unseal

KEY = DataKey(bytes.fromhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"))
NONCE = bytes.fromhex("cafebabefacedbaddecaf888")
PLACE = Place("scan", "5f0c1d1e-0000-4000-8000-000000000001", BlobKind.FRAME)
WRAPPING = SecretKey(b"\x11" * 32)
LESION = "5f0c1d1e-0000-4000-8000-00000000000a"
HEADER_BYTES = 36
PLAIN = b"the plain content of a picture"


def reference_gcm(key: bytes, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
    """AES-GCM from its definition (NIST SP 800-38D) on top of the bare block cipher."""
    encrypt = Cipher(AES(key), ECB()).encryptor()  # noqa: S305 - GCM is made of it
    block: Callable[[bytes], bytes] = encrypt.update
    subkey = int.from_bytes(block(bytes(16)))

    def times(left: int, right: int) -> int:
        product = 0
        for bit in range(127, -1, -1):
            if right >> bit & 1:
                product ^= left
            left = left >> 1 ^ (0xE1 << 120 if left & 1 else 0)
        return product

    def counter(number: int) -> bytes:
        return block(nonce + struct.pack(">I", number))

    stream = b"".join(counter(number + 2) for number in range(len(plain) // 16 + 1))
    cipher = bytes(left ^ right for left, right in zip(plain, stream, strict=False))
    padded = b"".join(part + bytes(-len(part) % 16) for part in (bound, cipher))
    padded += struct.pack(">QQ", len(bound) * 8, len(cipher) * 8)
    tag = 0
    for start in range(0, len(padded), 16):
        tag = times(tag ^ int.from_bytes(padded[start : start + 16]), subkey)
    return cipher + bytes(left ^ right for left, right in zip(tag.to_bytes(16), counter(1), strict=True))


def lengths_and_parts(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4) + part for part in parts)


def reference_blob(plain: bytes, key: DataKey = KEY, nonce: bytes = NONCE, encoding: int = 1) -> bytes:
    header = b"DSBL" + bytes([1, encoding]) + (7).to_bytes(2) + key.key_id + nonce
    bound = header + lengths_and_parts(b"dermscan blob", b"scan", PLACE.row_id.encode(), b"frame")
    return header + reference_gcm(key.expose(), nonce, plain, bound)


def test_the_reference_is_the_published_test_case_16() -> None:
    plain = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    bound = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    expected = (
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
        "76fc6ece0f4e1768cddf8853bb2d551b"
    )
    assert reference_gcm(KEY.expose(), NONCE, plain, bound).hex() == expected


@pytest.mark.parametrize("plain", [b"", b"x", PLAIN, bytes(range(256)) * 3])
def test_a_blob_made_by_the_reference_opens(plain: bytes) -> None:
    assert unseal(reference_blob(plain), KEY, PLACE) == (Encoding.PNG, plain)


def test_a_blob_is_what_the_reference_makes_of_it() -> None:
    blob = seal(PLAIN, KEY, PLACE, Encoding.PNG, 7)
    assert blob == reference_blob(PLAIN, nonce=blob[24:36])


@pytest.mark.parametrize("cuts", [(), (0,), (1, 16, 17), (5, 5, 20)])
def test_pieces_together_are_what_the_reference_makes_of_the_whole(cuts: tuple[int, ...]) -> None:
    ends = (0, *cuts, len(PLAIN))
    pieces = (PLAIN[begin:end] for begin, end in pairwise(ends))
    header, *sealed = seal_pieces(pieces, KEY, PLACE, Encoding.PNG, 7)
    assert len(sealed) == len(cuts) + 2
    assert b"".join([header, *sealed]) == reference_blob(PLAIN, nonce=header[24:36])


@given(st.binary(max_size=2000), st.text(min_size=1, max_size=40), st.sampled_from(BlobKind), st.integers(0, 65535))
def test_what_is_sealed_opens_at_its_place(content: bytes, row_id: str, kind: BlobKind, schema: int) -> None:
    place = Place("scan", row_id, kind)
    blob = seal(content, KEY, place, Encoding.PNG, schema)
    assert unseal(blob, KEY, place) == (Encoding.PNG, content)
    assert len(blob) == HEADER_BYTES + len(content) + 16


def test_nonces_do_not_repeat() -> None:
    nonces = {seal(b"", KEY, PLACE, Encoding.PNG, 1)[24:36] for _ in range(2000)}
    assert len(nonces) == 2000


@pytest.mark.parametrize("bit", [0x01, 0x80])
@pytest.mark.parametrize("at", range(HEADER_BYTES + len(PLAIN) + 16))
def test_any_flipped_byte_is_found(at: int, bit: int) -> None:
    blob = bytearray(seal(PLAIN, KEY, PLACE, Encoding.PNG, 1))
    blob[at] ^= bit
    with pytest.raises(HistoryCorrupt) as caught:
        unseal(bytes(blob), KEY, PLACE)
    assert "plain" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("length", range(HEADER_BYTES + len(PLAIN) + 16))
def test_any_cut_is_found(length: int) -> None:
    with pytest.raises(HistoryCorrupt):
        unseal(seal(PLAIN, KEY, PLACE, Encoding.PNG, 1)[:length], KEY, PLACE)


def test_what_is_added_is_found() -> None:
    with pytest.raises(HistoryCorrupt, match="altered"):
        unseal(seal(PLAIN, KEY, PLACE, Encoding.PNG, 1) + b"\0", KEY, PLACE)


@pytest.mark.parametrize(
    "place",
    [
        Place("lesion", PLACE.row_id, PLACE.kind),
        Place("scan", PLACE.row_id[:-1] + "2", PLACE.kind),
        Place("scan", PLACE.row_id, BlobKind.MASK),
        Place("scan" + PLACE.row_id[0], PLACE.row_id[1:], PLACE.kind),
        Place("sca", "n" + PLACE.row_id, PLACE.kind),
    ],
)
def test_a_blob_opens_at_no_other_place(place: Place) -> None:
    with pytest.raises(HistoryCorrupt, match="altered or moved"):
        unseal(seal(PLAIN, KEY, PLACE, Encoding.PNG, 1), KEY, place)


def test_a_blob_opens_with_no_other_key() -> None:
    with pytest.raises(HistoryCorrupt, match="another lesion"):
        unseal(seal(PLAIN, KEY, PLACE, Encoding.PNG, 1), DataKey.generate(), PLACE)


def test_a_relabelled_key_id_does_not_help() -> None:
    other = DataKey.generate()
    blob = seal(PLAIN, KEY, PLACE, Encoding.PNG, 1)
    with pytest.raises(HistoryCorrupt, match="altered or moved"):
        unseal(blob[:8] + other.key_id + blob[24:], other, PLACE)


def test_an_encoding_of_the_future_is_refused_after_it_proved_genuine() -> None:
    with pytest.raises(HistoryCorrupt, match="unknown encoding"):
        unseal(reference_blob(PLAIN, encoding=9), KEY, PLACE)


def test_a_wrapped_key_is_what_the_reference_makes_of_it() -> None:
    wrapped = Vault(WRAPPING).wrap(KEY, LESION)
    bound = b"\x01" + WRAPPING.key_id + lengths_and_parts(b"dermscan lesion key", LESION.encode())
    assert wrapped[:17] == b"\x01" + WRAPPING.key_id
    assert wrapped[29:] == reference_gcm(WRAPPING.expose(), wrapped[17:29], KEY.expose(), bound)
    assert Vault(WRAPPING).unwrap(wrapped, LESION).expose() == KEY.expose()


@pytest.mark.parametrize("at", range(1 + 16 + 12 + 48))
def test_any_flipped_byte_of_a_wrapped_key_is_found(at: int) -> None:
    wrapped = bytearray(Vault(WRAPPING).wrap(KEY, LESION))
    wrapped[at] ^= 0x10
    with pytest.raises(HistoryCorrupt):
        Vault(WRAPPING).unwrap(bytes(wrapped), LESION)


def test_a_wrapped_key_belongs_to_one_lesion_and_one_wrapping_key() -> None:
    wrapped = Vault(WRAPPING).wrap(KEY, LESION)
    with pytest.raises(HistoryCorrupt, match="altered"):
        Vault(WRAPPING).unwrap(wrapped, LESION[:-1] + "b")
    with pytest.raises(HistoryCorrupt, match="another key"):
        Vault(SecretKey(b"\x12" * 32)).unwrap(wrapped, LESION)
    for wrong in (b"", wrapped[:-1], wrapped + b"\0"):
        with pytest.raises(HistoryCorrupt, match="wrong length"):
            Vault(WRAPPING).unwrap(wrong, LESION)


def test_the_key_of_the_tickets_is_derived_as_documented() -> None:
    extracted = hmac.digest(bytes(32), WRAPPING.expose(), "sha256")
    assert Vault(WRAPPING).ticket_key.expose() == hmac.digest(extracted, b"dermscan 1 ticket\x01", "sha256")


@pytest.mark.parametrize(
    ("blob", "problem"),
    [
        (reference_blob(b"")[:-1], "a picture is cut off"),
        (b"", "a picture is cut off"),
        (b"DSBM" + reference_blob(PLAIN)[4:], "a picture has an unknown form"),
        (b"DSBL\x02" + reference_blob(PLAIN)[5:], "a picture has an unknown form"),
        (reference_blob(PLAIN, DataKey(bytes(32))), "a picture was encrypted for another lesion"),
        (reference_blob(PLAIN) + b"\0", "a picture was altered or moved"),
        (reference_blob(PLAIN, encoding=9), "a picture has an unknown encoding"),
    ],
)
def test_what_is_wrong_with_a_picture_is_said(blob: bytes, problem: str) -> None:
    with pytest.raises(HistoryCorrupt) as caught:
        unseal(blob, KEY, PLACE)
    assert caught.value.details == {"problem": problem}


def test_what_is_wrong_with_a_wrapped_key_is_said() -> None:
    wrapped = Vault(WRAPPING).wrap(KEY, LESION)
    for wrong, problem in (
        (wrapped + b"\0", "a lesion's key has the wrong length"),
        (b"\x02" + wrapped[1:], "a lesion's key was wrapped by another key"),
        (wrapped[:1] + bytes(16) + wrapped[17:], "a lesion's key was wrapped by another key"),
        (wrapped[:-16] + bytes(16), "a lesion's key was altered"),
    ):
        with pytest.raises(HistoryCorrupt) as caught:
            Vault(WRAPPING).unwrap(wrong, LESION)
        assert caught.value.details == {"problem": problem}
