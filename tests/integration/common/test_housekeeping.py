"""Operations see what waits too long."""

from datetime import timedelta

from common.database import Database
from common.health import Health
from common.housekeeping import Housekeeper
from common.messages import Schedule
from common.metrics import Metrics
from support.probe import Reminder, UnitOfWork, new_contact, running, wrote
from support.waiting import until


async def test_what_is_unpublished_and_overdue_is_measured(
    database: Database[UnitOfWork],
) -> None:
    metrics, contact_id = Metrics(), new_contact()
    async with database.transaction() as uow:
        minute = timedelta(minutes=1)
        event = wrote(contact_id).model_copy(update={"occurred_at": uow.now - minute})
        uow.outbox.add([event])
        uow.timers.set([Schedule(Reminder(contact_id=contact_id, name="a"), uow.now - 5 * minute)])
    async with running(Housekeeper(database, metrics, Health())):
        await until(lambda: seen(metrics, "upstairs_timer_overdue_seconds") >= 300)
        assert 60 <= seen(metrics, "upstairs_outbox_oldest_seconds") < 300


def seen(metrics: Metrics, name: str) -> float:
    return metrics.registry.get_sample_value(name) or 0
