"""Kafka's jars, fetched once by Maven or `maven-artifact`, and verified at every start.

`maven-artifact` fetches single jars and resolves no dependencies, so `kafka-jars.txt` lists what
Maven resolved from `kafka-pom.xml`. It does not verify checksums; this module does.
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

# Needs Java 17. After a change run: python -m devstack lock.
KAFKA_VERSION = "4.3.1"
MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.11.0"
POM = Path(__file__).with_name("kafka-pom.xml")
SUMS = Path(__file__).with_name("kafka-jars.txt")
SUMS_HEADER = "# Written by `python -m devstack lock`: each jar's coordinates and SHA-256.\n"
DOWNLOADS_AT_ONCE = 8
DOWNLOAD_ATTEMPTS = 3
# Per jar; the largest has 10 MB.
DOWNLOAD_SECONDS = 120


def directory() -> Path:
    return cache_directory() / f"kafka-{KAFKA_VERSION}"


def are_obtainable() -> bool:
    return directory().exists() or _has_maven() or _has_downloader()


def fetch() -> Path:
    """Fetch Kafka's jars into the cache, if they are not there; safe in several processes at once.

    Raises StackError if a jar of the cache has been changed.
    """
    target = directory()
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        # Maven's local repository does not support two writers.
        with locked(target.parent / "fetch.lock"):
            if not target.exists():
                _fetch_into(target)
    _verify(target)
    return target


def lock() -> Path:
    """Resolve the jars with Maven and write their list."""
    with tempfile.TemporaryDirectory() as name:
        tree = Path(name)
        _copy_with_maven(tree, "-Dmdep.useRepositoryLayout=true")
        sums = {_coordinates(jar.relative_to(tree)): _sha256(jar) for jar in tree.rglob("*.jar")}
    lines = [f"{coordinates} {sha256}\n" for coordinates, sha256 in sorted(sums.items())]
    SUMS.write_text(SUMS_HEADER + "".join(lines))
    return SUMS


def expected_sums() -> dict[str, str]:
    """Return the SHA-256 of each jar by its coordinates."""
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
    # `mvn` is a script that needs the machine's own Java; the wheel's does not count.
    return which("mvn") is not None and which("java") is not None


def _has_downloader() -> bool:
    return find_spec("maven_artifact") is not None


def _copy_with_maven(target: Path, *options: str) -> None:
    command = ["mvn", "-q", "-B", "--strict-checksums"]
    command += ["-f", str(POM), f"-Dkafka.version={KAFKA_VERSION}"]
    command += [f"{MAVEN_PLUGIN}:copy-dependencies", "-DincludeScope=runtime"]
    command += [f"-DoutputDirectory={target}", *options]
    completed = subprocess.run(command, check=False, capture_output=True, text=True)
    if completed.returncode != 0:
        msg = f"Maven could not fetch Kafka {KAFKA_VERSION}: {completed.stdout}{completed.stderr}"
        raise StackError(msg)


def _download(target: Path) -> None:
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        # The first failure cancels the downloads that have not started.
        list(pool.map(lambda item: _download_jar(item, target / _file_name(item)), expected_sums()))


def _download_jar(coordinates: str, path: Path) -> None:
    # In a separate process: the library prints to stdout and has no timeout.
    command = [sys.executable, "-m", "maven_artifact.main", coordinates, str(path)]
    output = ""
    for _attempt in range(DOWNLOAD_ATTEMPTS):
        try:
            completed = subprocess.run(
                command, check=False, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS
            )
        except subprocess.TimeoutExpired:
            output = f"no answer within {DOWNLOAD_SECONDS} s"
            continue
        if completed.returncode == 0:
            return
        output = f"{completed.stdout}{completed.stderr}"
    msg = f"maven-artifact could not fetch {coordinates}: {output}"
    raise StackError(msg)


def _verify(fetched: Path) -> None:
    expected = {_file_name(coordinates): sha256 for coordinates, sha256 in expected_sums().items()}
    actual = {jar.name: _sha256(jar) for jar in fetched.iterdir()}
    if wrong := {name for name, _sha256 in expected.items() ^ actual.items()}:
        names = ", ".join(sorted(wrong))
        msg = f"delete {fetched}: these jars do not match {SUMS.name}: {names}"
        raise StackError(msg)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _coordinates(path: Path) -> str:
    """Read them from a path such as `org/slf4j/slf4j-api/2.0.17/slf4j-api-2.0.17.jar`."""
    *group, artifact, version, _name = path.parts
    return f"{'.'.join(group)}:{artifact}:{version}"


def _file_name(coordinates: str) -> str:
    _group, artifact, version = coordinates.split(":")
    return f"{artifact}-{version}.jar"
