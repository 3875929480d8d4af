//! The options of `sluice serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sluicegate::{OnFull, Policy};

use super::{Clients, parse_policy};
use crate::serve::answers::{Body, Family, RetryAfter};
use crate::serve::key::{KeySpec, Missing};
use crate::serve::listen::Address;

/// Options of `sluice serve`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// Where to listen: ADDRESS:PORT (port 0 takes any free one) or unix:PATH; may be given several times
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080", value_parser = Address::parse)]
    pub listen: Vec<Address>,

    /// Take routes, limits, clients and answers from this JSON file; SIGHUP reads it again
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "policy", "name", "key", "missing", "max_keys", "on_full", "table", "replace",
        "trusted_proxies", "client_header", "ipv4_prefix", "ipv6_prefix",
        "body", "headers", "retry_after", "code", "message", "problem_type", "burst_parameter",
    ])]
    pub config: Option<PathBuf>,

    /// Say whether the file of --config is right, and serve nothing
    #[arg(long, requires = "config")]
    pub check_config: bool,

    /// The limit.
    #[command(flatten)]
    pub limit: Limit,

    /// Who is asking.
    #[command(flatten)]
    pub clients: Clients,

    /// How answers look.
    #[command(flatten)]
    pub answers: Answers,

    /// The endpoint for proxies.
    #[command(flatten)]
    pub check: Check,

    /// What is told of the work.
    #[command(flatten)]
    pub watch: Watch,

    /// What clients may hold.
    #[command(flatten)]
    pub patience: Patience,
}

/// The limit, where there is no configuration file.
#[derive(Debug, Args)]
#[command(next_help_heading = "The limit, without --config")]
pub struct Limit {
    /// The limit for each key: ALGORITHM LIMIT/PERIOD [burst=N]
    #[arg(long, value_name = "TEXT", default_value = "token-bucket 10/s burst=20", value_parser = parse_policy)]
    pub policy: Policy,

    /// What answers call the limit
    #[arg(long, value_name = "NAME", default_value = sluicegate::http::DEFAULT_NAME)]
    pub name: String,

    /// What is counted: `ip`, `header:NAME`, `path`, `method`, `everyone`, or several joined by `+`
    ///
    /// `ip` is the client's address: an IPv4-mapped one counts as IPv4, an IPv6 address by its /64 network unless said.
    /// `ip+path` counts each address for each path by itself. Keys of different kinds never share a budget, whatever a
    /// client puts into its headers. A header that comes in several different lines is refused with 403, as nobody knows
    /// which of them the application takes.
    #[arg(long, value_name = "KEY", default_value = "ip", value_parser = KeySpec::parse)]
    pub key: KeySpec,

    /// What to do with a request that lacks the key's header, or has an empty one
    #[arg(long, value_name = "ACTION", value_enum, default_value_t = Missing::Address)]
    pub missing: Missing,

    /// How many keys can be live at once; the memory for them is taken at the start
    #[arg(long, value_name = "N", default_value_t = sluicegate::DEFAULT_MAX_KEYS, value_parser = clap::value_parser!(u64).range(1..))]
    pub max_keys: u64,

    /// What happens to a new key when the table is full
    #[arg(long, value_name = "ACTION", value_enum, default_value_t = WhenFull::Evict)]
    pub on_full: WhenFull,

    /// Share the limit with all who name this file, and keep it over a restart; made if it is not there
    ///
    /// On /dev/shm the file lasts as long as the machine runs, on a disk beyond that. All must give the same policy and
    /// the same number of keys.
    #[arg(long, value_name = "PATH")]
    pub table: Option<PathBuf>,

    /// Give a table that has another policy this one; its keys keep what they have consumed
    ///
    /// Servers that have the table open go on with the old policy, apart from this one, until they are restarted.
    #[arg(long, requires = "table")]
    pub replace: bool,
}

/// What happens to a new key when more keys are live than fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhenFull {
    /// The key that has consumed least gives way
    Evict,
    /// The new key is denied
    Deny,
    /// The new key is let through unlimited
    Allow,
}

impl From<WhenFull> for OnFull {
    fn from(action: WhenFull) -> Self {
        match action {
            WhenFull::Evict => Self::Evict,
            WhenFull::Deny => Self::Deny,
            WhenFull::Allow => Self::Allow,
        }
    }
}

/// How answers look, where there is no configuration file.
#[derive(Debug, Args)]
#[command(next_help_heading = "Answers, without --config")]
pub struct Answers {
    /// The bodies that a denial may have, the preferred first; the request's Accept header chooses among several
    #[arg(
        long,
        value_name = "BODY,...",
        value_enum,
        value_delimiter = ',',
        default_value = "json,problem,html,text"
    )]
    pub body: Vec<Body>,

    /// The families of rate limit header fields
    #[arg(long, value_name = "FAMILY,...", value_enum, value_delimiter = ',', default_value = "x-ratelimit,ietf")]
    pub headers: Vec<Family>,

    /// How Retry-After tells the time
    #[arg(long, value_name = "FORM", value_enum, default_value_t = RetryAfter::Seconds)]
    pub retry_after: RetryAfter,

    /// The code by which programs know a denial, in the JSON body
    #[arg(long, value_name = "CODE", default_value = sluicegate::http::DEFAULT_CODE)]
    pub code: String,

    /// What a denial tells people [default: what happened and when to try again]
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,

    /// The type in problem details [default: the IETF draft's quota-exceeded]
    #[arg(long, value_name = "URI")]
    pub problem_type: Option<String>,

    /// Tell a bucket's burst in RateLimit-Policy by a parameter of this name, such as acme-burst
    #[arg(long, value_name = "NAME")]
    pub burst_parameter: Option<String>,
}

/// The endpoint by which proxies ask whether a request may pass.
#[derive(Debug, Args)]
#[command(next_help_heading = "For proxies: auth_request, ForwardAuth, forward_auth")]
pub struct Check {
    /// The path at which proxies ask about their requests; `none` for no such path
    #[arg(long, value_name = "PATH", default_value = "/check", value_parser = parse_check_path)]
    pub check_path: CheckPath,

    /// The header that holds the method of the request asked about
    #[arg(long, value_name = "NAME", default_value = "x-forwarded-method", value_parser = parse_header)]
    pub method_header: hyper::header::HeaderName,

    /// The header that holds the URI of the request asked about
    #[arg(long, value_name = "NAME", default_value = "x-forwarded-uri", value_parser = parse_header)]
    pub uri_header: hyper::header::HeaderName,
}

/// The path at which proxies ask; `None` for no such path.
#[derive(Debug, Clone)]
pub struct CheckPath(pub Option<String>);

/// What is told of the work, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is told")]
pub struct Watch {
    /// Serve counters in Prometheus' text form at /metrics of this address: ADDRESS:PORT or unix:PATH
    #[arg(long, value_name = "ADDR", value_parser = Address::parse)]
    pub metrics: Option<Address>,

    /// Append the lines of denied keys to this file instead of standard error; SIGHUP opens it anew
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,

    /// A denied key has at most one line in so many seconds, which says how many denials were left out
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_seconds)]
    pub log_period: Duration,

    /// How headers' values are shown in those lines, for they may be secrets
    #[arg(long, value_name = "HOW", value_enum, default_value_t = KeysShown::Masked)]
    pub log_keys: KeysShown,

    /// Say nothing but warnings and errors on standard error
    #[arg(long)]
    pub quiet: bool,
}

/// How headers' values are shown in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeysShown {
    /// The first characters, up to a quarter of it
    Masked,
    /// All of it
    Whole,
}

/// What clients may hold, and for how long.
#[derive(Debug, Args)]
#[command(next_help_heading = "What clients may hold")]
pub struct Patience {
    /// How long a connection may be idle or take over a request's head, its body, or an answer
    ///
    /// Let it be longer than the proxy in front keeps idle connections, or the two may cross: nginx keeps them for 60 s.
    #[arg(long, value_name = "SECONDS", default_value = "75", value_parser = parse_seconds)]
    pub client_timeout: Duration,

    /// How many connections may be open at once; further ones wait
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,

    /// How many bytes of a request's body are read, and dropped; a longer one closes its connection
    #[arg(long, value_name = "BYTES", default_value_t = 1024 * 1024)]
    pub max_body: u64,
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: Option<f64> = text.parse().ok();
    let seconds = seconds.filter(|seconds| (0.1..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "expected a number of seconds from 0.1 to 86400".to_owned())
}

fn parse_header(text: &str) -> Result<hyper::header::HeaderName, String> {
    text.parse().map_err(|_| "expected a header's name, such as X-Forwarded-Uri".to_owned())
}

fn parse_check_path(text: &str) -> Result<CheckPath, String> {
    let is_path =
        text.starts_with('/') && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
    match text {
        "none" => Ok(CheckPath(None)),
        _ if is_path => Ok(CheckPath(Some(text.to_owned()))),
        _ => Err("expected a path such as /check, or none".to_owned()),
    }
}

const EXAMPLES: &str = "\
Examples:
  sluice serve
  sluice serve --listen 127.0.0.1:0 --policy \"fixed-window 5/1m\"
  sluice serve --key header:X-Api-Key --policy \"token-bucket 100/s burst=200\"
  sluice serve --listen unix:/run/sluice.sock --trusted-proxies unix
  sluice serve --listen 127.0.0.1:8081 --table /dev/shm/api.table &
  sluice serve --listen 127.0.0.1:8082 --table /dev/shm/api.table
  sluice serve --config serve.json --check-config
  sluice serve --config serve.json --metrics 127.0.0.1:9090
  curl -i http://127.0.0.1:8080/

Whatever is asked, whoever is within the limit gets 200, others 429 with
Retry-After (unless waiting would not help) and a body as their Accept header
asks for. Proxies ask at /check about the request that X-Forwarded-Method and
X-Forwarded-Uri name; /check/403 answers 403 in place of 429, for nginx.

SIGHUP reads the configuration again: limits that stay keep what they know, and a
wrong file is refused while the old one goes on. SIGINT or SIGTERM stops the server
once the answers under way are given.

bindings/cli/SERVE.md describes the configuration and how to set up nginx, Caddy,
Traefik and Prometheus.";
