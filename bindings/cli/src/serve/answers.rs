//! How answers look: what can be chosen, by options and in the configuration, and what comes of it.

use clap::ValueEnum;
use sluicegate::http::{BodyFormat, Families, RetryAfterForm, Settings};

/// A body that a denial may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Body {
    /// JSON with status, error, message, code, retryAfter, limit, remaining, reset
    Json,
    /// JSON with error, message, limit, remaining, resetAt, retryAfter
    JsonResetAt,
    /// RFC 9457 problem details
    Problem,
    /// A page for people
    Html,
    /// Plain text
    Text,
}

/// A family of rate limit header fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Family {
    /// X-RateLimit-Limit, -Remaining and -Reset (Unix seconds)
    #[value(name = "x-ratelimit")]
    XRateLimit,
    /// RateLimit and RateLimit-Policy of the newest IETF draft
    Ietf,
    /// RateLimit-Limit, -Remaining, -Reset and -Policy of the draft's revision 06
    #[value(name = "draft-06")]
    Draft06,
    /// RateLimit and RateLimit-Policy of the draft's revision 07
    #[value(name = "draft-07")]
    Draft07,
    /// Two revisions of the draft at once are meant
    Mixed,
    /// No such fields: Retry-After alone
    None,
}

/// How Retry-After tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RetryAfter {
    /// Whole seconds to wait
    Seconds,
    /// An HTTP-date
    Date,
}

/// How answers look.
#[derive(Debug, Clone)]
pub struct Answers {
    /// Header fields and texts.
    pub settings: Settings<'static>,
    /// The bodies that a denial may have, the preferred first.
    pub bodies: Vec<BodyFormat>,
}

/// What is said of how answers look; what is not said is as in another, or as usual.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The bodies.
    pub bodies: Option<Vec<Body>>,
    /// The header fields.
    pub headers: Option<Vec<Family>>,
    /// How Retry-After tells the time.
    pub retry_after: Option<RetryAfter>,
    /// The code of a denial.
    pub code: Option<String>,
    /// What it tells people.
    pub message: Option<String>,
    /// The type of problem details.
    pub problem_type: Option<String>,
    /// The parameter that tells a burst.
    pub burst_parameter: Option<String>,
}

impl Look {
    /// What is said here, and of `other` what is not.
    pub fn over(self, other: &Self) -> Self {
        Self {
            bodies: self.bodies.or_else(|| other.bodies.clone()),
            headers: self.headers.or_else(|| other.headers.clone()),
            retry_after: self.retry_after.or(other.retry_after),
            code: self.code.or_else(|| other.code.clone()),
            message: self.message.or_else(|| other.message.clone()),
            problem_type: self.problem_type.or_else(|| other.problem_type.clone()),
            burst_parameter: self.burst_parameter.or_else(|| other.burst_parameter.clone()),
        }
    }

    /// The answers, once everything is checked.
    pub fn answers(&self) -> Result<Answers, String> {
        let mut settings = Settings::builder();
        if let Some(headers) = &self.headers {
            settings = settings.families(families(headers)?);
        }
        if let Some(form) = self.retry_after {
            settings = settings.retry_after(form.into());
        }
        if let Some(code) = &self.code {
            settings = settings.code(code.clone());
        }
        if let Some(message) = &self.message {
            settings = settings.message(message.clone());
        }
        if let Some(uri) = &self.problem_type {
            settings = settings.problem_type(uri.clone());
        }
        if let Some(name) = &self.burst_parameter {
            settings = settings.burst_parameter(name.clone());
        }
        let bodies = self.bodies.as_deref().unwrap_or(&[Body::Json, Body::Problem, Body::Html, Body::Text]);
        Ok(Answers { settings: settings.build().map_err(|error| error.to_string())?, bodies: formats(bodies)? })
    }
}

fn families(chosen: &[Family]) -> Result<Families, String> {
    if chosen.contains(&Family::None) && chosen.len() > 1 {
        return Err("none stands for no header fields, so it stands alone".to_owned());
    }
    Ok(chosen.iter().fold(Families::NONE, |families, family| families | (*family).into()))
}

/// The formats, of which two must not answer to one media type: the second would never be chosen.
fn formats(chosen: &[Body]) -> Result<Vec<BodyFormat>, String> {
    let formats: Vec<BodyFormat> = chosen.iter().copied().map(BodyFormat::from).collect();
    let mut types: Vec<&str> = formats.iter().map(|format| format.content_type()).collect();
    types.sort_unstable();
    match types.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("two of the bodies are {}, and only one can be chosen by that", pair[0])),
        None if formats.is_empty() => Err("there is no body; name at least one, such as json".to_owned()),
        None => Ok(formats),
    }
}

impl From<Body> for BodyFormat {
    fn from(body: Body) -> Self {
        match body {
            Body::Json => Self::Json,
            Body::JsonResetAt => Self::JsonResetAt,
            Body::Problem => Self::Problem,
            Body::Html => Self::Html,
            Body::Text => Self::Text,
        }
    }
}

impl From<Family> for Families {
    fn from(family: Family) -> Self {
        match family {
            Family::XRateLimit => Self::X_RATELIMIT,
            Family::Ietf => Self::IETF,
            Family::Draft06 => Self::DRAFT_06,
            Family::Draft07 => Self::DRAFT_07,
            Family::Mixed => Self::MIXED,
            Family::None => Self::NONE,
        }
    }
}

impl From<RetryAfter> for RetryAfterForm {
    fn from(form: RetryAfter) -> Self {
        match form {
            RetryAfter::Seconds => Self::Seconds,
            RetryAfter::Date => Self::HttpDate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_for_a_route_goes_before_what_is_said_for_all() {
        let all = Look { code: Some("all".to_owned()), message: Some("All.".to_owned()), ..Look::default() };
        let route = Look { code: Some("route".to_owned()), headers: Some(vec![Family::Ietf]), ..Look::default() };
        let both = route.over(&all);
        assert_eq!(both.code.as_deref(), Some("route"));
        assert_eq!(both.message.as_deref(), Some("All."));
        assert_eq!(both.answers().unwrap().settings.families(), Families::IETF);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let wrong = |look: Look| look.answers().unwrap_err();
        let with_bodies = |bodies: &[Body]| wrong(Look { bodies: Some(bodies.to_vec()), ..Look::default() });
        assert!(with_bodies(&[Body::Json, Body::Text, Body::JsonResetAt]).contains("two of the bodies"));
        assert!(with_bodies(&[Body::Text, Body::Text]).contains("two of the bodies"));
        assert!(with_bodies(&[]).contains("no body"));
        let with_headers = |headers: &[Family]| wrong(Look { headers: Some(headers.to_vec()), ..Look::default() });
        assert!(with_headers(&[Family::None, Family::Ietf]).contains("alone"));
        assert!(with_headers(&[Family::Draft07, Family::Ietf]).contains("choose one"));
        assert!(wrong(Look { code: Some("a\r\nb".to_owned()), ..Look::default() }).contains("code"));
    }
}
