"""The `rollout` command in a terminal: a pseudo-terminal of a certain size."""

from __future__ import annotations

import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fcntl import ioctl
from threading import Timer

from tests.cli.command import COMMAND, ENVIRONMENT, ROOT

LONGEST_SECONDS = 120.0


@dataclass(frozen=True)
class Shown:
    """All that ever was written to the terminal, and how the command ended."""

    raw: str
    code: int

    @property
    def lines(self) -> list[str]:
        """Without the control sequences; a picture that was redrawn is there again and again."""
        return re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw))

    def last_picture(self, first_words: str) -> list[str]:
        """From the last line that begins with these words on."""
        lines = self.lines
        last = max(index for index, line in enumerate(lines) if line.startswith(first_words))
        return [line.rstrip() for line in lines[last:]]


def shown_in_a_terminal(
    *arguments: str,
    columns: int,
    rows: int = 24,
    environment: Mapping[str, str] | None = None,
    when: tuple[str, Callable[[], object]] | None = None,
) -> Shown:
    """The command until it ends. `when` these words first appear, that is done. After two minutes it is killed."""
    outer, inner = pty.openpty()
    ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    chunks: list[bytes] = []
    with subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**ENVIRONMENT, "TERM": "xterm-256color", **(environment or {})},
        stdin=inner,
        stdout=inner,
        stderr=inner,
    ) as process:
        os.close(inner)
        too_long = Timer(LONGEST_SECONDS, process.kill)
        too_long.start()
        while True:
            try:
                chunk = os.read(outer, 65_536)
            except OSError:  # the other side has closed
                break
            if not chunk:
                break
            chunks.append(chunk)
            if when is not None and when[0] in b"".join(chunks).decode(errors="replace"):
                when[1]()
                when = None
        code = process.wait(timeout=60)
        too_long.cancel()
    os.close(outer)
    return Shown(b"".join(chunks).decode(), code)
