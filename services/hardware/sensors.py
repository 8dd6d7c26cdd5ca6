"""Sensors of the board (hwmon): temperatures with their limits, fans, power.

Boards that show no temperature there (small ARM ones) may show thermal zones; those are read instead.
The sensors are looked up once and read many times; a lookup again, now and then, finds what was plugged in.
A reading or limit that cannot be true (a sensor that is not connected) is absent.
"""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from coord.services.hardware import files
from coord.services.hardware.metrics import Point
from coord.services.hardware.rates import Rates

SENSORS_MAX: Final = 128
DEVICE_LENGTH_MAX: Final = 64
LOOKUP_LOOKS: Final = 60
"""So many looks after a lookup comes the next."""
_MILLI: Final = 1e-3
_MICRO: Final = 1e-6


def _may_be_temperature(celsius: float) -> bool:
    return -100.0 < celsius < 250.0


def _may_be_limit(celsius: float) -> bool:
    return 0.0 < celsius < 250.0


def _may_be_speed(revolutions: float) -> bool:
    return 0.0 <= revolutions < 100_000.0


def _may_be_power(watts: float) -> bool:
    return 0.0 <= watts < 100_000.0


class _Kind(NamedTuple):
    prefix: str
    suffix: str
    metric: str
    scale: float
    possible: Callable[[float], bool]


_TEMPERATURE: Final = _Kind("temp", "_input", "temperature_celsius", _MILLI, _may_be_temperature)
_READ: Final = (
    _TEMPERATURE,
    _Kind("fan", "_input", "fan_revolutions_per_minute", 1.0, _may_be_speed),
    _Kind("power", "_average", "sensor_power_watts", _MICRO, _may_be_power),
    _Kind("power", "_input", "sensor_power_watts", _MICRO, _may_be_power),
)
_LIMITS: Final = (
    _Kind("temp", "_max", "temperature_high_celsius", _MILLI, _may_be_limit),
    _Kind("temp", "_crit", "temperature_critical_celsius", _MILLI, _may_be_limit),
)


class _Sensor(NamedTuple):
    path: str
    device: str
    kind: _Kind


class Sensors:
    """The sensors that were found at the last lookup."""

    def __init__(self) -> None:
        self._found: list[_Sensor] = []
        self._looks = 0

    def read(self, root: str, _: Rates) -> Iterator[Point]:
        """Read every sensor."""
        if self._looks % LOOKUP_LOOKS == 0:
            self._found = _lookup(root, _READ)
        self._looks += 1
        yield from _values(self._found)


def read_limits(root: str, _: Rates) -> Iterator[Point]:
    """Read the temperatures that the makers call hot and critical."""
    yield from _values(_lookup(root, _LIMITS))


def _values(sensors: list[_Sensor]) -> Iterator[Point]:
    for sensor in sensors:
        read = files.read_number(sensor.path)
        if read is not None and sensor.kind.possible(value := read * sensor.kind.scale):
            yield sensor.kind.metric, sensor.device, value


def _lookup(root: str, kinds: tuple[_Kind, ...]) -> list[_Sensor]:
    folder = f"{root}/sys/class/hwmon"
    found: dict[tuple[str, str], _Sensor] = {}
    chips: dict[str, int] = {}
    for entry in files.names(folder):
        name = files.read_text(f"{folder}/{entry}/name") or entry
        chips[name] = chips.get(name, 0) + 1
        chip = name if chips[name] == 1 else f"{name}:{chips[name]}"
        for sensor in _sensors_of(f"{folder}/{entry}", chip, kinds):
            found.setdefault((sensor.kind.metric, sensor.device), sensor)
    if not any(metric == _TEMPERATURE.metric for metric, _ in found):
        for zone in _zones(root, kinds):
            found.setdefault((zone.kind.metric, zone.device), zone)
    return list(found.values())[:SENSORS_MAX]


def _zones(root: str, kinds: tuple[_Kind, ...]) -> Iterator[_Sensor]:
    folder = f"{root}/sys/class/thermal"
    for zone in files.names(folder):
        name = files.read_text(f"{folder}/{zone}/type")
        if name and zone.startswith("thermal_zone") and _TEMPERATURE in kinds:
            yield _Sensor(f"{folder}/{zone}/temp", f"{zone}/{name}"[:DEVICE_LENGTH_MAX], _TEMPERATURE)


def _sensors_of(folder: str, chip: str, kinds: tuple[_Kind, ...]) -> Iterator[_Sensor]:
    files_here = files.names(folder)
    for kind in kinds:
        for file in files_here:
            number = file.removeprefix(kind.prefix).removesuffix(kind.suffix)
            if number.isdigit() and file == f"{kind.prefix}{number}{kind.suffix}":
                label = files.read_text(f"{folder}/{kind.prefix}{number}_label") or f"{kind.prefix}{number}"
                yield _Sensor(f"{folder}/{file}", f"{chip}/{label}"[:DEVICE_LENGTH_MAX], kind)
