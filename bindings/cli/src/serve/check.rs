//! The endpoint by which proxies ask whether a request of theirs may pass.
//!
//! nginx's `auth_request`, Traefik's ForwardAuth and Caddy's `forward_auth` send a request of their own, with the header
//! of the client's, and let that pass if the answer is 2xx. Traefik and Caddy hand on any other answer as it is. nginx
//! knows 401 and 403 alone, so for it a denial is 403, and a header says what it is.

use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, StatusCode};

use super::path::Path;
use super::response::Response;
use crate::cli;

/// Says what the answer is, whatever status it is shown by.
const STATUS: HeaderName = HeaderName::from_static("sluice-status");

/// Below the path, where denials are shown by 403.
const AS_403: &str = "/403";

/// How proxies ask.
#[derive(Debug)]
pub struct Check {
    path: Option<String>,
    method_header: HeaderName,
    uri_header: HeaderName,
}

/// What a request is.
#[derive(Debug, PartialEq, Eq)]
pub enum Inquiry<'a> {
    /// One that is decided on itself.
    Itself,
    /// A proxy's question.
    About {
        /// The method of the request that it is about.
        method: &'a str,
        /// The path of that.
        path: Path,
        /// The status of a denial, if it is not to be the true one.
        denied: Option<StatusCode>,
    },
    /// A proxy's question that cannot be answered, and why.
    Wrong(String),
}

impl Check {
    /// What the options say.
    pub fn of(options: &cli::Check) -> Self {
        Self {
            path: options.check_path.0.clone(),
            method_header: options.method_header.clone(),
            uri_header: options.uri_header.clone(),
        }
    }

    /// What a request is; whether a question must name the path and the method depends on what they are needed for.
    pub fn inquiry<'a, B>(&self, request: &'a Request<B>, needs_path: bool, needs_method: bool) -> Inquiry<'a> {
        // The query is none of the proxy's: Caddy hands on the client's.
        let below = self.path.as_deref().and_then(|path| request.uri().path().strip_prefix(path));
        let denied = match below {
            Some("") => None,
            Some(AS_403) => Some(StatusCode::FORBIDDEN),
            _ => return Inquiry::Itself,
        };
        self.about(request, denied, needs_path, needs_method).unwrap_or_else(Inquiry::Wrong)
    }

    fn about<'a, B>(
        &self,
        request: &'a Request<B>,
        denied: Option<StatusCode>,
        needs_path: bool,
        needs_method: bool,
    ) -> Result<Inquiry<'a>, String> {
        let headers = request.headers();
        let uri = one(headers, &self.uri_header, needs_path)?.unwrap_or_default();
        let method = match one(headers, &self.method_header, needs_method)? {
            Some(named) => std::str::from_utf8(named).map_err(|_| wrong(&self.method_header))?,
            None => request.method().as_str(),
        };
        Ok(Inquiry::About { method, path: Path::of(uri), denied })
    }
}

/// The value of a header that a proxy is to set, once.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName, is_needed: bool) -> Result<Option<&'a [u8]>, String> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(Some(value.as_bytes())),
        (None, _) if is_needed => Err(wrong(name)),
        (None, _) => Ok(None),
        (Some(_), Some(_)) => {
            Err(format!("the header {name} is there twice; have the proxy replace what clients send"))
        }
    }
}

fn wrong(name: &HeaderName) -> String {
    format!("this question needs the header {name}, which the proxy is to set to that of the client's request")
}

/// Makes of an answer the answer to a proxy: with the true status in a header of its own, and without a body where the
/// request may pass.
pub fn for_proxy(mut response: Response, denied: Option<StatusCode>) -> Response {
    let status = response.status();
    response.headers_mut().insert(STATUS, HeaderValue::from(status.as_u16()));
    if status.is_success() {
        response.headers_mut().remove(CONTENT_TYPE);
        *response.body_mut() = Default::default();
    } else if let Some(denied) = denied {
        *response.status_mut() = denied;
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> Check {
        let [method_header, uri_header] = ["x-forwarded-method", "x-forwarded-uri"].map(HeaderName::from_static);
        Check { path: Some("/check".to_owned()), method_header, uri_header }
    }

    fn request(uri: &str, headers: &[(&str, &[u8])]) -> Request<()> {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    const BOTH: [(&str, &[u8]); 2] =
        [("X-Forwarded-Method", b"POST"), ("X-Forwarded-Uri", b"//login?next=/check")];

    #[test]
    fn a_question_is_about_the_method_and_the_path_that_the_proxy_names() {
        for (uri, denied) in
            [("/check", None), ("/check?denied=403", None), ("/check/403", Some(StatusCode::FORBIDDEN))]
        {
            let expected = Inquiry::About { method: "POST", path: Path::of(b"/login"), denied };
            assert_eq!(check().inquiry(&request(uri, &BOTH), true, true), expected);
        }
    }

    #[test]
    fn what_else_is_asked_is_about_itself_whatever_it_forwards() {
        for uri in ["/", "/check/", "//check", "/check/x", "/check/403/", "/checks", "/%63heck"] {
            assert_eq!(check().inquiry(&request(uri, &BOTH), true, true), Inquiry::Itself, "{uri}");
        }
        let none = Check { path: None, ..check() };
        assert_eq!(none.inquiry(&request("/check", &BOTH), true, true), Inquiry::Itself);
    }

    #[test]
    fn a_proxy_must_name_what_routes_need_and_once() {
        let inquiry = |headers: &[(&str, &[u8])], path, method| match check().inquiry(
            &request("/check", headers),
            path,
            method,
        ) {
            Inquiry::Wrong(problem) => problem,
            other => format!("{other:?}"),
        };
        assert!(inquiry(&[], true, false).contains("needs the header x-forwarded-uri"));
        assert!(inquiry(&[], false, true).contains("needs the header x-forwarded-method"));
        assert!(inquiry(&[], false, false).contains("About"));
        assert!(inquiry(&[BOTH[1], BOTH[1]], false, false).contains("twice"));
        assert!(inquiry(&[("X-Forwarded-Method", b"\xff")], false, false).contains("x-forwarded-method"));
    }
}
