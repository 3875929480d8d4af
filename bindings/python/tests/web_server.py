"""The example's web application, served by another process."""

import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"


@contextmanager
def serving(command, policy, **more):
    """The address at which a server listens that a command has begun, and the number of its process."""
    environment = {**os.environ, "RATE_LIMIT": policy, **more}
    with subprocess.Popen(
        command, cwd=EXAMPLES, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            said = ""
            while not (address := re.search(r"listening (?:on|at:) (http://\S+)", said, re.IGNORECASE)):
                line = server.stdout.readline()
                assert line, said
                said += line
            yield address[1], server.pid
        finally:
            server.terminate()
            server.stdout.read()
