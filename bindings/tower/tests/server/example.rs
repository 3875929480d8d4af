//! The example does what it says, and so does what the READMEs show.

use crate::support::{Server, header};
use reqwest::Method;

#[allow(dead_code, reason = "its main function listens where it is told")]
#[path = "../../examples/axum.rs"]
mod axum_example;

#[tokio::test]
async fn the_example_does_what_it_says() {
    let server = Server::start(axum_example::app().unwrap()).await;
    let hello = server.get("/").await;
    assert!(header(&hello, "ratelimit").unwrap().starts_with(r#""address";r="#));
    assert_eq!(header(&server.get("/healthz").await, "ratelimit"), None);

    // Right passwords do not count, wrong ones do; from other clients, as the proxy on this machine says.
    let login = async |client: &str, password: &'static str| {
        let request = server.request(Method::POST, "/login").header("x-forwarded-for", client).body(password);
        request.send().await.unwrap().status().as_u16()
    };
    for _ in 0..5 {
        assert_eq!(login("203.0.113.10", "right").await, 204);
    }
    for status in [401, 401, 401, 429] {
        assert_eq!(login("203.0.113.10", "wrong").await, status);
    }
    assert_eq!(login("203.0.113.10", "right").await, 429);
    assert_eq!(login("203.0.113.11", "wrong").await, 401);

    let order = async |path, key| server.request(Method::GET, path).header("x-api-key", key).send().await.unwrap();
    let unknown = order("/api/orders/7", "k9").await;
    assert_eq!((unknown.status().as_u16(), header(&unknown, "www-authenticate")), (401, Some("ApiKey")));
    let first = order("/api/orders/7", "k1").await;
    assert_eq!(header(&first, "ratelimit-policy").unwrap().matches(";q=").count(), 3);
    let left = |answer: &reqwest::Response| {
        let (_, day) = header(answer, "ratelimit").unwrap().split_once("\"day\";r=").unwrap();
        day.split(';').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(left(&first) - left(&order("/api/export", "k1").await), 100);
    assert_eq!(first.text().await.unwrap(), "order 7 of ann\n");
}

/// The first Rust example of a text.
fn example_of(text: &str) -> &str {
    let (_, block) = text.split_once("```rust").unwrap();
    let (_, block) = block.split_once('\n').unwrap();
    block.split_once("```").unwrap().0
}

#[test]
fn the_projects_readme_shows_the_example_that_is_compiled_here() {
    let (own, projects) = (include_str!("../../README.md"), include_str!("../../../../README.md"));
    let (_, section) = projects.split_once("## In a web server with tower").unwrap();
    assert_eq!(example_of(section), example_of(own));
}
