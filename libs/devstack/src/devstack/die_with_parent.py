"""A script that drops root, asks the kernel to kill it with its parent, and runs a command.

It is not a `preexec_fn`, because no Python code is safe between fork and exec in a process with
threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(parent: int, owner: str, command: list[str]) -> None:
    if owner:
        uid, gid = map(int, owner.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # After setuid, which would clear it. Other systems rely on an orderly exit of the parent.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("the parent has already ended")
    os.execvp(command[0], command)  # noqa: S606 - replaces itself with the command


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
