"""A stand-in for s6-overlay, whose releases cannot be had everywhere, and images with it as their init.

`model/` behaves as s6-overlay 3.2.3.2 was seen to behave; it is no copy of it and shares no line with it. It
runs on Debian's own s6 and execline. With the real archives in a folder that NUWA_DOWNLOADS names, the same
tests run with those, and `images/pins.toml` says what they have to be.
"""
