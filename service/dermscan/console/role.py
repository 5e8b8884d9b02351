"""What a person may see. It knows nobody."""

from enum import StrEnum


class Role(StrEnum):
    """What a person may see. A technician sees the device and nobody's lesions."""

    CLINICIAN = "clinician"
    TECHNICIAN = "technician"
