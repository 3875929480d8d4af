//! Clients that people use.

use crate::support::{Server, builder, clock, header, limit};
use axum::Router;
use axum::routing::any;
use reqwest::{Method, Version};
use sluicegate::Limiter;
use sluicegate_tower::{Limit, RateLimitLayer};
use std::process::Output;
use tokio::process::Command;

/// A server with one request every two seconds.
async fn server() -> Server {
    let limiter = Limiter::builder("token-bucket 1/2s").max_keys(100).build().unwrap();
    let layer = RateLimitLayer::builder().limit(Limit::over("one", limiter).unwrap()).build().unwrap();
    Server::start(Router::new().fallback(any(async || "served\n")).layer(layer)).await
}

async fn curl(arguments: &[&str]) -> Output {
    let output = Command::new("curl").arg("--silent").arg("--show-error").args(arguments).output().await;
    output.expect("curl is installed")
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test]
async fn curl_waits_as_told_and_then_succeeds() {
    let server = server().await;
    assert_eq!(server.get("/").await.status(), 200);
    let output = curl(&["--retry", "1", "--write-out", "%{http_code}", &server.url("/")]).await;
    // With one retry it succeeds, so it was not denied a second time.
    assert!(text(&output).ends_with("served\n200"), "{}", text(&output));
}

#[tokio::test]
async fn curl_gets_head_and_html_and_text() {
    let layer = builder().limit(limit("none", "fixed-window 0/1d", &clock())).build().unwrap();
    let server = Server::start(Router::new().fallback(any(async || "served")).layer(layer)).await;
    let head = text(&curl(&["--head", &server.url("/")]).await);
    assert!(
        head.starts_with("HTTP/1.1 429 Too Many Requests\r\n") && head.contains("\r\ncontent-length: "),
        "{head}"
    );
    let browser = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    let page = text(&curl(&["--header", browser, &server.url("/")]).await);
    assert!(page.contains("</html>"), "{page}");
    let plain = text(&curl(&["--header", "Accept: text/plain", &server.url("/")]).await);
    assert!(plain.contains("too many") || plain.contains("Too Many"), "{plain}");
}

#[tokio::test]
async fn a_denied_upload_is_told_why() {
    let layer = builder().limit(limit("none", "fixed-window 0/1d", &clock())).build().unwrap();
    let server = Server::start(Router::new().fallback(any(async || "served")).layer(layer)).await;
    let upload = vec![b'x'; 100_000];
    for _ in 0..3 {
        let denied = server.request(Method::POST, "/").body(upload.clone()).send().await.unwrap();
        assert_eq!((denied.status().as_u16(), header(&denied, "x-ratelimit-limit")), (429, Some("0")));
    }
    let path = std::env::temp_dir().join(format!("sluicegate-tower-upload-{}", std::process::id()));
    tokio::fs::write(&path, vec![b'x'; 3_000_000]).await.unwrap();
    let data = format!("@{}", path.display());
    let output = curl(&["--data-binary", &data, "--write-out", "%{http_code}", &server.url("/")]).await;
    tokio::fs::remove_file(&path).await.unwrap();
    assert!(text(&output).ends_with("429"), "{output:?}");
}

#[tokio::test]
async fn over_http_2_it_is_the_same() {
    let layer = builder().limit(limit("one", "fixed-window 1/1d", &clock())).build().unwrap();
    let server = Server::start(Router::new().fallback(any(async || "served")).layer(layer)).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let ask = async |method| client.request(method, server.url("/")).send().await.unwrap();
    let served = ask(Method::GET).await;
    assert_eq!((served.status().as_u16(), served.version()), (200, Version::HTTP_2));
    assert_eq!(header(&served, "ratelimit"), Some(r#""one";r=0;t=86400"#));
    let denied = ask(Method::GET).await;
    assert_eq!((denied.status().as_u16(), header(&denied, "retry-after")), (429, Some("86400")));
    let length = header(&denied, "content-length").unwrap().parse::<usize>().unwrap();
    assert_eq!(denied.bytes().await.unwrap().len(), length);
    let head = ask(Method::HEAD).await;
    assert_eq!(header(&head, "content-length").unwrap().parse::<usize>().unwrap(), length);
    assert!(head.bytes().await.unwrap().is_empty());
    assert_eq!(ask(Method::POST).await.status(), 429);
}

#[tokio::test]
async fn reqwest_with_our_middleware_waits_as_told_and_then_succeeds() {
    use sluicegate::retry::RetryPolicy;
    use sluicegate_reqwest::{ClientBuilder, GivenUp, Obey};

    let server = server().await;
    // With one retry it succeeds, so it was not denied a second time.
    let policy = RetryPolicy::builder().max_attempts(2).build().unwrap();
    let client = ClientBuilder::new(reqwest::Client::new()).with(Obey::new(policy)).build();
    for _ in 0..2 {
        assert_eq!(client.get(server.url("/")).send().await.unwrap().status(), 200);
    }

    let layer = builder().limit(limit("none", "fixed-window 0/1d", &clock())).build().unwrap();
    let never = Server::start(Router::new().fallback(any(async || "served")).layer(layer)).await;
    let denied = client.get(never.url("/")).send().await.unwrap();
    assert!(denied.status() == 429 && denied.extensions().get::<GivenUp>().is_some());
}
