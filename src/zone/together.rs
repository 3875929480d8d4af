//! Several limits for one request: all of them are charged, or none.

use super::Zone;
use crate::clock::Clock;
use crate::decision::Decision;

/// One of the limits that a request is held to.
#[derive(Debug)]
pub struct Demand<'a, C> {
    /// The limit.
    pub zone: &'a Zone<C>,
    /// Who asks, as that limit knows it.
    pub key: &'a [u8],
    /// How many permits the request takes of it.
    pub cost: u64,
}

impl<C> Clone for Demand<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Demand<'_, C> {}

/// What one of the limits of a request says of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Answer {
    /// Whether it admits the request, and the rest.
    pub decision: Decision,
    /// The time of the decision, in nanoseconds since the Unix epoch.
    pub now_unix_ns: u64,
}

/// Decides on a request that several limits must admit: charges all of them, or none. Whether it is admitted.
///
/// Of a denied request, the limits that would have admitted it answer as a cost of 0 is answered: what is left, with
/// nothing consumed. It is admitted after the largest `retry_after` of the others.
///
/// All are asked first and charged then. If others have used one up in between, the charges of those before it are taken
/// back; a request that meets a limit in just that moment may be denied for a permit that is on its way back. Charges go in
/// the order of `demands`: let it be the same wherever two limits are demanded together, or two requests may deny
/// each other.
///
/// ```
/// use sluicegate::{Answer, Demand, OnFull, Policy, Zone, check_all};
///
/// # #[cfg(target_os = "linux")] {
/// # let map = |bytes| unsafe {
/// #     let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
/// #     libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0).cast::<u8>()
/// # };
/// # let bytes = Zone::bytes_for(100)?;
/// let zone = |policy: &str| -> Result<Zone, sluicegate::Error> {
///     // SAFETY: the memory stays mapped, and nothing but the zone touches it.
///     unsafe { Zone::attach(map(bytes), bytes, policy.parse()?, OnFull::Evict) }
/// };
/// let (by_user, by_address) = (zone("fixed-window 2/365d")?, zone("fixed-window 1/365d")?);
/// let demands = [
///     Demand { zone: &by_user, key: b"ann", cost: 1 },
///     Demand { zone: &by_address, key: b"203.0.113.10", cost: 1 },
/// ];
/// let mut answers = [Answer::default(); 2];
/// assert!(check_all(&demands, &mut answers));
/// assert!(!check_all(&demands, &mut answers));
/// assert_eq!((answers[0].decision.allowed(), answers[0].decision.remaining()), (true, 1));
/// assert!(!answers[1].decision.allowed());
/// # }
/// # Ok::<(), sluicegate::Error>(())
/// ```
///
/// # Panics
/// If `answers` is not as long as `demands`.
pub fn check_all<C: Clock>(demands: &[Demand<'_, C>], answers: &mut [Answer]) -> bool {
    assert_eq!(demands.len(), answers.len(), "check_all needs one answer for each demand");
    decide_all(demands.len(), |n| demands[n], answers)
}

/// Where the answers go.
pub(crate) trait Answers {
    fn put(&mut self, n: usize, answer: Answer);

    /// Whether the answer that was put there admits the request.
    fn admits(&self, n: usize) -> bool;
}

impl Answers for [Answer] {
    fn put(&mut self, n: usize, answer: Answer) {
        self[n] = answer;
    }

    fn admits(&self, n: usize) -> bool {
        self[n].decision.allowed
    }
}

/// The same for `count` demands, wherever they and the answers are kept.
#[inline]
pub(crate) fn decide_all<'a, C: Clock + 'a>(
    count: usize,
    demand: impl Fn(usize) -> Demand<'a, C>,
    answers: &mut (impl Answers + ?Sized),
) -> bool {
    if count != 1 {
        for n in 0..count {
            answers.put(n, demand(n).ask());
        }
        if !(0..count).all(|n| answers.admits(n)) {
            tell_what_is_left(count, demand, answers);
            return false;
        }
    }
    for n in 0..count {
        answers.put(n, demand(n).charge());
        if !answers.admits(n) {
            (0..n).for_each(|before| demand(before).take_back());
            tell_what_is_left(count, demand, answers);
            return false;
        }
    }
    true
}

impl<C: Clock> Demand<'_, C> {
    #[inline]
    fn charge(self) -> Answer {
        let (decision, now_unix_ns) = self.zone.check_now(self.key, self.cost);
        Answer { decision, now_unix_ns }
    }

    fn ask(self) -> Answer {
        let now_unix_ns = self.zone.now();
        Answer { decision: self.zone.peek_at(self.key, self.cost, now_unix_ns), now_unix_ns }
    }

    fn take_back(self) {
        self.zone.refund(self.key, self.cost);
    }
}

/// Has those limits that admit a request, which others deny, say what is left.
#[cold]
fn tell_what_is_left<'a, C: Clock + 'a>(
    count: usize,
    demand: impl Fn(usize) -> Demand<'a, C>,
    answers: &mut (impl Answers + ?Sized),
) {
    for n in 0..count {
        if answers.admits(n) {
            answers.put(n, Demand { cost: 0, ..demand(n) }.ask());
        }
    }
}
