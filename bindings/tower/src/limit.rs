//! One limit: who decides, by which key, at which cost, and what is given back.

use crate::head::RequestHead;
use crate::key::KeySource;
use http::{HeaderMap, StatusCode};
use sluicegate::http::Quota;
use sluicegate::{Error, Limiter, MonotonicClock, Policy};
use std::fmt;
use std::sync::Arc;

/// One limit: a limiter under a name, and how requests are held to it.
///
/// Clones are the same limit: they have one limiter, and so one budget for each key.
///
/// ```
/// use sluicegate_tower::{KeySource, Limit, Missing};
///
/// let exports = Limit::new("exports", "token-bucket 100/h burst=20")?
///     .key(KeySource::header("x-api-key", Missing::Address))
///     .cost_by(|request| if request.path().ends_with(".zip") { 10 } else { 1 });
/// # Ok::<(), sluicegate::Error>(())
/// ```
#[derive(Clone)]
pub struct Limit<C = MonotonicClock> {
    pub(crate) quota: Arc<Quota<'static>>,
    pub(crate) limiter: Arc<Limiter<C>>,
    pub(crate) key: KeySource,
    pub(crate) cost: Cost,
    pub(crate) refund: Option<Arc<Refund>>,
    pub(crate) dry_run: bool,
}

type Refund = dyn Fn(&ResponseHead<'_>) -> bool + Send + Sync;

#[derive(Clone)]
pub(crate) enum Cost {
    Fixed(u64),
    Function(Arc<dyn Fn(&RequestHead<'_>) -> u64 + Send + Sync>),
}

/// The inner service's response without its body: what [`Limit::refund_when`] decides by.
#[derive(Debug, Clone, Copy)]
pub struct ResponseHead<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) extensions: &'a http::Extensions,
}

impl<'a> ResponseHead<'a> {
    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// The extension of a type: what a handler wants to say to the layer can be put there.
    #[must_use]
    pub fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<&'a T> {
        self.extensions.get()
    }
}

impl Limit {
    /// A limit by the client's address, with a limiter of its own on the heap, with room for a million live keys (24 MB). For
    /// another size, a table that processes share or another clock, see [`over`](Self::over).
    ///
    /// The name is what answers call the quota: 1 to 64 printable ASCII characters.
    ///
    /// # Errors
    /// What is wrong with the name or the policy.
    pub fn new<P>(name: impl Into<String>, policy: P) -> Result<Self, Error>
    where
        P: TryInto<Policy>,
        Error: From<P::Error>,
    {
        Self::over(name, Limiter::builder(policy).build()?)
    }
}

impl<C> Limit<C> {
    /// A limit by the client's address, decided on by a limiter that is there.
    ///
    /// ```
    /// use sluicegate::Limiter;
    /// use sluicegate_tower::Limit;
    ///
    /// let path = std::env::temp_dir().join(format!("tower-{}.table", std::process::id()));
    /// let limiter = Limiter::open(&path, "token-bucket 100/s", 100_000)?; // one limit for all processes
    /// let limit = Limit::over("per-address", limiter)?;
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), sluicegate::Error>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with the name.
    pub fn over(name: impl Into<String>, limiter: impl Into<Arc<Limiter<C>>>) -> Result<Self, Error> {
        let limiter = limiter.into();
        let quota = Arc::new(Quota::new(name.into(), *limiter.policy())?);
        Ok(Self { quota, limiter, key: KeySource::address(), cost: Cost::Fixed(1), refund: None, dry_run: false })
    }

    /// Where the keys come from; the client's address unless said.
    #[must_use]
    pub fn key(self, key: KeySource) -> Self {
        Self { key, ..self }
    }

    /// How many permits a request takes; 1 unless said. What costs 0 is free.
    #[must_use]
    pub fn cost(self, cost: u64) -> Self {
        Self { cost: Cost::Fixed(cost), ..self }
    }

    /// How many permits a request takes, by a function.
    #[must_use]
    pub fn cost_by(self, cost: impl Fn(&RequestHead<'_>) -> u64 + Send + Sync + 'static) -> Self {
        Self { cost: Cost::Function(Arc::new(cost)), ..self }
    }

    /// Gives a request's permits back when the inner service's response says so: it has not counted then, and the
    /// response's header fields show that.
    ///
    /// Permits are taken before the service is called and given back after, so that no number of requests at once gets past
    /// the limit. What is still in flight counts; a request whose client has left, or whose service has failed or panicked,
    /// has no response, and counts.
    ///
    /// A response that comes after the charge would have lapsed by itself (in another window; a bucket that has refilled)
    /// gives nothing back, so that nobody ever has more than the limit.
    ///
    /// ```
    /// use http::StatusCode;
    /// use sluicegate_tower::Limit;
    ///
    /// let wrong_passwords =
    ///     Limit::new("login", "fixed-window 5/15m")?.refund_when(|response| response.status() != StatusCode::UNAUTHORIZED);
    /// # Ok::<(), sluicegate::Error>(())
    /// ```
    #[must_use]
    pub fn refund_when(self, refund: impl Fn(&ResponseHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        Self { refund: Some(Arc::new(refund)), ..self }
    }

    /// Counts failures alone: gives back for a status below 400. See [`refund_when`](Self::refund_when).
    #[must_use]
    pub fn skip_successful(self) -> Self {
        self.refund_when(|response| response.status().as_u16() < 400)
    }

    /// Counts successes alone: gives back for a status of 400 and above. See [`refund_when`](Self::refund_when).
    #[must_use]
    pub fn skip_failed(self) -> Self {
        self.refund_when(|response| response.status().as_u16() >= 400)
    }

    /// Decides and counts and tells the hooks, and neither denies nor delays anything nor shows in a header: to see what a
    /// limit would do before it does.
    #[must_use]
    pub fn dry_run(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }

    /// What answers call the quota.
    #[must_use]
    pub fn name(&self) -> &str {
        self.quota.name()
    }

    /// Who decides.
    #[must_use]
    pub fn limiter(&self) -> &Arc<Limiter<C>> {
        &self.limiter
    }
}

impl Cost {
    pub(crate) fn of(&self, request: &RequestHead<'_>) -> u64 {
        match self {
            Self::Fixed(cost) => *cost,
            Self::Function(cost) => cost(request),
        }
    }
}

impl<C> fmt::Debug for Limit<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limit")
            .field("name", &self.name())
            .field("policy", &self.limiter.policy().to_string())
            .field("key", &self.key)
            .field("refunds", &self.refund.is_some())
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}
