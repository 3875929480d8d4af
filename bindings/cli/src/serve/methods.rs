//! The methods that a route is for.

/// The methods that a route is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Methods(Option<Vec<String>>);

impl Methods {
    /// Every method.
    pub fn all() -> Self {
        Self(None)
    }

    /// These methods. `GET` stands for `HEAD` as well, which asks for the same.
    pub fn these(methods: Vec<String>) -> Self {
        Self(Some(methods))
    }

    /// Whether a method is among them. Methods are told apart by case, as HTTP says.
    pub fn contain(&self, method: &str) -> bool {
        let method = if method == "HEAD" { ["HEAD", "GET"] } else { [method; 2] };
        self.0.as_ref().is_none_or(|methods| methods.iter().any(|known| method.contains(&known.as_str())))
    }

    /// Checks the name of a method.
    pub fn parse(name: &str) -> Result<String, String> {
        let is_method = hyper::Method::from_bytes(name.as_bytes()).is_ok();
        let is_upper_case = !name.bytes().any(|byte| byte.is_ascii_lowercase());
        match is_method && is_upper_case {
            true => Ok(name.to_owned()),
            false => Err(format!("{name:?} is no method; one is, for example, \"POST\", in capital letters")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn get_stands_for_head_and_not_the_other_way_round() {
        let get = Methods::these(vec!["GET".to_owned()]);
        assert!(get.contain("GET") && get.contain("HEAD"));
        assert!(!get.contain("get") && !get.contain("POST"));
        assert!(!Methods::these(vec!["HEAD".to_owned()]).contain("GET"));
        assert!(Methods::all().contain("BREW") && !Methods::these(vec![]).contain("GET"));
    }

    #[test]
    fn methods_are_written_as_http_writes_them() {
        assert!(Methods::parse("PROPFIND").is_ok() && Methods::parse("M-SEARCH").is_ok());
        for name in ["", "post", "GET POST", "GE\u{0}T", "ÄT"] {
            assert!(Methods::parse(name).is_err(), "{name}");
        }
    }
}
