"""Checks and tests the client in an environment of its own, `.venv`, which it makes: `python3 check.py`.

Arguments are handed on to pytest; with `--prepare` it only makes the environment.
Ends with a line `N passed, N failed`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

HERE = Path(__file__).parent
RUFF = ("-m", "ruff", "--config", "pyproject.toml")
SOURCES = (".", "../examples", "../local/app/demo", "../testing", "../tools")
IMPORT = "import agent_heartbeat, agent_heartbeat.blocking; print('imported', agent_heartbeat.__file__)"
NEEDS_BOTO3 = "from agent_heartbeat import StatusReader; StatusReader('table')"


def environment(path: Path) -> Path:
    """Makes a virtual environment; returns its interpreter."""
    if not (path / "pyvenv.cfg").exists():
        venv.create(path, with_pip=True)
    return path / ("Scripts" if os.name == "nt" else "bin") / "python"


def run(*command: str | Path) -> int:
    print("$", *command, flush=True)
    return subprocess.run([str(each) for each in command], cwd=HERE, check=False).returncode


def tests(python: Path, arguments: list[str]) -> tuple[int, int]:
    """How many tests passed and failed."""
    command = [str(python), "-m", "pytest", "-q", *arguments]
    print("$", *command, flush=True)
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    found = {kind: int(count) for count, kind in re.findall(r"(\d+) (passed|failed|error)", lines[-1])}
    failed = found.get("failed", 0) + found.get("error", 0)
    return found.get("passed", 0), failed or int(process.returncode != 0)


def installs() -> bool:
    """Whether the wheel, installed in an empty environment, can be used, and says what it needs for the rest."""
    with tempfile.TemporaryDirectory() as folder:
        python = environment(Path(folder) / "venv")
        if run(HERE / ".venv/bin/python", "-m", "build", "--outdir", folder):
            return False
        (wheel,) = Path(folder).glob("*.whl")
        if run(python, "-m", "pip", "install", "-q", wheel) or run(python, "-I", "-c", IMPORT):
            return False
        without = subprocess.run([str(python), "-I", "-c", NEEDS_BOTO3], capture_output=True, text=True, check=False)
        return "pip install 'agent-heartbeat[status]'" in without.stderr


def main() -> int:
    python = environment(HERE / ".venv")
    if run(python, "-m", "pip", "install", "-q", "--upgrade", "pip") or run(
        python, "-m", "pip", "install", "-q", "-e", ".[status]", "--group", "dev"
    ):
        return 1
    if "--prepare" in sys.argv:
        return 0
    steps = [
        run(python, *RUFF, "format", "--check", *SOURCES) == 0,
        run(python, *RUFF, "check", *SOURCES) == 0,
        run(python, "-m", "mypy") == 0,
        installs(),
    ]
    passed, failed = tests(python, sys.argv[1:])
    shutil.rmtree(HERE / "build", ignore_errors=True)
    print(f"\n{passed + sum(steps)} passed, {failed + steps.count(False)} failed")
    return int(failed > 0 or not all(steps))


if __name__ == "__main__":
    sys.exit(main())
