"""How long a session lasts."""

from datetime import UTC, datetime, timedelta

from console.domain.session import MAX_IDLE, MAX_LIFE, Session, ends_soon

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def make_session(seen_at: datetime = START) -> Session:
    return Session(
        session_id="s",
        person_id="sara",
        role="supervisor",
        name="Sara",
        zone="UTC",
        browser="",
        address="",
        id_token=None,
        created_at=START,
        seen_at=seen_at,
        ends_at=START + MAX_LIFE,
    )


def test_session_lasts_a_shift_however_busy() -> None:
    end = START + timedelta(hours=12)
    session = make_session(seen_at=end - MINUTE)
    assert session.is_valid(end - MINUTE)
    assert not session.is_valid(end)


def test_session_ends_after_an_idle_hour() -> None:
    session = make_session()
    assert session.is_valid(START + MAX_IDLE - MINUTE)
    assert not session.is_valid(START + timedelta(hours=1))


def test_session_is_marked_as_seen_once_a_minute() -> None:
    session = make_session()
    assert not session.must_be_marked(START + MINUTE - timedelta(seconds=1))
    assert session.must_be_marked(START + MINUTE)


def test_end_is_announced_ten_minutes_before() -> None:
    end = START + MAX_LIFE
    assert not ends_soon(end, end - 11 * MINUTE)
    assert ends_soon(end, end - 10 * MINUTE)
