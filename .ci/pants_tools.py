"""Build the single-file tools that Pants would fetch from GitHub, and put an install in its place.

Called by ./pants, which has installed hash-checked wheels into STAGING/venv and left the wheels
themselves in STAGING/wheels. Runs on the Python of Pants, which is older than that of the code.
"""

import hashlib
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

# The name that Pants gives a platform, from what Python calls its parts.
SYSTEMS = {"Linux": "linux", "Darwin": "macos"}
MACHINES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


def build_pex(staging: Path) -> None:
    """Pack the PEX tool, byte for byte the same on every machine, from its wheel."""
    wheel = next((staging / "wheels").glob("pex-*.whl"))
    subprocess.run(
        [
            *(staging / "venv/bin/pex", wheel, "--no-index", "--no-compress"),
            *("--console-script=pex", "--python-shebang=/usr/bin/env python3"),
            *(f"--pex-root={staging / 'pex_root'}", f"--output-file={staging / 'venv/bin/pex'}"),
        ],
        env=dict(os.environ, TMPDIR=str(staging)),
        check=True,
    )


def external_tool(scope: str, tool: Path, version: str, install: Path) -> dict[str, str]:
    """The settings that make Pants take a tool from the install instead of from GitHub."""
    content = tool.read_bytes()
    pants_platform = f"{SYSTEMS[platform.system()]}_{MACHINES[platform.machine()]}"
    sha256 = hashlib.sha256(content).hexdigest()
    return {
        f"PANTS_{scope}_VERSION": version,
        f"PANTS_{scope}_URL_TEMPLATE": (install / "bin" / tool.name).as_uri(),
        f"PANTS_{scope}_KNOWN_VERSIONS": f"['{version}|{pants_platform}|{sha256}|{len(content)}']",
    }


def main(staging: Path, install: Path, code_python: str) -> None:
    """Complete STAGING/venv and rename it to INSTALL, unless another first run did so already."""
    venv = staging / "venv"
    build_pex(staging)
    environment = {
        "PAGE_TRACKER_PYTHON": code_python,
        "PANTS_PYTHON_BOOTSTRAP_SEARCH_PATH": f"['{code_python}']",
        "NO_SCIE_WARNING": "1",
        **external_tool("PEX_CLI", venv / "bin/pex", "v2.1.137", install),
        **external_tool("SHELLCHECK", venv / "bin/shellcheck", "v0.11.0", install),
    }
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    (venv / "env").write_text("".join(lines))
    try:
        os.rename(venv, install)
    except OSError:
        if not (install / "env").exists():
            raise


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
