"""The settings file: whatever is in it, there are settings or one sentence."""

from pathlib import Path
from tempfile import NamedTemporaryFile

from dermscan.errors import SettingsError
from dermscan.settings import Settings, load_settings

SEEDS = (
    b'[device]\nlabel = "room-1"\n[camera]\nbackend = "phantom"\nwidth = 640\nrate_hz = 5.0\n',
    b'[bus]\nhost = "127.0.0.1"\nport = 1883\n[models]\nproviders = ["CPUExecutionProvider"]\nthreads = 2\n',
    b'[history]\nfolder = "/tmp/h"\nkey_file = "/tmp/k"\n[scan]\nhold_still_s = 0.5\nburst_frames = 2\n',
    b"[quality]\nx = 1979-05-27T07:32:00Z\ny = inf\nz = [1, {a = 1}]\n",
    b"a = " + b"[" * 3000,
    b"a = " + b"9" * 5000,
)


def fuzz(data: bytes) -> None:
    with NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            assert isinstance(load_settings(Path(file.name)), Settings)
        except SettingsError:
            return
