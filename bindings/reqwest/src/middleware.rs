//! The middleware: ask, look at the answer, wait, ask again.

use crate::origins::Origins;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{Middleware, Next, Result};
use sluicegate::retry::{Advice, Attempt, GiveUpReason, Moment, NotBefore, RetryBudget, RetryPolicy};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// How much of a denial's body is read so that its connection can be used again.
const READ_AWAY: usize = 64 * 1024;

/// The budget of [`Obey::default`]: 50 retries at once, and one for five requests that go well.
const BUDGET: (u32, u32) = (100, 20);

/// Waits as servers say, and asks again.
///
/// Its clones, and those of the client that has it, share what servers have said and the policy's budget.
#[derive(Debug, Clone)]
pub struct Obey {
    policy: RetryPolicy,
    hold: Hold,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    origins: Origins,
    /// From when the times of [`NotBefore`] count.
    beginning: Instant,
}

/// Which requests heed what a server has said to others of this client: nobody knocks where another has just been turned away.
///
/// A server is a scheme, a host and a port. What counts is the latest time that it has named for a retry, so no request is held
/// longer than the policy's `max_server_wait`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Hold {
    /// None.
    Nothing,
    /// Those that have been turned away themselves, so that of many only one finds out when the server changes its mind. The
    /// default.
    #[default]
    Retries,
    /// All, the first attempts too: for servers that count all requests together.
    Everything,
}

/// Why a response that asks for a retry was passed on: in the response's extensions.
///
/// ```no_run
/// # async fn example(client: reqwest_middleware::ClientWithMiddleware) -> reqwest_middleware::Result<()> {
/// let response = client.get("http://127.0.0.1:8080/").send().await?;
/// if let Some(given_up) = response.extensions().get::<sluicegate_reqwest::GivenUp>() {
///     println!("{}; come back in {:?}", given_up.reason, given_up.come_back);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct GivenUp {
    /// Why there was no retry.
    pub reason: GiveUpReason,
    /// How long the server wants to be left alone, where it has said so, from the moment of the response.
    pub come_back: Option<Duration>,
    /// How many attempts there were.
    pub attempts: u32,
}

impl Default for Obey {
    /// The policy of [`RetryPolicy::default`], with a budget of 50 retries at once and one for five requests that go well.
    fn default() -> Self {
        let policy = RetryBudget::new(BUDGET.0, BUDGET.1)
            .and_then(|budget| RetryPolicy::builder().budget(Arc::new(budget)).build());
        // Both are within their ranges, so there always is one.
        Self::new(policy.unwrap_or_default())
    }
}

impl Obey {
    /// By a policy of one's own.
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        let shared = Shared { origins: Origins::default(), beginning: Instant::now() };
        Self { policy, hold: Hold::default(), shared: Arc::new(shared) }
    }

    /// Which requests heed what a server has said to others. [`Hold::Retries`] unless said.
    #[must_use]
    pub fn hold(mut self, hold: Hold) -> Self {
        self.hold = hold;
        self
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.shared.beginning.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Waits between two attempts, and tells others to.
    async fn wait(&self, wait: Duration, response: Response, server: &NotBefore, begun: Instant) {
        let until = Instant::now() + wait;
        if self.hold != Hold::Nothing {
            server.put_off(self.now_ns(), wait);
        }
        // A body that does not end is no reason to wait longer.
        let _ = timeout_at(until, read_away(response)).await;
        sleep_until(until).await;
        if self.hold != Hold::Nothing {
            self.wait_for(server, begun).await;
        }
    }

    /// Waits while the server wants nobody, as far as the time left allows.
    async fn wait_for(&self, server: &NotBefore, begun: Instant) {
        while let Some(wait) = server.wait(self.now_ns()) {
            let left = self.policy.deadline().saturating_sub(begun.elapsed());
            if wait > left {
                return;
            }
            sleep(self.policy.spread(wait, Moment::now()).min(left)).await;
        }
    }
}

#[async_trait::async_trait]
impl Middleware for Obey {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response> {
        let begun = Instant::now();
        let server = self.shared.origins.of(request.url(), self.now_ns());
        if self.hold == Hold::Everything {
            self.wait_for(&server, begun).await;
        }
        let method = request.method().clone();
        let has_key = request.headers().contains_key("idempotency-key");
        let (mut request, mut attempts) = (request, 1);
        loop {
            let copy = request.try_clone();
            let mut response = next.clone().run(request, extensions).await?;
            let attempt = Attempt::new(method.as_str(), attempts, begun.elapsed());
            let attempt = attempt.idempotency_key(has_key).replayable(copy.is_some());
            let advice =
                self.policy.decide(&attempt, response.status().as_u16(), response.headers(), Moment::now());
            let (reason, come_back) = match (advice, copy) {
                (Advice::RetryIn(wait), Some(copy)) => {
                    self.wait(wait, response, &server, begun).await;
                    (request, attempts) = (copy, attempts + 1);
                    continue;
                }
                (Advice::GiveUp { reason: GiveUpReason::Status, .. }, _) => return Ok(response),
                (Advice::GiveUp { reason, come_back }, _) => (reason, come_back),
                (Advice::RetryIn(wait), None) => (GiveUpReason::Body, Some(wait)),
            };
            response.extensions_mut().insert(GivenUp { reason, come_back, attempts });
            return Ok(response);
        }
    }
}

/// Reads what is left of a response, if that is little, so that its connection can be used again.
async fn read_away(mut response: Response) {
    let mut read = 0;
    while let Ok(Some(chunk)) = response.chunk().await {
        read += chunk.len();
        if read > READ_AWAY {
            return;
        }
    }
}
