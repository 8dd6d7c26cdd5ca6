"""The hardware monitor: real readings of this machine, packed and sent. The only door to psutil and pynvml.

What a machine does not have is absent; zero always means a measured zero.
"""
