"""Errors of the machine, such as a full disk: what it refused, and the way out."""

from __future__ import annotations

import errno

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
_MACHINE_ERRORS = frozenset(
    {
        *_DISK_FULL,
        *_FORBIDDEN,
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY),
        *(errno.ENAMETOOLONG, errno.ELOOP, errno.EIO, errno.ENXIO, errno.ENODEV, errno.EBUSY),
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN),
    }
)


def machine_fault(error: BaseException | None) -> str:
    """Returns what the machine refused and the way out; "" if the error has another cause."""
    if isinstance(error, MemoryError):
        return f"out of memory ({error}); ask for less: shorter texts, fewer rows, a smaller model or buffer"
    if isinstance(error, OSError) and error.errno in _MACHINE_ERRORS:
        names = [repr(str(name)) for name in (error.filename, error.filename2) if name is not None]
        message = ": ".join([*(" to ".join(names),) * bool(names), error.strerror or str(error)])
        if error.errno in _DISK_FULL:
            return f"{message}; make room or name another disk"
        if error.errno in _FORBIDDEN:
            return f"{message}; name a folder that you may write to"
        return message
    # Libraries written in Rust and C++ raise other classes with the system's message.
    text = str(error) if error is not None else ""
    if "No space left on device" in text:
        return f"{text}; make room or name another disk"
    if "Read-only file system" in text or "Permission denied (os error 13)" in text:
        return f"{text}; name a folder that you may write to"
    return ""
