"""Locks on files, which the system lets go of when their holder ends, however it ends.

They are flock(2) locks. The file system must offer them between all processes concerned: local ones do, NFS
does from version 4 on; where it does not, or where there is no flock (Windows), a warning says that nothing
is locked, and work goes on as if it were. Python's fcntl rather than `filelock`, as a lock may be handed on
to a child process, so that it lasts as long as the child does, and as one may lock a folder itself.
"""

from __future__ import annotations

import errno
import os
import warnings
from dataclasses import dataclass
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # a lock is a file of its folder
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}


@dataclass
class Lock:
    """A lock that is held.

    Attributes:
        path: Its file.
        descriptor: The open file; a child process that inherits it holds the lock too.
    """

    path: Path
    descriptor: int

    def hand_on(self) -> None:
        """Leaves the lock to the child processes that inherited it."""
        os.close(self.descriptor)

    def release(self) -> None:
        """Lets go, and removes the file."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def try_lock(path: Path) -> Lock | None:
    """Takes the lock on a file, which is made if need be; None where somebody has it.

    Raises:
        OSError: The file cannot be made.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
        except FileNotFoundError:  # somebody removed the empty folder meanwhile
            continue
        lockable = try_flock(descriptor)
        if lockable is None:
            warnings.warn(
                f"'{path.parent}' is on a file system without locks: nothing keeps other processes out",
                stacklevel=2,
            )
        elif not lockable:
            os.close(descriptor)
            return None
        if is_at(descriptor, path):
            return Lock(path, descriptor)
        os.close(descriptor)  # its last holder has removed it


def is_locked(path: Path) -> bool:
    """Whether somebody has the lock on a file; the file is not made. For a moment it is locked here."""
    try:
        descriptor = os.open(path, os.O_RDWR | _NO_LINK)
    except OSError:
        return False
    try:
        return try_flock(descriptor) is False
    finally:
        os.close(descriptor)


def try_flock(descriptor: int) -> bool | None:
    """Locks an open file or folder: whether it was free; None where nothing can be locked."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return None
        raise
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Whether an open file or folder is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
