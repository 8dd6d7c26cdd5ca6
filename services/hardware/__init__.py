"""The hardware monitor: real readings of this machine, packed and sent. The only door to pynvml and psutil.

What a machine does not have is absent; zero always means a measured zero. The kernel's files are read here
directly: a listing of processes costs a seventh of psutil's. Tests hold our readings against psutil's.
"""
