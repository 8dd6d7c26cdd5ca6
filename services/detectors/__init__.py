"""Detectors: pure folds from numbers to findings. No clock, no I/O; the watchdog, the trainer and replay run the same code."""
