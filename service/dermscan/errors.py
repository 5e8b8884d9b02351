"""Every error this software raises on purpose, as one tree.

    DermscanError                   1
      SettingsError                10   the settings file says something that cannot be
      InputError                   11   a file or folder that was named cannot be used
      OutputError                  12   a result cannot be written where it was asked for
      InstallationIncomplete       13   a part of the software is missing, as after half an upgrade
      CameraError
        CameraNotFound             20   no such camera, or it cannot be opened
        CameraDriverMissing        21   the library of that kind of camera is not installed
        CameraStalled              22   the camera is open and silent
        CameraLost                 23   the camera was there and is gone
        CalibrationRefused         24   the pictures of the target do not carry a calibration
      BundleError
        BundleNotFound             30   no model bundle where the settings say
        BundleCorrupt              31   a file of the bundle is missing, altered or unreadable
        BundleUnsupported          32   the bundle is made for another version of this software
        BundleSelfTestFailed       33   the models do not give the results they gave when they were made
        BundleUntrusted            34   the bundle is not signed by a key that this device trusts
        BundleNotNewer             35   the bundle that is installed is not newer than the one in service
      HistoryError
        KeyUnavailable             40   there is no master key to be had
        KeyRefused                 41   the master key is not the one the history was made with
        HistoryNewer               42   the history was written by a newer version
        HistoryCorrupt             43   the database or a blob is damaged or was tampered with
        HistoryUnavailable         44   the history's folder cannot be read or written
        StorageFull                45   the disk is full
        UnknownRecord              46   there is no such scan or lesion
        TicketRefused              47   a scan ticket is unknown, used or expired
        BackupCorrupt              48   a backup is damaged, cut off or was tampered with
        HistoryNotEmpty            49   a backup is restored into an empty folder only
      BusError
        BusRefused                 51   the broker refuses this device's identity
      AnalysisFailed               55   a network could not be run on a picture
      WorkersUnfit                 56   the processes or machines of an evaluation cannot be used
      HealthError
        DeviceDegraded             60   the device works, and something should be mended
        DeviceFaulty               61   the device cannot scan
        DeviceNotRunning           62   the service does not run, or says nothing any more

The number is the exit code of a command that ends with the error; docs/exit-codes.md tells what to do about each.
A class's docstring is its message: `KeyUnavailable(problem="...")` fills the braces. One sentence, without a final full
stop.
"""

from typing import ClassVar


class DermscanError(Exception):
    """{problem}"""

    exit_code: ClassVar[int] = 1

    def __init__(self, **details: object) -> None:
        """Fill the class's message with the details it names.

        Args:
            details: A value for each name in braces in the class's docstring.
        """
        template = type(self).__doc__ or "{problem}"
        super().__init__(template.format(**details))
        self.details = details

    def __reduce__(self) -> tuple[object, ...]:
        """Allow the error to cross a process boundary."""
        return _rebuild, (type(self), self.details)


def _rebuild(kind: type[DermscanError], details: dict[str, object]) -> DermscanError:
    return kind(**details)


class SettingsError(DermscanError):
    """The settings are not usable: {problem}"""

    exit_code = 10


class InputError(DermscanError):
    """{source} cannot be used: {problem}"""

    exit_code = 11


class OutputError(DermscanError):
    """{target} cannot be written: {problem}"""

    exit_code = 12


class InstallationIncomplete(DermscanError):
    """A part of this installation is missing or damaged ({part}): install it again"""

    exit_code = 13


class CameraError(DermscanError):
    """The camera fails: {problem}"""


class CameraNotFound(CameraError):
    """No camera at {camera}: {problem}"""

    exit_code = 20


class CameraDriverMissing(CameraError):
    """The {backend} camera needs a library that is not installed: {remedy}"""

    exit_code = 21


class CameraStalled(CameraError):
    """The camera has sent no frame for {seconds:.1f} s"""

    exit_code = 22


class CameraLost(CameraError):
    """The camera was disconnected or has ended"""

    exit_code = 23


class CalibrationRefused(CameraError):
    """The camera was not calibrated: {problem}"""

    exit_code = 24


class BundleError(DermscanError):
    """The model bundle is not usable: {problem}"""


class BundleNotFound(BundleError):
    """There is no model bundle at {place}"""

    exit_code = 30


class BundleCorrupt(BundleError):
    """The model bundle is damaged: {problem}"""

    exit_code = 31


class BundleUnsupported(BundleError):
    """The model bundle does not fit this software: {problem}"""

    exit_code = 32


class BundleSelfTestFailed(BundleError):
    """The models do not reproduce their golden results: {problem}"""

    exit_code = 33


class BundleUntrusted(BundleError):
    """The model bundle is not to be trusted: {problem}"""

    exit_code = 34


class BundleNotNewer(BundleError):
    """The model bundle is not newer than the one in service: {problem}"""

    exit_code = 35


class HistoryError(DermscanError):
    """The history fails: {problem}"""


class KeyUnavailable(HistoryError):
    """There is no master key: {problem}"""

    exit_code = 40


class KeyRefused(HistoryError):
    """The master key does not open this history"""

    exit_code = 41


class HistoryNewer(HistoryError):
    """The history was written by a newer version of this software (schema {found}); update the software first"""

    exit_code = 42


class HistoryCorrupt(HistoryError):
    """The history is damaged or was tampered with: {problem}"""

    exit_code = 43


class HistoryUnavailable(HistoryError):
    """The history's folder cannot be used: {problem}"""

    exit_code = 44


class StorageFull(HistoryError):
    """The disk that holds the history is full; nothing was filed"""

    exit_code = 45


class UnknownRecord(HistoryError):
    """There is no such {kind} in the history"""

    exit_code = 46


class TicketRefused(HistoryError):
    """The scan ticket is refused: {problem}"""

    exit_code = 47


class BackupCorrupt(HistoryError):
    """The backup is damaged or was tampered with: {problem}"""

    exit_code = 48


class HistoryNotEmpty(HistoryError):
    """There is a history in {place} already, and a backup is never restored over one"""

    exit_code = 49


class BusError(DermscanError):
    """The bus fails: {problem}"""


class BusRefused(BusError):
    """The broker refuses this device: {problem}"""

    exit_code = 51


class AnalysisFailed(DermscanError):
    """The analysis fails: {problem}"""

    exit_code = 55


class WorkersUnfit(DermscanError):
    """The workers cannot be used: {problem}"""

    exit_code = 56


class HealthError(DermscanError):
    """The device is not well: {problem}"""


class DeviceDegraded(HealthError):
    """The device works, and something should be mended: {problem}"""

    exit_code = 60


class DeviceFaulty(HealthError):
    """The device cannot scan: {problem}"""

    exit_code = 61


class DeviceNotRunning(HealthError):
    """The service is not at work: {problem}"""

    exit_code = 62
