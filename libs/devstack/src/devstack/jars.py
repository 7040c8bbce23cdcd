"""Kafka's jars: fetched once, by Maven or by `maven-artifact`, and held to their sums.

`maven-artifact` fetches one jar at a time and resolves nothing, so `kafka-jars.txt` lists
what Maven made of `kafka-pom.xml`. It does not check what it fetched either: we do.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from devstack.errors import StackError
from devstack.paths import cache_directory, locked

# The newest whose jars Maven serves in full; it needs Java 17.
# After a change: python -m devstack lock.
KAFKA_VERSION = "4.3.1"
POM = Path(__file__).with_name("kafka-pom.xml")
SUMS = Path(__file__).with_name("kafka-jars.txt")
SUMS_HEADER = "# Written by `python -m devstack lock`: each jar's coordinates and SHA-256.\n"
DOWNLOADS_AT_ONCE = 8
DOWNLOAD_ATTEMPTS = 3
# For one jar; the largest has 10 MB.
DOWNLOAD_SECONDS = 120


def directory() -> Path:
    return cache_directory() / f"kafka-{KAFKA_VERSION}"


def are_obtainable() -> bool:
    return directory().exists() or _has_maven() or _has_downloader()


def fetch() -> Path:
    """Fill the cache with Kafka's jars; safe in many processes at once."""
    target = directory()
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    # Maven's own repository does not bear two writers.
    with locked(target.parent / "fetch.lock"):
        if not target.exists():
            _fetch_into(target)
    return target


def lock() -> Path:
    """Ask Maven anew which jars there are to be, and write their list."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        _copy_with_maven(tree, "-Dmdep.useRepositoryLayout=true")
        sums = {_coordinates(jar.relative_to(tree)): _sha256(jar) for jar in tree.rglob("*.jar")}
    lines = [f"{coordinates} {sha256}\n" for coordinates, sha256 in sorted(sums.items())]
    SUMS.write_text(SUMS_HEADER + "".join(lines))
    return SUMS


def expected_sums() -> dict[str, str]:
    """The SHA-256 of each jar, by its coordinates."""
    lines = SUMS.read_text().splitlines()
    return dict(line.split() for line in lines if not line.startswith("#"))


def _fetch_into(target: Path) -> None:
    partial = Path(tempfile.mkdtemp(dir=target.parent, prefix="fetching-"))
    try:
        if _has_maven():
            _copy_with_maven(partial)
        elif _has_downloader():
            _download(partial)
        else:
            msg = "Kafka's jars can't be fetched: install Maven, or the extra `devstack[jvm]`"
            raise StackError(msg)
        _verify(partial)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _has_maven() -> bool:
    # It is a script that runs on the machine's Java, not on the wheel's.
    return which("mvn") is not None and which("java") is not None


def _has_downloader() -> bool:
    return find_spec("maven_artifact") is not None


def _copy_with_maven(target: Path, *options: str) -> None:
    command = ["mvn", "-q", "-B", "-f", str(POM), f"-Dkafka.version={KAFKA_VERSION}"]
    command += ["dependency:copy-dependencies", "-DincludeScope=runtime"]
    command += [f"-DoutputDirectory={target}", *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        msg = f"Maven could not fetch Kafka {KAFKA_VERSION}: {done.stdout}{done.stderr}"
        raise StackError(msg)


def _download(target: Path) -> None:
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        # The first failure cancels all that has not begun.
        list(pool.map(lambda each: _download_one(each, target / _file_name(each)), expected_sums()))


def _download_one(coordinates: str, path: Path) -> None:
    # A process of its own, for it prints to our stdout and knows no timeout.
    command = [sys.executable, "-m", "maven_artifact.main", coordinates, str(path)]
    said = ""
    for _attempt in range(DOWNLOAD_ATTEMPTS):
        try:
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS
            )
        except subprocess.TimeoutExpired:
            said = f"no answer in {DOWNLOAD_SECONDS} s"
            continue
        if done.returncode == 0:
            return
        said = f"{done.stdout}{done.stderr}"
    msg = f"maven-artifact could not fetch {coordinates}: {said}"
    raise StackError(msg)


def _verify(fetched: Path) -> None:
    expected = {_file_name(coordinates): sha256 for coordinates, sha256 in expected_sums().items()}
    found = {jar.name: _sha256(jar) for jar in fetched.iterdir()}
    if wrong := {name for name, _sha256 in expected.items() ^ found.items()}:
        msg = f"these jars are not the ones in {SUMS}: {', '.join(sorted(wrong))}"
        raise StackError(msg)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _coordinates(path: Path) -> str:
    """Of a jar in a repository's layout: `org/slf4j/slf4j-api/2.0.17/slf4j-api-2.0.17.jar`."""
    *group, artifact, version, _name = path.parts
    return f"{'.'.join(group)}:{artifact}:{version}"


def _file_name(coordinates: str) -> str:
    _group, artifact, version = coordinates.split(":")
    return f"{artifact}-{version}.jar"
