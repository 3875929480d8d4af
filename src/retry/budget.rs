//! A retry budget: what keeps clients from bringing a server that is down to its knees.

use super::settings::check_range;
use crate::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};

/// A token is counted in thousandths.
const TOKEN: u64 = 1_000;
const MOST_TOKENS: u32 = 1_000_000;

/// How many retries there may be beside the requests that go well, as in gRPC's retry throttling.
///
/// It begins with `max_tokens`. A response that asks for a retry without naming a time takes one; every other response gives
/// `percent` of one back. There are retries only while more than half of the tokens are there. A retry at a time that the server
/// itself has named takes none, for that is what the server has made room for.
///
/// Safe from any number of threads, without a lock. Share one among all requests to a service.
///
/// ```
/// use sluicegate::retry::RetryBudget;
///
/// let budget = RetryBudget::new(4, 50)?;
/// assert!(budget.withdraw());
/// assert!(!budget.withdraw()); // half of them are gone
/// budget.deposit();
/// budget.deposit();
/// budget.deposit();
/// budget.deposit();
/// assert!(budget.withdraw());
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Debug)]
pub struct RetryBudget {
    thousandths: AtomicU64,
    most: u64,
    deposit: u64,
}

impl RetryBudget {
    /// A budget of `max_tokens`, from 1 to 1,000,000, to which a response that goes well adds `percent` of one, from 1 to 100:
    /// in the long run there are as many retries for a hundred such responses.
    ///
    /// # Errors
    /// [`Error::Setting`] for numbers out of these ranges.
    pub fn new(max_tokens: u32, percent: u32) -> Result<Self, Error> {
        check_range("max_tokens", max_tokens, 1, MOST_TOKENS)?;
        check_range("percent", percent, 1, 100)?;
        let most = u64::from(max_tokens) * TOKEN;
        Ok(Self { thousandths: AtomicU64::new(most), most, deposit: u64::from(percent) * TOKEN / 100 })
    }

    /// Counts a response that goes well.
    pub fn deposit(&self) {
        self.update(|tokens| tokens.saturating_add(self.deposit).min(self.most));
    }

    /// Counts a response that does not, and says whether there may be a retry.
    pub fn withdraw(&self) -> bool {
        self.update(|tokens| tokens.saturating_sub(TOKEN)) > self.most / 2
    }

    fn update(&self, change: impl Fn(u64) -> u64) -> u64 {
        // Relaxed: the number publishes nothing but itself. The closure never declines, so both results are the old number.
        let old =
            self.thousandths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tokens| Some(change(tokens)));
        let (Ok(old) | Err(old)) = old;
        change(old)
    }
}
