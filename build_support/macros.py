"""Macros for BUILD files: who may depend on whom. The first line of a BUILD file calls one of them.

Pants reads this file before every BUILD file, so it imports nothing, and it calls the functions of
BUILD files. A rule is checked from its first match on; "/**" is the directory of the
BUILD file that calls the macro, and what is below.
"""


def service():
    """Let nobody depend on this service but itself; the stack's tests may depend on its image."""
    __dependents_rules__(
        ("<docker_image>", "/**", "//compose/**", "!*"),
        ("*", "/**", "!*"),
    )


def library():
    """Let this library depend on libraries and other people's packages only."""
    __dependencies_rules__(("*", "//libs/**", "//3rdparty/**", "!*"))
