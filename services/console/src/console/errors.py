"""What a request may end with, instead of its page."""


class PageError(Exception):
    """The request is answered by a page that says what is wrong and what to do.

    `code` names the text in `templates/problem_fragment.html`; `details` fill it in.
    """

    def __init__(self, status: int, code: str, **details: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.details = details


class SignInRequiredError(Exception):
    """Nobody is signed in, or the session has ended."""
