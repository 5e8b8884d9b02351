"""How the device is: what is measured, what counts as wrong, and how others are told. Never a picture, never a name."""
