"""Macros for BUILD files that set who may depend on whom. Call one in the first line.

Pants reads this file before every BUILD file and provides the functions called here. The first
matching rule applies; "/**" is the directory of the calling BUILD file and everything below it.
"""


def service():
    """Allow only this service to depend on itself, and the stack's tests on its image."""
    __dependents_rules__(
        ("<docker_image>", "/**", "//compose/**", "!*"),
        ("*", "/**", "!*"),
    )


def library():
    """Allow this library to depend only on libraries and third-party packages."""
    __dependencies_rules__(("*", "//libs/**", "//3rdparty/**", "!*"))
