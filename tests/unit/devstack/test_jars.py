"""Without Maven, the listed jars are fetched one by one, and only they are taken."""

import hashlib
import re
from pathlib import Path

import pytest

from devstack import StackError, jars

# In place of the package: it writes what it was asked for, and the first try may fail.
DOWNLOADER = """
import pathlib, sys
coordinates, path = sys.argv[1:]
tried = pathlib.Path(path + ".tried")
if {flaky} and not tried.exists():
    tried.touch()
    sys.exit("503 for " + coordinates)
tried.unlink(missing_ok=True)
pathlib.Path(path).write_text({text})
"""


def put_downloader(directory: Path, *, text: str = "coordinates", flaky: bool = False) -> None:
    package = directory / "maven_artifact"
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").touch()
    (package / "main.py").write_text(DOWNLOADER.format(text=text, flaky=flaky))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two jars are listed, the cache is empty, and there is no Maven."""
    listed = ["org.apache.kafka:kafka_2.13:1.0", "org.slf4j:slf4j-api:2.0"]
    sums = tmp_path / "kafka-jars.txt"
    lines = [f"{each} {hashlib.sha256(each.encode()).hexdigest()}\n" for each in listed]
    sums.write_text("# Written for a test.\n" + "".join(lines))
    monkeypatch.setattr(jars, "SUMS", sums)
    monkeypatch.setenv("DEVSTACK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    site = tmp_path / "site"
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.syspath_prepend(site)
    return site


@pytest.mark.parametrize("flaky", [False, True])
def test_the_listed_jars_fill_the_cache(site: Path, *, flaky: bool) -> None:
    put_downloader(site, flaky=flaky)

    fetched = jars.fetch()

    assert {jar.name: jar.read_text() for jar in fetched.iterdir()} == {
        "kafka_2.13-1.0.jar": "org.apache.kafka:kafka_2.13:1.0",
        "slf4j-api-2.0.jar": "org.slf4j:slf4j-api:2.0",
    }
    assert fetched == jars.directory()


def test_another_jar_than_the_listed_is_refused(site: Path) -> None:
    put_downloader(site, text="coordinates.replace('slf4j', 'forged')")

    with pytest.raises(StackError, match=r"not the ones in .*: slf4j-api-2.0.jar$"):
        jars.fetch()

    assert not jars.directory().exists()
    assert list(jars.directory().parent.iterdir()) == [jars.directory().parent / "fetch.lock"]


def test_what_the_downloader_says_is_told(site: Path) -> None:
    put_downloader(site, text="sys.exit('404 for ' + coordinates)")

    with pytest.raises(StackError, match=r"404 for org.apache.kafka:kafka_2.13:1.0"):
        jars.fetch()


def test_the_list_is_of_this_kafka() -> None:
    listed = jars.expected_sums()

    assert f"org.apache.kafka:kafka_2.13:{jars.KAFKA_VERSION}" in listed
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in listed.values())
