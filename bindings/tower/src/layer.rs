//! The layer and its making.

use crate::denial::DenialRules;
use crate::event::Event;
use crate::gate::Gate;
use crate::head::{Finders, RequestHead};
use crate::headers::HeaderRules;
use crate::limit::Limit;
use crate::peer::{Peer, PeerSource};
use crate::route::{Route, RouteSource};
use crate::service::RateLimit;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use sluicegate::http::{BodyFormat, Settings};
use sluicegate::identity::{Identity, Networks};
use sluicegate::{Clock, Error, MonotonicClock, Policy};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// A [`Layer`] that limits requests. See the [crate](crate) for how to use it.
///
/// Clones, and all services that it is put around, share its limits.
pub struct RateLimitLayer<C = MonotonicClock> {
    gate: Arc<Gate<C>>,
}

impl RateLimitLayer {
    /// A layer with one limit, under the name `per-client`, by the client's address.
    ///
    /// ```
    /// use sluicegate::identity::{ForwardingHeader, Identity, Proxies};
    /// use sluicegate_tower::RateLimitLayer;
    ///
    /// let behind_one_proxy = Identity::behind(ForwardingHeader::X_FORWARDED_FOR, Proxies::hops(1));
    /// let layer = RateLimitLayer::by_address("token-bucket 10/s burst=20", behind_one_proxy)?;
    /// # Ok::<(), sluicegate::Error>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with the policy.
    pub fn by_address<P>(policy: P, identity: Identity) -> Result<Self, Error>
    where
        P: TryInto<Policy>,
        Error: From<P::Error>,
    {
        Self::builder().identity(identity).limit(Limit::new("per-client", policy)?).build()
    }
}

impl<C: Clock> RateLimitLayer<C> {
    /// A layer with more to choose.
    pub fn builder() -> RateLimitLayerBuilder<C> {
        RateLimitLayerBuilder {
            gate: Gate {
                finders: Finders::default(),
                exempt: Vec::new(),
                limits: Vec::new(),
                general: 0,
                routes: Vec::new(),
                headers: HeaderRules::default(),
                denials: DenialRules::default(),
                delays: true,
                on_decision: None,
                on_denial: None,
            },
            routes: Vec::new(),
            expose: false,
            dry_run: false,
            problem: None,
        }
    }
}

/// A layer in the making; [`build`](Self::build) checks what it was told.
#[must_use = "a layer that is not built limits nothing"]
pub struct RateLimitLayerBuilder<C = MonotonicClock> {
    gate: Gate<C>,
    routes: Vec<(Route, Vec<Limit<C>>)>,
    expose: bool,
    dry_run: bool,
    problem: Option<Error>,
}

impl<C: Clock> RateLimitLayerBuilder<C> {
    /// A limit for every request that is not exempt. Several are charged together: all or none.
    pub fn limit(mut self, limit: Limit<C>) -> Self {
        self.gate.limits.push(limit);
        self
    }

    /// Limits for the requests of a route, beside those for every request. Of several routes that match a request the first
    /// counts, so put the special before the general. A route without limits keeps its requests from those that follow.
    pub fn route(mut self, route: Route, limits: impl IntoIterator<Item = Limit<C>>) -> Self {
        self.routes.push((route, limits.into_iter().collect()));
        self
    }

    /// How clients are told apart; by default no proxy is trusted, and the client is the peer.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.gate.finders.identity = identity;
        self
    }

    /// Where the peer is found. Unless said, in the request's extensions: a [`Peer`], a
    /// [`SocketAddr`](std::net::SocketAddr) or an [`IpAddr`](std::net::IpAddr), and with the feature `axum` a
    /// `ConnectInfo<SocketAddr>`.
    ///
    /// Where there is none, and no trusted proxy tells the client's address, limits by address answer 500: a budget that all
    /// clients share unknowingly would be worse. [`Peer::Unix`] is the answer that makes them share one knowingly.
    pub fn peer(mut self, find: impl Fn(&Parts) -> Option<Peer> + Send + Sync + 'static) -> Self {
        self.gate.finders.peer = PeerSource::Function(Arc::new(find));
        self
    }

    /// Where the route is found that a router has matched; with the feature `axum` it is axum's `MatchedPath` unless said.
    pub fn matched_path_by(
        mut self,
        find: impl for<'a> Fn(&'a Parts) -> Option<&'a str> + Send + Sync + 'static,
    ) -> Self {
        self.gate.finders.route = RouteSource::Function(Arc::new(find));
        self
    }

    /// No limit holds requests with exactly this path, such as that of a health check.
    pub fn exempt_path(self, path: impl Into<String>) -> Self {
        let path = path.into();
        self.exempt_when(move |request| request.path() == path)
    }

    /// No limit holds clients from these networks, in [`Networks`]' words: `"192.0.2.0/24, loopback"`.
    pub fn exempt_networks(mut self, networks: impl AsRef<str>) -> Self {
        match networks.as_ref().parse::<Networks>() {
            Ok(networks) => self.exempt_when(move |request| {
                request.client().is_some_and(|client| networks.contains(client.address()))
            }),
            Err(error) => {
                self.problem.get_or_insert(error);
                self
            }
        }
    }

    /// No limit holds requests for which a function says so.
    pub fn exempt_when(mut self, exempt: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.gate.exempt.push(Arc::new(exempt));
        self
    }

    /// How answers look.
    pub fn settings(mut self, settings: Settings<'static>) -> Self {
        self.gate.headers.settings = settings;
        self
    }

    /// The one format of denials' bodies. Unless said, it is the request's `Accept` that decides.
    pub fn body(self, format: BodyFormat) -> Self {
        self.bodies([format])
    }

    /// The formats of denials' bodies of which the request's `Accept` chooses one; the first where it has no choice.
    pub fn bodies(mut self, offered: impl IntoIterator<Item = BodyFormat>) -> Self {
        self.gate.denials.offered = offered.into_iter().collect();
        self
    }

    /// Changes denials, or makes others, when they are ready. `Content-Length` is put on what it returns, and the body
    /// taken off for HEAD.
    pub fn map_denial(
        mut self,
        map: impl Fn(&Event<'_>, Response<Bytes>) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        self.gate.denials.map = Some(Arc::new(map));
        self
    }

    /// The status for a request that has not got what it must be counted by ([`Missing::Deny`](crate::Missing::Deny)); 403
    /// unless said. With 401, put a `WWW-Authenticate` on it ([`map_denial`](Self::map_denial)).
    pub fn missing_status(mut self, status: StatusCode) -> Self {
        self.gate.denials.missing_status = status;
        self
    }

    /// Whether redirects (and other responses of 300 to 399) carry the header fields too. Unless said they do not: a client
    /// might wait before it follows.
    pub fn headers_on_redirects(mut self, on_redirects: bool) -> Self {
        self.gate.headers.on_redirects = on_redirects;
        self
    }

    /// Whether responses with the header fields say in `Access-Control-Expose-Headers` that scripts of other origins may
    /// read them. Unless said they do not.
    ///
    /// tower-http's `CorsLayer` says so itself if it is told: then its `expose_headers` is the place for the names.
    pub fn expose_headers(mut self, expose: bool) -> Self {
        self.expose = expose;
        self
    }

    /// Whether a leaky bucket's requests are held so that they reach the service at its rate, as unless said they are; else it
    /// only polices. Of several limits' the longest delay counts.
    ///
    /// It is tokio's timer that wakes them. A client that leaves in the meantime gets nothing back: its place in the queue
    /// was taken, others have been told to wait behind it, and were it given to one more, two would leave at once.
    pub fn delay(mut self, delays: bool) -> Self {
        self.gate.delays = delays;
        self
    }

    /// Whether all limits are in a [dry run](Limit::dry_run).
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Calls a function with every decision, denials included: for metrics. It is called before the request is served, on
    /// its task, and should be quick.
    pub fn on_decision(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.gate.on_decision = Some(Arc::new(hook));
        self
    }

    /// Calls a function with every denial, and with every request that a dry run would have denied: for logs.
    pub fn on_denial(mut self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        self.gate.on_denial = Some(Arc::new(hook));
        self
    }

    /// The layer.
    ///
    /// # Errors
    /// [`Error::Setting`] for what is wrong in what it was told: two limits of one name for the same request, a route that no
    /// request can be on, a header's name that is none, networks that are none.
    pub fn build(self) -> Result<RateLimitLayer<C>, Error> {
        let Self { mut gate, routes, expose, dry_run, problem } = self;
        if let Some(problem) = problem {
            return Err(problem);
        }
        gate.general = gate.limits.len();
        for (route, limits) in routes {
            let first = gate.limits.len();
            gate.limits.extend(limits);
            gate.routes.push((route, first..gate.limits.len()));
        }
        for limit in &mut gate.limits {
            limit.dry_run |= dry_run;
        }
        if expose {
            let names = gate.headers.settings.families().expose_headers();
            gate.headers.expose = HeaderValue::try_from(names).ok();
        }
        check(&gate)?;
        Ok(RateLimitLayer { gate: Arc::new(gate) })
    }
}

fn check<C>(gate: &Gate<C>) -> Result<(), Error> {
    let wrong = |name, given: &str, problem| Err(Error::Setting { name, given: given.to_owned(), problem });
    for limit in &gate.limits {
        if let Some(problem) = limit.key.problem() {
            return wrong("key", limit.name(), problem);
        }
    }
    for (route, limits) in &gate.routes {
        if let Some(problem) = route.problem(gate.finders.route.is_known()) {
            return wrong("route", &format!("{route:?}"), problem);
        }
        unique_names(&gate.limits[..gate.general], &gate.limits[limits.clone()])?;
    }
    unique_names(&gate.limits[..gate.general], &[])
}

/// Clients tell the quotas on one answer by their names.
fn unique_names<C>(general: &[Limit<C>], routed: &[Limit<C>]) -> Result<(), Error> {
    let mut names = HashSet::new();
    match general.iter().chain(routed).find(|limit| !names.insert(limit.name())) {
        None => Ok(()),
        Some(again) => Err(Error::Setting {
            name: "limit",
            given: again.name().to_owned(),
            problem: "two limits of this name hold the same request; give each a name of its own".to_owned(),
        }),
    }
}

impl<S, C> Layer<S> for RateLimitLayer<C> {
    type Service = RateLimit<S, C>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimit::new(inner, Arc::clone(&self.gate))
    }
}

impl<C> Clone for RateLimitLayer<C> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate) }
    }
}

impl<C> fmt::Debug for RateLimitLayer<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateLimitLayer").field(&self.gate).finish()
    }
}

impl<C> fmt::Debug for RateLimitLayerBuilder<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayerBuilder")
            .field("gate", &self.gate)
            .field("routes", &self.routes)
            .finish_non_exhaustive()
    }
}
