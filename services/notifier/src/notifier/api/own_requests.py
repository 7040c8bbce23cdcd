"""What people have sent to themselves: codes that verify an address, and tests."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import Depends, Path, Request
from pydantic import BaseModel, Field, StringConstraints

from common.contracts.notifications import Medium
from common.http.access import StaffUser
from common.http.app import RequestModel
from common.http.examples import ACTED_AT, RAISED_AT, with_examples
from common.http.routes import ApiRouter
from notifier.api.deps import NotifierDatabase, caller_of, problems, refusals, transaction
from notifier.api.recipients import RecipientPath
from notifier.domain import errors
from notifier.domain.delivery_reasons import parameters_of
from notifier.domain.notifications import Notification, State
from notifier.use_cases import own_requests
from notifier.use_cases.own_requests import LastTest
from notifier.verification_codes import VerificationCodes

router = ApiRouter(prefix="/v1/recipients", tags=["recipients"])

MediumPath = Annotated[Medium, Path(description="The medium of the address.", examples=["email"])]
_MESSAGE: Final[dict[str, Any]] = {
    "medium": "slack",
    "state": "sent",
    "sent_at": RAISED_AT,
    "reason": None,
    "reason_code": None,
    "reason_parameters": {},
}


async def _codes(request: Request) -> VerificationCodes:
    codes: VerificationCodes = request.app.state.verification_codes
    return codes


class CodeSent(BaseModel):
    model_config = with_examples({"medium": "email", "valid_until": ACTED_AT})

    medium: Medium = Field(description="The medium that the code is sent by.")
    valid_until: datetime = Field(description="Until when the code is valid.")


class CodeIn(RequestModel):
    model_config = with_examples({"code": "402913"})

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] = Field(
        description="The six digits that came."
    )


class AddressVerified(BaseModel):
    model_config = with_examples({"medium": "email", "verified_at": ACTED_AT})

    medium: Medium = Field(description="The medium of the address.")
    verified_at: datetime = Field(description="Since when the address is verified.")


class TestMessageOut(BaseModel):
    medium: Medium | None = Field(description="The medium that it is sent by.")
    state: State = Field(description="`sent`: the outside system accepted it.")
    sent_at: datetime | None = Field(description="When the outside system accepted it.")
    reason: str | None = Field(description="Why it failed, in words.")
    reason_code: str | None = Field(
        description="Why, as a code: those of `GET /v1/notifications`. A newer version may write "
        "others: then `reason` says it."
    )
    reason_parameters: dict[str, Any] = Field(description="The figures of it, as there.")


class TestOut(BaseModel):
    model_config = with_examples({"requested_at": RAISED_AT, "messages": [_MESSAGE]})

    requested_at: datetime = Field(description="When the test was asked for.")
    messages: list[TestMessageOut] = Field(description="One message on each medium.")


@router.post(
    "/{person_id}/addresses/{medium}/send-code",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(
        errors.RecipientForbiddenError,
        errors.NotYourselfError,
        errors.AddressNotFoundError,
        errors.TooManyCodesError,
    ),
)
async def send_code(
    person_id: RecipientPath, medium: MediumPath, database: NotifierDatabase, principal: StaffUser
) -> CodeSent:
    """Send a code to the own address, which proves that messages arrive there.

    At most one a minute and five an hour; a new code voids the one before.
    """
    async with transaction(database) as uow:
        valid_until = await own_requests.send_code(caller_of(principal), person_id, medium, uow)
    return CodeSent(medium=medium, valid_until=valid_until)


@router.post(
    "/{person_id}/addresses/{medium}/verify",
    responses=refusals(
        errors.RecipientForbiddenError,
        errors.NotYourselfError,
        errors.AddressNotFoundError,
        errors.WrongCodeError,
    ),
)
async def verify_address(
    person_id: RecipientPath,
    medium: MediumPath,
    body: CodeIn,
    database: NotifierDatabase,
    principal: StaffUser,
    codes: Annotated[VerificationCodes, Depends(_codes)],
) -> AddressVerified:
    """Verify the own address by the code that came there; after five wrong ones it is void."""
    async with transaction(database) as uow:
        verified_at = await own_requests.verify_address(
            caller_of(principal), person_id, medium, body.code, codes, uow
        )
    if verified_at is None:
        # The try is counted: that transaction is not undone.
        with problems():
            raise errors.WrongCodeError
    return AddressVerified(medium=medium, verified_at=verified_at)


@router.post(
    "/{person_id}/test-messages",
    status_code=HTTPStatus.ACCEPTED,
    responses=refusals(
        errors.RecipientForbiddenError,
        errors.NotYourselfError,
        errors.NothingToTestError,
        errors.TooManyTestsError,
    ),
)
async def send_test(
    person_id: RecipientPath, database: NotifierDatabase, principal: StaffUser
) -> TestOut:
    """Send one message on each of the own media; at most one test a minute and five an hour."""
    async with transaction(database) as uow:
        return _out(await own_requests.send_test(caller_of(principal), person_id, uow))


@router.get(
    "/{person_id}/test-messages",
    responses=refusals(errors.RecipientForbiddenError, errors.TestNotFoundError),
)
async def show_test(
    person_id: RecipientPath, database: NotifierDatabase, principal: StaffUser
) -> TestOut:
    """Show what came of the last test."""
    async with transaction(database) as uow:
        return _out(await own_requests.read_test(caller_of(principal), person_id, uow))


def _out(test: LastTest) -> TestOut:
    return TestOut(requested_at=test.requested_at, messages=_messages(test.messages))


def _messages(messages: Sequence[Notification]) -> list[TestMessageOut]:
    return [
        TestMessageOut(
            medium=each.medium,
            state=each.state,
            sent_at=each.sent_at,
            reason=each.reason,
            reason_code=each.reason_data.code if each.reason_data else None,
            reason_parameters=parameters_of(each.reason_data),
        )
        for each in messages
    ]
