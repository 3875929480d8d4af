//! Which requests a limit is for.

use crate::head::RequestHead;
use http::Method;
use http::request::Parts;
use std::fmt;
use std::sync::Arc;

/// Which requests some limits are for.
///
/// A route has paths, methods and conditions. It matches a request that has one of its paths and one of its methods, and for
/// which all of its conditions hold; where it has none of a kind, that kind does not matter.
///
/// ```
/// use http::Method;
/// use sluicegate_tower::Route;
///
/// let uploads = Route::new().prefix("/files").method(Method::POST).method(Method::PUT);
/// let beta = Route::new().matched_path("/users/{id}").when(|request| request.headers().contains_key("x-beta"));
/// ```
///
/// # Paths are compared as they were sent
///
/// `/%61pi` is not `/api` here, nor are `//api` and `/API`. Where the router takes them for the same, a limit on
/// `/api` can be got around: use [`matched_path`](Self::matched_path), which is what the router has found. axum's
/// router compares paths as they were sent, too.
#[derive(Clone, Default)]
pub struct Route {
    paths: Vec<Path>,
    methods: Vec<Method>,
    conditions: Vec<Condition>,
}

pub(crate) type Condition = Arc<dyn Fn(&RequestHead<'_>) -> bool + Send + Sync>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Path {
    Exact(String),
    Prefix(String),
    Matched(String),
}

impl Route {
    /// A route that matches every request.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests with this path. It begins with a slash.
    #[must_use]
    pub fn path(self, path: impl Into<String>) -> Self {
        self.with_path(Path::Exact(path.into()))
    }

    /// Requests whose path begins with these segments: `/api` is for `/api` and `/api/users`, not for `/apiary`. It begins
    /// with a slash; one at its end makes no difference.
    #[must_use]
    pub fn prefix(self, prefix: impl Into<String>) -> Self {
        self.with_path(Path::Prefix(prefix.into()))
    }

    /// Requests for which the router has found this route, written as in the router, such as `/users/{id}`.
    ///
    /// With the feature `axum` it is axum's `MatchedPath`, which is there in layers that were added by `Router::layer` and
    /// `route_layer`, below the router, and not in one that is around the whole router. For other routers, see
    /// [`matched_path_by`](crate::RateLimitLayerBuilder::matched_path_by).
    #[must_use]
    pub fn matched_path(self, route: impl Into<String>) -> Self {
        self.with_path(Path::Matched(route.into()))
    }

    /// Requests with this method.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.methods.push(method);
        self
    }

    /// Requests for which a function says so. It is called only where path and method match.
    #[must_use]
    pub fn when(mut self, condition: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.conditions.push(Arc::new(condition));
        self
    }

    fn with_path(mut self, path: Path) -> Self {
        self.paths.push(path);
        self
    }

    /// Whether this is a request that the route is for.
    #[must_use]
    pub fn matches(&self, request: &RequestHead<'_>) -> bool {
        let has_path = || self.paths.iter().any(|path| path.matches(request));
        (self.methods.is_empty() || self.methods.contains(request.method()))
            && (self.paths.is_empty() || has_path())
            && self.conditions.iter().all(|condition| condition(request))
    }

    /// What is wrong with it, where something is.
    pub(crate) fn problem(&self, has_matched_paths: bool) -> Option<String> {
        self.paths.iter().find_map(|path| path.problem(has_matched_paths))
    }
}

impl Path {
    fn matches(&self, request: &RequestHead<'_>) -> bool {
        match self {
            Self::Exact(path) => request.path() == path,
            Self::Prefix(prefix) => {
                let segments = prefix.strip_suffix('/').unwrap_or(prefix);
                let rest = request.path().strip_prefix(segments);
                rest.is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'/', ..]))
            }
            Self::Matched(route) => request.route() == Some(route),
        }
    }

    fn problem(&self, has_matched_paths: bool) -> Option<String> {
        match self {
            Self::Exact(path) if path == "*" => None,
            Self::Exact(path) | Self::Prefix(path) | Self::Matched(path) if !path.starts_with('/') => {
                Some(format!("{path:?} begins with no slash, so that no path is it; write /{path}"))
            }
            Self::Exact(path) | Self::Prefix(path) if path.contains(['?', '#', ' ']) => {
                Some(format!("{path:?} is more than a path: there is no query in it, and blanks come as %20"))
            }
            Self::Matched(route) if !has_matched_paths => Some(format!(
                "{route:?} is to be the router's matched path, which nobody tells: turn the feature axum on, or call \
                 matched_path_by"
            )),
            _ => None,
        }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { paths, methods, conditions } = self;
        write!(f, "Route {{ paths: {paths:?}, methods: {methods:?}, conditions: {} }}", conditions.len())
    }
}

type Find = dyn for<'a> Fn(&'a Parts) -> Option<&'a str> + Send + Sync;

/// Where the router's matched path is found.
#[derive(Clone, Default)]
pub(crate) enum RouteSource {
    #[default]
    Extensions,
    Function(Arc<Find>),
}

impl RouteSource {
    pub(crate) fn of<'a>(&self, parts: &'a Parts) -> Option<&'a str> {
        match self {
            #[cfg(feature = "axum")]
            Self::Extensions => parts.extensions.get::<axum::extract::MatchedPath>().map(|path| path.as_str()),
            #[cfg(not(feature = "axum"))]
            Self::Extensions => None,
            Self::Function(find) => find(parts),
        }
    }

    /// Whether anybody can tell.
    pub(crate) fn is_known(&self) -> bool {
        cfg!(feature = "axum") || matches!(self, Self::Function(_))
    }
}

impl fmt::Debug for RouteSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Extensions => "Extensions",
            Self::Function(_) => "Function",
        })
    }
}
