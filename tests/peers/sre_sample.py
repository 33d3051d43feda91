"""Texts that match a regular expression of digits: one at random, and the digits that they may begin with."""

try:
    from re import _parser as parser
except ImportError:  # before Python 3.11
    import sre_parse as parser


def sample(pattern, choose):
    return written(parser.parse(pattern), choose)


def firsts(pattern):
    return begin(parser.parse(pattern))[0]


def written(parsed, choose):
    return "".join(one(kind, value, choose) for kind, value in parsed)


def one(kind, value, choose):
    name = str(kind)
    if name == "MAX_REPEAT":
        least, most, inner = value
        return "".join(written(inner, choose) for _ in range(choose.randint(least, most)))
    if name == "SUBPATTERN":
        return written(value[-1], choose)
    if name == "BRANCH":
        return written(choose.choice(value[1]), choose)
    return choose.choice(sorted(letters(name, value)))


def letters(name, value):
    if name == "LITERAL":
        return {chr(value)}
    if name == "RANGE":
        return {chr(letter) for letter in range(value[0], value[1] + 1)}
    if name == "IN":
        return set().union(*(letters(str(kind), inner) for kind, inner in value))
    assert name == "CATEGORY", name
    return set("0123456789")


def begin(parsed):
    """The letters, and whether nothing at all matches too."""
    found = set()
    for kind, value in parsed:
        name = str(kind)
        if name == "MAX_REPEAT":
            some, empty = begin(value[2])
            empty |= value[0] == 0
        elif name == "SUBPATTERN":
            some, empty = begin(value[-1])
        elif name == "BRANCH":
            each = [begin(branch) for branch in value[1]]
            some, empty = set().union(*(letters for letters, _ in each)), any(empty for _, empty in each)
        else:
            some, empty = letters(name, value), False
        found |= some
        if not empty:
            return found, False
    return found, True
