//! Counters in Prometheus' text form, at `/metrics` of a listener of their own.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use sluicegate::Stats;

use super::connections::Answers;
use super::gate::{Gate, Outcome};
use super::limit::Limit;
use super::response::{self, Response};
use super::server::Server;

/// Serves the counters of a server.
pub struct Metrics {
    registry: Registry,
}

/// Collects them when they are asked for.
#[derive(Debug)]
struct Counters(Arc<Server>);

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Metrics {
    /// Those of this server.
    pub fn of(server: Arc<Server>) -> Self {
        let mut registry = Registry::with_prefix("sluice");
        registry.register_collector(Box::new(Counters(server)));
        Self { registry }
    }

    fn written(&self) -> Response {
        let mut counters = String::new();
        match text::encode(&mut counters, &self.registry) {
            Ok(()) => response::with_body(StatusCode::OK, CONTENT_TYPE, counters),
            Err(fmt::Error) => {
                response::text(StatusCode::INTERNAL_SERVER_ERROR, "the counters cannot be written\n")
            }
        }
    }
}

impl Answers for Metrics {
    fn answer(&self, _peer: Option<IpAddr>, request: Request<Incoming>) -> Response {
        match (request.uri().path(), request.method()) {
            ("/metrics", &Method::GET | &Method::HEAD) => self.written(),
            ("/metrics", _) => response::text(StatusCode::METHOD_NOT_ALLOWED, "405: counters are only read\n"),
            _ => response::text(StatusCode::NOT_FOUND, "404: the counters are at /metrics\n"),
        }
    }
}

impl Collector for Counters {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let gate = self.0.gate();
        let mut out = Out(encoder);
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        out.family("build_info", "The version of sluice.", MetricType::Gauge, |metric| {
            gauge(metric, &version, 1)
        })?;
        requests(&mut out, &gate)?;
        limits(&mut out, gate.limits())?;
        tables(&mut out, gate.limits())?;
        out.family("connections", "Open connections.", MetricType::Gauge, |metric| {
            gauge(metric, &[], self.0.open_connections())
        })?;
        out.family("config_reloads", "Configurations that were read again.", MetricType::Counter, |metric| {
            let (done, refused) = self.0.reloads();
            counter(metric, &[("result", "done")], done)?;
            counter(metric, &[("result", "refused")], refused)
        })
    }
}

fn requests(out: &mut Out<'_>, gate: &Gate) -> fmt::Result {
    out.family("requests", "Requests by route, and what became of them.", MetricType::Counter, |metric| {
        for (route, outcomes) in gate.routes() {
            for outcome in Outcome::ALL {
                counter(metric, &[("route", &route.name), ("outcome", outcome.name())], outcomes.of(outcome))?;
            }
        }
        let elsewhere = [("route", ""), ("outcome", Outcome::Unlimited.name())];
        counter(metric, &elsewhere, gate.elsewhere.of(Outcome::Unlimited))
    })
}

fn limits(out: &mut Out<'_>, limits: &[Limit]) -> fmt::Result {
    out.family("admissions", "Requests charged to a limit.", MetricType::Counter, |metric| {
        limits.iter().try_for_each(|limit| counter(metric, &[("limit", limit.name())], limit.counts.allowed()))
    })?;
    out.family("denials", "Requests that a limit denied, by reason.", MetricType::Counter, |metric| {
        for limit in limits {
            for (reason, count) in limit.counts.denied() {
                let reason = reason.to_string();
                counter(metric, &[("limit", limit.name()), ("reason", &reason)], count)?;
            }
        }
        Ok(())
    })?;
    out.family(
        "skips",
        "Requests that a limit did not apply to for want of a header.",
        MetricType::Counter,
        |metric| {
            limits.iter().try_for_each(|limit| counter(metric, &[("limit", limit.name())], limit.counts.skipped()))
        },
    )
}

/// A number of a table: its name, what it is, of what kind, and how it is had.
type OfTable = (&'static str, &'static str, MetricType, fn(&Stats) -> u64);

const OF_TABLES: [OfTable; 7] = [
    ("table_live_keys", "Keys that are live now.", MetricType::Gauge, |stats| stats.live_keys),
    ("table_max_keys", "Keys that can be live at once.", MetricType::Gauge, |stats| stats.capacity),
    ("table_bytes", "The table's size.", MetricType::Gauge, |stats| stats.memory_bytes),
    ("table_inserted_keys", "Keys that were given a slot.", MetricType::Counter, |stats| stats.inserted),
    ("table_evicted_keys", "Live keys that gave way to new ones.", MetricType::Counter, |stats| stats.evicted),
    ("table_full_denials", "Requests denied for a full table.", MetricType::Counter, |stats| stats.refused_full),
    ("table_full_admissions", "Requests let through for a full table.", MetricType::Counter, |stats| {
        stats.allowed_full
    }),
];

fn tables(out: &mut Out<'_>, limits: &[Limit]) -> fmt::Result {
    // Each is a pass over the whole table.
    let stats: Vec<(&str, Stats)> = limits.iter().map(|limit| (limit.name(), limit.limiter.stats())).collect();
    for (name, help, kind, number) in OF_TABLES {
        out.family(name, help, kind, |metric| {
            stats.iter().try_for_each(|(limit, stats)| match kind {
                MetricType::Gauge => gauge(metric, &[("limit", limit)], number(stats)),
                _ => counter(metric, &[("limit", limit)], number(stats)),
            })
        })?;
    }
    Ok(())
}

/// Where families are written to.
struct Out<'a>(DescriptorEncoder<'a>);

impl Out<'_> {
    fn family(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        write: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        write(&mut self.0.encode_descriptor(name, help, None, kind)?)
    }
}

fn counter(metric: &mut MetricEncoder<'_>, labels: &[(&str, &str)], value: u64) -> fmt::Result {
    metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

fn gauge(metric: &mut MetricEncoder<'_>, labels: &[(&str, &str)], value: u64) -> fmt::Result {
    metric.encode_family(&labels)?.encode_gauge(&value)
}
