//! What a denied client is answered.

use crate::event::{Event, Outcome};
use crate::grpc;
use crate::head::RequestHead;
use crate::headers::HeaderRules;
use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use sluicegate::http::{Answer, BodyFormat};
use std::fmt;
use std::sync::Arc;

/// How denials look.
#[derive(Clone)]
pub(crate) struct DenialRules {
    /// The formats on offer; none for all.
    pub(crate) offered: Vec<BodyFormat>,
    pub(crate) missing_status: StatusCode,
    pub(crate) map: Option<Arc<Map>>,
}

type Map = dyn Fn(&Event<'_>, Response<Bytes>) -> Response<Bytes> + Send + Sync;

/// Why a request is denied.
pub(crate) enum Grounds<'a> {
    Limits(&'a Answer<'a>, &'a HeaderRules),
    NoKey,
    NoAddress,
}

/// What a developer is told who has not told the layer whom it deals with. It is no secret.
const NO_ADDRESS: &str = "This server limits by client address and does not know it. With axum, serve by \
     into_make_service_with_connect_info::<SocketAddr>() and turn on sluicegate-tower's feature axum; else put a \
     sluicegate_tower::Peer into the request's extensions, or call RateLimitLayerBuilder::peer.";

const NO_KEY: &str = "The request does not say by whom it is sent, as requests to this address must.";

impl DenialRules {
    pub(crate) fn response(&self, event: &Event<'_>, grounds: Grounds<'_>) -> Response<Bytes> {
        let request = event.request();
        let mut response = match grounds {
            Grounds::Limits(answer, headers) => self.limited(request, answer, headers),
            Grounds::NoKey => self.refused(request, self.missing_status, "key_missing", NO_KEY),
            Grounds::NoAddress => {
                self.refused(request, StatusCode::INTERNAL_SERVER_ERROR, "client_unknown", NO_ADDRESS)
            }
        };
        if grpc::is_call(request) {
            grpc::turn(&mut response, request, event.answer().filter(|_| event.outcome() == Outcome::Denied));
        }
        if let Some(map) = &self.map {
            response = map(event, response);
        }
        finished(response, request)
    }

    fn limited(&self, request: &RequestHead<'_>, answer: &Answer<'_>, headers: &HeaderRules) -> Response<Bytes> {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
        headers.write(answer, response.headers_mut());
        if let Some(body) = answer.body(self.format(request)) {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type));
            *response.body_mut() = body.text.into();
        }
        response
    }

    /// A refusal that no limit has decided on. The texts are ours and need no escaping.
    fn refused(
        &self,
        request: &RequestHead<'_>,
        status: StatusCode,
        code: &str,
        message: &str,
    ) -> Response<Bytes> {
        let (number, title) = (status.as_u16(), status.canonical_reason().unwrap_or("Refused"));
        let format = self.format(request);
        let (content_type, text) = match format {
            BodyFormat::Json => (
                format.content_type(),
                format!(r#"{{"status":{number},"error":"{title}","message":"{message}","code":"{code}"}}"#),
            ),
            BodyFormat::JsonResetAt => {
                (format.content_type(), format!(r#"{{"error":"{title}","message":"{message}"}}"#))
            }
            BodyFormat::Problem => (
                format.content_type(),
                format!(r#"{{"type":"about:blank","title":"{title}","status":{number},"detail":"{message}"}}"#),
            ),
            _ => (BodyFormat::Text.content_type(), format!("{number} {title}\n{message}\n")),
        };
        let mut response = Response::new(text.into());
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    fn format(&self, request: &RequestHead<'_>) -> BodyFormat {
        let lines: Vec<&[u8]> = request.headers().get_all(ACCEPT).iter().map(HeaderValue::as_bytes).collect();
        let accept = lines.join(&b","[..]);
        match self.offered.as_slice() {
            [] => BodyFormat::from_accept(accept),
            offered => BodyFormat::from_accept_of(accept, offered),
        }
    }
}

/// Says the length of the body, and leaves the body out where it was not asked for.
fn finished(mut response: Response<Bytes>, request: &RequestHead<'_>) -> Response<Bytes> {
    if !grpc::is_call(request) {
        let length = response.body().len();
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    if request.method() == Method::HEAD {
        *response.body_mut() = Bytes::new();
    }
    response
}

impl Default for DenialRules {
    fn default() -> Self {
        Self { offered: Vec::new(), missing_status: StatusCode::FORBIDDEN, map: None }
    }
}

impl fmt::Debug for DenialRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenialRules")
            .field("offered", &self.offered)
            .field("missing_status", &self.missing_status)
            .field("map", &self.map.is_some())
            .finish()
    }
}
