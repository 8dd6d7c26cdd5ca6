"""What the rules of the watchdog look for, and their thresholds. Written by `make documents` from their catalog."""

# fmt: off
from collections.abc import Mapping
from typing import Final, NamedTuple


class Rule(NamedTuple):
    """One rule."""

    what: str
    """When it is found, as a sentence."""
    source: str
    """Where its thresholds come from."""
    settings: tuple[tuple[str, str, str], ...]
    """Name, default and meaning of each threshold."""


RULES: Final[Mapping[str, Rule]] = {
    "loss-spike": Rule(
        "The loss stood far above its trend, and the canary did not rise: a hard batch.",
        "spikes marked by eye in real runs (coord watchdog bench), corrupt batches and learning-rate glitches in a small model, and real runs whose loss was not finite once, or for good",
        (
            ("k", "8", "One z above it is an alarm."),
            ("k_again", "5", "Two z running above it are an alarm."),
            ("window", "64", "Residuals that median and MAD are taken of."),
            ("warm_up", "64", "Residuals seen before the first z."),
            ("alpha", "0.05", "Share of a residual that the trend follows, 0 to 1."),
            ("floor", "0.004", "Smallest scale, in logarithms: a series that never moves is not judged by its rounding."),
            ("canary_sigmas", "3", "A canary is risen when it rose by more than so many of its own standard deviations, and by `canary_rise`."),
            ("canary_rise", "0.02", "Share of itself that a canary must have risen by, too."),
            ("canary_wait", "3", "Points that an alarm waits for a canary, in runs that measure one."),
            ("persist_k", "6", "A sample whose z is above it is high."),
            ("persist_count", "5", "So many high samples among the last `persist_of` are damage, where no canary says otherwise."),
            ("persist_of", "8", "Samples that high ones are counted among."),
            ("not_finite", "3", "So many losses running that are not finite are damage."),
            ("worse_steps", "100", "Damage that goes on is told again after so many steps, then after twice as many, and so on."),
            ("calm", "32", "Calm samples running that end an incident."),
            ("cool_down", "200", "Calm samples that end an incident which began within so many steps of the end of the one before."),
        ),
    ),
    "model-damaged": Rule(
        "The loss stood far above its trend, and the canary rose or, without one, the loss stayed there.",
        "spikes marked by eye in real runs (coord watchdog bench), corrupt batches and learning-rate glitches in a small model, and real runs whose loss was not finite once, or for good",
        (
            ("k", "8", "One z above it is an alarm."),
            ("k_again", "5", "Two z running above it are an alarm."),
            ("window", "64", "Residuals that median and MAD are taken of."),
            ("warm_up", "64", "Residuals seen before the first z."),
            ("alpha", "0.05", "Share of a residual that the trend follows, 0 to 1."),
            ("floor", "0.004", "Smallest scale, in logarithms: a series that never moves is not judged by its rounding."),
            ("canary_sigmas", "3", "A canary is risen when it rose by more than so many of its own standard deviations, and by `canary_rise`."),
            ("canary_rise", "0.02", "Share of itself that a canary must have risen by, too."),
            ("canary_wait", "3", "Points that an alarm waits for a canary, in runs that measure one."),
            ("persist_k", "6", "A sample whose z is above it is high."),
            ("persist_count", "5", "So many high samples among the last `persist_of` are damage, where no canary says otherwise."),
            ("persist_of", "8", "Samples that high ones are counted among."),
            ("not_finite", "3", "So many losses running that are not finite are damage."),
            ("worse_steps", "100", "Damage that goes on is told again after so many steps, then after twice as many, and so on."),
            ("calm", "32", "Calm samples running that end an incident."),
            ("cool_down", "200", "Calm samples that end an incident which began within so many steps of the end of the one before."),
        ),
    ),
    "loss-not-finite": Rule(
        "Several losses running were no finite numbers; a lone one is no alert.",
        "spikes marked by eye in real runs (coord watchdog bench), corrupt batches and learning-rate glitches in a small model, and real runs whose loss was not finite once, or for good",
        (
            ("k", "8", "One z above it is an alarm."),
            ("k_again", "5", "Two z running above it are an alarm."),
            ("window", "64", "Residuals that median and MAD are taken of."),
            ("warm_up", "64", "Residuals seen before the first z."),
            ("alpha", "0.05", "Share of a residual that the trend follows, 0 to 1."),
            ("floor", "0.004", "Smallest scale, in logarithms: a series that never moves is not judged by its rounding."),
            ("canary_sigmas", "3", "A canary is risen when it rose by more than so many of its own standard deviations, and by `canary_rise`."),
            ("canary_rise", "0.02", "Share of itself that a canary must have risen by, too."),
            ("canary_wait", "3", "Points that an alarm waits for a canary, in runs that measure one."),
            ("persist_k", "6", "A sample whose z is above it is high."),
            ("persist_count", "5", "So many high samples among the last `persist_of` are damage, where no canary says otherwise."),
            ("persist_of", "8", "Samples that high ones are counted among."),
            ("not_finite", "3", "So many losses running that are not finite are damage."),
            ("worse_steps", "100", "Damage that goes on is told again after so many steps, then after twice as many, and so on."),
            ("calm", "32", "Calm samples running that end an incident."),
            ("cool_down", "200", "Calm samples that end an incident which began within so many steps of the end of the one before."),
        ),
    ),
    "out-of-memory": Rule(
        "An allocation failed in a step; over after some steps without another.",
        "a failed allocation is a fact",
        (),
    ),
    "recovery-exhausted": Rule(
        "Rolled back again and again, or nothing that was asked could be done: a person is called.",
        "the policy raises it: three roll-backs in 5,000 steps did not help, or were refused",
        (),
    ),
    "gpu-throttled": Rule(
        "Heat or a power brake holds a GPU's clocks down; a power limit is normal.",
        "each GPU's own limits, the throttle bits of NVML that mean heat or a power brake, and a real load that begins with +16 C in 5 s and is no alert",
        (
            ("throttled", "3", "Samples with a throttle bit, of the last `throttled_of`, that are throttling."),
            ("throttled_of", "5", "Samples that those with a bit are counted among."),
            ("go_on_seconds", "10", "Throttling that goes on is told again after each so many seconds."),
            ("brake_seconds", "30", "The hardware's thermal brake for so many seconds is critical."),
            ("margin_celsius", "3", "Nearer than so many degrees to where it slows down, or shuts down, is too hot."),
            ("hot_seconds", "10", "Too near to where it slows down for so many seconds is an alert."),
            ("shutdown_looks", "2", "Looks running too near to the shutdown that are critical: one may be a bad reading."),
            ("calm_margin_celsius", "8", "Degrees below where it slows down that are calm, without a bit."),
            ("calm_seconds", "60", "Calm for so many seconds, and it is over."),
        ),
    ),
    "gpu-too-hot": Rule(
        "A GPU is too near to where it slows down or shuts down, by its own limits.",
        "each GPU's own limits, the throttle bits of NVML that mean heat or a power brake, and a real load that begins with +16 C in 5 s and is no alert",
        (
            ("throttled", "3", "Samples with a throttle bit, of the last `throttled_of`, that are throttling."),
            ("throttled_of", "5", "Samples that those with a bit are counted among."),
            ("go_on_seconds", "10", "Throttling that goes on is told again after each so many seconds."),
            ("brake_seconds", "30", "The hardware's thermal brake for so many seconds is critical."),
            ("margin_celsius", "3", "Nearer than so many degrees to where it slows down, or shuts down, is too hot."),
            ("hot_seconds", "10", "Too near to where it slows down for so many seconds is an alert."),
            ("shutdown_looks", "2", "Looks running too near to the shutdown that are critical: one may be a bad reading."),
            ("calm_margin_celsius", "8", "Degrees below where it slows down that are calm, without a bit."),
            ("calm_seconds", "60", "Calm for so many seconds, and it is over."),
        ),
    ),
    "gpu-lost": Rule(
        "The driver says that a GPU is lost.",
        "how long a driver that hangs keeps silent, and a monitor that reads every second",
        (
            ("found_seconds", "10", "A lost GPU that answers for so many seconds is back."),
            ("unread_seconds", "15", "No GPU read for so many seconds, although the node speaks, is an alert."),
            ("critical_seconds", "60", "So many seconds without a reading are critical."),
            ("answering_seconds", "30", "The driver answers again when it did for so many seconds."),
        ),
    ),
    "gpu-unresponsive": Rule(
        "The driver does not answer, or no GPU is read although the node speaks.",
        "how long a driver that hangs keeps silent, and a monitor that reads every second",
        (
            ("found_seconds", "10", "A lost GPU that answers for so many seconds is back."),
            ("unread_seconds", "15", "No GPU read for so many seconds, although the node speaks, is an alert."),
            ("critical_seconds", "60", "So many seconds without a reading are critical."),
            ("answering_seconds", "30", "The driver answers again when it did for so many seconds."),
        ),
    ),
    "memory-pressure": Rule(
        "Tasks stall for want of memory.",
        "the kernel's pressure stall figures, and the slope of what is available",
        (
            ("some_ratio", "0.3", "Share of the time in which some tasks stall that is pressure."),
            ("full_ratio", "0.05", "Share of the time in which all tasks stall that is pressure."),
            ("full_critical_ratio", "0.3", "Share of the time in which all tasks stall that is critical."),
            ("pressed_seconds", "10", "Pressure for so many seconds is an alert."),
            ("eased_share", "0.333333", "Share of the ratios above, below which pressure has eased."),
            ("eased_seconds", "30", "Eased for so many seconds, and it is over."),
            ("window_seconds", "60", "Seconds that the slope is taken of."),
            ("values_min", "8", "Values that a slope needs at least."),
            ("used_up_ratio", "0.02", "Share of the RAM that is left when it counts as used up."),
            ("used_up_seconds", "60", "Used up within so many seconds, by the slope, is an alert."),
            ("roomy_ratio", "0.3", "Share of the RAM; while more is available, nothing is said of exhaustion."),
            ("looks", "2", "Looks running that must say so."),
            ("device_ratio", "0.95", "Share of a GPU's memory; more in use is nearly full."),
            ("device_eased_ratio", "0.9", "Share of a GPU's memory; less in use, and it is over."),
            ("device_seconds", "10", "Nearly full for so many seconds is an alert."),
        ),
    ),
    "memory-exhaustion": Rule(
        "By its slope, the memory will be used up within a minute, or it is.",
        "the kernel's pressure stall figures, and the slope of what is available",
        (
            ("some_ratio", "0.3", "Share of the time in which some tasks stall that is pressure."),
            ("full_ratio", "0.05", "Share of the time in which all tasks stall that is pressure."),
            ("full_critical_ratio", "0.3", "Share of the time in which all tasks stall that is critical."),
            ("pressed_seconds", "10", "Pressure for so many seconds is an alert."),
            ("eased_share", "0.333333", "Share of the ratios above, below which pressure has eased."),
            ("eased_seconds", "30", "Eased for so many seconds, and it is over."),
            ("window_seconds", "60", "Seconds that the slope is taken of."),
            ("values_min", "8", "Values that a slope needs at least."),
            ("used_up_ratio", "0.02", "Share of the RAM that is left when it counts as used up."),
            ("used_up_seconds", "60", "Used up within so many seconds, by the slope, is an alert."),
            ("roomy_ratio", "0.3", "Share of the RAM; while more is available, nothing is said of exhaustion."),
            ("looks", "2", "Looks running that must say so."),
            ("device_ratio", "0.95", "Share of a GPU's memory; more in use is nearly full."),
            ("device_eased_ratio", "0.9", "Share of a GPU's memory; less in use, and it is over."),
            ("device_seconds", "10", "Nearly full for so many seconds is an alert."),
        ),
    ),
    "device-memory": Rule(
        "A GPU's memory is nearly full.",
        "the kernel's pressure stall figures, and the slope of what is available",
        (
            ("some_ratio", "0.3", "Share of the time in which some tasks stall that is pressure."),
            ("full_ratio", "0.05", "Share of the time in which all tasks stall that is pressure."),
            ("full_critical_ratio", "0.3", "Share of the time in which all tasks stall that is critical."),
            ("pressed_seconds", "10", "Pressure for so many seconds is an alert."),
            ("eased_share", "0.333333", "Share of the ratios above, below which pressure has eased."),
            ("eased_seconds", "30", "Eased for so many seconds, and it is over."),
            ("window_seconds", "60", "Seconds that the slope is taken of."),
            ("values_min", "8", "Values that a slope needs at least."),
            ("used_up_ratio", "0.02", "Share of the RAM that is left when it counts as used up."),
            ("used_up_seconds", "60", "Used up within so many seconds, by the slope, is an alert."),
            ("roomy_ratio", "0.3", "Share of the RAM; while more is available, nothing is said of exhaustion."),
            ("looks", "2", "Looks running that must say so."),
            ("device_ratio", "0.95", "Share of a GPU's memory; more in use is nearly full."),
            ("device_eased_ratio", "0.9", "Share of a GPU's memory; less in use, and it is over."),
            ("device_seconds", "10", "Nearly full for so many seconds is an alert."),
        ),
    ),
    "agent-lost": Rule(
        "An agent was declared lost, and was not heard since.",
        "the setting agent_silence_seconds says how long",
        (),
    ),
    "node-lost": Rule(
        "A machine was declared lost, and was not heard since.",
        "the setting node_silence_seconds says how long",
        (),
    ),
    "run-lost": Rule(
        "A run was declared lost, and was not heard since.",
        "the setting run_silence_seconds says how long",
        (),
    ),
}
