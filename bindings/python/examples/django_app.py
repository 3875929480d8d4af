"""A Django application behind rate limits, in one file.

    python django_app.py runserver
    RATE_LIMIT_TABLE=/dev/shm/django_app.table gunicorn --workers 4 django_app:application

RATE_LIMIT is the policy of the limit on everything. With RATE_LIMIT_TABLE all worker processes share it. PROXIES says
how many proxies are in front.
"""

from __future__ import annotations

import logging
import os
import sys

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import execute_from_command_line
from django.http import HttpRequest, JsonResponse
from django.urls import path

from sluicegate.django import rate_limit
from sluicegate.middleware import Event, Limit, Route, keys, skip_successful

log = logging.getLogger("django_app")


def tell(event: Event) -> None:
    """Writes a line for each denial. A key's secret is not in it."""
    log.warning("%s: %s", event.kind, ", ".join(f"{verdict.name} of {verdict.key}" for verdict in event.verdicts))


everything = Limit(
    "everything", os.environ.get("RATE_LIMIT", "token-bucket 10/s burst=20"), path=os.environ.get("RATE_LIMIT_TABLE")
)
# Only failures count: whoever knows the password is never locked out.
login = Limit("login", "sliding-window 3/15m", refund_when=skip_successful)
plan = Limit("plan", "fixed-window 5/1h", key=keys.header("X-Api-Key", missing="deny"))

settings.configure(
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["sluicegate.django.RateLimitMiddleware"],
    SLUICEGATE={
        "limits": everything,
        "routes": [(Route(path="/login", method="POST"), login)],
        "proxies": int(os.environ.get("PROXIES", "0")),
        "exempt_path": "/health",
        "on_denial": tell,
    },
)
django.setup()


def hello(request: HttpRequest) -> JsonResponse:
    """Held to the limit on everything."""
    return JsonResponse({"message": "Hello."})


def health(request: HttpRequest) -> JsonResponse:
    """Held to none."""
    return JsonResponse({"status": "ok"})


def log_in(request: HttpRequest) -> JsonResponse:
    """Held to the limit on failed attempts as well, by the middleware's routes."""
    if request.GET.get("password") != "open sesame":
        return JsonResponse({"message": "That is not the password."}, status=401)
    return JsonResponse({"message": "Welcome."})


@rate_limit(plan)
def data(request: HttpRequest, name: str) -> JsonResponse:
    """Held to the plan of an API key as well."""
    return JsonResponse({"name": name})


urlpatterns = [
    path("", hello),
    path("health", health),
    path("login", log_in),
    path("data/<str:name>", data),
]

application = WSGIHandler()
asgi_application = ASGIHandler()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
