"""The button and the light, over gpiozero's own mock pins."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from gpiozero.pins.mock import MockFactory

from appliance import wait_until
from dermscan.bus.events import WorkState
from dermscan.daemon.panel import LIT, Panel
from dermscan.errors import DermscanError, SettingsError
from dermscan.settings import GpioSettings

BUTTON, LIGHT = 17, 18


@pytest.fixture
def pins() -> Iterator[Any]:
    factory = MockFactory()
    yield factory
    factory.close()


def panel(pins: Any, pressed: list[int], **settings: int) -> Panel:
    made = Panel(GpioSettings.model_validate(settings), lambda: pressed.append(1), pins)
    made.open()
    return made


def test_a_press_is_told_once_and_a_chattering_contact_is_one_press(pins: Any) -> None:
    pressed: list[int] = []
    opened = panel(pins, pressed, button_pin=BUTTON)
    pin = pins.pin(BUTTON)
    pin.drive_low()
    for _ in range(3):
        pin.drive_high()
        pin.drive_low()
    wait_until(lambda: len(pressed) >= 1)
    opened.close()
    assert len(pressed) == 1


def test_the_light_is_lit_while_the_work_is_about_a_lesion(pins: Any) -> None:
    opened = panel(pins, [], light_pin=LIGHT)
    for state in WorkState:
        opened.show(state)
        assert pins.pin(LIGHT).state == (state in LIT), state
    opened.show(WorkState.READY)
    opened.close()
    assert not pins.pin(LIGHT).state, "it is put out at the end"


def test_dark_when_nothing_can_be_scanned() -> None:
    assert {WorkState.FAULT, WorkState.PAUSED, WorkState.STARTING, WorkState.STOPPING} == set(WorkState) - LIT


def test_opening_anew_takes_the_same_pins(pins: Any) -> None:
    opened = panel(pins, [], button_pin=BUTTON, light_pin=LIGHT)
    for _ in range(5):
        opened.close()
        opened.open()
    opened.close()
    opened.close()


def test_a_pin_that_is_named_twice_is_one_sentence(pins: Any) -> None:
    with pytest.raises(SettingsError, match="named twice"):
        panel(pins, [], button_pin=BUTTON, light_pin=BUTTON)
    panel(pins, [], button_pin=BUTTON).close()


def test_without_pins_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    opened = Panel(GpioSettings(), lambda: None)
    opened.open()
    opened.show(WorkState.READY)
    opened.close()


def test_a_missing_library_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiozero", None)
    with pytest.raises(DermscanError, match="extra gpio"):
        Panel(GpioSettings(button_pin=BUTTON), lambda: None).open()


@pytest.mark.filterwarnings("ignore::gpiozero.exc.PinFactoryFallback")
def test_a_board_without_pins_is_one_sentence() -> None:
    """As this machine is."""
    with pytest.raises(DermscanError, match="no way to this board's pins"):
        Panel(GpioSettings(light_pin=LIGHT), lambda: None).open()
