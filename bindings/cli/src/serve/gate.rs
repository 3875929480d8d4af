//! The gate: which limits a request is held to, and what they say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sluicegate::http::{Answer, Verdict};
use sluicegate::identity::{Identity, Key};
use sluicegate::{Charge, Decision, MonotonicClock, check_all, check_all_at};

use super::asked::Asked;
use super::config::{Config, Route};
use super::key::{Keyed, Refusal};
use super::limit::Limit;
use crate::error::Failure;

/// All routes and limits at work.
#[derive(Debug)]
pub struct Gate {
    /// How clients are told apart.
    pub identity: Identity,
    /// Whether anything depends on a request's path.
    pub needs_path: bool,
    /// Whether anything depends on a request's method.
    pub needs_method: bool,
    limits: Vec<Limit>,
    routes: Vec<(Route, Arc<Outcomes>)>,
    /// What became of requests that no route is for.
    pub elsewhere: Arc<Outcomes>,
    /// One for all limiters of our own, so that one time is that of all.
    clock: MonotonicClock,
}

/// How often what became of requests.
#[derive(Debug, Default)]
pub struct Outcomes([AtomicU64; Outcome::ALL.len()]);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// All limits allowed it.
    Allowed,
    /// A limit denied it.
    Denied,
    /// It lacks what its key is made of.
    Refused,
    /// No limit applies.
    Unlimited,
}

/// What is said of a request.
#[derive(Debug)]
pub enum Ruling<'g> {
    /// No limit applies.
    Unlimited,
    /// It lacks what its key is made of.
    Refused(Refusal),
    /// Limits have decided.
    Judged(Judgement<'g>),
}

/// What limits have decided on a request.
#[derive(Debug)]
pub struct Judgement<'g> {
    /// The route that named the limits.
    pub route: &'g Route,
    asking: Vec<Asking<'g>>,
    verdicts: Vec<Verdict<'g>>,
    now_unix_ns: u64,
}

/// What is asked of one limit.
#[derive(Debug)]
pub struct Asking<'g> {
    /// The limit.
    pub limit: &'g Limit,
    /// Who asks.
    pub key: Key,
    cost: u64,
}

impl Gate {
    /// A gate by what it is to be; what of an old one stays the same keeps what it knows.
    pub fn open(config: Config, old: Option<&Self>) -> Result<Self, Failure> {
        // First a look at all: a wrong one is to be found before any table is replaced.
        config.look_at_tables()?;
        let (needs_path, needs_method) = (config.needs_path(), config.needs_method());
        let clock = old.map_or_else(MonotonicClock::new, |old| old.clock);
        let known = old.map_or(&[][..], |old| &old.limits);
        let limits = config.limits.into_iter().map(|spec| Limit::open(spec, known, clock));
        let limits = limits.collect::<Result<_, _>>()?;
        let outcomes = |name: &str| {
            let known = old.and_then(|old| old.routes.iter().find(|(route, _)| route.name == name));
            known.map(|(_, outcomes)| outcomes.clone()).unwrap_or_default()
        };
        let routes = config.routes.into_iter().map(|route| {
            let outcomes = outcomes(&route.name);
            (route, outcomes)
        });
        let elsewhere = old.map(|old| old.elsewhere.clone()).unwrap_or_default();
        Ok(Self {
            identity: config.identity,
            needs_path,
            needs_method,
            limits,
            routes: routes.collect(),
            elsewhere,
            clock,
        })
    }

    /// The limits.
    pub fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// The routes, each with what became of its requests.
    pub fn routes(&self) -> impl Iterator<Item = (&Route, &Outcomes)> {
        self.routes.iter().map(|(route, outcomes)| (route, outcomes.as_ref()))
    }

    /// Whether the address of clients decides about anything.
    pub fn needs_address(&self) -> bool {
        self.limits.iter().any(|limit| limit.spec.key.needs_address(limit.spec.missing))
    }

    /// Decides on a request, and counts what becomes of it.
    pub fn judge(&self, asked: &Asked<'_>) -> Ruling<'_> {
        let Some((route, outcomes)) =
            self.routes.iter().find(|(route, _)| route.matches(asked.method, &asked.path))
        else {
            self.elsewhere.add(Outcome::Unlimited);
            return Ruling::Unlimited;
        };
        let ruling = self.judge_on(route, asked);
        outcomes.add(ruling.outcome());
        ruling
    }

    fn judge_on<'g>(&'g self, route: &'g Route, asked: &Asked<'_>) -> Ruling<'g> {
        if route.exempt.contains(asked.client.address()) {
            return Ruling::Unlimited;
        }
        let mut asking = Vec::with_capacity(route.charges.len());
        for charged in &route.charges {
            let limit = &self.limits[charged.limit];
            match limit.spec.key.of(asked, limit.spec.missing) {
                Keyed::By(key) => asking.push(Asking { limit, key, cost: charged.cost }),
                Keyed::Skipped => limit.counts.add_skipped(),
                Keyed::Refused(refusal) => return Ruling::Refused(refusal),
            }
        }
        match asking.is_empty() {
            true => Ruling::Unlimited,
            false => Ruling::Judged(judgement(route, asking)),
        }
    }
}

/// Charges all limits, or none.
fn judgement<'g>(route: &'g Route, asking: Vec<Asking<'g>>) -> Judgement<'g> {
    let mut decisions = vec![Decision::default(); asking.len()];
    let (admitted, now_unix_ns) = charge(&asking, &mut decisions);
    let verdict = |(asking, decision): (&Asking<'g>, Decision)| {
        asking.limit.counts.add(&decision, admitted);
        Verdict::new(&asking.limit.spec.quota, decision).cost(asking.cost)
    };
    let verdicts = asking.iter().zip(decisions).map(verdict).collect();
    Judgement { route, asking, verdicts, now_unix_ns }
}

/// Whether all limits allow, and the time of that.
///
/// Limiters of our own have one clock, and one limiter has its own: then the time is that of the decisions. Shared tables
/// bring their clocks with them, so of several the time is read afterwards: what is told of the future is a moment late at
/// the most, and never early.
fn charge(asking: &[Asking<'_>], decisions: &mut [Decision]) -> (bool, u64) {
    let charges: Vec<Charge<'_>> =
        asking.iter().map(|asking| Charge::new(&*asking.limit.limiter, &asking.key).cost(asking.cost)).collect();
    match asking {
        [one, others @ ..] if others.is_empty() || asking.iter().all(|asking| asking.limit.is_private()) => {
            let now = one.limit.limiter.now();
            (check_all_at(&charges, decisions, now), now)
        }
        _ => {
            let admitted = check_all(&charges, decisions);
            let now = charges.iter().map(|charge| charge.limiter.now()).max();
            (admitted, now.unwrap_or_default())
        }
    }
}

impl Ruling<'_> {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Unlimited => Outcome::Unlimited,
            Self::Refused(_) => Outcome::Refused,
            Self::Judged(judgement) if judgement.answer().allowed() => Outcome::Allowed,
            Self::Judged(_) => Outcome::Denied,
        }
    }
}

impl<'g> Judgement<'g> {
    /// What is answered to it.
    pub fn answer(&self) -> Answer<'_> {
        Answer::new(&self.route.answers.settings, &self.verdicts, self.now_unix_ns)
    }

    /// What is denied, with what is said of it.
    pub fn violated(&self) -> impl Iterator<Item = (&Asking<'g>, &Verdict<'g>)> {
        self.asking.iter().zip(&self.verdicts).filter(|(_, verdict)| verdict.is_violated())
    }
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Allowed, Self::Denied, Self::Refused, Self::Unlimited];

    /// What counters call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Refused => "refused",
            Self::Unlimited => "unlimited",
        }
    }
}

impl Outcomes {
    /// Counts one more.
    fn add(&self, outcome: Outcome) {
        // Relaxed, here and below: counts order nothing.
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize].load(Ordering::Relaxed)
    }
}
