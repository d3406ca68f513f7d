"""The PCRE that varnishd uses."""

import ctypes
import ctypes.util

__all__ = ["finds"]


def finds(pattern: str, text: str) -> bool:
    """Tell whether PCRE2 finds ``pattern`` in ``text``; raise ValueError if it is none."""
    library = ctypes.CDLL(ctypes.util.find_library("pcre2-8") or "libpcre2-8.so.0")
    for name in ("pcre2_compile_8", "pcre2_match_data_create_from_pattern_8"):
        getattr(library, name).restype = ctypes.c_void_p
    error, offset = ctypes.c_int(), ctypes.c_size_t()
    given, subject = pattern.encode(), text.encode()
    code = library.pcre2_compile_8(
        given, ctypes.c_size_t(len(given)), 0, ctypes.byref(error), ctypes.byref(offset), None
    )
    if not code:
        raise ValueError(f"{pattern!r}: error {error.value} at {offset.value}")
    code = ctypes.c_void_p(code)
    data = ctypes.c_void_p(library.pcre2_match_data_create_from_pattern_8(code, None))
    found = library.pcre2_match_8(
        code, subject, ctypes.c_size_t(len(subject)), ctypes.c_size_t(0), 0, data, None
    )
    library.pcre2_match_data_free_8(data)
    library.pcre2_code_free_8(code)
    if found < -1:
        raise ValueError(f"{pattern!r} on {text!r}: error {found}")
    return bool(found > 0)
