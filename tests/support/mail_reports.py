"""What a mail server writes to the sender of a mail that it could not deliver."""

REPORT = """\
Return-Path: <>
From: MAILER-DAEMON@mail.example.com (Mail Delivery System)
To: upstairs@example.com
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

This is the mail system of mail.example.com.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com

Final-Recipient: rfc822; {receiver}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 <{receiver}>: no such
    mailbox

--b
Content-Type: text/rfc822-headers

From: Upstairs <upstairs@example.com>
To: dana@example.com
Message-ID: {message_id}

--b--
"""


def write_report(
    message_id: str,
    action: str = "failed",
    receiver: str = "dana@example.com",
    status: str = "5.1.1",
) -> str:
    return REPORT.format(message_id=message_id, action=action, receiver=receiver, status=status)
