"""Outbound Messages of Salesforce."""

ORGANIZATION = "00D5g000004AbCdEAK"


def record(kind: str = "Case", notification: str = "04l1", **fields: str) -> str:
    """Return the notification of a record with these fields."""
    inner = "".join(f"<f:{name}>{value}</f:{name}>" for name, value in fields.items())
    body = f"<Id>{notification}</Id><sObject x:type='f:{kind}'>{inner}</sObject>"
    return f"<Notification>{body}</Notification>"


def envelope(*notifications: str, organization: str = ORGANIZATION) -> bytes:
    """Return an Outbound Message with these notifications."""
    return (
        "<?xml version='1.0' encoding='UTF-8'?><s:Envelope"
        " xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'"
        " xmlns:x='http://www.w3.org/2001/XMLSchema-instance'"
        " xmlns:f='urn:sobject.enterprise.soap.sforce.com'><s:Body>"
        "<notifications xmlns='http://soap.sforce.com/2005/09/outbound'>"
        f"<OrganizationId>{organization}</OrganizationId>"
        f"<SessionId>door-key</SessionId>{''.join(notifications)}</notifications></s:Body></s:Envelope>"
    ).encode()
