"""Units of one set of flags put together into one text, so that what they all include is read and matched once.

A unit whose names would meet those of another is wrapped into a namespace of its own, where that cannot change what its
names mean. The compiler has the last word: a batch that does not compile is taken apart again.
"""

import re

MOST_LINES = 4000
NAMED_NAMESPACE = re.compile(r"^namespace (godwit[\w:]*) \{", re.MULTILINE)
MEMBER_DEFINITION = re.compile(r"^(?![ \t#/}]).*\b[A-Z]\w*(<[^>]*>)?::~?\w+\(|^template <>", re.MULTILINE)
NO_CODE = re.compile(r'//.*|"(?:[^"\\]|\\.)*"|^(?:#|extern ).*', re.MULTILINE)
TYPE = re.compile(r"^(?:template <.*> )?(?:struct|class|enum class|enum|union|using) (\w+)")
TEST = re.compile(r"^(?:TEST|TEST_F|TEST_P|TYPED_TEST|INSTANTIATE_TEST_SUITE_P)\((\w+), (\w+)")
VARIABLE_OR_FUNCTION = re.compile(r"(\w+)(?=\(|\[|\{| =|;)")


class Names:
    """Names that a unit declares at the start of a line, as clang-format leaves those outside of every block."""

    def __init__(self, text):
        self.local, self.public = set(), set()
        self.macros = set(re.findall(r"^#define (\w+)", text, re.MULTILINE))
        self.macros -= set(re.findall(r"^#undef (\w+)", text, re.MULTILINE))
        inside = 0  # how many anonymous namespaces deep
        for line in text.splitlines():
            if line == "namespace {":
                inside += 1
            elif line == "}  // namespace":
                inside -= 1
            elif line and line[0] not in " \t#/}":
                names = self.declared(line.split("//")[0])
                (self.local if inside or line.startswith(("static ", "TEST")) else self.public).update(names)
        self.can_be_wrapped = self._can_be_wrapped(text)

    @staticmethod
    def declared(line):
        if match := TEST.match(line):
            return {".".join(match.groups())}
        if match := TYPE.match(line):
            return {match[1]}
        if line.startswith(("namespace", "using namespace", "extern")):
            return set()
        match = VARIABLE_OR_FUNCTION.search(line)
        return {match[1]} if match else set()

    def _can_be_wrapped(self, text):
        """Members must be defined where their class is; and a public function that the unit itself calls would be found
        twice, as declared by its header and as defined here."""
        if not NAMED_NAMESPACE.search(text) or MEMBER_DEFINITION.search(text):
            return False
        code = NO_CODE.sub("", text)
        return all(len(re.findall(rf"\b{name}\b", code)) == 1 for name in self.public)

    def meet(self, other):
        if self.macros & other.macros:
            return True
        return not (self.can_be_wrapped and other.can_be_wrapped) and bool(self.local & other.local)


def group(units, text_of):
    """Lists of units that fit together; all of them have the same flags."""
    groups = []
    for unit in units:
        text = text_of(unit)
        names, lines = Names(text), text.count("\n")
        for members in groups:
            if members["lines"] + lines <= MOST_LINES and not any(names.meet(other) for other in members["names"]):
                break
        else:
            members = {"units": [], "names": [], "lines": 0}
            groups.append(members)
        members["units"].append(unit)
        members["names"].append(names)
        members["lines"] += lines
    return [members["units"] for members in groups]


def join(units, text_of):
    """The text of a batch, and for each of its lines the unit that it comes from."""
    parts, origins = [], []
    for number, unit in enumerate(units):
        text = text_of(unit)
        if Names(text).can_be_wrapped:
            text = NAMED_NAMESPACE.sub(rf"namespace \1::unit_{number} {{", text)
        text = f'#line 1 "{unit}"\n' + text.rstrip("\n") + "\n"
        parts.append(text)
        origins += [unit] * text.count("\n")
    return "".join(parts), origins
