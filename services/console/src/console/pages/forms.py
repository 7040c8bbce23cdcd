"""What a form of a page has sent."""

from fastapi import Request


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields that are texts, without the space around them."""
    fields = await request.form()
    return {name: value.strip() for name, value in fields.items() if isinstance(value, str)}
