//! Reading routes.

use sluicegate::identity::Proxies;

use super::document::{Member, Node, Wrong};
use super::read::{lacks, look, networks};
use super::{Charged, LimitSpec, Route};
use crate::serve::answers::Look;
use crate::serve::methods::Methods;
use crate::serve::path::Pattern;

/// Costs are what a request can be charged at once.
const MAX_COST: u64 = sluicegate::MAX_BURST;

/// The limits by name, in the document's order.
type Limits<'a> = [(Member<'a>, LimitSpec)];

/// Reads the routes; every limit must be of some use to them.
pub fn read(node: &Node<'_>, limits: &Limits<'_>, all: &Look) -> Result<Vec<Route>, Wrong> {
    let mut routes: Vec<Route> = Vec::new();
    for (at, node) in node.list()?.iter().enumerate() {
        let route = read_route(node, limits, all)?;
        if let Some(taker) = routes.iter().position(Route::is_everything) {
            return Err(node.wrong(format_args!("routes[{taker}] takes every request before it; move it up")));
        }
        if let Some(other) = routes.iter().position(|other| other.name == route.name) {
            let name = &route.name;
            return Err(node.wrong(format_args!(
                "routes[{other}] has the name {name:?} too; give each a \"name\" of its own"
            )));
        }
        routes.push(route);
        debug_assert_eq!(routes.len(), at + 1);
    }
    if routes.is_empty() {
        return Err(
            node.wrong("there is no route; give, for example, {\"path\": \"/**\", \"limits\": [\"per-address\"]}")
        );
    }
    let is_used = |at: usize| routes.iter().any(|route| route.charges.iter().any(|charged| charged.limit == at));
    match (0..limits.len()).find(|at| !is_used(*at)) {
        Some(at) => Err(limits[at].0.wrong("no route has this limit; name it in one, or leave it out")),
        None => Ok(routes),
    }
}

fn read_route(node: &Node<'_>, limits: &Limits<'_>, all: &Look) -> Result<Route, Wrong> {
    let (mut name, mut pattern, mut methods, mut method_names) = (None, None, Methods::all(), Vec::new());
    let (mut exempt, mut charges, mut answers) = (Proxies::NONE, None, Look::default());
    for member in node.members()? {
        let value = &member.value;
        match member.name.as_str() {
            "name" => name = Some(value.parsed(route_name)?),
            "path" => pattern = Some((value.text()?.into_owned(), value.parsed(Pattern::parse)?)),
            "methods" => {
                method_names = read_methods(value)?;
                methods = Methods::these(method_names.clone());
            }
            "exempt" => exempt = networks(value)?,
            "limits" => charges = Some(read_charges(value, limits)?),
            "answers" => answers = look(value)?,
            _ => return Err(member.unknown(&["name", "path", "methods", "exempt", "limits", "answers"])),
        }
    }
    let (path, pattern) = pattern.ok_or_else(|| lacks(node, "path", "\"/**\""))?;
    let charges = charges.ok_or_else(|| lacks(node, "limits", "[\"per-address\"], or [] for none"))?;
    method_names.push(path);
    let name = name.unwrap_or_else(|| method_names.join(" "));
    let answers = answers.over(all).answers().map_err(|problem| node.wrong(problem))?;
    Ok(Route { name, pattern, methods, exempt, charges, answers })
}

fn route_name(text: &str) -> Result<String, String> {
    match !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        true => Ok(text.to_owned()),
        false => Err("expected 1 to 64 printable ASCII characters, such as \"login\"".to_owned()),
    }
}

fn read_methods(node: &Node<'_>) -> Result<Vec<String>, Wrong> {
    let methods =
        node.list()?.iter().map(|method| method.parsed(Methods::parse)).collect::<Result<Vec<_>, _>>()?;
    match methods.is_empty() {
        true => Err(node.wrong("there is no method; name one, such as \"POST\", or leave it out for all")),
        false => Ok(methods),
    }
}

fn read_charges(node: &Node<'_>, limits: &Limits<'_>) -> Result<Vec<Charged>, Wrong> {
    let mut charges: Vec<Charged> = Vec::new();
    for node in node.list()? {
        let charged = read_charge(&node, limits)?;
        if charges.iter().any(|other| other.limit == charged.limit) {
            return Err(node.wrong("this limit is there twice; give its cost once"));
        }
        charges.push(charged);
    }
    Ok(charges)
}

/// The name of a limit, or that and what a request costs.
fn read_charge(node: &Node<'_>, limits: &Limits<'_>) -> Result<Charged, Wrong> {
    if node.is_text() {
        return Ok(Charged { limit: limit(node, limits)?, cost: 1 });
    }
    let (mut chosen, mut cost) = (None, 1);
    for member in node.members()? {
        match member.name.as_str() {
            "limit" => chosen = Some(limit(&member.value, limits)?),
            "cost" => cost = member.value.number(0, MAX_COST)?,
            _ => return Err(member.unknown(&["limit", "cost"])),
        }
    }
    let limit = chosen.ok_or_else(|| lacks(node, "limit", "\"per-address\""))?;
    let policy = limits[limit].1.quota.policy();
    if policy.limit() > 0 && cost > policy.burst() {
        let most = policy.burst();
        return Err(
            node.wrong(format_args!("a cost of {cost} never fits {policy}, of which {most} can be had at once"))
        );
    }
    Ok(Charged { limit, cost })
}

fn limit(node: &Node<'_>, limits: &Limits<'_>) -> Result<usize, Wrong> {
    node.parsed(|name| {
        let names =
            || limits.iter().map(|(member, _)| format!("{:?}", member.name)).collect::<Vec<_>>().join(", ");
        let found = limits.iter().position(|(member, _)| member.name == name);
        found.ok_or_else(|| format!("there is no limit {name:?}; those of \"limits\" are {}", names()))
    })
}
