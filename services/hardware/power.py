"""Power: mains or battery, and what the processor packages draw (RAPL, where we may read it)."""

from collections.abc import Iterator
from typing import Final

from coord.services.hardware import files
from coord.services.hardware.metrics import Point
from coord.services.hardware.rates import Rates

_MICRO: Final = 1e-6
_MAINS_TYPES: Final = frozenset({"Mains", "USB", "Wireless"})


def read_supplies(root: str, _: Rates) -> Iterator[Point]:
    """Read the power supplies of the machine itself; peripherals' batteries are not its own."""
    folder = f"{root}/sys/class/power_supply"
    for supply in files.names(folder):
        path = f"{folder}/{supply}"
        kind = files.read_text(f"{path}/type")
        if files.read_text(f"{path}/scope") == "Device":
            continue
        if kind in _MAINS_TYPES and (online := files.read_number(f"{path}/online")) is not None:
            yield "power_mains_ratio", supply, min(1.0, online)
        elif kind == "Battery" and files.read_text(f"{path}/present") != "0":
            yield from _battery(path, supply)


def power_mode(root: str) -> str | None:
    """Say where the power comes from and which profile is set, where the machine tells; e.g. `mains`."""
    mains = [value for metric, _, value in read_supplies(root, Rates()) if metric == "power_mains_ratio"]
    source = None if not mains else "mains" if any(mains) else "battery"
    profile = files.read_text(f"{root}/sys/firmware/acpi/platform_profile")
    governor = files.read_text(f"{root}/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return ", ".join(part for part in (source, profile, governor) if part) or None


def read_packages(root: str, rates: Rates) -> Iterator[Point]:
    """Read what the processor packages and their parts drew since the last look."""
    folder = f"{root}/sys/class/powercap"
    for domain in files.names(folder):
        if ":" not in domain or domain.startswith("intel-rapl-mmio"):
            continue
        microjoules = files.read_number(f"{folder}/{domain}/energy_uj")
        name = files.read_text(f"{folder}/{domain}/name")
        if microjoules is None or name is None:
            continue
        device = f"{domain.partition(':')[2]} {name}"
        watts = rates.per_second("package_power_watts", device, microjoules * _MICRO)
        if watts is not None:
            yield "package_power_watts", device, watts


def _battery(path: str, supply: str) -> Iterator[Point]:
    charge = files.read_number(f"{path}/capacity")
    if charge is not None:
        yield "battery_charge_ratio", supply, charge / 100.0
    watts = files.read_number(f"{path}/power_now")
    if watts is not None:
        yield "battery_power_watts", supply, abs(watts) * _MICRO
        return
    amperes = files.read_number(f"{path}/current_now")
    volts = files.read_number(f"{path}/voltage_now")
    if amperes is not None and volts is not None:
        yield "battery_power_watts", supply, abs(amperes) * _MICRO * volts * _MICRO
