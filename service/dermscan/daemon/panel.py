"""The button and the light at the board's pins, where there are any. A press is a command like any other."""

import importlib
import time
from collections.abc import Callable
from typing import Any

from dermscan.bus.events import WorkState
from dermscan.errors import DermscanError, SettingsError
from dermscan.settings import GpioSettings

BOUNCE_S = 0.3
"""Seconds after a press for which the button's contact may chatter."""

LIT = frozenset(
    {WorkState.READY, WorkState.FRAMING, WorkState.HOLD_STILL, WorkState.ANALYSING, WorkState.DONE},
)
"""States in which a lesion is looked for or looked at."""


class Panel:
    """A button and a light, or neither. Without pins in the settings no library is loaded and nothing happens."""

    def __init__(self, settings: GpioSettings, on_press: Callable[[], None], pins: Any = None) -> None:
        """Prepare; no pin is touched before `open`.

        Args:
            settings: The pins' numbers.
            on_press: Called, on a thread of the library's, when the button is pressed.
            pins: gpiozero's pin factory; None for the board's own.
        """
        self._settings = settings
        self._on_press = on_press
        self._pins = pins
        self._button: Any = None
        self._light: Any = None
        self._pressed_s = 0.0

    def open(self) -> None:
        """Take the pins.

        Raises:
            DermscanError: gpiozero is not installed, or has no way to this board's pins.
            SettingsError: A pin does not exist or is used twice.
        """
        button, light = self._settings.button_pin, self._settings.light_pin
        if button is None and light is None:
            return
        gpiozero = _import_gpiozero()
        try:
            if button is not None:
                self._button = gpiozero.Button(button, pin_factory=self._pins)
                self._button.when_pressed = self._press
            if light is not None:
                self._light = gpiozero.LED(light, pin_factory=self._pins)
        except gpiozero.BadPinFactory:
            self.close()
            raise DermscanError(problem="gpiozero has no way to this board's pins; install python3-lgpio") from None
        except (gpiozero.GPIOZeroError, OSError):
            self.close()
            raise SettingsError(problem="gpio: a pin does not exist, is taken, or is named twice") from None

    def show(self, state: WorkState) -> None:
        """Light the lesion while the work is about one."""
        if self._light is not None and bool(self._light.value) != (state in LIT):
            (self._light.on if state in LIT else self._light.off)()

    def _press(self) -> None:
        """Not every way to the pins keeps a chattering contact quiet."""
        before, self._pressed_s = self._pressed_s, time.monotonic()
        if self._pressed_s - before > BOUNCE_S:
            self._on_press()

    def close(self) -> None:
        """Put the light out and let go of the pins; harmless when not open."""
        if self._light is not None:
            self._light.off()
        for device in (self._button, self._light):
            if device is not None:
                device.close()
        self._button = self._light = None


def _import_gpiozero() -> Any:
    try:
        return importlib.import_module("gpiozero")
    except ImportError:
        raise DermscanError(problem="gpiozero is not installed; install dermscan with its extra gpio") from None
