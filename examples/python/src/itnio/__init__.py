"""libitnio for Python, by ctypes: place phone calls through the Itniotech voice API.

    client = itnio.Client(api_key="...", api_secret="...")
    call = {"callee": "4915112345678", "account": "1001", "app_id": "my-app"}
    since = time.time()
    try:
        print("placed, recording", client.send_sip(**call))
    except itnio.Refused as refused:
        print("refused with status", refused.status)
    except itnio.Failure as failure:
        if not failure.may_have_dialed:
            print("safe to try again:", failure)
        else:
            try:
                print("placed after all, recording", client.find_call(**call, since=since, patience_ms=10000))
            except itnio.Failure as look:
                print("look before you redial:", look)

A call blocks, and lets other Python threads run meanwhile. A client may be shared by threads, and used
on in the children of a fork. ITNIO_LIBRARY says where the library is, where the loader does not find it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, byref, c_bool, c_char_p, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from typing import Any, List, NamedTuple, Optional, Tuple

__version__ = "0.2.0"

OK = 0
REJECTED = 1
INVALID_ARGUMENT = 2
RESOLVE_FAILED = 3
CONNECT_FAILED = 4
TLS_FAILED = 5
PROXY_FAILED = 6
SHUT_DOWN = 7
TIMED_OUT = 10
CONNECTION_LOST = 11
HTTP_ERROR = 12
BAD_RESPONSE = 13
INTERNAL_ERROR = 14
NO_RECORD = 15
SEVERAL_RECORDS = 16
RECORDS_FAILED = 17

_NO_STATUS = -2**31


class Refused(Exception):
    """The API has refused the call: no phone rings, and the same call would be refused again."""

    may_have_dialed = False

    def __init__(self, status: int, reason: Optional[str]) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Failure(Exception):
    """There is no response of the API. `may_have_dialed` says whether the phone may ring all the same;
    if it is False, nothing was sent, and trying again is safe."""

    def __init__(self, result: int, reason: Optional[str]) -> None:
        super().__init__(reason)
        self.result = result
        self.reason = reason
        self.may_have_dialed = bool(_library.itnio_may_have_dialed(result))


class RecordsError(Exception):
    """Records could not be read: `status` is the API's, or None. It says nothing about any call."""

    def __init__(self, result: int, status: int, reason: Optional[str]) -> None:
        super().__init__(reason)
        self.result = result
        self.status: Optional[int] = None if status == _NO_STATUS else status
        self.reason = reason


class Record(NamedTuple):
    """A record of a call, with the fields of itnio_record in itnio.h. None: not there."""

    recording_id: str
    callee: Optional[str]
    display_num: Optional[str]
    phone_name: Optional[str]
    phone_group: Optional[str]
    region: Optional[str]
    submit_time: Optional[str]
    call_time: Optional[str]
    ringing_time: Optional[str]
    answer_time: Optional[str]
    hangup_time: Optional[str]
    submitted_at: Optional[int]
    called_at: Optional[int]
    ringing_at: Optional[int]
    answered_at: Optional[int]
    hung_up_at: Optional[int]
    call_duration_s: Optional[int]
    charged_duration_s: Optional[int]
    termination_code: Optional[str]
    termination_reason: Optional[str]
    cost: Optional[str]
    rate: Optional[str]
    billing_period: Optional[str]
    currency: Optional[str]
    recording_file_id: Optional[str]


class Client:
    """Places the calls of one account. Make one, and share it."""

    def __init__(self, *, api_key: str, api_secret: str, base_url: Optional[str] = None,
                 ca_file: Optional[str] = None, proxy: Optional[str] = None,
                 connect_timeout_ms: int = 0, timeout_ms: int = 0) -> None:
        """None, or 0, is a default; `proxy=""` is no proxy. Raises Failure for what cannot be used."""
        self._pointer: Optional[c_void_p] = None
        try:
            config = _Config(_text("api_key", api_key), _text("api_secret", api_secret),
                             _text("base_url", base_url), _text("ca_file", ca_file), _text("proxy", proxy),
                             _unsigned("connect_timeout_ms", connect_timeout_ms),
                             _unsigned("timeout_ms", timeout_ms))
        except _Mistake as mistake:
            raise Failure(INVALID_ARGUMENT, str(mistake)) from None
        pointer, reason = c_void_p(), c_void_p()
        result: int = _library.itnio_client_new(byref(config), byref(pointer), byref(reason))
        why = _take(reason)
        if result != OK:
            raise Failure(result, why)
        self._pointer = pointer

    def send_sip(self, *, callee: str, account: str, app_id: str, display_num: Optional[str] = None,
                 called_info: Optional[str] = None, timeout_ms: int = 0) -> str:
        """Places a call, waits until its result is known, and returns the recording ID, which is never
        empty. Raises Refused or Failure. `timeout_ms` is for this call; 0: the client's."""
        try:
            request = _request(callee, account, app_id, display_num, called_info, timeout_ms)
        except _Mistake as mistake:
            raise Failure(INVALID_ARGUMENT, str(mistake)) from None
        status, recording_id, reason = c_int32(), c_void_p(), c_void_p()
        result: int = _library.itnio_send_sip(self._pointer, byref(request), byref(status),
                                              byref(recording_id), byref(reason))
        taken, why = _take(recording_id), _take(reason)
        if result == OK and taken is not None:
            return taken
        if result == REJECTED:
            raise Refused(status.value, why)
        raise Failure(result, why)

    def find_call(self, *, since: float, patience_ms: int, callee: str, account: str, app_id: str,
                  display_num: Optional[str] = None, called_info: Optional[str] = None, timeout_ms: int = 0) -> str:
        """Was this call placed after all? For after a send_sip() whose Failure may have dialed: looks into
        the API's records, again and again until the patience is over, and returns the recording ID. `since`
        is the time.time() from before send_sip(). Raises Failure, which never says that the call was not
        placed: NO_RECORD, SEVERAL_RECORDS, or RECORDS_FAILED."""
        try:
            request = _request(callee, account, app_id, display_num, called_info, timeout_ms)
            patience = _unsigned("patience_ms", patience_ms)
        except _Mistake as mistake:
            raise Failure(RECORDS_FAILED, str(mistake)) from None
        recording_id, reason = c_void_p(), c_void_p()
        result: int = _library.itnio_find_call(self._pointer, byref(request), int(since), patience, None,
                                               byref(recording_id), byref(reason))
        taken, why = _take(recording_id), _take(reason)
        if result == OK and taken is not None:
            return taken
        raise Failure(result, why)

    def get_record(self, recording_id: str) -> Record:
        """The Record of one call. Raises RecordsError; with status -24 where there is no such record."""
        try:
            text = _text("recording_id", recording_id)
        except _Mistake as mistake:
            raise RecordsError(INVALID_ARGUMENT, _NO_STATUS, str(mistake)) from None
        [record] = self._records(_library.itnio_get_record, text)
        return record

    def find_records(self, *, since: float, until: float = 0, callee: Optional[str] = None,
                     display_num: Optional[str] = None, phone_name: Optional[str] = None,
                     phone_group: Optional[str] = None, max_records: int = 0, timeout_ms: int = 0) -> List[Record]:
        """The Records of the calls that were submitted between these times, the newest first. Raises
        RecordsError."""
        try:
            query = _Query(int(since), int(until), _text("callee", callee), _text("display_num", display_num),
                           _text("phone_name", phone_name), _text("phone_group", phone_group),
                           _unsigned("max_records", max_records), _unsigned("timeout_ms", timeout_ms))
        except _Mistake as mistake:
            raise RecordsError(INVALID_ARGUMENT, _NO_STATUS, str(mistake)) from None
        return self._records(_library.itnio_find_records, byref(query))

    def _records(self, function: Any, what: Any) -> List[Record]:
        status, records, reason = c_int32(), c_void_p(), c_void_p()
        result: int = function(self._pointer, what, byref(status), byref(records), byref(reason))
        why = _take(reason)
        if result != OK:
            raise RecordsError(result, status.value, why)
        try:
            count: int = _library.itnio_records_count(records)
            return [_copy(_library.itnio_records_get(records, index).contents) for index in range(count)]
        finally:
            _library.itnio_records_free(records)

    def shutdown(self) -> None:
        """Ends the calls that other threads have in progress, each with its true error, and refuses
        new ones."""
        _library.itnio_client_shutdown(self._pointer)

    def __del__(self) -> None:
        # No call is in progress: it would hold a reference.
        _library.itnio_client_free(self._pointer)


class _Mistake(Exception):
    """An argument that cannot be given to C."""


def _text(field: str, value: Optional[str]) -> Optional[bytes]:
    """A string for C, which would take a NUL for its end, and call another number."""
    if value is None:
        return None
    # What came as bytes that are no UTF-8, and was read with surrogateescape, is for the library to refuse.
    encoded = value.encode("utf-8", "surrogateescape")
    if b"\0" in encoded:
        raise _Mistake(f"{field}: has a NUL character in it")
    return encoded


def _unsigned(field: str, value: int) -> int:
    """A number for C, of which ctypes would take the lowest 32 bits: -1 ms would be 49 days."""
    if not 0 <= value < 2**32:
        raise _Mistake(f"{field}: {value} is not between 0 and 2**32")
    return value


def _request(callee: str, account: str, app_id: str, display_num: Optional[str], called_info: Optional[str],
             timeout_ms: int) -> _Request:
    return _Request(_text("callee", callee), _text("display_num", display_num), _text("account", account),
                    _text("app_id", app_id), _text("called_info", called_info), _unsigned("timeout_ms", timeout_ms))


def _take(string: c_void_p) -> Optional[str]:
    """Copies a string of the library's, and frees it."""
    if string.value is None:
        return None
    try:
        return ctypes.string_at(string.value).decode()
    finally:
        _library.itnio_free_string(string)


class _Config(ctypes.Structure):
    _fields_ = [("api_key", c_char_p), ("api_secret", c_char_p), ("base_url", c_char_p),
                ("ca_file", c_char_p), ("proxy", c_char_p),
                ("connect_timeout_ms", c_uint32), ("timeout_ms", c_uint32), ("reserved", c_void_p * 4)]


class _Request(ctypes.Structure):
    _fields_ = [("callee", c_char_p), ("display_num", c_char_p), ("account", c_char_p),
                ("app_id", c_char_p), ("called_info", c_char_p), ("timeout_ms", c_uint32),
                ("reserved", c_void_p * 4)]


class _Query(ctypes.Structure):
    _fields_ = [("since", c_int64), ("until", c_int64), ("callee", c_char_p), ("display_num", c_char_p),
                ("phone_name", c_char_p), ("phone_group", c_char_p), ("max_records", c_uint32),
                ("timeout_ms", c_uint32), ("reserved", c_void_p * 4)]


_RECORD_FIELDS: List[Tuple[str, Any]] = [
    (name, kind) for kind, names in (
        (c_char_p, "recording_id callee display_num phone_name phone_group region"
                   " submit_time call_time ringing_time answer_time hangup_time"),
        (c_int64, "submitted_at called_at ringing_at answered_at hung_up_at"),
        (c_int32, "call_duration_s charged_duration_s"),
        (c_char_p, "termination_code termination_reason cost rate billing_period currency recording_file_id"),
    ) for name in names.split()]


class _Record(ctypes.Structure):
    _fields_ = _RECORD_FIELDS


def _copy(record: _Record) -> Record:
    return Record(*(_value(kind, getattr(record, name)) for name, kind in _RECORD_FIELDS))


def _value(kind: Any, value: Any) -> Any:
    if kind is c_char_p:
        return None if value is None else value.decode()
    absent = 0 if kind is c_int64 else -1
    return None if value == absent else value


def _load() -> ctypes.CDLL:
    installed = "libitnio.0.2.dylib" if sys.platform == "darwin" else "libitnio.so.0.2"
    library = ctypes.CDLL(os.environ.get("ITNIO_LIBRARY", installed))
    functions: Tuple[Tuple[Any, ...], ...] = (
        ("itnio_client_new", c_int32, POINTER(_Config), POINTER(c_void_p), POINTER(c_void_p)),
        ("itnio_client_shutdown", None, c_void_p),
        ("itnio_client_free", None, c_void_p),
        ("itnio_send_sip", c_int32, c_void_p, POINTER(_Request), POINTER(c_int32), POINTER(c_void_p),
         POINTER(c_void_p)),
        ("itnio_find_call", c_int32, c_void_p, POINTER(_Request), c_int64, c_uint32, POINTER(c_int32),
         POINTER(c_void_p), POINTER(c_void_p)),
        ("itnio_get_record", c_int32, c_void_p, c_char_p, POINTER(c_int32), POINTER(c_void_p),
         POINTER(c_void_p)),
        ("itnio_find_records", c_int32, c_void_p, POINTER(_Query), POINTER(c_int32), POINTER(c_void_p),
         POINTER(c_void_p)),
        ("itnio_records_count", c_size_t, c_void_p),
        ("itnio_records_get", POINTER(_Record), c_void_p, c_size_t),
        ("itnio_records_free", None, c_void_p),
        ("itnio_free_string", None, c_void_p),
        ("itnio_may_have_dialed", c_bool, c_int32))
    for name, result, *arguments in functions:
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


_library = _load()
