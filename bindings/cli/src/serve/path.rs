//! Paths of requests, and the patterns by which routes choose among them.

use std::fmt;

/// The path of a request as routes see it: decoded, without empty, `.` and `..` segments, a query or a trailing slash.
///
/// So `/login`, `//login/`, `/%6Cogin?x` and `/a/../login` are one path, as they are to nginx: none of them passes a route by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<u8>);

/// Which paths a route is for.
///
/// `*` stands for one segment, `**` at the end for any number of them, also none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Segment>,
    open: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Named(Vec<u8>),
    Any,
}

impl Path {
    /// The path of a request's target or URI, whatever form it has.
    pub fn of(uri: &[u8]) -> Self {
        let end = uri.iter().position(|byte| b"?#".contains(byte)).unwrap_or(uri.len());
        let decoded = decoded(after_authority(&uri[..end]));
        let mut kept: Vec<&[u8]> = Vec::new();
        for segment in decoded.split(|byte| *byte == b'/') {
            match segment {
                b"" | b"." => {}
                b".." => drop(kept.pop()),
                named => kept.push(named),
            }
        }
        let mut path = Vec::with_capacity(decoded.len() + 1);
        kept.iter().for_each(|segment| {
            path.push(b'/');
            path.extend_from_slice(segment);
        });
        Self(path)
    }

    /// The path; that of the root is empty.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn segments(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').skip(1)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            b"" => f.write_str("/"),
            path => f.write_str(&String::from_utf8_lossy(path)),
        }
    }
}

/// What of a target comes after `scheme://authority`.
fn after_authority(target: &[u8]) -> &[u8] {
    if target.starts_with(b"/") {
        return target;
    }
    let Some(scheme) = target.windows(3).position(|three| three == b"://") else { return target };
    let rest = &target[scheme + 3..];
    rest.iter().position(|byte| *byte == b'/').map_or(&[], |slash| &rest[slash..])
}

/// The bytes with every `%XX` decoded once; others stay as they are.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, ..) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

impl Pattern {
    /// Reads a pattern such as `/login`, `/users/*/posts` or `/api/**`.
    pub fn parse(text: &str) -> Result<Self, String> {
        const RIGHT: &str = "expected a path such as /login, /users/*/posts or /api/**";
        let inside = text.strip_prefix('/').ok_or_else(|| format!("{text:?} does not begin with /: {RIGHT}"))?;
        if text.contains(['?', '#']) {
            return Err(format!("{text:?} has a query, and only paths are compared: {RIGHT}"));
        }
        let mut words: Vec<&str> = inside.strip_suffix('/').unwrap_or(inside).split('/').collect();
        let open = words.pop_if(|last| *last == "**").is_some();
        if words == [""] {
            words.clear();
        }
        let segments = words.iter().map(|word| Segment::parse(word).map_err(|what| format!("{text:?}: {what}")));
        Ok(Self { segments: segments.collect::<Result<_, _>>()?, open })
    }

    /// Whether the route is for this path.
    pub fn matches(&self, path: &Path) -> bool {
        let mut segments = path.segments();
        let all_fit =
            self.segments.iter().all(|wanted| segments.next().is_some_and(|segment| wanted.fits(segment)));
        all_fit && (self.open || segments.next().is_none())
    }

    /// Whether every path matches.
    pub fn is_everything(&self) -> bool {
        self.open && self.segments.is_empty()
    }
}

impl Segment {
    fn parse(word: &str) -> Result<Self, String> {
        match word {
            "*" => return Ok(Self::Any),
            "**" => return Err("** may stand at the end alone, as in /api/**".to_owned()),
            "" | "." | ".." => return Err(format!("no path has the segment {word:?}; leave it out")),
            _ if word.contains('*') => {
                return Err(format!("* stands for a whole segment, not for a part of {word:?}"));
            }
            _ => {}
        }
        let named = decoded(word.as_bytes());
        match named.contains(&b'/') {
            true => Err(format!("{word:?} has a slash in it, and paths are split at every slash")),
            false => Ok(Self::Named(named)),
        }
    }

    fn fits(&self, segment: &[u8]) -> bool {
        match self {
            Self::Named(name) => name == segment,
            Self::Any => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_way_of_writing_a_path_makes_it_another() {
        for written in [
            "/login",
            "//login",
            "/login/",
            "/./login",
            "/a/../login",
            "/../login",
            "/%6Cogin",
            "/%6cog%69n?next=/",
            "/login#x",
            "http://example.com/login",
            "http://example.com//login?x",
            "/login//",
            "/a/b/../../login/.",
            "/%2e%2e/login",
            "/%2Flogin",
        ] {
            assert_eq!(Path::of(written.as_bytes()).as_bytes(), b"/login", "{written}");
        }
        for written in ["", "/", "*", "?x", "http://example.com", "http://example.com?/login", "/.."] {
            let expected: &[u8] = if written == "*" { b"/*" } else { b"" };
            assert_eq!(Path::of(written.as_bytes()).as_bytes(), expected, "{written}");
        }
        assert_eq!(Path::of(b"/a%zz%4/%").as_bytes(), b"/a%zz%4/%");
        assert_eq!(Path::of(b"/%25%32e/\xff").as_bytes(), b"/%2e/\xff");
        assert_eq!(Path::of(b"").to_string(), "/");
    }

    #[test]
    fn patterns_match_whole_segments() {
        let matches =
            |pattern: &str, path: &str| Pattern::parse(pattern).unwrap().matches(&Path::of(path.as_bytes()));
        for (pattern, fits, others) in [
            ("/", &["/", "", "//", "/?x"][..], &["/a"][..]),
            ("/login", &["/login", "/login/"], &["/", "/logins", "/login/x", "/Login"]),
            ("/login/", &["/login", "/login/"], &["/login/x"]),
            ("/api/**", &["/api", "/api/", "/api/a", "/api/a/b"], &["/", "/apis", "/v1/api"]),
            (
                "/users/*/posts",
                &["/users/7/posts", "/users/%2a/posts"],
                &["/users/posts", "/users/7/8/posts", "/users/7"],
            ),
            ("/*", &["/a"], &["/", "/a/b"]),
            ("/*/**", &["/a", "/a/b"], &["/"]),
            ("/**", &["/", "/a", "/a/b/c", "*"], &[]),
            ("/caf%C3%A9", &["/café", "/caf%c3%a9"], &["/cafe"]),
        ] {
            fits.iter().for_each(|path| assert!(matches(pattern, path), "{pattern} {path}"));
            others.iter().for_each(|path| assert!(!matches(pattern, path), "{pattern} {path}"));
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_what_is_wrong() {
        for (text, told) in [
            ("", "does not begin with /"),
            ("login", "does not begin with /"),
            ("/a?b", "has a query"),
            ("/a//b", "no path has the segment"),
            ("/a/../b", "no path has the segment"),
            ("/**/a", "at the end"),
            ("/a*", "whole segment"),
            ("/a%2fb", "split at every slash"),
        ] {
            let problem = Pattern::parse(text).unwrap_err();
            assert!(problem.contains(told), "{text}: {problem}");
        }
    }
}
