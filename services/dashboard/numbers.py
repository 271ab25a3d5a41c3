"""Numbers as people read them: short, exact, as a share, and compared with the time before."""

from dataclasses import dataclass

NO_NUMBER = "–"

_UNITS = ("", "k", "M", "B", "T")
_SPACE = "\N{NO-BREAK SPACE}"
_MOST_PERCENT = 999


@dataclass(frozen=True)
class Change:
    """How a count differs from the one before."""

    text: str
    """Such as "▲ 8 %", "new" or "–"."""
    words: str
    """The same for a screen reader, such as "8 % more"."""
    direction: str
    """"up", "down" or "same", for a colour that says nothing more than the arrow."""


def exact(count: int) -> str:
    """Return a count with thousands separators, such as 1,204."""
    return f"{count:,}"


def short(count: int) -> str:
    """Return a count in at most 5 characters, rounded down: 999, 1.2k, 12.3k, 123k, 1.2M, 1.2B."""
    thousands = _thousands(count)
    whole, rest = divmod(count, 1000**thousands)
    tenth = 10 * rest // 1000**thousands
    return f"{whole}{f'.{tenth}' if tenth and whole < 100 else ''}{_UNITS[thousands]}"


def scaled(count: int) -> str:
    """Return a round number of at most 3 significant digits as it is, such as 1.25k."""
    return f"{count / 1000 ** _thousands(count):g}{_UNITS[_thousands(count)]}"


def share(part: int, whole: int) -> str:
    """Return a part in per cent of the whole, rounded down; something is never 0 %."""
    return _percent(part, whole) if whole else NO_NUMBER


def bound(may_be_more: bool, may_be_less: bool) -> str:
    """Return what goes before a count that is not exact, such as "≥ "."""
    sign = {(True, False): "≥", (False, True): "≤", (True, True): "≈"}.get(
        (may_be_more, may_be_less)
    )
    return f"{sign}{_SPACE}" if sign else ""


def change(count: int, before: int) -> Change:
    """Compare a count with the one before. The difference is rounded down, but never to 0 %."""
    if count == before:
        return _same(count)
    direction = "up" if count > before else "down"
    if not before:
        return Change("new", "none before", direction)
    if 100 * (count - before) // before > _MOST_PERCENT:
        times = short(count // before)
        return Change(f"×{times}", f"{times} times as many", direction)
    percent = _percent(abs(count - before), before)
    arrow, words = ("▲", "more") if direction == "up" else ("▼", "less")
    return Change(f"{arrow}{_SPACE}{percent}", f"{percent} {words}", direction)


def _thousands(count: int) -> int:
    """Return by how many factors of a thousand a count is shortened."""
    return min((len(str(count)) - 1) // 3, len(_UNITS) - 1)


def _same(count: int) -> Change:
    if not count:
        return Change(NO_NUMBER, "none before either", "same")
    return Change(f"0{_SPACE}%", "as many", "same")


def _percent(part: int, whole: int) -> str:
    percent = 100 * part // whole
    return f"{percent or '<1' if part else 0}{_SPACE}%"
