"""A bundle as a zip file: it is put to every test of an installation, and nothing but its signed files is unpacked."""

import io
import zipfile
from pathlib import Path
from tempfile import NamedTemporaryFile

from dermscan.bundle.installing import Installation
from dermscan.bundle.loading import MANIFEST_NAME, shipped_folder
from dermscan.bundle.signing import SIGNATURE_NAME, trusted_keys
from dermscan.bundle.store import BundleStore
from dermscan.errors import BundleError

NAMES = (MANIFEST_NAME, SIGNATURE_NAME)
INSTALLATION = Installation(BundleStore(Path("/nowhere")), trusted_keys(), prove=lambda _: None)


def archive(prefix: str, method: int) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as made:
        for name in NAMES:
            made.writestr(zipfile.ZipInfo(prefix + name), (shipped_folder() / name).read_bytes(), method)
    return target.getvalue()


SEEDS = (archive("", zipfile.ZIP_STORED), archive("bundle/", zipfile.ZIP_DEFLATED), archive("../", zipfile.ZIP_STORED))


def fuzz(data: bytes) -> None:
    with NamedTemporaryFile(suffix=".zip") as file:
        file.write(data)
        file.flush()
        try:
            INSTALLATION.verify(Path(file.name), lambda _, __: None)
        except BundleError:
            return
    message = "an archive without networks was taken"
    raise AssertionError(message)
