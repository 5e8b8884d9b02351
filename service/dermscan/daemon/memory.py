"""Gives freed memory back to the system, so that a reload leaves nothing behind. It frees nothing itself."""

import ctypes


def give_back_freed() -> None:
    """Let the system have what the C library keeps of freed memory; does nothing where the library has no such call.

    Networks that are loaded anew at each reload of the settings leave gaps that glibc keeps: a process that scans grew
    from 190 MB to 570 MB in ten loadings, and stays at 190 MB with this (malloc_trim(3)).
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
