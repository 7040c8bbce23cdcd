"""Without Maven the listed jars are fetched one by one and verified."""

import hashlib
import re
from pathlib import Path

import pytest

from devstack import StackError, jars

# Replaces the package: it writes the requested coordinates, and the first attempt may fail.
DOWNLOADER = """
import pathlib, sys
coordinates, path = sys.argv[1:]
attempt = pathlib.Path(path + ".attempt")
if {flaky} and not attempt.exists():
    attempt.touch()
    sys.exit("503 for " + coordinates)
attempt.unlink(missing_ok=True)
pathlib.Path(path).write_text({text})
"""


def put_downloader(directory: Path, *, text: str = "coordinates", flaky: bool = False) -> None:
    package = directory / "maven_artifact"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package / "main.py").write_text(DOWNLOADER.format(text=text, flaky=flaky))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """List two jars, with an empty cache and without Maven."""
    listed = ["org.apache.kafka:kafka_2.13:1.0", "org.slf4j:slf4j-api:2.0"]
    sums = tmp_path / "kafka-jars.txt"
    lines = [f"{jar} {hashlib.sha256(jar.encode()).hexdigest()}\n" for jar in listed]
    sums.write_text("# Written for a test.\n" + "".join(lines))
    monkeypatch.setattr(jars, "SUMS", sums)
    monkeypatch.setenv("DEVSTACK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    site = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.syspath_prepend(site)
    return site


@pytest.mark.parametrize("flaky", [False, True])
def test_fetch_fills_the_cache_with_the_listed_jars(site: Path, *, flaky: bool) -> None:
    put_downloader(site, flaky=flaky)

    fetched = jars.fetch()

    assert {jar.name: jar.read_text() for jar in fetched.iterdir()} == {
        "kafka_2.13-1.0.jar": "org.apache.kafka:kafka_2.13:1.0",
        "slf4j-api-2.0.jar": "org.slf4j:slf4j-api:2.0",
    }
    assert fetched == jars.directory()


def test_fetch_refuses_a_jar_with_another_checksum(site: Path) -> None:
    put_downloader(site, text="coordinates.replace('slf4j', 'forged')")

    with pytest.raises(StackError, match=r"do not match .*: slf4j-api-2.0.jar$"):
        jars.fetch()

    assert not jars.directory().exists()
    assert list(jars.directory().parent.iterdir()) == [jars.directory().parent / "fetch.lock"]


@pytest.mark.parametrize("change", ["replaced", "added", "removed"])
def test_changed_cache_is_refused(site: Path, change: str) -> None:
    put_downloader(site)
    cache = jars.fetch()
    jar = cache / "slf4j-api-2.0.jar"
    match change:
        case "replaced":
            jar.write_text("forged")
        case "added":
            jar = cache / "forged.jar"
            jar.write_text("forged")
        case _:
            jar.unlink()

    with pytest.raises(StackError, match=f"delete .* do not match .*: {jar.name}$"):
        jars.fetch()


def test_error_has_the_output_of_the_downloader(site: Path) -> None:
    put_downloader(site, text="sys.exit('404 for ' + coordinates)")

    with pytest.raises(StackError, match=r"404 for org.apache.kafka:kafka_2.13:1.0"):
        jars.fetch()


def test_jar_list_matches_the_kafka_version() -> None:
    listed = jars.expected_sums()

    assert f"org.apache.kafka:kafka_2.13:{jars.KAFKA_VERSION}" in listed
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in listed.values())
