"""Locks on files. The system releases a lock when its holder ends, however it ends.

They are flock(2) locks. The file system must offer them between all processes that use the folder: local ones
do, and NFS does from version 4 on. Without them, as on Windows, a warning says that nothing is locked, and
work goes on. Python's fcntl takes the place of `filelock` for two reasons: a child process can inherit a lock
and keep it while it lives, and a folder itself can be locked.
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

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # a link could lead out of the folder
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EBADF}


@dataclass
class Lock:
    """A lock that this process holds.

    Attributes:
        path: The lock's file.
        descriptor: The open file. A child process that inherits it holds the lock too.
    """

    path: Path
    descriptor: int

    def hand_on(self) -> None:
        """Closes the file here; the child processes that inherited it keep the lock."""
        os.close(self.descriptor)

    def release(self) -> None:
        """Releases the lock and removes its file."""
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def try_lock(path: Path) -> Lock | None:
    """Takes the lock on a file, and makes the file if there is none. Returns None if another has the lock.

    Raises:
        OSError: The file cannot be made.
    """
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _NO_LINK, 0o666)
        except FileNotFoundError:  # another process removed the empty folder
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
        os.close(descriptor)  # the last holder removed the file


def is_locked(path: Path) -> bool:
    """Whether a process has the lock on a file. It takes the lock for a moment, and makes no file."""
    try:
        descriptor = os.open(path, os.O_RDWR | _NO_LINK)
    except OSError:
        return False
    try:
        return try_flock(descriptor) is False
    finally:
        os.close(descriptor)


def try_flock(descriptor: int) -> bool | None:
    """Locks an open file or folder. False if another has the lock, None if nothing can be locked."""
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
