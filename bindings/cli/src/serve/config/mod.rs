//! What the server is to do: from options or from a file, checked, and nothing of it done yet.

mod document;
#[cfg(test)]
mod fuzz_tests;
mod read;
mod routes;

use std::path::{Path, PathBuf};

use sluicegate::http::Quota;
use sluicegate::identity::{Identity, Proxies};
use sluicegate::{Error, Policy, TableInfo};

use super::answers::{Answers, Look};
use super::key::{KeySpec, Missing};
use super::methods::Methods;
use super::path::{Path as RequestPath, Pattern};
use crate::cli::{self, WhenFull};
use crate::error::Failure;

/// What the server is to do.
#[derive(Debug)]
pub struct Config {
    /// How clients are told apart.
    pub identity: Identity,
    /// The limits that routes name.
    pub limits: Vec<LimitSpec>,
    /// What is limited how; the first route that matches counts.
    pub routes: Vec<Route>,
}

/// A limit: a policy under a name, and what it counts.
#[derive(Debug)]
pub struct LimitSpec {
    /// Its name and policy.
    pub quota: Quota<'static>,
    /// What it counts.
    pub key: KeySpec,
    /// What happens without the key's header.
    pub missing: Missing,
    /// Where it counts.
    pub table: TableSpec,
}

/// A limiter's table. Limits with the same one know the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// The policy of all keys.
    pub policy: Policy,
    /// How many keys can be live at once.
    pub max_keys: u64,
    /// What happens when more come.
    pub on_full: WhenFull,
    /// The file that it is in, if others share it.
    pub path: Option<PathBuf>,
    /// Whether a table with another policy is replaced.
    pub replace: bool,
}

/// Which requests are held to which limits.
#[derive(Debug)]
pub struct Route {
    /// What logs and counters call it.
    pub name: String,
    /// The paths it is for.
    pub pattern: Pattern,
    /// The methods it is for.
    pub methods: Methods,
    /// Whose requests it does not limit.
    pub exempt: Proxies,
    /// The limits; none for a route that is not limited.
    pub charges: Vec<Charged>,
    /// How its answers look.
    pub answers: Answers,
}

/// What a route takes from a limit.
#[derive(Debug, Clone, Copy)]
pub struct Charged {
    /// Which limit, by its place.
    pub limit: usize,
    /// How many permits.
    pub cost: u64,
}

impl Config {
    /// What the options say: those of a file, or their own.
    pub fn of(options: &cli::Serve) -> Result<Self, Failure> {
        match &options.config {
            Some(file) => Self::from_file(file),
            None => Self::from_options(options),
        }
    }

    /// What a file says.
    pub fn from_file(file: &Path) -> Result<Self, Failure> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::work(format!("cannot read {name}: {error}")))?;
        read::config(&name, &text).map_err(|wrong| Failure::work(wrong.to_string()))
    }

    fn from_options(options: &cli::Serve) -> Result<Self, Failure> {
        let usage = |problem: String| Failure::Usage(problem);
        let limit = &options.limit;
        let quota = Quota::new(limit.name.clone(), limit.policy).map_err(|error| usage(error.to_string()))?;
        let table = TableSpec {
            policy: limit.policy,
            max_keys: limit.max_keys,
            on_full: limit.on_full,
            path: limit.table.clone(),
            replace: limit.replace,
        };
        let route = Route {
            name: "all".to_owned(),
            pattern: Pattern::parse("/**").map_err(usage)?,
            methods: Methods::all(),
            exempt: Proxies::NONE,
            charges: vec![Charged { limit: 0, cost: 1 }],
            answers: look(&options.answers).answers().map_err(usage)?,
        };
        let limit = LimitSpec { quota, key: limit.key.clone(), missing: limit.missing, table };
        Ok(Self { identity: options.clients.identity()?, limits: vec![limit], routes: vec![route] })
    }

    /// Whether anything depends on the path of a request.
    pub fn needs_path(&self) -> bool {
        self.routes.iter().any(|route| !route.pattern.is_everything())
            || self.limits.iter().any(|limit| limit.key.needs_path())
    }

    /// Whether anything depends on the method of a request.
    pub fn needs_method(&self) -> bool {
        self.routes.iter().any(|route| route.methods != Methods::all())
            || self.limits.iter().any(|limit| limit.key.needs_method())
    }

    /// Looks whether the tables could be had, and makes and changes none.
    pub fn look_at_tables(&self) -> Result<(), Failure> {
        self.limits.iter().try_for_each(|limit| limit.table.look().map_err(|problem| limit.failure(problem)))
    }
}

impl Route {
    /// Whether it is for this request.
    pub fn matches(&self, method: &str, path: &RequestPath) -> bool {
        self.methods.contain(method) && self.pattern.matches(path)
    }

    /// Whether it takes every request.
    fn is_everything(&self) -> bool {
        self.pattern.is_everything() && self.methods == Methods::all()
    }
}

impl LimitSpec {
    /// A failure of this limit.
    pub fn failure(&self, problem: impl std::fmt::Display) -> Failure {
        Failure::work(format!("the limit {:?}: {problem}", self.quota.name()))
    }
}

impl TableSpec {
    /// Whether there is such a table, or one could be made as far as can be told without making it.
    fn look(&self) -> Result<(), Error> {
        let Some(path) = self.path.as_deref().filter(|path| path.exists()) else { return Ok(()) };
        let info = TableInfo::read(path)?;
        let differs = |what, found: String, wanted: String| {
            Err(Error::TableMismatch { place: path.display().to_string(), what, found, wanted })
        };
        if info.max_keys != self.max_keys {
            return differs("max_keys", info.max_keys.to_string(), self.max_keys.to_string());
        }
        if info.policy != self.policy && !self.replace {
            return differs("policy", info.policy.to_string(), self.policy.to_string());
        }
        Ok(())
    }
}

fn look(options: &cli::Answers) -> Look {
    Look {
        bodies: Some(options.body.clone()),
        headers: Some(options.headers.clone()),
        retry_after: Some(options.retry_after),
        code: Some(options.code.clone()),
        message: options.message.clone(),
        problem_type: options.problem_type.clone(),
        burst_parameter: options.burst_parameter.clone(),
    }
}
