//! Several zones for one request: all of them are charged, or none.

use super::Zone;
use crate::check_all::{Chargeable, check_in_turn};
use crate::clock::{Clock, MonotonicClock};
use crate::decision::Decision;
use crate::refund_charge::is_whole;

/// What one zone is asked for: as [`Charge`](crate::Charge), of which it is one.
#[derive(Debug)]
pub struct ZoneCharge<'a, C = MonotonicClock> {
    /// Who decides.
    pub zone: &'a Zone<C>,
    /// Who asks.
    pub key: &'a [u8],
    /// How many permits the request takes.
    pub cost: u64,
}

impl<C> Clone for ZoneCharge<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for ZoneCharge<'_, C> {}

impl<C> Chargeable for ZoneCharge<'_, C> {
    #[inline(always)]
    fn ask(&self, now: u64) -> Decision {
        self.zone.peek_at(self.key, self.cost, now)
    }

    fn look(&self, now: u64) -> Decision {
        self.zone.peek_at(self.key, 0, now)
    }

    #[inline(always)]
    fn charge(&self, now: u64) -> Decision {
        self.zone.check_at(self.key, self.cost, now)
    }

    #[inline(always)]
    fn take_back(&self, charge: &Decision, charged_at: u64, now: u64) {
        if is_whole(&self.zone.policy(), charge, charged_at, now) {
            self.zone.refund_at(self.key, self.cost, now);
        }
    }
}

/// Decides on one request that several zones hold, as [`check_all`](crate::check_all) does for limiters: `true` if all
/// allow it, and only then has it consumed anything.
///
/// `answer` gets each one's decision, and its time in nanoseconds since the Unix epoch; perhaps twice, and the later
/// counts. Charges go in the order of `charges`. Let it be the same wherever two zones hold a request together, or two
/// requests may deny each other.
///
/// ```
/// use sluicegate::{OnFull, Policy, Zone, ZoneCharge, check_zones};
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
/// let charges = [
///     ZoneCharge { zone: &by_user, key: b"ann", cost: 1 },
///     ZoneCharge { zone: &by_address, key: b"203.0.113.10", cost: 1 },
/// ];
/// assert!(check_zones(&charges, |_, _, _| ()));
/// assert!(!check_zones(&charges, |n, decision, _| assert_eq!(decision.allowed(), n == 0)));
/// assert_eq!(by_user.peek("ann", 0).remaining(), 1);
/// # }
/// # Ok::<(), sluicegate::Error>(())
/// ```
pub fn check_zones<C: Clock>(charges: &[ZoneCharge<'_, C>], answer: impl FnMut(usize, Decision, u64)) -> bool {
    check_in_turn(charges.len(), |n| charges[n], answer, |charge| charge.zone.now())
}
