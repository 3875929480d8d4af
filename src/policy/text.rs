//! Policies as text: `ALGORITHM LIMIT/PERIOD [burst=N]`, in both directions.

use super::{Algorithm, Policy, PolicyBuilder};
use crate::error::{Error, cut};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Units of time from the longest, the first name of each being the one that is printed.
const UNITS: [(u64, &[&str]); 7] = [
    (86_400_000_000_000, &["d", "day"]),
    (3_600_000_000_000, &["h", "hour"]),
    (60_000_000_000, &["m", "min"]),
    (1_000_000_000, &["s"]),
    (1_000_000, &["ms"]),
    (1_000, &["us"]),
    (1, &["ns"]),
];

impl FromStr for Policy {
    type Err = Error;

    /// Parses `ALGORITHM LIMIT/PERIOD [burst=N]`, such as `sliding-window 100/60m`.
    ///
    /// Units are ns us ms s m h d, with `min`, `hour` and `day` as synonyms; `100r/s` reads like nginx's rates.
    fn from_str(text: &str) -> Result<Self, Error> {
        let mut words = words(text);
        let algorithm = algorithm(text, words.next())?;
        let rate_word = words.next();
        let rate = rate(text, algorithm, rate_word)?;
        let burst_word = words.next();
        let builder = match burst_word {
            Some(word) => rate.burst(burst(text, word)?),
            None => rate,
        };
        if let Some(extra) = words.next() {
            let problem = format!("{:?} is one word too many; end here", cut(extra.text));
            return Err(wrong(text, extra.at, problem));
        }
        builder.build().map_err(|error| {
            // The word to blame: the burst's, if the rate is in range without it.
            let blamed = burst_word.filter(|_| rate.build().is_ok()).or(rate_word);
            wrong(text, blamed.map_or(0, |word| word.at), error.to_string())
        })
    }
}

/// A word of the text and where it begins, in bytes.
#[derive(Clone, Copy)]
struct Word<'a> {
    text: &'a str,
    at: usize,
}

fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    text.split_whitespace()
        .map(move |word| Word { text: word, at: word.as_ptr() as usize - text.as_ptr() as usize })
}

fn wrong(text: &str, at: usize, problem: String) -> Error {
    let column = text[..at].chars().count() + 1;
    Error::PolicyText { text: cut(text), column, problem }
}

fn algorithm(text: &str, word: Option<Word<'_>>) -> Result<Algorithm, Error> {
    let names = Algorithm::ALL.map(Algorithm::name).join(", ");
    let word = word.ok_or_else(|| wrong(text, text.len(), format!("an algorithm is missing; one of {names}")))?;
    let found = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == word.text);
    found
        .ok_or_else(|| wrong(text, word.at, format!("{:?} is no algorithm; it is one of {names}", cut(word.text))))
}

/// `LIMIT/PERIOD`, `LIMITr/PERIOD`.
fn rate(text: &str, algorithm: Algorithm, word: Option<Word<'_>>) -> Result<PolicyBuilder, Error> {
    let word = word.ok_or_else(|| wrong(text, text.len(), "a rate is missing, such as 100/s".into()))?;
    let (limit, period) = word.text.split_once('/').ok_or_else(|| {
        wrong(text, word.at + word.text.len(), "a '/' and a period are missing, as in 100/s or 5000/1h".into())
    })?;
    let period_at = word.at + limit.len() + 1;
    let limit = number(text, Word { text: limit.strip_suffix('r').unwrap_or(limit), at: word.at }, "a limit")?;
    let period = period_of(text, Word { text: period, at: period_at })?;
    Ok(PolicyBuilder::new(algorithm, limit, period))
}

fn period_of(text: &str, word: Word<'_>) -> Result<Duration, Error> {
    let digits = word.text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = word.text.split_at(digits);
    let unit_ns = UNITS.iter().find(|(_, names)| names.contains(&unit)).map(|&(ns, _)| ns).ok_or_else(|| {
        let problem = format!("{:?} is no unit of time; it is one of ns us ms s m h d", cut(unit));
        wrong(text, word.at + digits, problem)
    })?;
    let count = if count.is_empty() { 1 } else { number(text, Word { text: count, at: word.at }, "a period")? };
    let period_ns = count.checked_mul(unit_ns).ok_or_else(|| {
        wrong(text, word.at, format!("the period {:?} is longer than the longest, 3653d", cut(word.text)))
    })?;
    Ok(Duration::from_nanos(period_ns))
}

fn burst(text: &str, word: Word<'_>) -> Result<u64, Error> {
    let digits = word.text.strip_prefix("burst=").ok_or_else(|| {
        wrong(text, word.at, format!("{:?} is not understood; here only burst=N may stand", cut(word.text)))
    })?;
    number(text, Word { text: digits, at: word.at + "burst=".len() }, "a burst")
}

/// A whole number in plain digits: no sign, no fraction, no separators.
fn number(text: &str, word: Word<'_>, what: &str) -> Result<u64, Error> {
    let plain = !word.text.is_empty() && word.text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain {
        let problem = format!("{:?} is not {what}: it takes a whole number such as 100", cut(word.text));
        return Err(wrong(text, word.at, problem));
    }
    word.text.parse().map_err(|_| wrong(text, word.at, format!("{} is too large for {what}", cut(word.text))))
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The last unit is 1 ns, which divides everything.
        let (unit_ns, names) =
            UNITS.into_iter().find(|(unit_ns, _)| self.period_ns.is_multiple_of(*unit_ns)).unwrap_or((1, &["ns"]));
        write!(f, "{} {}/", self.algorithm, self.limit)?;
        match self.period_ns / unit_ns {
            1 => f.write_str(names[0])?,
            count => write!(f, "{count}{}", names[0])?,
        }
        if self.burst != self.limit {
            write!(f, " burst={}", self.burst)?;
        }
        Ok(())
    }
}
