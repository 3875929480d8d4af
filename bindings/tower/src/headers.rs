//! Header fields on responses, in place of those that are there.

use crate::verdicts::Verdicts;
use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, CACHE_CONTROL};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use sluicegate::http::fields::Field;
use sluicegate::http::{Answer, Families, Settings};

/// Which responses carry the fields, and what else they do.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeaderRules {
    pub(crate) settings: Settings<'static>,
    pub(crate) on_redirects: bool,
    pub(crate) expose: Option<HeaderValue>,
}

impl HeaderRules {
    /// Puts what was decided on a served request into its response, together with what a layer inside of this one has said.
    pub(crate) fn put<B>(&self, mut own: Verdicts, response: &mut Response<B>) {
        let inner = response.extensions_mut().remove::<Verdicts>();
        // Who denies speaks: a 429 that is not a layer's of ours has its own numbers, or none.
        let is_foreign = response.status() == StatusCode::TOO_MANY_REQUESTS && inner.is_none();
        if is_foreign || !self.may_carry(response) {
            if let Some(inner) = inner {
                response.extensions_mut().insert(inner);
            }
            return;
        }
        if let Some(inner) = inner {
            own.and(inner);
        }
        own.answer(&self.settings, |answer| self.write(answer, response.headers_mut()));
        if self.settings.families() != Families::NONE {
            response.extensions_mut().insert(own);
        }
    }

    /// Writes an answer's fields in place of those of the same families.
    pub(crate) fn write(&self, answer: &Answer<'_>, headers: &mut HeaderMap) {
        let of_families =
            Field::ALL.iter().filter(|field| !matches!(field, Field::RetryAfter | Field::CacheControl));
        for field in of_families {
            headers.remove(field.lowercase_name());
        }
        let mut last = None;
        answer.headers(|field, value| {
            let name = HeaderName::from_static(field.lowercase_name());
            let Ok(value) = HeaderValue::from_str(value) else { return };
            // A field comes twice in a row where a list is too long for one line.
            if last.replace(field) == Some(field) {
                headers.append(name, value);
            } else {
                headers.insert(name, value);
            }
        });
        if let Some(expose) = &self.expose
            && !headers.get_all(ACCESS_CONTROL_EXPOSE_HEADERS).iter().any(|line| line == expose)
        {
            headers.append(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }

    fn may_carry<B>(&self, response: &Response<B>) -> bool {
        let status = response.status();
        let is_right = !status.is_informational() && (self.on_redirects || !status.is_redirection());
        is_right && !is_for_shared_caches(response.headers())
    }
}

/// Whether caches that many clients share may keep the response: then one client's numbers are no other's business.
fn is_for_shared_caches(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CACHE_CONTROL).into_iter();
    let mut directives =
        lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    directives.any(|directive| {
        let name = directive.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        name.eq_ignore_ascii_case(b"public") || name.eq_ignore_ascii_case(b"s-maxage")
    })
}
