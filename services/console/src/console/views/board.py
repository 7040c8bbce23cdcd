"""What a browser says on a live page, in the reader's language."""

from console.views.reader import Reader


def board_words(reader: Reader) -> dict[str, str]:
    """Return the texts of board.js; `{}` stands for what it fills in."""
    _ = reader.texts.gettext
    return {
        **reader.texts.countdown_words(),
        "live": _("live · %(age)s s", age="{}"),
        "old": _("%(age)s s old", age="{}"),
        "lost": _("no connection since %(time)s, numbers may be old", time="{}"),
        "held": _("Show %(count)s changed rows in their places (.)", count="{}"),
        "news": _("New rows that need you: %(count)s", count="{}"),
        "sent": _("sent…"),
        "failed": _("Nothing was sent: there is no connection. Try again."),
        "paused": _("Rows stay where they are. Press p to go on."),
        "resumed": _("Rows move again."),
    }
