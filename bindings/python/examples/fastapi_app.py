"""A FastAPI application behind rate limits.

    uvicorn fastapi_app:app
    RATE_LIMIT_TABLE=/dev/shm/fastapi_app.table uvicorn --workers 4 fastapi_app:app

RATE_LIMIT is the policy of the limit on everything. With RATE_LIMIT_TABLE all worker processes share it. PROXIES says
how many proxies are in front.
"""

from __future__ import annotations

import logging
import os

from fastapi import Depends, FastAPI, HTTPException

from sluicegate.asgi import RateLimitMiddleware
from sluicegate.fastapi import RateLimit, rate_limit
from sluicegate.middleware import Event, Limit, Route, keys, skip_successful

log = logging.getLogger("fastapi_app")

everything = Limit(
    "everything", os.environ.get("RATE_LIMIT", "token-bucket 10/s burst=20"), path=os.environ.get("RATE_LIMIT_TABLE")
)
# Only failures count: whoever knows the password is never locked out.
login = Limit("login", "sliding-window 3/15m", refund_when=skip_successful)
plan = Limit("plan", "fixed-window 5/1h", key=keys.header("X-Api-Key", missing="deny"))


def tell(event: Event) -> None:
    """Writes a line for each denial. A key's secret is not in it."""
    log.warning("%s: %s", event.kind, ", ".join(f"{verdict.name} of {verdict.key}" for verdict in event.verdicts))


app = FastAPI()
app.add_middleware(
    RateLimitMiddleware,
    limits=everything,
    routes=[(Route(path="/login", method="POST"), login)],
    proxies=int(os.environ.get("PROXIES", "0")),
    exempt_path="/health",
    on_denial=tell,
)


@app.get("/")
async def hello() -> dict[str, str]:
    """Held to the limit on everything."""
    return {"message": "Hello."}


@app.get("/health")
async def health() -> dict[str, str]:
    """Held to none."""
    return {"status": "ok"}


@app.post("/login")
async def log_in(password: str) -> dict[str, str]:
    """Held to the limit on failed attempts as well, by the middleware's routes."""
    if password != "open sesame":
        raise HTTPException(401, "That is not the password.")
    return {"message": "Welcome."}


@app.get("/data/{name}", dependencies=[Depends(RateLimit(plan))])
async def data(name: str) -> dict[str, str]:
    """Held to the plan of an API key as well, by a dependency."""
    return {"name": name}


@app.get("/report")
@rate_limit("leaky-bucket 5/s burst=3")
async def report() -> dict[str, str]:
    """Held to five a second by a decorator: of those that come at once, some wait for their turn."""
    return {"message": "Here you are."}
