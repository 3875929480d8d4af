//! What clients are answered: header fields and bodies.

use crate::support::{MIDNIGHT, Server, builder, clock, header, limit};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get};
use proptest::prelude::*;
use reqwest::{Method, Response};
use sfv::{BareItem, List, ListEntry, Parser};
use sluicegate::http::{BodyFormat, Families, RetryAfterForm, Settings};
use sluicegate_tower::{KeySource, Limit, RateLimitLayer, Verdicts};
use std::time::Duration;
use tower::ServiceBuilder;

async fn ok() -> &'static str {
    "ok"
}

/// Has a limit of 1 a minute behind the name.
async fn server_of(settings: Settings<'static>) -> Server {
    let layer =
        builder().settings(settings).limit(limit("minute", "fixed-window 1/1m", &clock())).build().unwrap();
    Server::start(Router::new().route("/", get(ok)).layer(layer)).await
}

#[tokio::test]
async fn every_answer_tells_how_the_client_stands() {
    let server = server_of(Settings::default()).await;
    let served = server.get("/").await;
    assert_eq!(served.status(), 200);
    let reset = (MIDNIGHT + 60).to_string();
    for (name, value) in [
        ("x-ratelimit-limit", Some("1")),
        ("x-ratelimit-remaining", Some("0")),
        ("x-ratelimit-reset", Some(reset.as_str())),
        ("ratelimit-policy", Some(r#""minute";q=1;w=60"#)),
        ("ratelimit", Some(r#""minute";r=0;t=60"#)),
        ("retry-after", None),
        ("cache-control", None),
        ("access-control-expose-headers", None),
    ] {
        assert_eq!(header(&served, name), value, "{name}");
    }
    let denied = server.get("/").await;
    assert_eq!(denied.status(), 429);
    for (name, value) in [
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", reset.as_str()),
        ("ratelimit", r#""minute";r=0;t=60"#),
        ("retry-after", "60"),
        ("cache-control", "no-store"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(header(&denied, name), Some(value), "{name}");
    }
    let body: serde_json::Value = serde_json::from_str(&denied.text().await.unwrap()).unwrap();
    assert_eq!(body["retryAfter"], 60);
    assert_eq!(body["code"], "rate_limit_exceeded");
}

#[tokio::test]
async fn settings_choose_the_families_and_the_form() {
    let settings = Settings::builder().families(Families::NONE).retry_after(RetryAfterForm::HttpDate).build();
    let server = server_of(settings.unwrap()).await;
    let served = server.get("/").await;
    let names = served.headers().keys().map(|name| name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["content-type", "content-length", "date"]);
    let denied = server.get("/").await;
    assert_eq!(header(&denied, "retry-after"), Some("Sun, 22 Nov 2026 00:01:00 GMT"));
    assert_eq!(header(&denied, "x-ratelimit-limit"), None);
}

#[tokio::test]
async fn a_denials_body_is_what_accept_asks_for() {
    let server = server_of(Settings::default()).await;
    server.get("/").await;
    let asked = async |accept: &[&str]| {
        let request =
            accept.iter().fold(server.request(Method::GET, "/"), |request, line| request.header("accept", *line));
        request.send().await.unwrap()
    };
    for (accept, content_type, text) in [
        (&["text/html,application/xhtml+xml,*/*;q=0.8"][..], "text/html; charset=utf-8", "<!doctype html>"),
        (&["application/problem+json"], "application/problem+json", "quota-exceeded"),
        (&["image/png;q=0.1", "text/plain"], "text/plain; charset=utf-8", "429 Too Many Requests"),
        (&["*/*"], "application/json", "\"status\":429"),
    ] {
        let denied = asked(accept).await;
        assert_eq!(header(&denied, "content-type"), Some(content_type));
        let length = header(&denied, "content-length").unwrap().parse::<usize>().unwrap();
        let body = denied.text().await.unwrap();
        assert!(body.to_lowercase().contains(&text.to_lowercase()), "{body}");
        assert_eq!(body.len(), length);
    }
}

#[tokio::test]
async fn the_bodies_on_offer_can_be_fixed_and_denials_changed() {
    let layer = |offered: &[BodyFormat]| {
        let none = limit("none", "fixed-window 0/1m", &clock());
        let layer = builder().limit(none).bodies(offered.iter().copied()).map_denial(|event, mut response| {
            assert_eq!(event.answer().unwrap().status(), 429);
            response.headers_mut().insert("x-documentation", "https://example.com/limits".parse().unwrap());
            *response.body_mut() = [&response.body()[..], b"!"].concat().into();
            response
        });
        Router::new().route("/", get(ok)).layer(layer.build().unwrap())
    };
    for (offered, content_type) in [
        (&[BodyFormat::JsonResetAt][..], "application/json"),
        (&[BodyFormat::Text, BodyFormat::Html], "text/html; charset=utf-8"),
    ] {
        let server = Server::start(layer(offered)).await;
        let denied = server.request(Method::GET, "/").header("accept", "text/html").send().await.unwrap();
        assert_eq!(header(&denied, "content-type"), Some(content_type));
        assert!(header(&denied, "x-documentation").is_some() && header(&denied, "retry-after").is_none());
        let length = header(&denied, "content-length").unwrap().parse::<usize>().unwrap();
        let body = denied.text().await.unwrap();
        assert!(body.ends_with('!') && body.len() == length, "{body}");
    }
}

#[tokio::test]
async fn a_head_request_is_told_the_length_of_a_body_that_it_does_not_get() {
    let server = server_of(Settings::default()).await;
    server.get("/").await;
    let got = server.get("/").await;
    let head = server.request(Method::HEAD, "/").send().await.unwrap();
    assert_eq!(head.status(), 429);
    for name in ["content-length", "content-type", "retry-after", "ratelimit", "cache-control"] {
        assert_eq!(header(&head, name), header(&got, name), "{name}");
    }
    assert!(header(&head, "content-length").unwrap().parse::<usize>().unwrap() > 100);
    assert_eq!(head.bytes().await.unwrap(), Bytes::new());
    // The connection goes on.
    assert_eq!(server.statuses("/", 1).await, [429]);
}

/// Answers with the status in the path and header fields that a limiter has set as well.
async fn meddling(Path(status): Path<u16>) -> impl IntoResponse {
    let mut headers = HeaderMap::new();
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "ratelimit", "ratelimit-policy", "ratelimit-reset"]
    {
        headers.append(name, "1".parse().unwrap());
        headers.append(name, "2".parse().unwrap());
    }
    headers.insert("cache-control", "private, max-age=60".parse().unwrap());
    (StatusCode::from_u16(status).unwrap(), headers)
}

#[tokio::test]
async fn what_the_inner_service_says_of_limits_is_replaced_unless_it_denies() {
    let layer = builder().limit(limit("day", "fixed-window 100/1d", &clock())).build().unwrap();
    let server = Server::start(Router::new().route("/{status}", get(meddling)).layer(layer)).await;
    let served = server.get("/200").await;
    assert_eq!(header(&served, "x-ratelimit-limit"), Some("100"));
    assert_eq!(header(&served, "x-ratelimit-remaining"), Some("99"));
    assert_eq!(header(&served, "ratelimit"), Some(r#""day";r=99;t=86400"#));
    // It is of another family, which clients would have to choose from.
    assert_eq!(header(&served, "ratelimit-reset"), None);
    assert_eq!(header(&served, "cache-control"), Some("private, max-age=60"));
    let denied_within = server.get("/429").await;
    let values = |response: &Response, name| response.headers().get_all(name).iter().count();
    assert_eq!(values(&denied_within, "x-ratelimit-limit"), 2);
    assert_eq!(header(&denied_within, "retry-after"), None);
}

#[tokio::test]
async fn redirects_and_what_shared_caches_may_keep_carry_no_fields_unless_said() {
    let cached = async |Path(directives): Path<String>| [("cache-control", directives)];
    let app = |on_redirects| {
        let day = limit("day", "fixed-window 100/1d", &clock());
        let layer = builder().limit(day).headers_on_redirects(on_redirects).build().unwrap();
        let status = async |Path(status): Path<u16>| StatusCode::from_u16(status).unwrap();
        Router::new().route("/status/{status}", get(status)).route("/cached/{how}", get(cached)).layer(layer)
    };
    let server = Server::start(app(false)).await;
    for (path, has_fields) in [
        ("/status/204", true),
        ("/status/301", false),
        ("/status/304", false),
        ("/status/307", false),
        ("/status/404", true),
        ("/status/503", true),
        ("/cached/public,max-age=60", false),
        ("/cached/max-age=60, S-MaxAge=60", false),
        ("/cached/private, x=public", true),
        ("/cached/max-age=60", true),
    ] {
        assert_eq!(header(&server.get(path).await, "ratelimit").is_some(), has_fields, "{path}");
    }
    let server = Server::start(app(true)).await;
    assert!(header(&server.get("/status/304").await, "ratelimit").is_some());
}

#[tokio::test]
async fn scripts_of_other_origins_may_read_the_fields_where_that_was_said() {
    let layer = builder().limit(limit("one", "fixed-window 1/1m", &clock())).expose_headers(true).build().unwrap();
    let handler = async || [("access-control-expose-headers", "x-request-id")];
    let server = Server::start(Router::new().route("/", get(handler)).layer(layer)).await;
    let served = server.get("/").await;
    let lines = served.headers().get_all("access-control-expose-headers").iter();
    let expected =
        "Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, RateLimit-Policy, RateLimit";
    assert_eq!(lines.collect::<Vec<_>>(), ["x-request-id", expected]);
    assert_eq!(header(&server.get("/").await, "access-control-expose-headers"), Some(expected));
}

#[tokio::test]
async fn layers_within_one_another_speak_with_one_voice() {
    let clock = clock();
    let outer = builder().limit(limit("address", "fixed-window 3/1m", &clock)).build().unwrap();
    let inner =
        builder().limit(limit("everybody", "fixed-window 2/1h", &clock).key(KeySource::shared())).build().unwrap();
    let handler = async || "ok";
    let app = Router::new().route("/", get(handler)).layer(ServiceBuilder::new().layer(outer).layer(inner));
    let server = Server::start(app).await;
    let served = server.get("/").await;
    assert_eq!(header(&served, "ratelimit-policy"), Some(r#""address";q=3;w=60, "everybody";q=2;w=3600"#));
    assert_eq!(header(&served, "ratelimit"), Some(r#""address";r=2;t=60, "everybody";r=1;t=3600"#));
    assert_eq!(header(&served, "x-ratelimit-remaining"), Some("1"));
    server.get("/").await;
    let denied_within = server.get("/").await;
    assert_eq!(denied_within.status(), 429);
    assert_eq!(header(&denied_within, "ratelimit"), Some(r#""everybody";r=0;t=3600, "address";r=0;t=60"#));
    assert_eq!(header(&denied_within, "retry-after"), Some("3600"));
    let denied_outside = server.get("/").await;
    assert_eq!(header(&denied_outside, "ratelimit"), Some(r#""address";r=0;t=60"#));
    assert_eq!(header(&denied_outside, "retry-after"), Some("60"));
}

#[tokio::test]
async fn a_layer_outside_can_read_what_was_decided() {
    let layer = builder().limit(limit("one", "fixed-window 2/1m", &clock())).build().unwrap();
    let outside = axum::middleware::map_response(async |response: axum::response::Response| {
        let verdicts = response.extensions().get::<Verdicts>().unwrap();
        let told: Vec<_> =
            verdicts.iter().map(|(name, decision, cost)| (name, decision.remaining(), cost)).collect();
        let told = format!("{told:?} {}", verdicts.answer(&Settings::default(), |answer| answer.allowed()));
        ([("x-told", told)], response)
    });
    let server = Server::start(Router::new().route("/", any(ok)).layer(layer).layer(outside)).await;
    assert_eq!(header(&server.get("/").await, "x-told"), Some(r#"[("one", 1, 1)] true"#));
    server.get("/").await;
    assert_eq!(header(&server.get("/").await, "x-told"), Some(r#"[("one", 0, 1)] false"#));
}

#[tokio::test]
async fn who_waits_as_told_is_admitted() {
    for policy in ["fixed-window 2/7s", "sliding-window 2/7s", "token-bucket 2/7s", "leaky-bucket 2/7s"] {
        let clock = clock();
        clock.advance(Duration::from_millis(2_345));
        let layer = builder().limit(limit("one", policy, &clock)).delay(false).build().unwrap();
        let server = Server::start(Router::new().route("/", get(ok)).layer(layer)).await;
        for _ in 0..20 {
            let answer = server.get("/").await;
            if answer.status() == 429 {
                let wait = header(&answer, "retry-after").unwrap().parse().unwrap();
                clock.advance(Duration::from_secs(wait));
                assert_eq!(server.get("/").await.status(), 200, "{policy}, {wait} s");
            }
        }
    }
}

/// The names and numbers of a list of quotas, by a parser of structured fields that is not ours.
fn items(value: &str) -> Vec<(String, Vec<(String, i64)>)> {
    let list: List = Parser::new(value).parse().unwrap();
    let item = |entry: &ListEntry| {
        let ListEntry::Item(item) = entry else { panic!("{value}: a list within a list") };
        let BareItem::String(name) = &item.bare_item else { panic!("{value}: no string") };
        let number = |value: &BareItem| value.as_integer().map(Into::into).expect("a number");
        let numbers = item.params.iter().map(|(key, value)| (key.as_str().to_owned(), number(value)));
        (name.as_str().to_owned(), numbers.collect())
    };
    list.iter().map(item).collect()
}

fn a_policy() -> impl Strategy<Value = String> {
    let algorithm = prop::sample::select(vec!["fixed-window", "sliding-window", "token-bucket", "leaky-bucket"]);
    let period = prop::sample::select(vec!["1us", "7ms", "1s", "90s", "1h", "366d"]);
    (algorithm, 0..5_u32, period).prop_map(|(algorithm, limit, period)| format!("{algorithm} {limit}/{period}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn header_fields_parse_whatever_names_and_policies_there_are(
        limits in prop::collection::vec(("[ -~]{1,64}", a_policy(), 0..4_u64), 1..6),
        requests in 1..8_usize,
    ) {
        let clock = clock();
        let mut layer = builder().delay(false);
        for (n, (name, policy, cost)) in limits.iter().enumerate() {
            let name = format!("{n}{}", &name[..name.len().min(63)]);
            layer = layer.limit(limit(&name, policy, &clock).cost(*cost).key(KeySource::shared()));
        }
        let app = Router::new().route("/", get(ok)).layer(layer.build().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for _ in 0..requests {
            let request = http::Request::get("/").body(axum::body::Body::empty()).unwrap();
            let response = runtime.block_on(tower::ServiceExt::oneshot(app.clone(), request)).unwrap();
            let fields = |name| {
                let lines = response.headers().get_all(name).iter().map(|line| line.to_str().unwrap());
                items(&lines.collect::<Vec<_>>().join(", "))
            };
            let (policies, standings) = (fields("ratelimit-policy"), fields("ratelimit"));
            prop_assert_eq!(policies.len(), limits.len());
            prop_assert_eq!(standings.len(), limits.len());
            for (n, (name, _)) in policies.iter().enumerate() {
                prop_assert!(name.starts_with(&n.to_string()));
                prop_assert!(standings.iter().any(|(standing, _)| standing == name));
            }
            if let Some(wait) = response.headers().get("retry-after") {
                prop_assert_eq!(response.status(), 429);
                prop_assert!(wait.to_str().unwrap().parse::<u64>().unwrap() >= 1);
            }
        }
    }
}

#[tokio::test]
async fn a_table_that_cannot_count_is_the_servers_fault() {
    let limiter = sluicegate::Limiter::builder("fixed-window 1/366d")
        .max_keys(1)
        .on_full(sluicegate::OnFull::Deny)
        .build()
        .unwrap();
    let full =
        Limit::over("full", limiter).unwrap().key(KeySource::header("x-key", sluicegate_tower::Missing::Skip));
    let layer = RateLimitLayer::builder().limit(full).build().unwrap();
    let server = Server::start(Router::new().route("/", get(ok)).layer(layer)).await;
    let mut statuses = Vec::new();
    for key in 0..200 {
        statuses.push(server.status_with("/", "x-key", &key.to_string()).await);
    }
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    assert!(statuses.ends_with(&[503]));
}
