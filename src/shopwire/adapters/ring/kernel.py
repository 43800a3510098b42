"""io_uring as the kernel offers it: three system calls and the layout of what is shared.

See io_uring(7), io_uring_setup(2), io_uring_enter(2), io_uring_register(2). The numbers of the
calls are the same on all architectures but alpha; the structures have no padding.
"""

import ctypes
import errno
import os
import sys
from collections.abc import Sequence
from typing import Final

SETUP: Final = 425
ENTER: Final = 426
REGISTER: Final = 427

SETUP_CQSIZE: Final = 1 << 3
FEATURE_SINGLE_MMAP: Final = 1 << 0
ENTER_GETEVENTS: Final = 1 << 0
REGISTER_FILES: Final = 2
UPDATE_FILES: Final = 6
FIXED_FILE: Final = 1 << 0
"""The number in an entry is one of the ring's own table, not one of the process."""
OP_SEND: Final = 26

OFFSET_ENTRIES: Final = 0x10000000

ENTRY_BYTES: Final = 64
ENTRY_FORMAT: Final = "<BBHiQQIIQ24x"
"""opcode, flags, priority, file, offset, address, length, flags of the message, word of ours."""
ENTRY_ADDRESS_AT: Final = 2
"""Which 64 bits of an entry are the address."""
ENTRY_LENGTH_AT: Final = 6
"""Which 32 bits of an entry are the length."""
RESULT_BYTES: Final = 16
RESULT_WORDS: Final = RESULT_BYTES // 4
RESULT_VALUE_AT: Final = 2
"""Which 32 bits of a result are what the call would have returned; the first are our word."""
POINTER_BYTES: Final = 8
"""Where pointers have another size the layout of messages is another one, and nobody tried it."""

_U32: Final = ctypes.c_uint32


class _SubmissionOffsets(ctypes.Structure):
    _fields_ = (
        ("head", _U32),
        ("tail", _U32),
        ("ring_mask", _U32),
        ("ring_entries", _U32),
        ("flags", _U32),
        ("dropped", _U32),
        ("array", _U32),
        ("reserved", _U32),
        ("user_address", ctypes.c_uint64),
    )


class _CompletionOffsets(ctypes.Structure):
    _fields_ = (
        ("head", _U32),
        ("tail", _U32),
        ("ring_mask", _U32),
        ("ring_entries", _U32),
        ("overflow", _U32),
        ("results", _U32),
        ("flags", _U32),
        ("reserved", _U32),
        ("user_address", ctypes.c_uint64),
    )


class Params(ctypes.Structure):
    """`struct io_uring_params`: asked for, and where the kernel put what."""

    sq_entries: int
    cq_entries: int
    flags: int
    features: int
    sq_off: _SubmissionOffsets
    cq_off: _CompletionOffsets

    _fields_ = (
        ("sq_entries", _U32),
        ("cq_entries", _U32),
        ("flags", _U32),
        ("thread_cpu", _U32),
        ("thread_idle", _U32),
        ("features", _U32),
        ("workers_fd", _U32),
        ("reserved", _U32 * 3),
        ("sq_off", _SubmissionOffsets),
        ("cq_off", _CompletionOffsets),
    )


class _Update(ctypes.Structure):
    """`struct io_uring_files_update`."""

    _fields_ = (("offset", _U32), ("reserved", _U32), ("files", ctypes.c_uint64))


class Kernel:
    """The calls; each raises OSError. None of them lets other threads run: none waits."""

    def __init__(self) -> None:
        """Raises OSError where there is no Linux of the kind that we know."""
        pointer_bytes = ctypes.sizeof(ctypes.c_void_p)
        if sys.platform != "linux" or sys.byteorder != "little" or pointer_bytes != POINTER_BYTES:
            raise OSError(errno.ENOSYS, "not Linux on a common processor of 64 bits")
        # PyDLL keeps the interpreter's lock: to give it away costs more than a short broadcast,
        # and a busy thread would keep the loop from having it back.
        self._call = ctypes.PyDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long
        self._call.argtypes = (ctypes.c_long,) + (ctypes.c_size_t,) * 6

    def setup(self, entries: int, params: Params) -> int:
        """A new ring's descriptor, closed on exec."""
        return self._checked(SETUP, entries, ctypes.addressof(params))

    def enter(self, ring: int, submit: int, wait: int) -> int:
        """Gives sends to the kernel and waits for results; how many it took."""
        return self._checked(ENTER, ring, submit, wait, ENTER_GETEVENTS)

    def register_files(self, ring: int, files: Sequence[int]) -> None:
        """Makes the ring's table of open files; -1 is an empty place."""
        table = (ctypes.c_int32 * len(files))(*files)
        self._checked(REGISTER, ring, REGISTER_FILES, ctypes.addressof(table), len(files))

    def put_file(self, ring: int, place: int, file: int) -> None:
        """Changes one place of the table."""
        one = ctypes.c_int32(file)
        update = _Update(place, 0, ctypes.addressof(one))
        self._checked(REGISTER, ring, UPDATE_FILES, ctypes.addressof(update), 1)

    def _checked(self, number: int, *arguments: int) -> int:
        filled = arguments + (0,) * (6 - len(arguments))
        returned: int = self._call(number, *filled)
        if returned < 0:
            problem = ctypes.get_errno()
            raise OSError(problem, os.strerror(problem))
        return returned
