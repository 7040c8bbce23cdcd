"""Run as a script: drop root, ask to die with the parent, become the command.

It is a program and not a `preexec_fn`, because no Python code is safe between fork and
exec in a process that has threads.
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
    # After setuid, which would clear it. Other systems depend on our orderly exit.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("the parent is gone already")
    os.execvp(command[0], command)  # noqa: S606 - to become the command is what it is for


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
