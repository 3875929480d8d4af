"""One request: what it has been charged, and what it is answered."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import AnyStr

from .. import http
from ._denial import Denial
from ._errors import MissingKey, NoAddress
from ._events import Answer, Event, Kind, Verdict, call, decide, log
from ._fields import Fields
from ._limit import Limit, Response
from ._request import Request
from ._route import Route
from ._rules import Rules

#: Where a request's state is in a scope and in an environ, for views and for middleware further in.
PLACE = "sluicegate.state"

_STATUSES = frozenset(HTTPStatus)
_NS_PER_S = 1_000_000_000
_NO_KEY = "The request does not say by whom it is sent, as requests to this address must."


class Ledger:
    """All that a request has been charged: by a middleware, by those inside of it, by its view."""

    __slots__ = ("dry", "enforced", "is_denied", "is_settled", "may_refund", "now_ns")

    def __init__(self) -> None:
        self.enforced: list[Verdict] = []
        self.dry: list[Verdict] = []
        self.is_denied = False
        self.is_settled = False
        #: Whether anything may have to be given back by the application's answer.
        self.may_refund = False
        #: A time that is no earlier than any of the decisions: what an answer says of the future counts from it.
        self.now_ns = 0

    def give_all_back(self) -> None:
        """Gives everything back: for a request that is denied after all."""
        self._give_back((*self.enforced, *self.dry))

    def settle(self, status: int, headers: Sequence[tuple[str, str]]) -> None:
        """Gives back what, by the head of the application's answer, does not count. Once for each request."""
        if self.is_settled or self.is_denied:
            return
        self.is_settled = True
        response = Response(status, headers)
        for verdict in (*self.enforced, *self.dry):
            refund_when = verdict.limit.refund_when
            if refund_when is not None and call("refund_when", refund_when, response):
                self._give_back((verdict,))

    def _give_back(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            self.now_ns = max(self.now_ns, verdict._give_back())


def _ledger(outer: State | None) -> Ledger:
    return Ledger() if outer is None else outer.ledger


class State:
    """What one middleware knows of one request."""

    __slots__ = ("_is_exempt", "_rules", "delay", "is_inner", "ledger", "request")

    request: Request
    delay: float
    """How many seconds the request is to be held before it is served, by what was charged last."""
    ledger: Ledger
    is_inner: bool
    """Whether there is a middleware further out, which completes the answer."""

    def __init__(self, rules: Rules, request: Request, outer: State | None) -> None:
        self._rules = rules
        self.request = request
        self.is_inner = outer is not None
        self.ledger = _ledger(outer)
        self._is_exempt = False
        self.delay = 0.0

    def enter(self) -> Denial | None:
        """Charges what the middleware's limits take; a denial if they do not allow the request."""
        rules = self._rules
        if rules.may_exempt and rules.exempts(self.request):
            self._is_exempt = True
            return None
        if rules.routes:
            return self.charge(*rules.limits_for(self.request))
        return self.charge(None, rules.limits)

    def charge(self, route: Route | None, limits: Sequence[Limit]) -> Denial | None:
        """Charges what more limits take, all of them or none; a denial if they do not allow the request.

        Then what was charged before is given back, for the request is not served.
        """
        self.delay = 0.0
        if self._is_exempt or not limits:
            return None
        try:
            enforced, dry, dry_allows = self._verdicts(limits)
        except MissingKey:
            return self._refuse("missing_key", self._rules.missing_status, "key_missing", _NO_KEY, route)
        except NoAddress as unknown:
            return self._refuse("no_address", 500, "client_unknown", str(unknown), route)
        if not enforced and not dry and dry_allows:
            return None  # no limit holds it
        ledger = self.ledger
        if enforced:
            allowed, now_ns = decide(enforced)
            ledger.now_ns = max(ledger.now_ns, now_ns)
            if not allowed:
                ledger.give_all_back()
                ledger.is_denied = True
                ledger.now_ns = now_ns
                ledger.enforced += enforced
                return self._deny(enforced, route)
            ledger.enforced += enforced
        if dry:
            allowed, _ = decide(dry)
            dry_allows = dry_allows and allowed
            if allowed:
                ledger.dry += dry
        if self._rules.delay:
            for verdict in enforced:
                self.delay = max(self.delay, verdict.decision.delay_ns / _NS_PER_S)
        if self._rules.has_hooks:
            kind: Kind = "allowed" if dry_allows else "would_deny"
            self._tell(Event(kind, [*enforced, *dry], route, self.request, None))
        return None

    def not_yet_charged(self, limits: Sequence[Limit]) -> Sequence[Limit]:
        """Those of the limits that have not been charged for this request already: one limit counts it once."""
        ledger = self.ledger
        charged = {id(verdict.limit) for verdict in (*ledger.enforced, *ledger.dry)}
        return [limit for limit in limits if id(limit) not in charged]

    def _verdicts(self, limits: Sequence[Limit]) -> tuple[list[Verdict], list[Verdict], bool]:
        """What the enforced limits are to decide, what those in dry run are, and whether all of these have keys."""
        request, rules = self.request, self._rules
        enforced: list[Verdict] = []
        dry: list[Verdict] = []
        dry_allows = True
        for limit in limits:
            is_dry = rules.dry_run or limit.dry_run
            try:
                key = limit.key_of(request)
            except (MissingKey, NoAddress):
                if not is_dry:
                    raise
                dry_allows = False
                continue
            if key is not None:
                (dry if is_dry else enforced).append(Verdict(limit, key, limit.cost_of(request), is_dry))
                if limit.refund_when is not None:
                    self.ledger.may_refund = True
        return enforced, dry, dry_allows

    def completed(
        self, status: int, inner: Iterable[tuple[AnyStr, AnyStr]], fields: Fields[AnyStr]
    ) -> Iterable[tuple[AnyStr, AnyStr]]:
        """The header fields of the application's answer, completed, once what does not count has been given back."""
        ledger = self.ledger
        if not (ledger.enforced or ledger.dry):
            return inner
        inner = list(inner)
        if ledger.may_refund:
            ledger.settle(status, fields.as_text(inner))
        if not ledger.enforced or not self._may_carry(status):
            return inner
        verdicts = [(verdict.limit.quota, verdict.decision, verdict.cost) for verdict in ledger.enforced]
        lines = http.header_lines(verdicts, ledger.now_ns, self._rules.settings)
        return fields.put(inner, lines, ledger.is_denied, self._rules.exposed)

    def _may_carry(self, status: int) -> bool:
        """Whether an answer of this status may have the header fields."""
        if status == 429 and not self.ledger.is_denied:
            return False  # who denies speaks: this is somebody else's denial
        return status >= 200 and (not 300 <= status < 400 or self._rules.headers_on_redirects)

    def _answer(self) -> http.Answer:
        ledger = self.ledger
        verdicts = [http.Verdict(verdict.limit.quota, verdict.decision, verdict.cost) for verdict in ledger.enforced]
        return http.Answer(verdicts, now_ns=ledger.now_ns, settings=self._rules.settings)

    def _deny(self, verdicts: Sequence[Verdict], route: Route | None) -> Denial:
        """The denial by limits, ready to be sent."""
        answer = self._answer()
        body = answer.body(self._format())
        assert body is not None
        headers = [("Content-Type", body.content_type), *answer.headers, *self._rules.exposed]
        event = Event("denied", verdicts, route, self.request, Answer(answer.status, answer.retry_after))
        self._tell(event)
        return self._mapped(event, Denial(answer.status, headers, body.content))

    def _refuse(self, kind: Kind, status: int, code: str, message: str, route: Route | None) -> Denial:
        """The denial of a request that cannot be counted, ready to be sent. The texts are ours."""
        self.ledger.give_all_back()
        self.ledger.is_denied = True
        event = Event(kind, (), route, self.request, Answer(status, None))
        self._tell(event)
        content_type, text = _refusal(self._format(), status, code, message)
        headers = [("Content-Type", content_type), ("Cache-Control", "no-store")]
        return self._mapped(event, Denial(status, headers, text.encode()))

    def _format(self) -> http.BodyFormat:
        """The format of a denial's body."""
        offered = self._rules.offered
        return offered[0] if len(offered) == 1 else http.body_format(self.request.header("accept"), offered)

    def _tell(self, event: Event) -> None:
        rules = self._rules
        if rules.on_decision is not None:
            call("on_decision", rules.on_decision, event)
        if rules.on_denial is not None and event.kind != "allowed":
            call("on_denial", rules.on_denial, event)

    def _mapped(self, event: Event, denial: Denial) -> Denial:
        """What the middleware was told to make of a denial; itself where that fails."""
        map_denial = self._rules.map_denial
        if map_denial is None:
            return denial
        given = Denial(denial.status, list(denial.headers), denial.body)
        try:
            mapped = map_denial(event, given)
            if mapped is not None and not isinstance(mapped, Denial):
                raise TypeError(f"it must return a Denial or None, not {mapped!r}")
        except Exception:
            log.exception("map_denial has failed")
            return denial
        return given if mapped is None else mapped


def _refusal(body_format: http.BodyFormat, status: int, code: str, message: str) -> tuple[str, str]:
    """The content type and the text of a denial that no limit's numbers belong to."""
    title = HTTPStatus(status).phrase if status in _STATUSES else "Refused"
    shape: dict[str, object]
    if body_format == "json":
        shape = {"status": status, "error": title, "message": message, "code": code}
    elif body_format == "json-reset-at":
        shape = {"error": title, "message": message}
    elif body_format == "problem":
        shape = {"type": "about:blank", "title": title, "status": status, "detail": message}
    else:
        return "text/plain; charset=utf-8", f"{status} {title}\n{message}\n"
    content_type = "application/problem+json" if body_format == "problem" else "application/json"
    return content_type, json.dumps(shape, separators=(",", ":"))
