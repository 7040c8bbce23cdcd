"""What the shipped messages look like as templates, to begin a template of one's own with."""

from typing import Final

from common.contracts.notifications import Medium

TITLE: Final = "{{ headline }}"
_SLACK: Final = """\
*{{ headline }}*
{% if deadline %}
*{{ deadline }}*
{% endif %}
{{ why_now }}
{{ task }}
{% for line in details %}
{{ line }}
{% endfor %}
"""
_MAIL: Final = """\
{{ headline }}

{{ why_now }}
{{ deadline }}
{{ task }}

{% for line in details %}
{{ line }}
{% endfor %}
{{ circumstances | join(" · ") }}
"""
_SHORT: Final = "{{ deadline or why_now }}\n"


def body_of(medium: Medium) -> str:
    match medium:
        case "slack":
            return _SLACK
        case "email" | "teams" | "webhook":
            return _MAIL
        case _:
            return _SHORT
