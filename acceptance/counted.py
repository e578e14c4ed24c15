"""Numbers of things in messages: 1 row, 2 rows."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return the number and its noun. `many` is the noun's plural if that is not the noun and an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
