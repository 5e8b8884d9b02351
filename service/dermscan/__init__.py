"""Derm-Scan: a skin-lesion scanner that works inside the exam room and lets nothing out of it.

The rooms of this package and what each may import are described in docs/architecture.md; a test holds them to it.
"""

import os

# From 1.29 on, the official Linux builds of ONNX Runtime write a device identifier to the disk and send telemetry to
# their maker, unless this is set before the library is loaded. This is the earliest place there is.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
