"""libitnio for Python, by ctypes: place phone calls through the Itniotech voice API.

    client = itnio.Client(api_key="...", api_secret="...")
    try:
        print("placed, recording", client.send_sip(callee="4915112345678", account="1001", app_id="my-app"))
    except itnio.Refused as refused:
        print("refused with status", refused.status)
    except itnio.Failure as failure:
        print("look before you redial:" if failure.may_have_dialed else "safe to try again:", failure)

A call blocks, and lets other Python threads run meanwhile. A client may be shared by threads, and used
on in the children of a fork. ITNIO_LIBRARY says where the library is, where the loader does not find it.
"""

import ctypes
import os
from ctypes import POINTER, byref, c_bool, c_char_p, c_int32, c_uint32, c_void_p

OK = 0
REJECTED = 1
INVALID_ARGUMENT = 2


class Refused(Exception):
    """The API has refused the call: no phone rings, and the same call would be refused again."""

    may_have_dialed = False

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Failure(Exception):
    """There is no response of the API. `may_have_dialed` says whether the phone may ring all the same;
    if it is False, nothing was sent, and trying again is safe."""

    def __init__(self, result, reason):
        super().__init__(reason)
        self.result = result
        self.reason = reason
        self.may_have_dialed = bool(_library.itnio_may_have_dialed(result))


class Client:
    """Places the calls of one account. Make one, and share it."""

    def __init__(self, *, api_key, api_secret, base_url=None, ca_file=None, proxy=None,
                 connect_timeout_ms=0, timeout_ms=0):
        """None, or 0, is a default; `proxy=""` is no proxy. Raises Failure for what cannot be used."""
        self._pointer = None
        config = _Config(_text("api_key", api_key), _text("api_secret", api_secret),
                         _text("base_url", base_url), _text("ca_file", ca_file), _text("proxy", proxy),
                         connect_timeout_ms, timeout_ms)
        pointer, reason = c_void_p(), c_void_p()
        result = _library.itnio_client_new(byref(config), byref(pointer), byref(reason))
        reason = _take(reason)
        if result != OK:
            raise Failure(result, reason)
        self._pointer = pointer

    def send_sip(self, *, callee, account, app_id, display_num=None, called_info=None):
        """Places a call, waits until its result is known, and returns the recording ID, which is never
        empty. Raises Refused or Failure."""
        request = _Request(_text("callee", callee), _text("display_num", display_num),
                           _text("account", account), _text("app_id", app_id),
                           _text("called_info", called_info))
        status, recording_id, reason = c_int32(), c_void_p(), c_void_p()
        result = _library.itnio_send_sip(self._pointer, byref(request), byref(status),
                                         byref(recording_id), byref(reason))
        recording_id, reason = _take(recording_id), _take(reason)
        if result == OK:
            return recording_id
        if result == REJECTED:
            raise Refused(status.value, reason)
        raise Failure(result, reason)

    def shutdown(self):
        """Ends the calls that other threads have in progress, each with its true error, and refuses
        new ones."""
        _library.itnio_client_shutdown(self._pointer)

    def __del__(self):
        # No call is in progress: it would hold a reference.
        _library.itnio_client_free(self._pointer)


def _text(field, value):
    """A string for C, which would take a NUL for its end, and call another number."""
    if value is None:
        return None
    # What came as bytes that are no UTF-8, and was read with surrogateescape, is for the library to refuse.
    encoded = value.encode("utf-8", "surrogateescape")
    if b"\0" in encoded:
        raise Failure(INVALID_ARGUMENT, f"{field}: has a NUL character in it")
    return encoded


def _take(string):
    """Copies a string of the library's, and frees it."""
    if not string:
        return None
    try:
        return ctypes.string_at(string.value).decode()
    finally:
        _library.itnio_free_string(string)


class _Config(ctypes.Structure):
    _fields_ = [("api_key", c_char_p), ("api_secret", c_char_p), ("base_url", c_char_p),
                ("ca_file", c_char_p), ("proxy", c_char_p),
                ("connect_timeout_ms", c_uint32), ("timeout_ms", c_uint32)]


class _Request(ctypes.Structure):
    _fields_ = [("callee", c_char_p), ("display_num", c_char_p), ("account", c_char_p),
                ("app_id", c_char_p), ("called_info", c_char_p)]


def _load():
    library = ctypes.CDLL(os.environ.get("ITNIO_LIBRARY", "libitnio.so.0.2"))
    for name, result, *arguments in (
            ("itnio_client_new", c_int32, POINTER(_Config), POINTER(c_void_p), POINTER(c_void_p)),
            ("itnio_client_shutdown", None, c_void_p),
            ("itnio_client_free", None, c_void_p),
            ("itnio_send_sip", c_int32, c_void_p, POINTER(_Request), POINTER(c_int32), POINTER(c_void_p),
             POINTER(c_void_p)),
            ("itnio_free_string", None, c_void_p),
            ("itnio_may_have_dialed", c_bool, c_int32)):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


_library = _load()
