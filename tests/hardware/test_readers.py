"""The readers, each on a machine out of files: what is there arrives, what is not is absent."""

import pytest
from machines import Looks, Machine, by_series

from coord.events.tokens import is_token
from coord.services.hardware import cpu, memory, network, power, sensors, storage
from coord.services.hardware.metrics import METRICS
from coord.services.hardware.sampler import Reader, Sampler

STAT_BEFORE = """cpu  1000 0 500 8000 100 0 0 0 0 0
cpu0 500 0 250 4000 50 0 0 0 0 0
cpu1 500 0 250 4000 50 0 0 0 0 0
ctxt 1
procs_running 3
procs_blocked 1
"""
STAT_AFTER = """cpu  1100 0 550 8040 105 0 0 5 0 0
cpu0 600 0 250 4000 50 0 0 0 0 0
cpu1 500 0 300 4040 55 0 0 5 0 0
ctxt 2
procs_running 2
procs_blocked 0
"""
EVERY_READER: tuple[Reader, ...] = (
    cpu.read_times,
    cpu.read_load,
    cpu.read_frequency,
    memory.read_memory,
    memory.read_totals,
    memory.read_pressure,
    storage.read_activity,
    storage.read_usage,
    network.read_network,
    sensors.read_limits,
    power.read_supplies,
    power.read_packages,
)


@pytest.mark.parametrize("reader", EVERY_READER, ids=lambda reader: reader.__name__)
def test_a_machine_that_shows_nothing_has_no_readings(machine: Machine, reader: Reader) -> None:
    looks = Looks(machine, reader)
    assert looks.at(1) == {}
    assert looks.at(2) == {}


def test_the_share_of_work_is_what_happened_between_two_looks(machine: Machine) -> None:
    looks = Looks(machine, cpu.read_times)
    machine.write("/proc/stat", STAT_BEFORE)
    assert set(looks.at(1)) == {("tasks_running_count", ""), ("tasks_blocked_count", "")}
    machine.write("/proc/stat", STAT_AFTER)
    values = looks.at(2)
    assert values["cpu_utilization_ratio", ""] == pytest.approx(155 / 200)
    assert values["cpu_system_ratio", ""] == pytest.approx(50 / 200)
    assert values["cpu_iowait_ratio", ""] == pytest.approx(5 / 200)
    assert values["cpu_steal_ratio", ""] == pytest.approx(5 / 200)
    assert values["cpu_core_utilization_ratio", "cpu0"] == 1.0
    assert values["cpu_core_utilization_ratio", "cpu1"] == pytest.approx(55 / 100)
    assert values["cpu_core_utilization_ratio_max", ""] == 1.0
    assert values["cpu_cores_busy_count", ""] == 1.0
    assert values["tasks_running_count", ""] == 2.0


def test_a_counter_that_fell_gives_no_share(machine: Machine) -> None:
    looks = Looks(machine, cpu.read_times)
    machine.write("/proc/stat", STAT_AFTER)
    looks.at(1)
    machine.write("/proc/stat", STAT_BEFORE)
    assert not [metric for metric, _ in looks.at(2) if metric.endswith("ratio")]


def test_a_machine_with_many_cores_names_only_its_busiest(machine: Machine) -> None:
    looks = Looks(machine, cpu.read_times)
    for ticks in (10, 20):
        lines = [f"cpu{core} {ticks} 0 0 {ticks} 0 0 0 0" for core in range(cpu.CORES_LISTED_MAX + 1)]
        machine.write("/proc/stat", "\n".join(lines))
        values = looks.at(ticks)
    assert set(values) == {("cpu_core_utilization_ratio_max", ""), ("cpu_cores_busy_count", "")}


def test_load_and_tasks_are_read(machine: Machine) -> None:
    machine.write("/proc/loadavg", "0.50 1.25 2.00 3/412 9999\n")
    assert Looks(machine, cpu.read_load).at(1) == {
        ("load_average_1m", ""): 0.5,
        ("load_average_5m", ""): 1.25,
        ("load_average_15m", ""): 2.0,
        ("tasks_count", ""): 412.0,
    }


def test_the_frequency_is_the_mean_over_the_cores_and_the_slowest(machine: Machine) -> None:
    machine.write("/sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "3000000\n")
    machine.write("/sys/devices/system/cpu/cpufreq/policy1/scaling_cur_freq", "1000000\n")
    assert Looks(machine, cpu.read_frequency).at(1) == {
        ("cpu_frequency_mhz", ""): 2000.0,
        ("cpu_frequency_mhz_min", ""): 1000.0,
    }


def test_memory_without_swap_has_no_swap_readings(machine: Machine) -> None:
    machine.write(
        "/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 600 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"
    )
    assert Looks(machine, memory.read_memory).at(1) == {
        ("memory_available_bytes", ""): 600 * 1024,
        ("memory_used_bytes", ""): 400 * 1024,
    }
    assert Looks(machine, memory.read_totals).at(1) == {("memory_total_bytes", ""): 1000 * 1024}


def test_unused_swap_is_a_measured_zero(machine: Machine) -> None:
    machine.write("/proc/meminfo", "SwapTotal: 500 kB\nSwapFree: 500 kB\n")
    assert Looks(machine, memory.read_memory).at(1) == {("swap_used_bytes", ""): 0.0}
    assert Looks(machine, memory.read_totals).at(1) == {("swap_total_bytes", ""): 500 * 1024}


def test_pressure_is_the_share_of_the_last_ten_seconds(machine: Machine) -> None:
    machine.write(
        "/proc/pressure/memory",
        "some avg10=12.50 avg60=1.00 avg300=0.10 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    )
    assert Looks(machine, memory.read_pressure).at(1) == {
        ("memory_pressure_some_ratio", ""): 0.125,
        ("memory_pressure_full_ratio", ""): 0.0,
    }


def test_disks_tell_what_they_did_and_how_long_they_were_busy(machine: Machine) -> None:
    looks = Looks(machine, storage.read_activity)
    machine.disk("nvme0n1", "10 0 1000 5 20 0 2000 5 0 100 10")
    assert looks.at(1) == {}
    machine.disk("nvme0n1", "14 0 1200 5 30 0 6000 5 0 600 10")
    assert looks.at(3) == {
        ("disk_reads_per_second", "nvme0n1"): 2.0,
        ("disk_read_bytes_per_second", "nvme0n1"): 100 * 512,
        ("disk_writes_per_second", "nvme0n1"): 5.0,
        ("disk_write_bytes_per_second", "nvme0n1"): 2000 * 512,
        ("disk_busy_ratio", "nvme0n1"): 0.25,
    }


def test_partitions_and_loops_are_no_disks(machine: Machine) -> None:
    looks = Looks(machine, storage.read_activity)
    for reads in (1, 2):
        machine.write(
            "/proc/diskstats",
            f"7 0 loop0 {reads} 0 0 0 0 0 0 0 0 0 0\n8 1 sda1 {reads} 0 0 0 0 0 0 0 0 0 0\n",
        )
        assert looks.at(reads) == {}


def test_only_local_file_systems_are_asked_how_full_they_are(machine: Machine) -> None:
    machine.write(
        "/proc/mounts",
        "/dev/sda1 / ext4 rw 0 0\n"
        "/dev/sda1 /srv/bind ext4 rw 0 0\n"
        "/dev/sdb1 /mnt/two\\040words xfs rw 0 0\n"
        "server:/export /mnt/far nfs4 rw 0 0\n"
        "/dev/loop3 /snap/core/1 squashfs ro 0 0\n"
        "tmpfs /run tmpfs rw 0 0\n",
    )
    (machine.folder / "mnt/two words").mkdir(parents=True)
    values = Looks(machine, storage.read_usage).at(1)
    assert {device for _, device in values} == {"/", "/mnt/two words"}
    used, total = values["disk_used_bytes", "/"], values["disk_total_bytes", "/"]
    assert 0 < used <= total
    assert values["disk_available_bytes", "/"] <= total - used


def test_a_mount_that_is_gone_is_absent(machine: Machine) -> None:
    machine.write("/proc/mounts", "/dev/sdz1 /media/pulled-out vfat rw 0 0\n")
    assert Looks(machine, storage.read_usage).at(1) == {}


def net(receive: int, transmit: int, errors: int = 0, drops: int = 0) -> str:
    counters = f"{receive} 1 {errors} {drops} 0 0 0 0 {transmit} 1 0 0 0 0 0 0"
    return f"Inter-| Receive | Transmit\n face |bytes |bytes\n    lo: {counters}\n  eth0: {counters}\nveth1: {counters}\n"


def test_interfaces_with_a_device_tell_what_they_carry(machine: Machine) -> None:
    looks = Looks(machine, network.read_network)
    machine.write("/sys/class/net/eth0/device/vendor", "pretended")
    machine.write("/proc/net/dev", net(1000, 500))
    assert looks.at(1) == {}
    machine.write("/proc/net/dev", net(3000, 600, errors=4, drops=2))
    assert looks.at(3) == {
        ("network_receive_bytes_per_second", "eth0"): 1000.0,
        ("network_transmit_bytes_per_second", "eth0"): 50.0,
        ("network_errors_per_second", "eth0"): 2.0,
        ("network_drops_per_second", "eth0"): 1.0,
    }


def test_in_a_container_every_interface_but_the_loopback_counts(machine: Machine) -> None:
    looks = Looks(machine, network.read_network)
    for counter in (1, 2):
        machine.write("/proc/net/dev", net(counter, counter))
        values = looks.at(counter)
    assert {device for _, device in values} == {"eth0", "veth1"}


def chip(machine: Machine, number: int, name: str, **values: str) -> None:
    machine.write(f"/sys/class/hwmon/hwmon{number}/name", f"{name}\n")
    for file, value in values.items():
        machine.write(f"/sys/class/hwmon/hwmon{number}/{file}", f"{value}\n")


def test_sensors_tell_temperature_limits_fans_and_power(machine: Machine) -> None:
    chip(machine, 0, "coretemp", temp1_input="45500", temp1_label="Package id 0", temp1_crit="100000")
    chip(machine, 1, "nct6798", fan1_input="0", fan2_input="1200", temp1_input="38000", temp1_max="80000")
    chip(machine, 2, "power_meter", power1_average="215000000")
    assert Looks(machine, sensors.Sensors().read).at(1) == {
        ("temperature_celsius", "coretemp/Package id 0"): pytest.approx(45.5),
        ("temperature_celsius", "nct6798/temp1"): pytest.approx(38),
        ("fan_revolutions_per_minute", "nct6798/fan1"): 0.0,
        ("fan_revolutions_per_minute", "nct6798/fan2"): 1200.0,
        ("sensor_power_watts", "power_meter/power1"): pytest.approx(215),
    }
    assert Looks(machine, sensors.read_limits).at(1) == {
        ("temperature_critical_celsius", "coretemp/Package id 0"): pytest.approx(100),
        ("temperature_high_celsius", "nct6798/temp1"): pytest.approx(80),
    }


def test_two_chips_of_one_name_keep_apart(machine: Machine) -> None:
    chip(machine, 2, "nvme", temp1_input="40000")
    chip(machine, 10, "nvme", temp1_input="50000")
    values = Looks(machine, sensors.Sensors().read).at(1)
    assert values["temperature_celsius", "nvme/temp1"] == pytest.approx(40)
    assert values["temperature_celsius", "nvme:2/temp1"] == pytest.approx(50)


def test_a_sensor_that_is_not_connected_is_absent(machine: Machine) -> None:
    chip(machine, 0, "nct6798", temp1_input="-128000", temp2_input="rubbish", temp3_max="65261850")
    assert Looks(machine, sensors.Sensors().read).at(1) == {}
    assert Looks(machine, sensors.read_limits).at(1) == {}


def test_a_sensor_that_vanished_is_absent_and_the_others_stay(machine: Machine) -> None:
    chip(machine, 0, "coretemp", temp1_input="45000", temp2_input="46000")
    looks = Looks(machine, sensors.Sensors().read)
    assert len(looks.at(1)) == 2
    machine.remove("/sys/class/hwmon/hwmon0/temp1_input")
    assert set(looks.at(2)) == {("temperature_celsius", "coretemp/temp2")}


def test_a_sensor_that_was_plugged_in_is_found_by_a_later_lookup(machine: Machine) -> None:
    looks = Looks(machine, sensors.Sensors().read)
    assert looks.at(0) == {}
    chip(machine, 0, "nvme", temp1_input="40000")
    seen = [bool(looks.at(look)) for look in range(1, sensors.LOOKUP_LOOKS + 1)]
    assert seen == [False] * (sensors.LOOKUP_LOOKS - 1) + [True]


def test_thermal_zones_stand_in_where_the_board_shows_no_temperature(machine: Machine) -> None:
    machine.write("/sys/class/thermal/thermal_zone0/type", "cpu-thermal\n")
    machine.write("/sys/class/thermal/thermal_zone0/temp", "51000\n")
    machine.write("/sys/class/thermal/cooling_device0/type", "fan\n")
    zone = ("temperature_celsius", "thermal_zone0/cpu-thermal")
    assert Looks(machine, sensors.Sensors().read).at(1) == {zone: pytest.approx(51)}
    assert Looks(machine, sensors.read_limits).at(1) == {}
    chip(machine, 0, "coretemp", temp1_input="45000")
    assert zone not in Looks(machine, sensors.Sensors().read).at(1)


def supply(machine: Machine, name: str, **values: str) -> None:
    for file, value in values.items():
        machine.write(f"/sys/class/power_supply/{name}/{file}", f"{value}\n")


def test_power_supplies_tell_mains_and_battery(machine: Machine) -> None:
    supply(machine, "AC", type="Mains", online="0")
    supply(machine, "BAT0", type="Battery", present="1", capacity="80", power_now="-12500000")
    supply(machine, "BAT1", type="Battery", capacity="7", current_now="2000000", voltage_now="12000000")
    supply(machine, "BAT2", type="Battery", present="0", capacity="0")
    supply(machine, "mouse", type="Battery", scope="Device", capacity="50")
    assert Looks(machine, power.read_supplies).at(1) == {
        ("power_mains_ratio", "AC"): 0.0,
        ("battery_charge_ratio", "BAT0"): 0.8,
        ("battery_power_watts", "BAT0"): pytest.approx(12.5),
        ("battery_charge_ratio", "BAT1"): 0.07,
        ("battery_power_watts", "BAT1"): pytest.approx(24),
    }
    assert power.power_mode(machine.root) == "battery"


def test_a_package_tells_its_power_and_a_wrapped_counter_does_not(machine: Machine) -> None:
    looks = Looks(machine, power.read_packages)
    machine.write("/sys/class/powercap/intel-rapl:0/name", "package-0\n")
    for now, microjoules, watts in ((1, 5_000_000, None), (2, 95_000_000, 90.0), (3, 1_000_000, None)):
        machine.write("/sys/class/powercap/intel-rapl:0/energy_uj", f"{microjoules}\n")
        assert looks.at(now).get(("package_power_watts", "0 package-0")) == watts


def test_a_counter_that_we_may_not_read_is_absent(machine: Machine) -> None:
    machine.write("/sys/class/powercap/intel-rapl:0/name", "package-0\n")
    looks = Looks(machine, power.read_packages)
    assert looks.at(1) == looks.at(2) == {}


def test_a_reader_that_understands_nothing_costs_the_others_nothing(machine: Machine) -> None:
    machine.write("/proc/loadavg", "what is this\n")
    machine.write("/proc/net/dev", "eth0: words\n")
    machine.write("/proc/pressure/cpu", "some avg10=1.00 avg60=0 avg300=0 total=0\n")
    points = by_series(Sampler(machine.root).look(1.0))
    assert points == {("cpu_pressure_some_ratio", ""): 0.01}


def test_every_reading_of_this_machine_is_in_the_catalog() -> None:
    sampler = Sampler()
    points = sampler.look(1.0) + sampler.look(2.0)
    assert {metric for metric, _, _ in points} <= METRICS.keys()


def test_every_metric_is_a_token_with_its_unit_last() -> None:
    units = {
        "ratio",
        "bytes",
        "second",
        "celsius",
        "watts",
        "count",
        "mhz",
        "minute",
        "errors",
        "code",
        "bits",
    }
    spans = {"1m", "5m", "15m"}
    qualifiers = ("_max", "_min", "_lifetime")
    for name in METRICS:
        bare = name
        for qualifier in qualifiers:
            bare = bare.removesuffix(qualifier)
        assert is_token(name)
        assert bare.rpartition("_")[2] in units | spans, name
