"""A Flask application behind rate limits.

    gunicorn --threads 8 flask_app:app
    RATE_LIMIT_TABLE=/dev/shm/flask_app.table gunicorn --workers 4 flask_app:app

RATE_LIMIT is the policy of the limit on everything. With RATE_LIMIT_TABLE all worker processes share it. PROXIES says
how many proxies are in front.
"""

from __future__ import annotations

import os

from flask import Flask, abort, request

from sluicegate.flask import RateLimit, rate_limit
from sluicegate.middleware import Event, Limit, Route, keys, skip_successful

app = Flask(__name__)

everything = Limit(
    "everything", os.environ.get("RATE_LIMIT", "token-bucket 10/s burst=20"), path=os.environ.get("RATE_LIMIT_TABLE")
)
# Only failures count: whoever knows the password is never locked out.
login = Limit("login", "sliding-window 3/15m", refund_when=skip_successful)
plan = Limit("plan", "fixed-window 5/1h", key=keys.header("X-Api-Key", missing="deny"))


def tell(event: Event) -> None:
    """Writes a line for each denial. A key's secret is not in it."""
    app.logger.warning(
        "%s: %s", event.kind, ", ".join(f"{verdict.name} of {verdict.key}" for verdict in event.verdicts)
    )


RateLimit(
    app,
    everything,
    routes=[(Route(path="/login", method="POST"), login)],
    proxies=int(os.environ.get("PROXIES", "0")),
    exempt_path="/health",
    on_denial=tell,
)


@app.get("/")
def hello() -> dict[str, str]:
    """Held to the limit on everything."""
    return {"message": "Hello."}


@app.get("/health")
def health() -> dict[str, str]:
    """Held to none."""
    return {"status": "ok"}


@app.post("/login")
def log_in() -> dict[str, str]:
    """Held to the limit on failed attempts as well, by the middleware's routes."""
    if request.args.get("password") != "open sesame":
        abort(401)
    return {"message": "Welcome."}


@app.get("/data/<name>")
@rate_limit(plan)
def data(name: str) -> dict[str, str]:
    """Held to the plan of an API key as well."""
    return {"name": name}
