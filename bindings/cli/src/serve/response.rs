//! The HTTP response to a ruling.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, VARY};
use hyper::{HeaderMap, StatusCode};
use sluicegate::http::{Answer, BodyFormat};

use super::gate::{Judgement, Ruling};
use super::key::Refusal;

/// A response of this server.
pub type Response = hyper::Response<Full<Bytes>>;

/// The response to a request with these headers that was ruled on.
pub fn to(ruling: &Ruling<'_>, headers: &HeaderMap) -> Response {
    match ruling {
        Ruling::Unlimited => text(StatusCode::OK, "200 OK: not limited\n"),
        Ruling::Refused(refusal) => refused(refusal),
        Ruling::Judged(judgement) => judged(judgement, headers),
    }
}

/// A response of plain text that nobody is to keep.
pub fn text(status: StatusCode, text: impl Into<Bytes>) -> Response {
    with_body(status, "text/plain; charset=utf-8", text)
}

/// A response that nobody is to keep.
pub fn with_body(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn judged(judgement: &Judgement<'_>, headers: &HeaderMap) -> Response {
    let answer = judgement.answer();
    let mut response = match answer.body(format(&judgement.route.answers.bodies, headers)) {
        None => text(StatusCode::OK, allowed(&answer)),
        Some(body) => {
            let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
            with_body(status, body.content_type, body.text)
        }
    };
    if !answer.allowed() && judgement.route.answers.bodies.len() > 1 {
        response.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    }
    let fields = response.headers_mut();
    fields.remove(CACHE_CONTROL);
    answer.headers(|field, value| {
        // Values are printable ASCII.
        if let Ok(value) = HeaderValue::from_str(value) {
            fields.append(HeaderName::from_static(field.lowercase_name()), value);
        }
    });
    fields.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn allowed(answer: &Answer<'_>) -> String {
    let left = answer.speaking().map_or(0, |verdict| verdict.decision().remaining());
    format!("200 OK: {left} left\n")
}

/// The body that the request's `Accept` lines choose.
fn format(bodies: &[BodyFormat], headers: &HeaderMap) -> BodyFormat {
    let lines: Vec<&[u8]> = headers.get_all(ACCEPT).iter().map(HeaderValue::as_bytes).collect();
    BodyFormat::from_accept_of(lines.join(&b", "[..]), bodies)
}

fn refused(refusal: &Refusal) -> Response {
    let told = match refusal {
        Refusal::Lacks(name) => format!("This request needs the header {name}."),
        Refusal::Ambiguous(name) => format!("This request has the header {name} in several lines that differ."),
    };
    text(StatusCode::FORBIDDEN, format!("403 Forbidden\n{told}\n"))
}
