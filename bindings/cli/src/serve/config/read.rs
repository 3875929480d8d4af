//! Reading a configuration: strictly, for what is misspelt must not be left out silently.

use clap::ValueEnum;
use sluicegate::http::Quota;
use sluicegate::identity::{ForwardingHeader, Identity, Proxies};
use sluicegate::{DEFAULT_MAX_KEYS, Limiter, Policy};

use super::document::{Document, Member, Node, Wrong};
use super::{Config, LimitSpec, TableSpec, routes};
use crate::cli::WhenFull;
use crate::serve::answers::Look;
use crate::serve::key::{KeySpec, Missing};

/// Reads a configuration; errors call the document by `name`.
pub fn config(name: &str, text: &str) -> Result<Config, Wrong> {
    let document = Document::new(name, text);
    let root = document.root()?;
    let (mut clients, mut all, mut limits, mut routes) = (None, Look::default(), None, None);
    for member in root.members()? {
        match member.name.as_str() {
            // For editors, which look up there what may be written.
            "$schema" => drop(member.value.text()?),
            "clients" => clients = Some(identity(&member.value)?),
            "answers" => all = look(&member.value)?,
            "limits" => limits = Some(read_limits(&member.value)?),
            "routes" => routes = Some(member.value),
            _ => return Err(member.unknown(&["clients", "answers", "limits", "routes"])),
        }
    }
    let limits =
        limits.ok_or_else(|| lacks(&root, "limits", r#"{"per-address": {"policy": "token-bucket 10/s"}}"#))?;
    let routes =
        routes.ok_or_else(|| lacks(&root, "routes", r#"[{"path": "/**", "limits": ["per-address"]}]"#))?;
    let identity = clients.unwrap_or_default();
    let routes = routes::read(&routes, &limits, &all)?;
    Ok(Config { identity, limits: limits.into_iter().map(|(_, limit)| limit).collect(), routes })
}

/// An error about a member that is not there.
pub fn lacks(node: &Node<'_>, name: &str, example: &str) -> Wrong {
    node.wrong(format_args!("{name:?} is missing; give, for example, \"{name}\": {example}"))
}

fn identity(node: &Node<'_>) -> Result<Identity, Wrong> {
    let (mut proxies, mut header) = (Proxies::NONE, ForwardingHeader::X_FORWARDED_FOR);
    let (mut ipv4_prefix, mut ipv6_prefix) = (32, 64);
    for member in node.members()? {
        let value = &member.value;
        match member.name.as_str() {
            "trusted_proxies" => proxies = read_proxies(value)?,
            "header" => header = value.parsed(str::parse)?,
            "ipv4_prefix" => ipv4_prefix = value.number(1, 32)? as u8,
            "ipv6_prefix" => ipv6_prefix = value.number(1, 128)? as u8,
            _ => return Err(member.unknown(&["trusted_proxies", "header", "ipv4_prefix", "ipv6_prefix"])),
        }
    }
    let identity = Identity::behind(header, proxies).ipv4_prefix(ipv4_prefix);
    identity.and_then(|identity| identity.ipv6_prefix(ipv6_prefix)).map_err(|error| node.wrong(error))
}

/// A number of hops, or networks.
fn read_proxies(node: &Node<'_>) -> Result<Proxies, Wrong> {
    match node.is_number() {
        true => Ok(Proxies::hops(node.number(0, 100)? as usize)),
        false => networks(node),
    }
}

/// Networks, each in a string of an array.
pub fn networks(node: &Node<'_>) -> Result<Proxies, Wrong> {
    let checked = |network: &Node<'_>| network.parsed(|text| Proxies::networks([text]).map(|_| text.to_owned()));
    let texts = node.list()?.iter().map(checked).collect::<Result<Vec<String>, Wrong>>()?;
    Proxies::networks(texts).map_err(|error| node.wrong(error))
}

/// How answers look. Each member is checked by itself, so that an error names its place.
pub fn look(node: &Node<'_>) -> Result<Look, Wrong> {
    let mut all = Look::default();
    for member in node.members()? {
        let value = &member.value;
        let text = || value.text().map(|text| Some(text.into_owned()));
        let one = match member.name.as_str() {
            "bodies" => Look { bodies: Some(choices(value)?), ..Look::default() },
            "headers" => Look { headers: Some(choices(value)?), ..Look::default() },
            "retry_after" => Look { retry_after: Some(value.chosen()?), ..Look::default() },
            "code" => Look { code: text()?, ..Look::default() },
            "message" => Look { message: text()?, ..Look::default() },
            "problem_type" => Look { problem_type: text()?, ..Look::default() },
            "burst_parameter" => Look { burst_parameter: text()?, ..Look::default() },
            _ => {
                return Err(member.unknown(&[
                    "bodies",
                    "headers",
                    "retry_after",
                    "code",
                    "message",
                    "problem_type",
                    "burst_parameter",
                ]));
            }
        };
        one.answers().map_err(|problem| value.wrong(problem))?;
        all = one.over(&all);
    }
    Ok(all)
}

fn choices<T: ValueEnum>(node: &Node<'_>) -> Result<Vec<T>, Wrong> {
    node.list()?.iter().map(Node::chosen).collect()
}

/// The limits by name, each with its place in the document's order.
fn read_limits<'a>(node: &Node<'a>) -> Result<Vec<(Member<'a>, LimitSpec)>, Wrong> {
    let mut limits: Vec<(Member<'a>, LimitSpec)> = Vec::new();
    for member in node.members()? {
        let limit = read_limit(&member)?;
        let shared = |other: &LimitSpec| limit.table.path.is_some() && other.table.path == limit.table.path;
        if let Some((other, _)) = limits.iter().find(|(_, other)| shared(other)) {
            let problem = format!("its table is that of {:?}; have routes name that limit instead", other.name);
            return Err(member.value.wrong(problem));
        }
        limits.push((member, limit));
    }
    Ok(limits)
}

fn read_limit(member: &Member<'_>) -> Result<LimitSpec, Wrong> {
    let node = &member.value;
    let (mut policy, mut key, mut missing) =
        (None, KeySpec::parse("ip").map_err(|e| node.wrong(e))?, Missing::Address);
    let (mut max_keys, mut on_full, mut path, mut replace) = (DEFAULT_MAX_KEYS, WhenFull::Evict, None, false);
    for member in node.members()? {
        let value = &member.value;
        match member.name.as_str() {
            "policy" => policy = Some(value.parsed(str::parse::<Policy>)?),
            "key" => key = value.parsed(KeySpec::parse)?,
            "missing" => missing = value.chosen()?,
            "max_keys" => max_keys = read_max_keys(value)?,
            "on_full" => on_full = value.chosen()?,
            "table" => path = Some(value.parsed(table_path)?),
            "replace" => replace = value.flag()?,
            _ => {
                return Err(
                    member.unknown(&["policy", "key", "missing", "max_keys", "on_full", "table", "replace"])
                );
            }
        }
    }
    let policy = policy.ok_or_else(|| lacks(node, "policy", r#""token-bucket 100/s burst=200""#))?;
    if replace && path.is_none() {
        return Err(node.wrong("\"replace\" is about a table, and there is none; give \"table\" or leave it out"));
    }
    let quota = Quota::new(member.name.clone(), policy).map_err(|error| member.wrong(error))?;
    Ok(LimitSpec { quota, key, missing, table: TableSpec { policy, max_keys, on_full, path, replace } })
}

fn read_max_keys(node: &Node<'_>) -> Result<u64, Wrong> {
    let max_keys = node.number(1, u64::MAX)?;
    Limiter::region_size(max_keys).map(|_| max_keys).map_err(|error| node.wrong(error))
}

fn table_path(text: &str) -> Result<std::path::PathBuf, &'static str> {
    match text.is_empty() || text.contains('\0') {
        true => Err("expected the path of a file, such as /dev/shm/api.table"),
        false => Ok(text.into()),
    }
}
