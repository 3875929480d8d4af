"""The C library: where it is, and how its functions are called."""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any

from ._decision import Decision
from ._errors import BY_STATUS, InternalError

_FILE = {"win32": "sluicegate.dll", "darwin": "libsluicegate.dylib"}.get(sys.platform, "libsluicegate.so")
_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", _FILE)
_LAST_ERROR_BYTES = 1024
ERR_ARGUMENT = -1
_ERR_BUFFER = -6

try:
    # Calls that take nanoseconds keep the interpreter's lock: giving it up and taking it back costs more than they do.
    quick = ctypes.PyDLL(_PATH)
    # Calls that may take longer let other threads run meanwhile.
    _slow = ctypes.CDLL(_PATH)
except OSError as error:
    raise ImportError(
        f"the library that belongs to this package cannot be loaded: {error}; reinstall sluicegate for this platform"
    ) from None


class Options(ctypes.Structure):
    """`sluice_options`."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("max_keys", c_uint64),
        ("on_full", c_uint32),
        ("clock", c_uint32),
        ("replace", c_uint32),
        ("no_prefault", c_uint32),
    ]


class LimiterStats(ctypes.Structure):
    """`sluice_limiter_stats`."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("capacity", c_uint64),
        ("live_keys", c_uint64),
        ("memory_bytes", c_uint64),
        ("inserted", c_uint64),
        ("evicted", c_uint64),
        ("refused_full", c_uint64),
        ("allowed_full", c_uint64),
    ]


class Charge(ctypes.Structure):
    """`sluice_charge`."""

    _fields_ = [("limiter", c_void_p), ("key", c_char_p), ("key_len", c_size_t), ("cost", c_uint64)]


class HttpOptions(ctypes.Structure):
    """`sluice_http_options`."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("families", c_uint32),
        ("retry_after", c_uint32),
        ("status", c_uint32),
        ("reserved", c_uint32),
        ("code", c_char_p),
        ("message", c_char_p),
        ("problem_type", c_char_p),
        ("burst_parameter", c_char_p),
    ]


class Verdict(ctypes.Structure):
    """`sluice_verdict`."""

    _fields_ = [
        ("quota", c_void_p),
        ("decision", c_void_p),
        ("cost", c_uint64),
        ("partition_key", c_char_p),
        ("partition_key_len", c_size_t),
    ]


class Answer(ctypes.Structure):
    """`sluice_answer`."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("settings", c_void_p),
        ("verdicts", POINTER(Verdict)),
        ("n", c_size_t),
        ("now_unix_ns", c_uint64),
    ]


class Outcome(ctypes.Structure):
    """`sluice_outcome`."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("allowed", c_uint32),
        ("status", c_uint32),
        ("reason_phrase", c_char_p),
        ("retry_after_s", c_uint64),
        ("speaking", c_size_t),
    ]


class IdentityOptions(ctypes.Structure):
    """`sluice_identity_options`."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("header", c_char_p),
        ("proxies", c_char_p),
        ("ipv6_prefix", c_uint32),
        ("ipv4_prefix", c_uint32),
        ("embedded", c_uint32),
        ("reserved", c_uint32),
    ]


class Bytes(ctypes.Structure):
    """`sluice_bytes`."""

    _fields_ = [("data", c_char_p), ("len", c_size_t)]


class Client(ctypes.Structure):
    """`sluice_client`."""

    _fields_ = [
        ("key", c_uint8 * 24),
        ("key_len", c_uint32),
        ("source", c_uint32),
        ("address", c_uint8 * 16),
        ("address_len", c_uint32),
        ("reserved", c_uint32),
    ]


class KeyPart(ctypes.Structure):
    """`sluice_key_part`."""

    _fields_ = [
        ("kind", c_uint32),
        ("reserved", c_uint32),
        ("name", c_char_p),
        ("name_len", c_size_t),
        ("value", c_char_p),
        ("value_len", c_size_t),
    ]


class RetryOptions(ctypes.Structure):
    """`sluice_retry_options`."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("base_ns", c_uint64),
        ("cap_ns", c_uint64),
        ("deadline_ns", c_uint64),
        ("max_server_wait_ns", c_uint64),
        ("max_jitter_ns", c_uint64),
        ("jitter_percent", c_uint32),
        ("max_attempts", c_uint32),
        ("budget_tokens", c_uint32),
        ("budget_percent", c_uint32),
        ("flags", c_uint32),
        ("n_statuses", c_uint32),
        ("n_statuses_with_hint", c_uint32),
        ("reserved", c_uint32),
        ("statuses", POINTER(c_uint16)),
        ("statuses_with_hint", POINTER(c_uint16)),
    ]


class Attempt(ctypes.Structure):
    """`sluice_attempt`."""

    _fields_ = [
        ("struct_size", c_size_t),
        ("method", c_char_p),
        ("number", c_uint32),
        ("status", c_uint32),
        ("elapsed_ns", c_uint64),
        ("flags", c_uint32),
        ("reserved", c_uint32),
    ]


class Header(ctypes.Structure):
    """`sluice_header`."""

    _fields_ = [("name", c_char_p), ("name_len", c_size_t), ("value", c_char_p), ("value_len", c_size_t)]


class Advice(ctypes.Structure):
    """`sluice_advice`."""

    _fields_ = [("retry", c_uint32), ("reason", c_uint32), ("wait_ns", c_uint64), ("come_back_ns", c_uint64)]


class Hint(ctypes.Structure):
    """`sluice_hint`."""

    _fields_ = [("source", c_uint32), ("forbids_retry", c_uint32), ("wait_ns", c_uint64)]


def _function(library: ctypes.CDLL, name: str, result: Any, *arguments: Any) -> Any:
    # A function of its own: `library.name` would be one object for all who ask, with one set of types.
    function = library[name]
    function.restype = result
    function.argtypes = arguments
    return function


def _timed(library: ctypes.CDLL, name: str, arguments: tuple[Any, ...], *out: Any) -> tuple[Any, Any]:
    """The function that takes the time from the limiter's clock, and the one that is told the time, before `out`."""
    return (
        _function(library, name, c_int32, *arguments, *out),
        _function(library, f"{name}_at", c_int32, *arguments, c_uint64, *out),
    )


_KEY = (c_void_p, c_char_p, c_size_t)  # limiter, key, key_len
_REQUEST = (*_KEY, c_uint64)  # ..., cost
_BATCH = (c_void_p, c_char_p, c_size_t, c_void_p, c_void_p, c_size_t)  # limiter, keys, size, lengths, costs, n

version = _function(quick, "sluice_version", c_char_p)
_last_error = _function(quick, "sluice_last_error", c_size_t, c_char_p, c_size_t)

limiter_new_with = _function(_slow, "sluice_limiter_new_with", c_int32, c_char_p, POINTER(Options), POINTER(c_void_p))
limiter_open_with = _function(
    _slow, "sluice_limiter_open_with", c_int32, c_char_p, c_char_p, POINTER(Options), POINTER(c_void_p)
)
limiter_is_current = _function(_slow, "sluice_limiter_is_current", c_int32, c_void_p, POINTER(c_uint32))
limiter_free = _function(_slow, "sluice_limiter_free", None, c_void_p)
limiter_policy = _function(quick, "sluice_limiter_policy", c_int32, c_void_p, c_char_p, c_size_t)

check = _timed(quick, "sluice_check", _REQUEST, c_void_p)
peek = _timed(quick, "sluice_peek", _REQUEST, c_void_p)
refund = _timed(quick, "sluice_refund", _REQUEST)
refund_charge = (
    _function(quick, "sluice_refund_charge", c_int32, *_REQUEST, c_void_p, c_uint64, c_void_p),
    # ..., charge, charged_at, now, out
    _function(quick, "sluice_refund_charge_at", c_int32, *_REQUEST, c_void_p, c_uint64, c_uint64, c_void_p),
)
reset = _function(quick, "sluice_reset", c_int32, *_KEY)
stats = _timed(_slow, "sluice_stats", (c_void_p,), c_void_p)
check_all = _timed(quick, "sluice_check_all", (POINTER(Charge), c_size_t), c_void_p, POINTER(c_uint32))
check_packed = _timed(_slow, "sluice_check_packed", _BATCH, c_void_p)

_TEXT = (c_char_p, c_size_t, POINTER(c_size_t))  # buf, cap, length

quota_new = _function(quick, "sluice_quota_new", c_int32, c_char_p, c_char_p, POINTER(c_void_p))
quota_free = _function(quick, "sluice_quota_free", None, c_void_p)
http_settings_new = _function(quick, "sluice_http_settings_new", c_int32, POINTER(HttpOptions), POINTER(c_void_p))
http_settings_free = _function(quick, "sluice_http_settings_free", None, c_void_p)
# Answers come packed, together with what they point to.
answer_outcome = _function(quick, "sluice_answer_outcome", c_int32, c_void_p, POINTER(Outcome))
answer_header_lines = _function(quick, "sluice_answer_header_lines", c_int32, c_void_p, *_TEXT)
answer_body = _function(quick, "sluice_answer_body", c_int32, c_void_p, c_uint32, *_TEXT)
body_content_type = _function(quick, "sluice_body_content_type", c_char_p, c_uint32)
body_from_accept = _function(
    quick, "sluice_body_from_accept", c_int32, c_char_p, c_size_t, POINTER(c_uint32), c_size_t, POINTER(c_uint32)
)
expose_headers = _function(quick, "sluice_expose_headers", c_int32, c_uint32, *_TEXT)

identity_new = _function(quick, "sluice_identity_new", c_int32, POINTER(IdentityOptions), POINTER(c_void_p))
identity_free = _function(quick, "sluice_identity_free", None, c_void_p)
client_key = _function(
    quick, "sluice_client_key", c_int32, c_void_p, c_char_p, c_size_t, POINTER(Bytes), c_size_t, POINTER(Client)
)
client_text = _function(quick, "sluice_client_text", c_int32, POINTER(Client), *_TEXT)
networks_new = _function(quick, "sluice_networks_new", c_int32, c_char_p, POINTER(c_void_p))
networks_free = _function(quick, "sluice_networks_free", None, c_void_p)
networks_contain = _function(quick, "sluice_networks_contain", c_int32, c_void_p, c_char_p, c_size_t, POINTER(c_uint32))
key_text = _function(quick, "sluice_key_text", c_int32, c_char_p, c_size_t, *_TEXT)
key_join = _function(quick, "sluice_key_join", c_int32, POINTER(KeyPart), c_size_t, *_TEXT)
retry_new = _function(quick, "sluice_retry_new", c_int32, POINTER(RetryOptions), POINTER(c_void_p))
retry_free = _function(quick, "sluice_retry_free", None, c_void_p)
_HEADERS = (POINTER(Header), c_size_t)
retry_decide = _function(
    quick, "sluice_retry_decide_at", c_int32, c_void_p, POINTER(Attempt), *_HEADERS, c_uint64, c_uint64, POINTER(Advice)
)
retry_hint = _function(quick, "sluice_retry_hint", c_int32, *_HEADERS, c_uint64, c_uint32, POINTER(Hint))
give_up_message = _function(quick, "sluice_give_up_message", c_char_p, c_uint32)

# Without argument types too: the arguments are references made once, and a number that 32 bits hold.
answer_header_lines_untyped = quick["sluice_answer_header_lines"]
answer_header_lines_untyped.restype = c_int32
now_untyped = quick["sluice_now"]
now_untyped.restype = c_int32

# The hot call: the answer's struct by value, which ctypes makes into a `Decision` by itself, and no argument types,
# whose conversion costs more than all the rest. Without them ctypes passes bytes as a pointer, a reference as it is,
# and an int as 32 bits, which is what this function takes.
check_by_value = quick["sluice_check_by_value"]
check_by_value.restype = Decision


def last_error() -> str:
    """The text of this thread's last failure, without the name of the C function."""
    buffer = ctypes.create_string_buffer(_LAST_ERROR_BYTES)
    _last_error(buffer, _LAST_ERROR_BYTES)
    text = buffer.value.decode("utf-8", "replace")
    function, _, particulars = text.partition(": ")
    return particulars if function.startswith("sluice_") else text


def raise_for(status: int) -> None:
    """Raises what stands for a status below 0."""
    if status < 0:
        raise BY_STATUS.get(status, InternalError)(last_error())


def written(function: Any, *arguments: Any) -> bytes:
    """The text that a function of the library's writes, however long it is."""
    length = ctypes.c_size_t()
    room = 1024
    while True:
        buffer = ctypes.create_string_buffer(room)
        status = function(*arguments, buffer, room, byref(length))
        if status != _ERR_BUFFER:
            raise_for(status)
            return buffer.value  # which ends at the first zero byte, and there is none in any text of ours
        room = length.value + 1
