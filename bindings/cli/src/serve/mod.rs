//! `sluice serve`: an HTTP server that answers 200 or 429, for whatever is asked and for proxies that ask about requests
//! of theirs.
//!
//! A request goes through these rooms: `connections` takes it in; `check` tells whether it is about itself or a proxy's
//! question; `asked` says who asks for what; `gate` finds the route, charges its limits and counts; `response` renders what
//! they say; `denials` logs it. `config` says what is where, `reload` changes it, `metrics` shows the counts.

pub mod answers;
mod asked;
mod check;
mod config;
mod connections;
mod denials;
mod gate;
mod hints;
pub mod key;
mod limit;
pub mod listen;
mod methods;
mod metrics;
mod path;
mod reload;
mod response;
mod server;
mod stop;

use std::sync::Arc;
use std::time::Duration;

use self::config::Config;
use self::connections::Connections;
use self::listen::Listener;
use self::metrics::Metrics;
use self::reload::Reloads;
use self::server::Server;
use self::stop::Stop;
use crate::error::Failure;
use crate::{cli, output};

/// How many connections may ask for counters at once.
const METRICS_CONNECTIONS: u32 = 16;

/// How often to see whether a table's file still is the one under its name.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Serves until a signal says stop, or looks whether the configuration is right.
pub fn run(options: &cli::Serve) -> Result<(), Failure> {
    if options.check_config {
        return check_config(options);
    }
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::work(format!("cannot start the server's threads: {error}")))?
        .block_on(serve(options))
}

/// Says whether the configuration is right. Makes and changes nothing.
fn check_config(options: &cli::Serve) -> Result<(), Failure> {
    let config = Config::of(options)?;
    config.look_at_tables()?;
    let counted = |count: usize, noun| crate::text::counted(count as u64, noun);
    let (limits, routes) = (counted(config.limits.len(), "limit"), counted(config.routes.len(), "route"));
    output::print(format!("the configuration is right: {limits}, {routes}\n"))
}

async fn serve(options: &cli::Serve) -> Result<(), Failure> {
    // Signals are watched before anybody can know that the server listens.
    let (stop, reloads) = (Stop::watch()?, Reloads::watch()?);
    let (patience, quiet) = (&options.patience, options.watch.quiet);
    let room = connections::make_room(patience.max_connections);
    if room < patience.max_connections {
        output::warn(&format!("warning: the system lets this server have {room} connections at once (ulimit -n)"));
    }
    let connections = Connections::new(room, patience.client_timeout, stop.clone());
    let server = Arc::new(Server::open(options, connections.clone())?);
    let listeners = listen(options).await?;
    let metrics = match &options.watch.metrics {
        Some(address) => Some(address.listen().await?),
        None => None,
    };
    if !quiet {
        tell_where(&listeners, metrics.as_ref())?;
    }
    tokio::spawn(reloads.serve(server.clone(), quiet));
    tokio::spawn(tell_when_others_have_another_table(server.clone()));
    tokio::spawn(tell_of_denials(server.clone()));
    if let Some(listener) = metrics {
        let few = Connections::new(METRICS_CONNECTIONS, patience.client_timeout, stop.clone());
        tokio::spawn(few.accept(listener, Arc::new(Metrics::of(server.clone()))));
    }
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| tokio::spawn(connections.clone().accept(listener, server.clone())))
        .collect();
    until_stopped(accepting, &connections, &stop).await;
    if let Some(denials) = server.denials() {
        denials.finish();
    }
    Ok(())
}

/// Ends when all that was asked before the server was to stop is answered, or patience has run out.
async fn until_stopped(accepting: Vec<tokio::task::JoinHandle<()>>, connections: &Connections, stop: &Stop) {
    let ended = async {
        for listener in accepting {
            // A listener that has failed accepts nothing more, and the others go on.
            let _ = listener.await;
        }
        connections.ended().await;
    };
    tokio::select! {
        () = ended => {}
        () = stop.overdue() => {}
    }
}

async fn listen(options: &cli::Serve) -> Result<Vec<Listener>, Failure> {
    let mut listeners = Vec::with_capacity(options.listen.len());
    for address in &options.listen {
        listeners.push(address.listen().await?);
    }
    Ok(listeners)
}

fn tell_where(listeners: &[Listener], metrics: Option<&Listener>) -> Result<(), Failure> {
    for listener in listeners {
        output::warn(&format!("listening on {}", listener.url()?));
    }
    if let Some(listener) = metrics {
        output::warn(&format!("metrics on {}/metrics", listener.url()?));
    }
    Ok(())
}

/// Whoever starts now shares no limit with this server once a table's file is removed or replaced.
async fn tell_when_others_have_another_table(server: Arc<Server>) {
    let mut told = Vec::new();
    loop {
        let gate = server.gate().clone();
        // Of limits that are gone nothing is to be told, and another may have their place in memory.
        told.retain(|known| gate.limits().iter().any(|limit| Arc::ptr_eq(&limit.limiter, known)));
        for limit in gate.limits().iter().filter(|limit| !limit.limiter.is_current()) {
            if !told.iter().any(|known| Arc::ptr_eq(&limit.limiter, known)) {
                told.push(limit.limiter.clone());
                output::warn(&format!(
                    "warning: the table of the limit {:?} was removed or replaced; this server goes on with the old one until it is restarted or reads its configuration again",
                    limit.name()
                ));
            }
        }
        drop(gate);
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn tell_of_denials(server: Arc<Server>) {
    if let Some(denials) = server.denials() {
        denials.tell_of_the_rest().await;
    }
}
