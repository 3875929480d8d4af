//! The way of one request: held for a while perhaps, served, and answered; or denied.

use crate::body::ResponseBody;
use crate::gate::Admitted;
use bytes::Bytes;
use http::{Request, Response};
use pin_project_lite::pin_project;
use sluicegate::Clock;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;
use tower_service::Service;

pin_project! {
    /// The response to come. Dropping it drops the request: what it has been charged stays charged.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, C, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, S::Future>,
        admitted: Option<Admitted<C>>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<S, B, F> {
        Held { #[pin] sleep: Sleep, ready: Option<(S, Request<B>)> },
        Served { #[pin] future: F },
        Denied { response: Option<Response<Bytes>> },
    }
}

impl<S, C, B> ResponseFuture<S, C, B>
where
    S: Service<Request<B>>,
{
    pub(crate) fn serving(future: S::Future, admitted: Option<Admitted<C>>) -> Self {
        Self { state: State::Served { future }, admitted }
    }

    /// For a service that is ready.
    pub(crate) fn holding(delay: Duration, ready: S, request: Request<B>, admitted: Admitted<C>) -> Self {
        let sleep = tokio::time::sleep(delay);
        Self { state: State::Held { sleep, ready: Some((ready, request)) }, admitted: Some(admitted) }
    }

    pub(crate) fn denied(response: Response<Bytes>) -> Self {
        Self { state: State::Denied { response: Some(response) }, admitted: None }
    }
}

impl<S, C, B, R> Future for ResponseFuture<S, C, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    C: Clock,
{
    type Output = Result<Response<ResponseBody<R>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        const AGAIN: &str = "a future is not polled after it is done";
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                Projected::Held { sleep, ready } => {
                    ready!(sleep.poll(context));
                    let (mut service, request) = ready.take().expect(AGAIN);
                    let future = service.call(request);
                    this.state.set(State::Served { future });
                }
                Projected::Served { future } => {
                    let mut response = ready!(future.poll(context))?;
                    if let Some(admitted) = this.admitted.take() {
                        admitted.answered(&mut response);
                    }
                    return Poll::Ready(Ok(response.map(ResponseBody::inner)));
                }
                Projected::Denied { response } => {
                    return Poll::Ready(Ok(response.take().expect(AGAIN).map(ResponseBody::denial)));
                }
            }
        }
    }
}

impl<S, C, B> fmt::Debug for ResponseFuture<S, C, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Held { .. } => "ResponseFuture(held)",
            State::Served { .. } => "ResponseFuture(served)",
            State::Denied { .. } => "ResponseFuture(denied)",
        })
    }
}
