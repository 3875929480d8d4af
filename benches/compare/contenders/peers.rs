//! The peers that are limiters, or estimators, of their own.

use super::{Contender, Setting};
use crate::keys::Key;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use pingora_limits::rate::Rate;
use rate_net::Eviction;
use std::hash::BuildHasher;
use std::num::NonZeroU32;
use std::time::Duration;

type Governor<K, S, C> = RateLimiter<K, DashMapStateStore<K, S>, C, NoOpMiddleware<<C as Clock>::Instant>>;

pub fn governor<K, S, C>(setting: Setting, clock: C) -> Governor<K, S, C>
where
    K: Key,
    S: BuildHasher + Clone + Default,
    C: Clock,
{
    let burst = u32::try_from(setting.allowance.burst()).ok().and_then(NonZeroU32::new).expect("a burst in range");
    let quota = Quota::per_second(NonZeroU32::MIN).allow_burst(burst);
    RateLimiter::dashmap_with_clock_and_hasher(quota, clock, S::default())
}

impl<K, S, C> Contender<K> for Governor<K, S, C>
where
    K: Key,
    S: BuildHasher + Clone + Default + Send + Sync,
    C: Clock + Sync,
{
    #[inline(always)]
    fn check(&self, key: &K) -> bool {
        self.check_key(key).is_ok()
    }
}

pub fn rate_net<C: clock_lib::Clock + Clone>(setting: Setting, clock: C) -> rate_net::RateLimiter<C> {
    let burst = u32::try_from(setting.allowance.burst()).expect("a burst in range");
    // Its shards have a cap each, and do not fill evenly: with this much more, none evicts before all keys are in.
    let room = (setting.keys + setting.keys / 8).max(1024) as usize;
    rate_net::RateLimiter::builder()
        .quota(1, Duration::from_secs(1))
        .burst(burst)
        .eviction(Eviction::capacity(room))
        .clock(clock)
        .build()
}

impl<K: Key, C: clock_lib::Clock + Clone> Contender<K> for rate_net::RateLimiter<C> {
    #[inline(always)]
    fn check(&self, key: &K) -> bool {
        key.is_admitted_by(self)
    }
}

/// It counts; the limit is the caller's.
pub struct Pingora {
    rate: Rate,
    limit: isize,
}

pub fn pingora(setting: Setting) -> Pingora {
    Pingora { rate: Rate::new(Duration::from_secs(1)), limit: setting.allowance.burst() as isize }
}

impl<K: Key> Contender<K> for Pingora {
    #[inline(always)]
    fn check(&self, key: &K) -> bool {
        self.rate.observe(key, 1) <= self.limit
    }
}
