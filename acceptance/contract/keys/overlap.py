"""The search for a key that two key templates accept."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from acceptance.contract.keys.segment import Segment, Values, date_of
from acceptance.contract.keys.tokens import DIGITS, Placeholder
from acceptance.errors import UnroutableKey

_MOST_VISITS = 60
_MOST_TRIES = 500
_ANY = ""  # the alphabet of a field: every character but "/"
_FREE = "x"  # stands where both patterns allow any character


def common_key(ours: Sequence[Segment], theirs: Sequence[Segment]) -> str | None:
    """Return an example of a key that both patterns accept, or None.

    A field never holds "/", so patterns overlap segment by segment, and a pair of segments without a common text
    proves that there is no such key. Beyond that, repeated fields must agree and dates must exist: the pair with the
    least freedom is settled first and its values are put into the others, and `_MOST_TRIES` texts are tried. Should
    that miss a key, `route` still refuses it for being claimed twice.
    """
    if len(ours) != len(theirs):
        return None
    found = _Search().settle(dict(enumerate(zip(ours, theirs, strict=True))), {}, {})
    return "/".join(found[index] for index in range(len(found))) if found else None


@dataclass(slots=True)
class _Search:
    tries: int = 0

    def settle(self, pairs: Mapping[int, tuple[Segment, Segment]], own: Values, their: Values) -> dict[int, str] | None:
        """Find a common text for each pair, given the known values."""
        if not pairs:
            return {}
        choices = {index: list(_common_texts(*pair, own, their)) for index, pair in pairs.items()}
        index = min(choices, key=lambda index: _freedom(choices[index]))
        others = {other: pair for other, pair in pairs.items() if other != index}
        for text in choices[index]:
            self.tries += 1
            if self.tries > _MOST_TRIES:
                return None
            try:
                own_values, their_values = (
                    segment.read(text, known) for segment, known in zip(pairs[index], (own, their), strict=True)
                )
                date_of(own_values)
                date_of(their_values)
            except UnroutableKey:
                continue
            rest = self.settle(others, own_values, their_values)
            if rest is not None:
                return {index: text, **rest}
        return None


def _freedom(texts: Sequence[str]) -> tuple[int, ...]:
    """Order pairs of segments: those without a common text, then those with few, then those of any characters."""
    shortest = texts[0] if texts else ""
    settled = len(shortest) - shortest.count(_FREE)
    return (1, -settled, len(texts)) if _FREE in shortest else (0, 0, len(texts))


def _common_texts(ours: Segment, theirs: Segment, own_values: Values, their_values: Values) -> Iterator[str]:
    """Yield texts that fit both segments, with the known values of placeholders filled in; shortest first.

    Searches the product of the two segments, so no text means that there is none. Each state of the product is left
    at most `_MOST_VISITS` times: where there are endlessly many texts, these are some of them.
    """
    own, their = _places(ours, own_values), _places(theirs, their_values)
    visits: Counter[tuple[int, int]] = Counter()
    waiting = deque([(0, 0, "")])
    while waiting:
        at, there, text = waiting.popleft()
        if at == len(own) and there == len(their):
            yield text
        if at == len(own) or there == len(their) or visits[at, there] == _MOST_VISITS:
            continue
        visits[at, there] += 1
        (alphabet, repeats), (their_alphabet, repeats_there) = own[at], their[there]
        for character in _shared(alphabet, their_alphabet):
            for step in (1, 0) if repeats else (1,):
                for jump in (1, 0) if repeats_there else (1,):
                    waiting.append((at + step, there + jump, text + character))


def _places(segment: Segment, values: Values) -> list[tuple[str, bool]]:
    """Return the characters allowed at each place, and True if more of them may follow."""
    places: list[tuple[str, bool]] = []
    for token in segment.tokens:
        literal = token if isinstance(token, str) else values.get(token)
        if literal is not None:
            places += [(character, False) for character in literal]
        elif isinstance(token, Placeholder) and token.directive:
            places += [("1023456789", False)] * DIGITS[token.directive]
        else:
            places.append((_ANY, True))
    return places


def _shared(own: str, their: str) -> str:
    if own and their:
        return "".join(character for character in own if character in their)
    return own or their or _FREE
