//! The service that stands before another.

use crate::body::ResponseBody;
use crate::future::ResponseFuture;
use crate::gate::{Decided, Gate};
use http::{Request, Response};
use sluicegate::{Clock, MonotonicClock};
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// A [`Service`] whose requests are limited before they reach the one within. Made by
/// [`RateLimitLayer`](crate::RateLimitLayer).
///
/// It is ready when the service within is. What readiness holds there (a permit of a concurrency limit, say) is used by the
/// request that gets it, also by one that is held for a while, and let go of where a request is denied.
pub struct RateLimit<S, C = MonotonicClock> {
    inner: S,
    gate: Arc<Gate<C>>,
}

impl<S, C> RateLimit<S, C> {
    pub(crate) fn new(inner: S, gate: Arc<Gate<C>>) -> Self {
        Self { inner, gate }
    }

    /// The service within.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service within, without its limits.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Clone, C> RateLimit<S, C> {
    /// Takes out the service that is ready, and leaves one that has yet to be asked.
    fn take_ready(&mut self) -> S {
        let fresh = self.inner.clone();
        mem::replace(&mut self.inner, fresh)
    }
}

impl<S, C, B, R> Service<Request<B>> for RateLimit<S, C>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    C: Clock,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, C, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let decided = self.gate.decide(&parts);
        let request = Request::from_parts(parts, body);
        match decided {
            Decided::Unlimited => ResponseFuture::serving(self.inner.call(request), None),
            Decided::Admitted(admitted, delay) if delay.is_zero() => {
                ResponseFuture::serving(self.inner.call(request), Some(admitted))
            }
            Decided::Admitted(admitted, delay) => {
                ResponseFuture::holding(delay, self.take_ready(), request, admitted)
            }
            Decided::Denied(response) => {
                drop(self.take_ready());
                ResponseFuture::denied(response)
            }
        }
    }
}

impl<S: Clone, C> Clone for RateLimit<S, C> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), gate: Arc::clone(&self.gate) }
    }
}

impl<S: fmt::Debug, C> fmt::Debug for RateLimit<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit").field("inner", &self.inner).field("gate", &self.gate).finish()
    }
}
