//! Denials for gRPC clients: a status in the header fields and no message (the protocol's "Trailers-Only").

use crate::head::RequestHead;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use sluicegate::http::Answer;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// After how many milliseconds a client may try again, where its policy is to.
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

const NO_KEY: &str = "the request does not say by whom it is sent";

/// Whether the request is a gRPC call, which has an answer of its own.
pub(crate) fn is_call(request: &RequestHead<'_>) -> bool {
    content_type(request).is_some_and(|value| {
        let kind = value.as_bytes();
        kind.len() >= 16 && kind[..16].eq_ignore_ascii_case(b"application/grpc")
    })
}

fn content_type<'a>(request: &RequestHead<'a>) -> Option<&'a HeaderValue> {
    request.headers().get(CONTENT_TYPE)
}

/// Turns a denial for others into one for a gRPC client: the same header fields, and its own status.
pub(crate) fn turn(response: &mut Response<Bytes>, request: &RequestHead<'_>, answer: Option<&Answer<'_>>) {
    let (code, message) = match (answer.map(Answer::status), response.status()) {
        (Some(503), _) => ("14", "the rate limiter cannot count"),
        (Some(_), _) => ("8", "too many requests"),
        (None, StatusCode::UNAUTHORIZED) => ("16", NO_KEY),
        (None, StatusCode::INTERNAL_SERVER_ERROR) => ("13", "the server does not know the client's address"),
        (None, _) => ("7", NO_KEY),
    };
    *response.status_mut() = StatusCode::OK;
    *response.body_mut() = Bytes::new();
    let headers = response.headers_mut();
    if let Some(kind) = content_type(request) {
        headers.insert(CONTENT_TYPE, kind.clone());
    }
    headers.insert(GRPC_STATUS, HeaderValue::from_static(code));
    headers.insert(GRPC_MESSAGE, HeaderValue::from_static(message));
    if let Some(answer) = answer {
        // A negative number: do not try again.
        let pushback = answer
            .retry_after_seconds()
            .map_or(HeaderValue::from_static("-1"), |wait_s| HeaderValue::from(wait_s.saturating_mul(1000)));
        headers.insert(PUSHBACK, pushback);
    }
}
