"""Macros for BUILD files that set who may depend on whom. Call one in the first line.

Pants reads this file before every BUILD file and provides the functions called here. The first
matching rule applies; "/**" is the directory of the calling BUILD file and everything below it.
"""


def service():
    """Allow only this service to depend on itself.

    Except for the stack's tests, which use its image, and services/serve.py, which serves it.
    """
    __dependents_rules__(
        ("<docker_image>", "/**", "//compose/**", "!*"),
        ("[:serve]", "/**", "[//services:serve]", "!*"),
        ("*", "/**", "!*"),
    )


def library():
    """Allow this library to depend only on libraries and third-party packages."""
    __dependencies_rules__(("*", "//libs/**", "//3rdparty/**", "!*"))
