//! Where a limit's keys come from.

use crate::head::RequestHead;
use http::HeaderName;
use sluicegate::identity::Key;
use std::fmt;
use std::sync::Arc;

/// What to do with a request that has not got what it would be counted by. There is no default: every choice is somebody's
/// incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Missing {
    /// This limit does not hold the request. Have another that does.
    Skip,
    /// The request is denied with 403, or what [`missing_status`](crate::RateLimitLayerBuilder::missing_status) says.
    Deny,
    /// The client's address takes its place.
    Address,
}

/// Where a limit's keys come from.
///
/// ```
/// use sluicegate::identity::Key;
/// use sluicegate_tower::{KeySource, Missing};
///
/// #[derive(Clone)]
/// struct User {
///     name: String,
///     team: u64,
/// }
///
/// let by_address = KeySource::address(); // what a limit has unless said
/// let by_user = KeySource::user::<User>(|user| &user.name, Missing::Address);
/// let by_api_key = KeySource::header("x-api-key", Missing::Deny);
/// let by_team = KeySource::from_fn(
///     |request| Some(Key::new().part("team", request.extension::<User>()?.team.to_be_bytes())),
///     Missing::Skip,
/// );
/// let by_user_and_route = by_user.and(KeySource::route());
/// let by_nothing = KeySource::shared(); // one budget for everybody
/// ```
#[derive(Clone)]
pub struct KeySource(Vec<Part>);

#[derive(Clone)]
enum Part {
    Address,
    Header(HeaderName, Missing),
    /// A name that is no header's.
    NoHeader(String),
    Route,
    Function(Arc<Find>, Missing),
}

type Find = dyn Fn(&RequestHead<'_>) -> Option<Key> + Send + Sync;

/// Why a request has no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// The limit does not hold it.
    Skip,
    /// It must have what is missing.
    Deny,
    /// Nobody knows the client's address.
    NoAddress,
}

impl KeySource {
    /// The client's address, as the layer's [`Identity`](sluicegate::identity::Identity) has it.
    #[must_use]
    pub fn address() -> Self {
        Self(vec![Part::Address])
    }

    /// The value of a header, such as an API key; of its first line where there are several. An empty one is missing.
    ///
    /// Whoever makes up a new value for each request is never limited by it: have the values verified by a layer outside
    /// of this one, or a limit by address beside it.
    #[must_use]
    pub fn header(name: impl AsRef<str>, missing: Missing) -> Self {
        let name = name.as_ref();
        Self(vec![match name.parse() {
            Ok(header) => Part::Header(header, missing),
            Err(_) => Part::NoHeader(name.to_owned()),
        }])
    }

    /// A user, an account, a tenant: whom a layer outside of this one has found to be asking, and has put into the request's
    /// extensions as a `T`.
    #[must_use]
    pub fn user<T: Clone + Send + Sync + 'static>(
        id: impl for<'a> Fn(&'a T) -> &'a str + Send + Sync + 'static,
        missing: Missing,
    ) -> Self {
        Self::from_fn(move |request| Some(Key::new().user(id(request.extension::<T>()?))), missing)
    }

    /// The route that the router has found, as [`Route::matched_path`](crate::Route::matched_path) has it. All requests
    /// without one count together.
    #[must_use]
    pub fn route() -> Self {
        Self(vec![Part::Route])
    }

    /// One key for all requests.
    #[must_use]
    pub fn shared() -> Self {
        Self(Vec::new())
    }

    /// Whatever a function says. Put what is secret into the key by [`Key::header`]: other parts are shown in logs.
    #[must_use]
    pub fn from_fn(
        find: impl Fn(&RequestHead<'_>) -> Option<Key> + Send + Sync + 'static,
        missing: Missing,
    ) -> Self {
        Self(vec![Part::Function(Arc::new(find), missing)])
    }

    /// This and another together: one budget for each pair.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// What is wrong with it, where something is.
    pub(crate) fn problem(&self) -> Option<String> {
        self.0.iter().find_map(|part| match part {
            Part::NoHeader(name) => Some(format!("{name:?} is no header's name; one is, for example, x-api-key")),
            _ => None,
        })
    }

    pub(crate) fn of(&self, request: &RequestHead<'_>) -> Result<Key, NoKey> {
        self.0.iter().try_fold(Key::new(), |key, part| part.append(request, key))
    }
}

impl Part {
    fn append(&self, request: &RequestHead<'_>, key: Key) -> Result<Key, NoKey> {
        match self {
            Self::Address => address(request, key),
            Self::Route => Ok(key.part("route", request.route().unwrap_or_default())),
            Self::Header(name, missing) => match request.headers().get(name) {
                Some(value) if !value.is_empty() => Ok(key.header(name, value)),
                _ => missing.instead(request, key),
            },
            Self::Function(find, missing) => match find(request) {
                Some(found) => Ok(key.and(&found)),
                None => missing.instead(request, key),
            },
            // No layer is built with one.
            Self::NoHeader(_) => Err(NoKey::Deny),
        }
    }
}

impl Missing {
    fn instead(self, request: &RequestHead<'_>, key: Key) -> Result<Key, NoKey> {
        match self {
            Self::Skip => Err(NoKey::Skip),
            Self::Deny => Err(NoKey::Deny),
            Self::Address => address(request, key),
        }
    }
}

fn address(request: &RequestHead<'_>, key: Key) -> Result<Key, NoKey> {
    Ok(key.address(request.client().ok_or(NoKey::NoAddress)?.key()))
}

impl Default for KeySource {
    fn default() -> Self {
        Self::address()
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("Address"),
            Self::Header(name, missing) => write!(f, "Header({name}, {missing:?})"),
            Self::NoHeader(name) => write!(f, "NoHeader({name:?})"),
            Self::Route => f.write_str("Route"),
            Self::Function(_, missing) => write!(f, "Function({missing:?})"),
        }
    }
}
