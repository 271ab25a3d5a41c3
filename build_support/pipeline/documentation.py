"""Define what counts as documentation and check what it names.

    python3 -m build_support.pipeline.documentation

Links to files and sections of the repository must work. Paths, modules, scripts, addresses of
targets and tests that a document names must exist. Needs neither Pants nor packages.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

_DOCUMENTATION = re.compile(r".*\.md|docs/.*")

# Names that need not exist: generated files, and the service that a reader will create.
_NOT_HERE = (".cache", "dist", "services/hello")

_LINK = re.compile(r"\[[^]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
_MODULE = re.compile(r"python3 -m ([\w.]+)")
_TEST = re.compile(r"`([\w./-]+_test\.py)::(\w+)`")
_NAME = re.compile(r"""name="([^"]+)",""")

# A path from the root of the repository, with an optional target or "::".
_PATH = re.compile(
    r"(?<![\w./~:$-])(?:\./)?([\w.][\w.-]*(?:/[\w.*-]+)*)((?::[\w-]+|::|:)?)(?![\w/])"
)


def is_documentation(path: str) -> bool:
    """Return whether only people read the file with this path from the root."""
    return bool(_DOCUMENTATION.fullmatch(path))


def broken_promises(root: Path, document: Path) -> Iterator[str]:
    """Yield a message for each broken link and missing name in a document."""
    text = document.read_text(encoding="utf-8")
    code = "\n".join(_CODE.findall(text))
    for target in _LINK.findall(_CODE.sub("", text)):
        if "://" not in target and not _leads_somewhere(document, target):
            yield f"the link {target} is broken"
    for module in sorted(set(_MODULE.findall(code))):
        file = root / module.replace(".", "/")
        if (root / module.split(".")[0]).is_dir() and not file.with_suffix(".py").is_file():
            yield f"there is no module {module}"
    for path, name in _TEST.findall(text):
        file = root / path
        if file.is_file() and f"def {name}(" not in file.read_text(encoding="utf-8"):
            yield f"there is no {name} in {path}"
    in_root = {path.name for path in root.iterdir()}
    for path, address in sorted(set(_PATH.findall(code))):
        if "/" in path and path.split("/")[0] in in_root and not path.startswith(_NOT_HERE):
            if not list(root.glob(path)):
                yield f"there is no {path}"
            elif len(address) > 1 and address != "::" and not _has_target(root / path, address[1:]):
                yield f"there is no target {path}{address}"


def _leads_somewhere(document: Path, target: str) -> bool:
    path, _, section = target.partition("#")
    file = document.parent / path if path else document
    if not file.exists():
        return False
    return not section or section in map(_anchor, _HEADING.findall(file.read_text("utf-8")))


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _has_target(directory: Path, name: str) -> bool:
    if directory.is_file():  # FILE:LINE, or an address of one file's target
        return True
    build_file = directory / "BUILD"
    names = _NAME.findall(build_file.read_text(encoding="utf-8")) if build_file.exists() else []
    return name in (*names, directory.name)


def main() -> int:
    """Print all broken links and missing names; return 1 if there are any, else 0."""
    root = Path()
    documents = sorted(
        path
        for path in [*root.glob("*.md"), *root.glob("*/**/*.md")]
        if not any(part.startswith(".") and part != ".github" for part in path.parts)
        and "node_modules" not in path.parts
    )
    faults = [f"{file}: {fault}" for file in documents for fault in broken_promises(root, file)]
    print("\n".join(faults) or f"{len(documents)} documents have no broken links or missing names")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
