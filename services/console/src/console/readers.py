"""Who reads a page, with names and teams, at the time of the request."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Request

from console.dependencies import CurrentViewer
from console.people import Directory
from console.texts import Texts
from console.viewer import Viewer
from console.views.reader import Reader


def make_reader(viewer: Viewer, directory: Directory, now: datetime) -> Reader:
    return Reader(
        person=viewer.person,
        role=viewer.role,
        now=now,
        texts=Texts.of(viewer.language, ZoneInfo(viewer.zone)),
        teams=directory.teams_of(viewer.person),
        people_below=directory.below(viewer.person),
        names=directory.names,
    )


async def _reader(request: Request, viewer: CurrentViewer) -> Reader:
    state = request.app.state
    now = state.clock.utc_now()
    return make_reader(viewer, await state.people.directory(viewer, now), now)


PageReader = Annotated[Reader, Depends(_reader)]
