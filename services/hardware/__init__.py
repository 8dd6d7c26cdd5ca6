"""The hardware monitor: real readings of this machine, packed and sent. The only door to pynvml and psutil.

What a machine does not have is absent; zero always means a measured zero. The kernel's files are read here
directly, which is several times cheaper than psutil; tests hold our reading against psutil's.
"""
