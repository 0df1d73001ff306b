"""The one exception that the command line turns into a one-line message and exit code 2."""


class InputError(ValueError):
    """Something the user gave can't be used. The message is one line: what is wrong, and what to do about it."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))
