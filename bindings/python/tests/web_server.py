"""The example's web application, served by another process."""

import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

# gunicorn, the standard library, uvicorn, hypercorn, Django.
ADDRESS = re.compile(r"(?:listening|running|server) (?:on|at:?) (http://[\w.:]+\d)", re.IGNORECASE)
EXAMPLES = Path(__file__).parents[1] / "examples"


@contextmanager
def serving(command, policy, ready=("", 0), **more):
    """The address at which a server listens that a command has begun, and the number of its process.

    It is ready when it has said where it listens, and one thing so many times.
    """
    environment = {**os.environ, "RATE_LIMIT": policy, **more}
    with subprocess.Popen(
        command, cwd=EXAMPLES, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as server:
        try:
            said = ""
            while not (address := ADDRESS.search(said)) or said.count(ready[0]) < ready[1]:
                line = server.stdout.readline()
                assert line, said
                said += line
            yield address[1], server.pid
        finally:
            server.terminate()
            server.stdout.read()
