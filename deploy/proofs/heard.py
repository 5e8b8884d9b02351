"""Prints what the broker of the package keeps on a topic, heard as the console hears it: by name and password.

Usage: heard.py TOPIC
"""

import sys
from pathlib import Path

from paho.mqtt import subscribe

SECRET = Path("/etc/mosquitto/dermscan/secrets/console")
auth = {"username": "console", "password": SECRET.read_text(encoding="ascii")}
message = subscribe.simple(sys.argv[1], hostname="127.0.0.1", port=1883, auth=auth)
print(message.payload.decode())  # noqa: T201 - that is what it is for
