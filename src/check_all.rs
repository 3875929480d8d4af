//! One request held to several limits: charged to all of them, or to none.

use crate::clock::{Clock, MonotonicClock};
use crate::decision::Decision;
use crate::limiter::Limiter;
use crate::refund_charge::is_whole;

/// What one limit is asked for: permits of a limiter for a key.
#[derive(Debug)]
pub struct Charge<'a, C = MonotonicClock> {
    /// Who decides.
    pub limiter: &'a Limiter<C>,
    /// Who asks.
    pub key: &'a [u8],
    /// How many permits the request takes.
    pub cost: u64,
}

impl<'a, C> Charge<'a, C> {
    /// A charge of one permit.
    #[must_use]
    pub fn new(limiter: &'a Limiter<C>, key: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self { limiter, key: key.as_ref(), cost: 1 }
    }

    /// The same charge with another cost.
    #[must_use]
    pub fn cost(self, cost: u64) -> Self {
        Self { cost, ..self }
    }
}

impl<C> Clone for Charge<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Charge<'_, C> {}

/// Decides on one request that several limits hold (one a second and one a day, one for the address and one for the
/// user), at the time of each limiter's clock. `true` if all allow it, and only then has it consumed anything.
///
/// `decisions` receives the answer of each limit, in order. Where one denies, nothing was consumed, and those of the others
/// that would have allowed it say how they stand: allowed, and what is left without this request.
///
/// All are asked first and charged after, so a denial writes nothing, as with one limit. If another request takes
/// the last permit of one limit between the two, what was already charged to the others is given back at once; until
/// then it counts, so that a third request may be denied that would have been allowed a moment later. Never is one
/// too many admitted. For more than 8 limits it allocates.
///
/// ```
/// use sluicegate::{Charge, Decision, Limiter, check_all};
///
/// let by_second = Limiter::new("token-bucket 10/s", 1000)?;
/// let by_day = Limiter::new("fixed-window 3/day", 1000)?;
/// let charges = [Charge::new(&by_second, "ann"), Charge::new(&by_day, "ann")];
/// let mut decisions = [Decision::default(); 2];
/// for _ in 0..3 {
///     assert!(check_all(&charges, &mut decisions));
/// }
/// let left = by_second.peek("ann").remaining();
/// assert!(!check_all(&charges, &mut decisions));
/// assert!(decisions[0].allowed() && !decisions[1].allowed());
/// assert!(by_second.peek("ann").remaining() >= left);
/// # Ok::<(), sluicegate::Error>(())
/// ```
///
/// # Panics
/// If `decisions` is not as long as `charges`.
pub fn check_all<C: Clock>(charges: &[Charge<'_, C>], decisions: &mut [Decision]) -> bool {
    check_slice(charges, decisions, |charge| charge.limiter.now())
}

/// [`check_all`] at `now_unix_ns`.
///
/// # Panics
/// If `decisions` is not as long as `charges`.
pub fn check_all_at<C>(charges: &[Charge<'_, C>], decisions: &mut [Decision], now_unix_ns: u64) -> bool {
    check_slice(charges, decisions, |_| now_unix_ns)
}

fn check_slice<C>(
    charges: &[Charge<'_, C>],
    decisions: &mut [Decision],
    now: impl Fn(&Charge<'_, C>) -> u64,
) -> bool {
    assert_eq!(charges.len(), decisions.len(), "check_all needs one decision for each charge");
    check_in_turn(charges.len(), |n| charges[n], |n, decision, _| decisions[n] = decision, now)
}

/// Something that can be charged to a limit.
pub(crate) trait Chargeable {
    /// What the limit would answer at `now`.
    fn ask(&self, now: u64) -> Decision;
    /// How the limit stands at `now`, as an answer to who asks for nothing.
    fn look(&self, now: u64) -> Decision;
    /// Charges it, if the limit allows it.
    fn charge(&self, now: u64) -> Decision;
    /// Takes a charge back that was made at `charged_at`, unless it may have lapsed meanwhile: then it is others' that would
    /// be given.
    fn take_back(&self, charge: &Decision, charged_at: u64, now: u64);
}

impl<C> Chargeable for Charge<'_, C> {
    #[inline(always)]
    fn ask(&self, now: u64) -> Decision {
        self.limiter.peek_at(self.key, self.cost, now)
    }

    fn look(&self, now: u64) -> Decision {
        self.limiter.peek_at(self.key, 0, now)
    }

    #[inline(always)]
    fn charge(&self, now: u64) -> Decision {
        self.limiter.check_at(self.key, self.cost, now)
    }

    #[inline(always)]
    fn take_back(&self, charge: &Decision, charged_at: u64, now: u64) {
        if is_whole(self.limiter.policy(), charge, charged_at, now) {
            self.limiter.refund_at(self.key, self.cost, now);
        }
    }
}

/// Decides on `count` charges, wherever they and their answers are kept, each of which comes with its time. An answer may
/// be given twice: the later counts.
#[inline]
pub(crate) fn check_in_turn<T: Chargeable>(
    count: usize,
    charge: impl Fn(usize) -> T,
    mut answer: impl FnMut(usize, Decision, u64),
    now: impl Fn(&T) -> u64,
) -> bool {
    // One limit decides by itself. Of several all are asked first, also after a denial: each has an answer to give.
    if count == 1 {
        let (decision, time) = at_its_time(&charge(0), &now, T::charge);
        answer(0, decision, time);
        return decision.allowed();
    }
    let mut first_denial = None;
    for n in 0..count {
        let charge = charge(n);
        let (mut decision, time) = at_its_time(&charge, &now, T::ask);
        match first_denial {
            None if !decision.allowed() => first_denial = Some(n),
            Some(_) if decision.allowed() => decision = charge.look(time),
            _ => {}
        }
        answer(n, decision, time);
    }
    match first_denial {
        None => charge_all(count, &charge, &mut answer, &now),
        Some(first) => {
            look_at_all(0..first, &charge, &mut answer, &now);
            false
        }
    }
}

/// Up to how many charges of one request are made without allocating.
const FEW: usize = 8;

/// Charges all limits, or none: if one denies after all, what was charged before it is taken back.
fn charge_all<T: Chargeable>(
    count: usize,
    charge: &impl Fn(usize) -> T,
    answer: &mut impl FnMut(usize, Decision, u64),
    now: &impl Fn(&T) -> u64,
) -> bool {
    let mut few = [(Decision::default(), 0); FEW];
    let mut many = vec![(Decision::default(), 0); if count > FEW { count } else { 0 }];
    let made = if count > FEW { &mut many[..] } else { &mut few[..count] };
    for n in 0..count {
        made[n] = at_its_time(&charge(n), now, T::charge);
        let (decision, time) = made[n];
        answer(n, decision, time);
        if !decision.allowed() {
            take_back_all(&made[..n], charge, now);
            look_at_all((0..n).chain(n + 1..count), charge, answer, now);
            return false;
        }
    }
    true
}

/// Takes back what has been charged.
fn take_back_all<T: Chargeable>(made: &[(Decision, u64)], charge: &impl Fn(usize) -> T, now: &impl Fn(&T) -> u64) {
    for (n, (decision, charged_at)) in made.iter().enumerate() {
        let charge = charge(n);
        charge.take_back(decision, *charged_at, now(&charge));
    }
}

/// Answers how limits stand that have allowed a request which another one has denied.
fn look_at_all<T: Chargeable>(
    limits: impl Iterator<Item = usize>,
    charge: &impl Fn(usize) -> T,
    answer: &mut impl FnMut(usize, Decision, u64),
    now: &impl Fn(&T) -> u64,
) {
    for n in limits {
        let (decision, time) = at_its_time(&charge(n), now, T::look);
        answer(n, decision, time);
    }
}

/// What a limit says at the time of its clock, and that time.
#[inline(always)]
fn at_its_time<T>(charge: &T, now: impl Fn(&T) -> u64, decide: impl Fn(&T, u64) -> Decision) -> (Decision, u64) {
    let time = now(charge);
    (decide(charge, time), time)
}
