"""A release: version, changelog, tag, wheel and SAM package. `make release VERSION=0.2.0` tries it, up to the upload.

Everything is built from the last commit, in a folder of its own; the results are in `dist/`. Only with `--tag` is this
checkout changed: the version and the changelog are committed and tagged. Nothing is uploaded; the commands that would
do it are printed.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
UNRELEASED = "## Unreleased"
VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
PACKED = ("template.yaml", "samconfig.toml", "statemachine", ".aws-sam/build", "README.md", "LICENSE")
"""What `sam deploy` needs beside the built functions; the rest is for people."""
STAMPED = {
    "pyproject.toml": re.compile(r'^(version = )"([^"]+)"$', re.MULTILINE),
    "template.yaml": re.compile(r"^(    SemanticVersion: )(\S+)$", re.MULTILINE),
}
"""Where the version stands."""


class CannotRelease(Exception):
    """Something must be put right first; the message says what."""


def released(texts: dict[str, str], version: str, day: str) -> dict[str, str]:
    """The files with the new version: `pyproject.toml`, `template.yaml` and `CHANGELOG.md`, by name.

    day: of the release, as YYYY-MM-DD.
    Raises: CannotRelease (no version, not higher than the present one, nothing in the changelog).
    """
    if not VERSION.fullmatch(version):
        raise CannotRelease(f"{version!r} is no version: name it as MAJOR.MINOR.PATCH")
    changed = {}
    for name, pattern in STAMPED.items():
        found = pattern.search(texts[name])
        if found is None:
            raise CannotRelease(f"{name} has no version")
        present = found[2].strip('"')
        if _numbers(version) <= _numbers(present) and present != version:
            raise CannotRelease(f"{name} is at {present} already")
        changed[name] = pattern.sub(lambda match: match[0].replace(match[2], version), texts[name], count=1)
    changelog = texts["CHANGELOG.md"]
    if not notes(changelog):
        raise CannotRelease(f"CHANGELOG.md has nothing below {UNRELEASED!r}")
    changed["CHANGELOG.md"] = changelog.replace(UNRELEASED, f"{UNRELEASED}\n\n## {version} - {day}", 1)
    return changed


def notes(changelog: str) -> str:
    """What stands below `Unreleased`, up to the next version."""
    _, _, rest = changelog.partition(f"{UNRELEASED}\n")
    return rest.partition("\n## ")[0].strip()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the release; with `--tag`, commit and tag it too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--tag", action="store_true", help="commit the version and tag it, in this checkout")
    given = parser.parse_args(arguments)
    try:
        _release(given.version, tag=given.tag)
    except CannotRelease as error:
        print(f"release: {error}", file=sys.stderr)
        return 2
    return 0


def _release(version: str, *, tag: bool) -> None:
    dirty = _output("git", "status", "--porcelain")
    if dirty and tag:
        raise CannotRelease("there are changes that are not committed")
    if dirty:
        print("Changes that are not committed are left out.")
    if f"v{version}" in _output("git", "tag", "--list").split():
        raise CannotRelease(f"there is a tag v{version} already")
    DIST.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        with tarfile.open(fileobj=BytesIO(_run("git", "archive", "HEAD"))) as archive:
            archive.extractall(copy, filter="data")
        texts = {name: (copy / name).read_text(encoding="utf-8") for name in (*STAMPED, "CHANGELOG.md")}
        changed = released(texts, version, f"{datetime.now(UTC):%Y-%m-%d}")
        _write(copy, changed)
        wheel = build_wheel(copy, DIST)
        package = _sam_package(copy, DIST / f"rollout-pilot-{version}-sam.zip")
    about = DIST / f"notes-{version}.md"
    about.write_text(notes(texts["CHANGELOG.md"]) + "\n", encoding="utf-8")
    if tag:
        _write(ROOT, changed)
        _run("git", "commit", "--quiet", "--all", "--message", f"Release {version}")
        _run("git", "tag", "--annotate", f"v{version}", "--message", f"Release {version}")
    for path in (wheel, package, about):
        print(f"made {path.relative_to(ROOT)} ({path.stat().st_size / 1024:,.0f} KiB)")
    print(f"committed and tagged v{version}" if tag else "Nothing is committed or tagged: that is for RELEASE=yes.")
    print(_upload(version, wheel, package, about))


def build_wheel(source: Path, target: Path) -> Path:
    """The wheel of a checkout, in this folder. It needs the network for the build backend."""
    _run("uv", "build", "--quiet", "--wheel", "--out-dir", str(target), at=source)
    return max(target.glob("*.whl"), key=lambda path: path.stat().st_mtime)


def _sam_package(source: Path, target: Path) -> Path:
    """What `sam deploy` takes after unzipping: built and compiled functions, the template and the workflow."""
    _run("sam", "build", at=source)
    _run(str(ROOT / "scripts" / "compile-functions"), at=source)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in PACKED:
            part = source / name
            for path in sorted(part.rglob("*")) if part.is_dir() else [part]:
                archive.write(path, path.relative_to(source))
    return target


def _upload(version: str, wheel: Path, package: Path, about: Path) -> str:
    files = [str(path.relative_to(ROOT)) for path in (wheel, package)]
    lines = [
        "To publish it:",
        f"  git push origin HEAD v{version}",
        f"  gh release create v{version} {' '.join(files)} --notes-file {about.relative_to(ROOT)}",
        f"  uv publish {files[0]}",
        f"  unzip {files[1]} -d dist/sam && cd dist/sam",
        "  sam package --s3-bucket BUCKET --output-template-file packaged.yaml",
        "  sam publish --template packaged.yaml --region us-east-1",
    ]
    return "\n".join(lines)


def _write(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _run(*command: str, at: Path = ROOT) -> bytes:
    """What the command prints.

    Raises: CannotRelease (it fails; with what it says).
    """
    done = subprocess.run(command, cwd=at, capture_output=True, check=False)
    if done.returncode:
        raise CannotRelease(f"{' '.join(command)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _output(*command: str) -> str:
    return _run(*command).decode()


if __name__ == "__main__":
    sys.exit(main())
