//! Keys, and the orders in which they come.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Zipf};
use std::hash::Hash;

/// What requests are told apart by. Each contender is asked by a reference to one that lies in memory in the order of
/// the checks, as if it had just been read from the request.
pub trait Key: Hash + Eq + Clone + Send + Sync + 'static {
    /// The key with a number: another one for each.
    fn numbered(number: u64) -> Self;

    /// What sluicegate is given.
    fn bytes(&self) -> &[u8];

    /// Asks rate-net in the way that is quickest for such keys.
    fn is_admitted_by<C: clock_lib::Clock + Clone>(&self, limiter: &rate_net::RateLimiter<C>) -> bool;
}

impl Key for u64 {
    fn numbered(number: u64) -> Self {
        number.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        bytemuck::bytes_of(self)
    }

    #[inline(always)]
    fn is_admitted_by<C: clock_lib::Clock + Clone>(&self, limiter: &rate_net::RateLimiter<C>) -> bool {
        limiter.check(rate_net::Key::id(*self)).is_allow()
    }
}

/// Text of 16 to 40 bytes: addresses, API keys, names of users, UUIDs.
impl Key for Box<str> {
    fn numbered(number: u64) -> Self {
        let it = u64::numbered(number);
        let more = (it ^ it >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let [a, b, c, d] = [it >> 48, it >> 32 & 0xFFFF, it >> 16 & 0xFFFF, it & 0xFFFF];
        let text = match number % 5 {
            0 => format!("2001:db8:{a:x}:{b:x}:{c:x}:{d:x}:{:x}:{:x}", more >> 48, more >> 32 & 0xFFFF),
            1 => format!("ak_{it:016x}{:08x}", more >> 32),
            2 => format!("user:{it:020}"),
            3 => format!(
                "{:08x}-{b:04x}-4{:03x}-{c:04x}-{a:04x}{d:04x}{:04x}",
                more >> 32,
                more >> 20 & 0xFFF,
                more & 0xFFFF
            ),
            _ => format!("{it:016x}"),
        };
        text.into_boxed_str()
    }

    #[inline(always)]
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }

    #[inline(always)]
    fn is_admitted_by<C: clock_lib::Clock + Clone>(&self, limiter: &rate_net::RateLimiter<C>) -> bool {
        limiter.check_bytes(self.as_bytes()).is_allow()
    }
}

/// Which keys come, of those that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// One and the same.
    Hot,
    /// Any, each as likely as the others.
    Uniform,
    /// The n-th most frequent one is n times rarer than the most frequent.
    Zipf,
    /// Each for the first time.
    New,
}

/// So many keys of a limiter that knows those from 0 to `known`.
pub fn keys<K: Key>(order: Order, known: u64, count: usize, seed: u64) -> Vec<K> {
    let mut random = SmallRng::seed_from_u64(seed);
    match order {
        // One object for all, as one would be in the cache.
        Order::Hot => vec![K::numbered(7 % known); count],
        Order::Uniform => (0..count).map(|_| K::numbered(random.random_range(0..known))).collect(),
        Order::Zipf => {
            let zipf = Zipf::new(known as f64, 1.0).expect("some keys");
            (0..count).map(|_| K::numbered(zipf.sample(&mut random) as u64 - 1)).collect()
        }
        Order::New => (known..known + count as u64).map(K::numbered).collect(),
    }
}
