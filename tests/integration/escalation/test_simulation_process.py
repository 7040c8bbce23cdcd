"""The process that replays contacts: it has the lowest priority, and ends with its service."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from support.waiting import until

# Starts the process as the worker does, prints its id, and waits to be killed.
SERVICE = """
import asyncio, os
from datetime import UTC, datetime
from escalation.domain.settings.registry import Configuration
from escalation.domain.simulation import Assumptions
from escalation.workers.simulations import Replay, _replay_process

async def main():
    until = datetime(2026, 3, 2, tzinfo=UTC)
    replay = Replay(Configuration(), Configuration(), until, Assumptions(None))
    async with _replay_process(replay) as pool:
        loop = asyncio.get_running_loop()
        print(await loop.run_in_executor(pool, os.getpid), flush=True)
        await asyncio.Event().wait()

if __name__ == "__main__":
    asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    """Tell whether the process is there and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def test_process_has_the_lowest_priority_and_ends_with_a_killed_service(
    tmp_path: Path,
) -> None:
    script = tmp_path / "service.py"
    script.write_text(SERVICE)
    service = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdout=asyncio.subprocess.PIPE
    )
    assert service.stdout is not None
    pid = int(await service.stdout.readline())
    assert os.getpriority(os.PRIO_PROCESS, pid) == 19
    assert is_running(pid)
    service.send_signal(signal.SIGKILL)
    await service.wait()
    await until(lambda: not is_running(pid))
