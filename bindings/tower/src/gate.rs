//! Everything that a layer was told, and the decision on one request.

use crate::denial::{DenialRules, Grounds};
use crate::event::{Check, Event, Hook, Outcome};
use crate::head::{Finders, RequestHead};
use crate::headers::HeaderRules;
use crate::key::NoKey;
use crate::limit::{Limit, ResponseHead};
use crate::route::{Condition, Route};
use crate::verdicts::{FEW, Verdicts};
use bytes::Bytes;
use http::Response;
use http::request::Parts;
use sluicegate::http::Families;
use sluicegate::identity::Key;
use sluicegate::{Charge, Clock, Decision, check_all_at};
use smallvec::SmallVec;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

/// Everything that a layer was told: made once, shared by all its services.
pub(crate) struct Gate<C> {
    pub(crate) finders: Finders,
    pub(crate) exempt: Vec<Condition>,
    /// All limits: first those of every request, then those of the routes.
    pub(crate) limits: Vec<Limit<C>>,
    pub(crate) general: usize,
    pub(crate) routes: Vec<(Route, Range<usize>)>,
    pub(crate) headers: HeaderRules,
    pub(crate) denials: DenialRules,
    pub(crate) delays: bool,
    pub(crate) on_decision: Option<Arc<Hook>>,
    pub(crate) on_denial: Option<Arc<Hook>>,
}

/// One limit that a request is held to.
struct Asked {
    /// Which of the gate's.
    limit: usize,
    key: Key,
    cost: u64,
    /// A time at which it was not yet charged.
    at: u64,
    decision: Decision,
}

/// What is decided on a request.
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation for each request")]
pub(crate) enum Decided<C> {
    /// No limit holds it.
    Unlimited,
    /// It is to be served after some time.
    Admitted(Admitted<C>, Duration),
    Denied(Response<Bytes>),
}

/// A request that is served: what it has been charged, for when its response comes.
pub(crate) struct Admitted<C> {
    gate: Arc<Gate<C>>,
    /// Those that are enforced, and then those in a dry run, if they were charged.
    asked: SmallVec<[Asked; FEW]>,
    enforced: usize,
    now_unix_ns: u64,
}

impl<C: Clock> Gate<C> {
    pub(crate) fn decide(self: &Arc<Self>, parts: &Parts) -> Decided<C> {
        let request = RequestHead::new(parts, &self.finders);
        if self.exempt.iter().any(|condition| condition(&request)) {
            return Decided::Unlimited;
        }
        let mut asked = SmallVec::new();
        if let Err(no_key) = self.ask_enforced(&request, &mut asked) {
            return Decided::Denied(self.deny_without_key(&request, no_key));
        }
        let enforced = asked.len();
        let has_dry_keys = self.ask_dry(&request, &mut asked);
        if asked.is_empty() && has_dry_keys {
            return Decided::Unlimited;
        }
        let (allowed, now) = self.charge(&mut asked[..enforced]);
        // What is denied is not served, so a dry run can tell nothing of it.
        let (dry_allowed, dry_now) = if allowed { self.charge(&mut asked[enforced..]) } else { (false, now) };
        let (now, checked) = (now.max(dry_now), if allowed { asked.len() } else { enforced });
        let delay = if allowed { self.delay_of(&asked[..enforced]) } else { Duration::ZERO };
        let outcome = match (allowed, dry_allowed && has_dry_keys) {
            (false, _) => Outcome::Denied,
            (true, false) => Outcome::WouldBeDenied,
            (true, true) => Outcome::Allowed,
        };
        if let Some(response) = self.tell(&request, outcome, (&asked[..checked], enforced), now, delay) {
            return Decided::Denied(response);
        }
        if !dry_allowed {
            asked.truncate(enforced);
        }
        Decided::Admitted(Admitted { gate: Arc::clone(self), asked, enforced, now_unix_ns: now }, delay)
    }

    /// The limits that hold a request, in order.
    fn limits_for(&self, request: &RequestHead<'_>) -> impl Iterator<Item = usize> {
        let route = self.routes.iter().find(|(route, _)| route.matches(request));
        (0..self.general).chain(route.map_or(0..0, |(_, limits)| limits.clone()))
    }

    fn ask_enforced(&self, request: &RequestHead<'_>, asked: &mut SmallVec<[Asked; FEW]>) -> Result<(), NoKey> {
        for limit in self.limits_for(request).filter(|limit| !self.limits[*limit].dry_run) {
            match self.ask(request, limit) {
                Ok(one) => asked.push(one),
                Err(NoKey::Skip) => {}
                Err(no_key) => return Err(no_key),
            }
        }
        Ok(())
    }

    /// `false` if a limit in a dry run would deny the request for want of a key.
    fn ask_dry(&self, request: &RequestHead<'_>, asked: &mut SmallVec<[Asked; FEW]>) -> bool {
        if !self.limits.iter().any(|limit| limit.dry_run) {
            return true;
        }
        let mut has_all = true;
        for limit in self.limits_for(request).filter(|limit| self.limits[*limit].dry_run) {
            match self.ask(request, limit) {
                Ok(one) => asked.push(one),
                Err(NoKey::Skip) => {}
                Err(NoKey::Deny | NoKey::NoAddress) => has_all = false,
            }
        }
        has_all
    }

    fn ask(&self, request: &RequestHead<'_>, limit: usize) -> Result<Asked, NoKey> {
        let Limit { key, cost, .. } = &self.limits[limit];
        let key = key.of(request)?;
        Ok(Asked { limit, key, cost: cost.of(request), at: 0, decision: Decision::default() })
    }

    /// Charges all or none at one time: the latest that a limiter's clock shows, so that what the answer says of times is
    /// true of each. Answers whether all allow it, and the time.
    fn charge(&self, asked: &mut [Asked]) -> (bool, u64) {
        let limiter = |asked: &Asked| &*self.limits[asked.limit].limiter;
        let now = asked.iter().map(|one| limiter(one).now()).max().unwrap_or(0);
        for one in &mut *asked {
            one.at = now;
        }
        if let [one] = asked {
            one.decision = limiter(one).check_at(&one.key, one.cost, now);
            return (one.decision.allowed(), now);
        }
        let charges: SmallVec<[Charge<'_, C>; FEW]> =
            asked.iter().map(|one| Charge::new(limiter(one), &one.key).cost(one.cost)).collect();
        let mut decisions: SmallVec<[Decision; FEW]> = SmallVec::from_elem(Decision::default(), charges.len());
        let allowed = check_all_at(&charges, &mut decisions, now);
        drop(charges);
        for (one, decision) in asked.iter_mut().zip(decisions) {
            one.decision = decision;
        }
        (allowed, now)
    }

    fn delay_of(&self, asked: &[Asked]) -> Duration {
        let longest = asked.iter().map(|one| one.decision.delay()).max();
        longest.filter(|_| self.delays).unwrap_or_default()
    }

    fn verdicts(&self, asked: &[Asked], now_unix_ns: u64) -> Verdicts {
        let mut verdicts = Verdicts::new(now_unix_ns);
        for one in asked {
            verdicts.push(&self.limits[one.limit].quota, one.decision, one.cost);
        }
        verdicts
    }

    /// Tells the hooks of a decision, and answers what a denied client is told.
    fn tell(
        &self,
        request: &RequestHead<'_>,
        outcome: Outcome,
        (asked, enforced): (&[Asked], usize),
        now_unix_ns: u64,
        delay: Duration,
    ) -> Option<Response<Bytes>> {
        let is_denied = outcome == Outcome::Denied;
        if !is_denied && self.on_decision.is_none() && (outcome == Outcome::Allowed || self.on_denial.is_none()) {
            return None;
        }
        let checks: SmallVec<[Check<'_>; FEW]> = asked.iter().map(|one| self.check_of(one)).collect();
        let verdicts = self.verdicts(&asked[..enforced], now_unix_ns);
        verdicts.answer(&self.headers.settings, |answer| {
            let answer = (enforced > 0).then_some(answer);
            let event = Event { outcome, request, checks: &checks, answer, delay };
            self.call_hooks(&event);
            let answer = answer.filter(|_| is_denied)?;
            let mut response = self.denials.response(&event, Grounds::Limits(answer, &self.headers));
            if self.headers.settings.families() != Families::NONE {
                response.extensions_mut().insert(verdicts.clone());
            }
            Some(response)
        })
    }

    fn check_of<'a>(&'a self, asked: &'a Asked) -> Check<'a> {
        let Limit { quota, dry_run, .. } = &self.limits[asked.limit];
        Check { quota, key: &asked.key, cost: asked.cost, decision: asked.decision, dry_run: *dry_run }
    }

    fn deny_without_key(&self, request: &RequestHead<'_>, no_key: NoKey) -> Response<Bytes> {
        let (outcome, grounds) = match no_key {
            NoKey::NoAddress => (Outcome::NoAddress, Grounds::NoAddress),
            NoKey::Deny | NoKey::Skip => (Outcome::NoKey, Grounds::NoKey),
        };
        let event = Event { outcome, request, checks: &[], answer: None, delay: Duration::ZERO };
        self.call_hooks(&event);
        self.denials.response(&event, grounds)
    }

    fn call_hooks(&self, event: &Event<'_>) {
        let denial = self.on_denial.iter().filter(|_| event.outcome != Outcome::Allowed);
        for hook in self.on_decision.iter().chain(denial) {
            hook(event);
        }
    }
}

impl<C: Clock> Admitted<C> {
    /// Gives back what the response says does not count, and puts header fields on it.
    pub(crate) fn answered<B>(mut self, response: &mut Response<B>) {
        let gate = Arc::clone(&self.gate);
        for one in &mut self.asked {
            let Limit { limiter, refund, .. } = &gate.limits[one.limit];
            let head = ResponseHead {
                status: response.status(),
                headers: response.headers(),
                extensions: response.extensions(),
            };
            if refund.as_ref().is_some_and(|refund| refund(&head)) {
                one.decision = limiter.refund_charge(&one.key, one.cost, &one.decision, one.at);
            }
        }
        if self.enforced > 0 {
            gate.headers.put(gate.verdicts(&self.asked[..self.enforced], self.now_unix_ns), response);
        }
    }
}

impl<C> fmt::Debug for Gate<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("limits", &self.limits)
            .field("general", &self.general)
            .field("routes", &self.routes)
            .field("finders", &self.finders)
            .field("headers", &self.headers)
            .field("denials", &self.denials)
            .field("delays", &self.delays)
            .finish_non_exhaustive()
    }
}
