"""A guide that differs from the system is noticed."""

import pytest

from support.guides import Answer, Comparison, GuideError, Press, Request, read_answers, read_steps

ID_SHOWN, OTHER_SHOWN = (
    "01a220e8-b1a8-7531-bec8-3e7cf4003df5",
    "01a220e8-b1a8-7531-bec8-3e7cf4003df6",
)
ID, OTHER_ID = "01a2215e-804b-746d-bc3e-10193256db97", "01a22161-1ef2-7765-90ab-fd415597145d"
KEY = "ups_1feb4a63de7f_NZVBrd4syXJsM3TqnlrdJj78yU22Bmc5dkAg9fm9eZs"
TIME, OTHER_TIME = "2026-03-02T09:30:00Z", "2026-11-28T08:55:46.152974+00:00"
REQUEST = '```sh\ncurl "$INTAKE/v1/contacts"\n```\n'
ANSWER = '```http\nHTTP/1.1 200 OK\n\n{"items": []}\n```\n'


def differences(shown: object, actual: object) -> list[str]:
    return list(Comparison().differences(Answer(200, {}, shown), Answer(200, {}, actual)))


@pytest.mark.parametrize(
    ("shown", "actual"),
    [
        ({"state": "open"}, {"state": "open", "level": None}),
        ({"text": "No reply …"}, {"text": "No reply within 20 s"}),
        ({"at": TIME}, {"at": OTHER_TIME}),
        ({"key": "ups_5f0c9a31e7d2_…"}, {"key": KEY}),
        ({"target_s": 20}, {"target_s": 20.0}),
        ([ID_SHOWN, OTHER_SHOWN, ID_SHOWN], [ID, OTHER_ID, ID]),
        ({"text": f"merged into {ID_SHOWN}."}, {"text": f"merged into {ID}."}),
    ],
)
def test_shown_part_of_an_answer_is_true(shown: object, actual: object) -> None:
    assert not differences(shown, actual)


@pytest.mark.parametrize(
    ("shown", "actual"),
    [
        ({"state": "open"}, {"state": "resolved"}),
        ({"state": "open"}, {}),
        ({"level": None}, {"level": "manager"}),
        ({"by": "marco"}, {"by": None}),
        ([], ["another"]),
        (["sara", "marco"], ["marco", "sara"]),
        ({"text": "No reply …"}, {"text": "Late reply"}),
        ({"at": TIME}, {"at": "now"}),
        ({"id": ID_SHOWN}, {"id": "sara"}),
        ([ID_SHOWN, ID_SHOWN], [ID, OTHER_ID]),
        ({"id": "sara"}, {"id": ID}),
    ],
)
def test_difference_is_noticed(shown: object, actual: object) -> None:
    assert differences(shown, actual)


def test_other_status_or_header_is_noticed() -> None:
    shown = Answer(200, {"retry-after": "1"}, None)
    assert not list(Comparison().differences(shown, Answer(200, {"retry-after": "1"}, {"a": 1})))
    assert list(Comparison().differences(shown, Answer(201, {"retry-after": "1"}, None)))
    assert list(Comparison().differences(shown, Answer(200, {}, None)))


def test_answers_are_read_as_curl_prints_them() -> None:
    printed = 'HTTP/1.1 204 No Content\r\nETag: "1"\r\n\r\n\nHTTP/1.1 200 OK\r\n\r\n{"items":[]}\n'
    assert read_answers(printed) == (
        Answer(204, {"etag": '"1"'}, None),
        Answer(200, {}, {"items": []}),
    )


def test_steps_are_in_order() -> None:
    guide = f"{REQUEST}{ANSWER}\n<!-- test: press Take over in D0SARA -->\n\n```sh\nNAME=a\n```\n"
    request, press, assignment = read_steps(guide)
    assert isinstance(request, Request)
    assert request.answers == (Answer(200, {}, {"items": []}),)
    assert press == Press(10, "Take over", "D0SARA")
    assert isinstance(assignment, Request)
    assert assignment.script == "NAME=a\n"


@pytest.mark.parametrize(
    "guide",
    [
        REQUEST,
        ANSWER,
        REQUEST + ANSWER + ANSWER,
        REQUEST + ANSWER.replace("HTTP", "HTTP/1.1 200 OK\n\nHTTP", 1),
        REQUEST.replace("sh", "") + ANSWER,
        "    curl $INTAKE/v1/contacts\n",
    ],
)
def test_request_without_proof_is_refused(guide: str) -> None:
    with pytest.raises(GuideError):
        read_steps(guide)


@pytest.mark.parametrize(
    ("command", "repeatable"),
    [
        ('curl "$INTAKE/v1/contacts"', True),
        ("curl -X PUT --json '{}' $ROUTER/v1/people/a", True),
        ("curl -X DELETE $ROUTER/v1/people/a", True),
        ("curl --json '{}' $INTAKE/v1/contacts", False),
        ("curl -d '' $INTAKE/v1/contacts", False),
        ("curl -X POST $INTAKE/v1/contacts", False),
        ("curl $INTAKE/v1/contacts\ncurl -X POST $INTAKE/v1/contacts", False),
    ],
)
def test_only_requests_that_post_nothing_are_repeated(command: str, *, repeatable: bool) -> None:
    assert Request(1, command).is_repeatable is repeatable
