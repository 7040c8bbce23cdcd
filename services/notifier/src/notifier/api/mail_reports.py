"""What became of mails later, as mail servers report it to the sender's mailbox."""

from http import HTTPStatus
from typing import Final

from fastapi import Depends, Request

from common.http.access import require_role
from common.http.problems import ProblemError
from common.http.routes import ApiRouter
from notifier.api.deps import NotifierDatabase, payload_problems, refusals, transaction
from notifier.channels.mail_reports import read_mail_report
from notifier.domain.errors import AttemptUnderWayError
from notifier.use_cases import receipts

PREFIX: Final = "/v1/callbacks/email"
_MEDIA_TYPE: Final = "message/rfc822"
_REFUSED: Final = ((400, "malformed-payload"), (415, "unsupported-media-type"))
_EXAMPLE: Final = """\
From: MAILER-DAEMON@mail.example.com
To: upstairs@example.com
Subject: Undelivered Mail Returned to Sender
In-Reply-To: <0199c1f0-7a52-7bd3-8f5e-0d5f3f7f2c11@example.com>
Content-Type: multipart/report; report-type=delivery-status; boundary=x

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com

Final-Recipient: rfc822; dana@example.com
Action: failed
Status: 5.1.1

--x--
"""

router = ApiRouter(prefix=PREFIX, tags=["callbacks"])


@router.post(
    "/reports",
    status_code=HTTPStatus.NO_CONTENT,
    operation_id="report_mail",
    dependencies=[Depends(require_role("channel"))],
    responses=refusals(AttemptUnderWayError, others=_REFUSED),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {_MEDIA_TYPE: {"schema": {"type": "string"}, "example": _EXAMPLE}},
        }
    },
)
async def take_report(request: Request, database: NotifierDatabase) -> None:
    """Take a mail that came to the sender's mailbox: a bounce, or anything else.

    Only what is reported (RFC 3464) about a mail that was sent to that address changes anything.
    """
    stated = request.headers.get("content-type", "")
    if stated.partition(";")[0].strip().lower() != _MEDIA_TYPE:
        detail = f"The body must be a mail as it travels: {_MEDIA_TYPE}."
        raise ProblemError(415, "unsupported-media-type", detail, headers={"Accept": _MEDIA_TYPE})
    body = await request.body()
    with payload_problems():
        report = read_mail_report(body)
    if report is None:
        return
    async with transaction(database) as uow:
        await receipts.receive_by_mail(
            report.notification_id, report.message_id, report.reports, uow
        )
