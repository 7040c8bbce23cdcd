"""The unit of work of the console."""

from datetime import datetime

from common.storage.connection import Connection
from common.storage.uow import UnitOfWork as BaseUnitOfWork
from console.store.drafts import Drafts
from console.store.saved_views import SavedViews
from console.store.sessions import Sessions
from console.store.sign_in_links import SignInLinks
from console.store.submissions import Submissions


class UnitOfWork(BaseUnitOfWork):
    def __init__(self, connection: Connection, now: datetime) -> None:
        super().__init__(connection, now)
        self.sessions = Sessions(connection)
        self.sign_in_links = SignInLinks(connection)
        self.saved_views = SavedViews(connection)
        self.drafts = Drafts(connection)
        self.submissions = Submissions(connection)
