"""jemalloc in workers, for every kind of server. Works from Python 2.7 on."""

import ctypes
import os


def purge_in_background():
    """Have a thread of jemalloc's give memory back that the app has freed, also while nothing is asked of it.

    The server's main process has such a thread; a fork does not take it along.
    """
    if "background_thread:true" not in os.environ.get("MALLOC_CONF", ""):
        return
    enable = ctypes.c_bool(True)
    try:
        mallctl = ctypes.CDLL(None).mallctl
    except AttributeError:
        return  # another allocator
    mallctl(b"background_thread", None, None, ctypes.byref(enable), ctypes.c_size_t(ctypes.sizeof(enable)))
