//! The header fields of an answer, rendered without an allocation.

use super::answer::Answer;
use super::families::Families;
use super::fields::{Field, parameter};
use super::line::{LINE_BYTES, Line};
use super::seconds::{self, to_wait};
use super::settings::RetryAfterForm;
use super::standing::Standing;
use super::structured::{self, integer_parameter};
use super::valid::{MAX_NAME, MAX_PARAMETER, MAX_PARTITION_KEY};
use super::verdict::Verdict;
use crate::decision::NEVER;
use crate::http_date::ImfFixdate;
use std::fmt::{self, Write};

/// The longest item of a list: a name of which every character is escaped, and all parameters.
const LONGEST_ITEM: usize = {
    let integer_parameter = ";q=".len() + 15;
    let burst = ";=".len() + MAX_PARAMETER + 15;
    let partition_key = ";pk=".len() + structured::bytes_length(MAX_PARTITION_KEY);
    2 + 2 * MAX_NAME + 2 * integer_parameter + burst + partition_key
};
const _: () = assert!(LONGEST_ITEM <= LINE_BYTES);

/// Whoever receives header fields, one by one.
struct Receiver<F>(F);

impl<F: FnMut(Field, &str)> Receiver<F> {
    /// Hands on a field whose value always fits a line.
    fn value(&mut self, field: Field, value: impl fmt::Display) {
        let mut line = Line::new();
        if write!(line, "{value}").is_ok() {
            (self.0)(field, line.as_str());
        }
    }

    /// Hands on a list of items, one for each verdict that has one.
    ///
    /// Where a line is full, the list goes on in another of the same name, which is the same to whoever reads it.
    fn list<'a>(
        &mut self,
        field: Field,
        verdicts: impl Iterator<Item = &'a Verdict<'a>>,
        item: impl Fn(&mut Line, &Verdict<'_>) -> fmt::Result,
    ) {
        let mut line = Line::new();
        for verdict in verdicts {
            let before = line.len();
            let separator = if before == 0 { "" } else { ", " };
            if line.write_str(separator).and_then(|()| item(&mut line, verdict)).is_err() {
                line.truncate(before);
                self.hand_on(field, &line);
                line.truncate(0);
                // It fits now: see `LONGEST_ITEM`.
                let _ = item(&mut line, verdict);
            }
        }
        self.hand_on(field, &line);
    }

    fn hand_on(&mut self, field: Field, line: &Line) {
        if line.len() > 0 {
            (self.0)(field, line.as_str());
        }
    }
}

impl<'a> Answer<'a> {
    /// Calls `each` with every header field of the answer and its value, in order. Allocates nothing.
    ///
    /// Values are printable ASCII, whatever the names and keys were. Put them in place of fields of the same name that
    /// the response may have; among them a name comes twice only where a list of very many policies is too long for one
    /// line, and then both lines count.
    ///
    /// On a denial there is `Cache-Control: no-store`; drop what else the response says to caches (`Expires`, `ETag`,
    /// `Last-Modified`). On a redirect think twice: clients may wait before they follow it.
    pub fn headers(&self, each: impl FnMut(Field, &str)) {
        let mut receiver = Receiver(each);
        if let Some(wait_ns) = self.wait_ns() {
            self.retry_after(&mut receiver, wait_ns);
        }
        if let Some(speaking) = self.speaking() {
            let families = self.settings.families;
            if families.contains(Families::X_RATELIMIT) {
                self.x_ratelimit(&mut receiver, speaking);
            }
            if families.contains(Families::DRAFT_06) {
                self.draft_06(&mut receiver, speaking);
            }
            self.policies(&mut receiver);
            if families.contains(Families::IETF) {
                self.ietf(&mut receiver);
            }
            if families.contains(Families::DRAFT_07) {
                self.draft_07(&mut receiver, speaking);
            }
        }
        if !self.allowed() {
            receiver.value(Field::CacheControl, "no-store");
        }
    }

    fn retry_after(&self, receiver: &mut Receiver<impl FnMut(Field, &str)>, wait_ns: u64) {
        match self.settings.retry_after {
            RetryAfterForm::Seconds => receiver.value(Field::RetryAfter, to_wait(wait_ns)),
            RetryAfterForm::HttpDate => {
                if let Some(date) = ImfFixdate::new(seconds::unix(self.now_unix_ns, wait_ns)) {
                    receiver.value(Field::RetryAfter, date);
                }
            }
        }
    }

    fn x_ratelimit(&self, receiver: &mut Receiver<impl FnMut(Field, &str)>, speaking: &Verdict<'_>) {
        receiver.value(Field::XRateLimitLimit, speaking.decision.limit());
        receiver.value(Field::XRateLimitRemaining, speaking.decision.remaining());
        if let Some(reset) = self.reset_unix() {
            receiver.value(Field::XRateLimitReset, reset);
        }
    }

    fn draft_06(&self, receiver: &mut Receiver<impl FnMut(Field, &str)>, speaking: &Verdict<'_>) {
        receiver.value(Field::RateLimitLimit, speaking.quota.quota());
        receiver.value(Field::RateLimitRemaining, speaking.decision.remaining());
        if let Some(seconds) = reset_in_seconds(speaking) {
            receiver.value(Field::RateLimitReset, seconds);
        }
    }

    /// A dictionary that has no meaning without all three, so there is none where waiting cannot help.
    fn draft_07(&self, receiver: &mut Receiver<impl FnMut(Field, &str)>, speaking: &Verdict<'_>) {
        let (limit, remaining) = (speaking.quota.quota(), speaking.decision.remaining());
        if let Some(reset) = reset_in_seconds(speaking) {
            let value = format_args!(
                "{}={limit}, {}={remaining}, {}={reset}",
                parameter::DICTIONARY_LIMIT,
                parameter::DICTIONARY_REMAINING,
                parameter::DICTIONARY_RESET
            );
            receiver.value(Field::RateLimit, value);
        }
    }

    /// `RateLimit-Policy`: of the newest draft if that is chosen, else in the form that revisions 06 and 07 share.
    fn policies(&self, receiver: &mut Receiver<impl FnMut(Field, &str)>) {
        let families = self.settings.families;
        let burst_parameter = self.settings.burst_parameter.as_deref();
        if families.contains(Families::IETF) {
            receiver.list(Field::RateLimitPolicy, self.verdicts.iter(), |out, verdict| {
                named_policy(out, verdict, burst_parameter)
            });
        } else if families.contains(Families::DRAFT_06) || families.contains(Families::DRAFT_07) {
            // Those revisions know no policy without a window.
            let with_window = self.verdicts.iter().filter(|verdict| verdict.quota.window_seconds().is_some());
            receiver.list(Field::RateLimitPolicy, with_window, |out, verdict| {
                write!(out, "{}", verdict.quota.quota())?;
                window_and_burst(out, verdict, burst_parameter)
            });
        }
    }

    fn ietf(&self, receiver: &mut Receiver<impl FnMut(Field, &str)>) {
        let others = self.verdicts.iter().filter(|verdict| !verdict.is_violated());
        receiver.list(Field::RateLimit, self.violated().chain(others), standing);
    }
}

/// For revisions 06 and 07: seconds until a denied request is admitted, or until the key of an admitted one is fresh.
fn reset_in_seconds(verdict: &Verdict<'_>) -> Option<u64> {
    let decision = &verdict.decision;
    match decision.retry_after_ns() {
        _ if decision.allowed() => Some(decision.reset_after_ns.div_ceil(seconds::NS_PER_SECOND)),
        NEVER => None,
        wait => Some(to_wait(wait)),
    }
}

fn named_policy(out: &mut Line, verdict: &Verdict<'_>, burst_parameter: Option<&str>) -> fmt::Result {
    structured::string(out, verdict.name())?;
    integer_parameter(out, parameter::QUOTA, verdict.quota.quota())?;
    window_and_burst(out, verdict, burst_parameter)?;
    partition_key(out, verdict)
}

fn window_and_burst(out: &mut Line, verdict: &Verdict<'_>, burst_parameter: Option<&str>) -> fmt::Result {
    if let Some(window) = verdict.quota.window_seconds() {
        integer_parameter(out, parameter::WINDOW, window)?;
    }
    if let Some(name) = burst_parameter {
        integer_parameter(out, name, verdict.quota.policy().burst())?;
    }
    Ok(())
}

fn standing(out: &mut Line, verdict: &Verdict<'_>) -> fmt::Result {
    let standing = Standing::of(verdict.quota, &verdict.decision);
    structured::string(out, verdict.name())?;
    integer_parameter(out, parameter::AVAILABLE, standing.available)?;
    if let Some(window) = standing.effective_window_s {
        integer_parameter(out, parameter::EFFECTIVE_WINDOW, window)?;
    }
    partition_key(out, verdict)
}

fn partition_key(out: &mut Line, verdict: &Verdict<'_>) -> fmt::Result {
    let Some(key) = verdict.partition_key else { return Ok(()) };
    write!(out, ";{}=", parameter::PARTITION_KEY)?;
    structured::bytes(out, key)
}
