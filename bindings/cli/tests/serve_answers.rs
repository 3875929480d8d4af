//! What answers look like, and whom they are for: every option of that.

mod common;

use common::server::{Answer, Server};
use common::{python, python_prints, run};

/// The answer to the second of two requests, of which the first is within the limit.
fn denied(options: &[&str], headers: &str) -> Answer {
    let server = Server::start(&[&["--policy", "fixed-window 1/3653d"], options].concat());
    assert_eq!(server.get(headers).status(), 200);
    let denied = server.get(headers);
    assert_eq!(denied.status(), 429);
    denied
}

fn accepting(types: &str) -> String {
    format!("Accept: {types}\r\n")
}

#[test]
fn the_accept_header_chooses_the_body() {
    for (accept, content_type, begin) in [
        ("*/*", "application/json", r#"{"status":429,"error":"Too Many Requests","message":"#),
        ("application/problem+json", "application/problem+json", r#"{"type":"https://iana.org/assignments/"#),
        ("text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8", "<!DOCTYPE html>"),
        ("text/plain", "text/plain; charset=utf-8", "429 Too Many Requests\n"),
        ("image/png", "application/json", "{"),
        ("image/png\r\nAccept: text/plain;q=0.1", "text/plain; charset=utf-8", "429"),
    ] {
        let answer = denied(&[], &accepting(accept));
        assert_eq!(answer.header("content-type"), Some(content_type), "{accept}");
        assert!(answer.body().starts_with(begin), "{accept}: {answer:?}");
        assert_eq!(answer.header("vary"), Some("accept"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[test]
fn a_body_can_be_fixed_and_bodies_can_be_left_out() {
    let answer = denied(&["--body", "text"], &accepting("application/json"));
    assert!(answer.body().starts_with("429"), "{answer:?}");
    assert_eq!(answer.header("vary"), None);
    let answer = denied(&["--body", "json-reset-at,text"], &accepting("text/html, application/json;q=0.1"));
    assert!(answer.json()["resetAt"].is_string(), "{answer:?}");
    let answer = denied(&["--body", "problem,html"], &accepting("*/*"));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
}

#[test]
fn json_bodies_have_the_members_that_are_promised_and_no_others() {
    let members = |body: &str| {
        let json = denied(&["--body", body], "").json();
        json.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(members("json"), "code error limit message remaining reset retryAfter status");
    assert_eq!(members("json-reset-at"), "error limit message remaining resetAt retryAfter");
    assert_eq!(members("problem"), "detail status title type violated-policies");
}

#[test]
fn code_message_name_and_problem_type_are_the_servers_own() {
    let message = "Your plan allows \"1\" <request>.";
    let options = [
        ["--code", "plan_quota_exceeded"],
        ["--message", message],
        ["--name", "pl\"an\\<b>"],
        ["--problem-type", "https://example.com/quota"],
        ["--burst-parameter", "acme-burst"],
    ]
    .concat();
    let json = denied(&options, "");
    assert_eq!(json.json()["code"], "plan_quota_exceeded");
    assert_eq!(json.json()["message"], message);
    assert!(json.header("ratelimit").unwrap().starts_with(r#""pl\"an\\<b>";r=0;t="#), "{json:?}");
    assert!(json.header("ratelimit-policy").unwrap().ends_with(";acme-burst=1"), "{json:?}");
    let problem = denied(&options, &accepting("application/problem+json")).json();
    assert_eq!(problem["type"], "https://example.com/quota");
    assert_eq!(problem["violated-policies"][0], "pl\"an\\<b>");
    let html = denied(&options, &accepting("text/html"));
    assert!(html.body().contains("Your plan allows &quot;1&quot; &lt;request&gt;."), "{html:?}");
}

#[test]
fn html_is_well_formed_for_hostile_texts() {
    let Some(python) = python() else { return };
    let message = "</p><script>alert('1')</script>&amp;\" \u{202e}é";
    let page = denied(&["--message", message, "--name", "<!--'\"]]>"], &accepting("text/html"));
    let check = "import html5lib, sys; \
                 tree = html5lib.HTMLParser(strict=True).parse(sys.argv[1]); \
                 print(len(tree.findall('.//{*}script')), sys.argv[2] in ''.join(tree.itertext()))";
    assert_eq!(python_prints(&python, &["-c", check, page.body(), message]), "0 True");
}

#[test]
fn the_families_of_header_fields_are_those_chosen() {
    let x_ratelimit = ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"];
    let ietf = ["ratelimit-policy", "ratelimit"];
    let draft_06 = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy"];
    for (families, expected) in [
        ("x-ratelimit,ietf", [&x_ratelimit[..], &ietf].concat()),
        ("none", vec![]),
        ("x-ratelimit", x_ratelimit.to_vec()),
        ("ietf", ietf.to_vec()),
        ("draft-06", draft_06.to_vec()),
        ("draft-07", ietf.to_vec()),
        ("x-ratelimit,draft-07", [&x_ratelimit[..], &ietf].concat()),
    ] {
        let answer = denied(&["--headers", families], "");
        let names: Vec<String> = answer.names().into_iter().filter(|name| name.contains("ratelimit")).collect();
        assert_eq!(names, expected, "{families}");
        assert!(answer.number("retry-after") > 1);
    }
    assert!(
        denied(&["--headers", "draft-07"], "").header("ratelimit").unwrap().starts_with("limit=1, remaining=0")
    );
}

#[test]
fn retry_after_can_be_a_date() {
    let date = denied(&["--retry-after", "date"], "");
    let date = date.header("retry-after").unwrap();
    assert!(date.ends_with(" GMT") && date.len() == "Sun, 06 Nov 1994 08:49:37 GMT".len(), "{date}");
}

#[test]
fn a_table_that_is_full_is_no_excess_of_the_clients() {
    let policy =
        ["--policy", "token-bucket 1/d", "--key", "header:X-Api-Key", "--max-keys", "1", "--on-full", "deny"];
    let server = Server::start(&policy);
    let answers = (0..1000).map(|key| server.get(&format!("X-Api-Key: {key}\r\n")));
    let refused = answers.into_iter().find(|answer| answer.status() != 200).expect("a full table");
    assert_eq!(refused.status(), 503);
    assert_eq!(refused.header("retry-after"), None);
    assert_eq!(refused.json()["code"], "service_unavailable");
}

#[test]
fn clients_behind_a_trusted_proxy_are_told_apart_and_others_cannot_pretend() {
    let one = |options: &[&str]| Server::start(&[&["--policy", "token-bucket 1/d"], options].concat());
    let from = |server: &Server, header: &str| server.get(&format!("{header}\r\n")).status();

    let behind = one(&["--trusted-proxies", "127.0.0.0/8"]);
    assert_eq!(from(&behind, "X-Forwarded-For: 192.0.2.1"), 200);
    assert_eq!(from(&behind, "X-Forwarded-For: 6.6.6.6, 192.0.2.1:4711"), 429);
    assert_eq!(from(&behind, "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2, 127.0.0.9"), 200);
    assert_eq!(from(&behind, "X-Forwarded-For: 2001:db8::1"), 200);
    assert_eq!(from(&behind, "X-Forwarded-For: 2001:db8::ffff:2"), 429);
    assert_eq!(from(&behind, "Forwarded: for=192.0.2.9"), 200, "another header: that is the proxy itself");
    assert_eq!(from(&behind, "X-Forwarded-For: nonsense"), 429, "what is no address counts as the proxy");

    let hops = one(&["--trusted-proxies", "2", "--ipv6-prefix", "48", "--ipv4-prefix", "24"]);
    assert_eq!(from(&hops, "X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.1"), 200);
    assert_eq!(from(&hops, "X-Forwarded-For: 192.0.2.200, 10.0.0.1"), 429);
    assert_eq!(from(&hops, "X-Forwarded-For: 2001:db8:1:1::1, 10.0.0.1"), 200);
    assert_eq!(from(&hops, "X-Forwarded-For: 2001:db8:1:2::1, 10.0.0.1"), 429);

    let forwarded = one(&["--trusted-proxies", "loopback", "--client-header", "forwarded"]);
    assert_eq!(from(&forwarded, "Forwarded: for=\"[2001:db8::1]:80\";proto=https"), 200);
    assert_eq!(from(&forwarded, "Forwarded: for=\"[2001:db8::2]\""), 429);

    let named = one(&["--trusted-proxies", "loopback", "--client-header", "CF-Connecting-IP"]);
    assert_eq!(from(&named, "cf-connecting-ip: 192.0.2.1"), 200);
    assert_eq!(from(&named, "cf-connecting-ip: 192.0.2.1"), 429);
}

#[test]
fn a_header_that_is_not_believed_is_told_of_once() {
    let mut server = Server::start(&["--policy", "token-bucket 1/d"]);
    assert_eq!(server.get("X-Forwarded-For: 192.0.2.1\r\n").status(), 200);
    assert_eq!(server.get("X-Forwarded-For: 192.0.2.2\r\n").status(), 429);
    let told = server.told();
    assert!(told.starts_with("warning: 127.0.0.1 has sent x-forwarded-for, which is not believed"), "{told}");
    assert!(server.told().starts_with('{'), "then comes the denial's own line");

    let mut server = Server::start(&["--trusted-proxies", "1"]);
    assert_eq!(server.get("X-Forwarded-For: unknown\r\n").status(), 200);
    let told = server.told();
    assert!(
        told.contains("no address where the client's would be; all such clients count as 127.0.0.1"),
        "{told}"
    );
}

#[test]
fn a_request_without_the_keys_header_is_counted_by_address_or_skipped_or_refused() {
    let server = |missing: &str| {
        Server::start(&["--key", "ip+header:X-Api-Key", "--missing", missing, "--policy", "token-bucket 1/d"])
    };
    let skips = server("skip");
    for _ in 0..3 {
        let answer = skips.get("");
        assert_eq!((answer.status(), answer.header("ratelimit")), (200, None));
        assert_eq!(answer.body(), "200 OK: not limited\n");
    }
    assert_eq!([(); 2].map(|()| skips.get("X-Api-Key: k\r\n").status()), [200, 429]);
    let denies = server("deny");
    let refused = denies.get("X-Api-Key:\r\n");
    assert_eq!(refused.status(), 403);
    assert_eq!(refused.body(), "403 Forbidden\nThis request needs the header x-api-key.\n");
    let address = server("address");
    assert_eq!([(); 2].map(|()| address.get("").status()), [200, 429]);
    let ambiguous = address.get("X-Api-Key: a\r\nX-Api-Key: b\r\n");
    assert_eq!(ambiguous.status(), 403);
    assert!(ambiguous.body().contains("in several lines that differ"), "{ambiguous:?}");
}

#[test]
fn paths_and_methods_can_be_keys_and_everyone_one() {
    let server = Server::start(&["--key", "path+method", "--policy", "token-bucket 1/d"]);
    assert_eq!(server.request("GET", "/a", "").status(), 200);
    assert_eq!(server.request("POST", "/a", "").status(), 200);
    assert_eq!(server.request("GET", "/b", "").status(), 200);
    assert_eq!(server.request("GET", "//./%61/?query", "").status(), 429);
    let server = Server::start(&["--key", "everyone", "--trusted-proxies", "1", "--policy", "token-bucket 1/d"]);
    assert_eq!(server.get("X-Forwarded-For: 192.0.2.1\r\n").status(), 200);
    assert_eq!(server.get("X-Forwarded-For: 192.0.2.2\r\n").status(), 429);
}

#[test]
fn what_makes_no_sense_is_wrong_usage() {
    for (arguments, told) in [
        (&["--body", "xml"][..], "json-reset-at"),
        (&["--body", "json,json-reset-at"], "only one can be chosen"),
        (&["--headers", "ietf,draft-07"], "choose one"),
        (&["--headers", "none,ietf"], "stands alone"),
        (&["--code", "a\nb"], "code"),
        (&["--code", ""], "it is empty"),
        (&["--message", "two\nlines"], "message"),
        (&["--name", "é"], "name"),
        (&["--burst-parameter", "Acme"], "burst_parameter"),
        (&["--problem-type", "a b"], "problem_type"),
        (&["--retry-after", "never"], "seconds, date"),
        (&["--key", "cookie:a"], "header:NAME"),
        (&["--missing", "guess"], "address, skip, deny"),
        (&["--trusted-proxies", "10.0.0.0/33"], "10.0.0.0/8"),
        (&["--client-header", "a b"], "X-Forwarded-For"),
        (&["--ipv6-prefix", "129"], "129"),
        (&["--check-path", "check"], "/check"),
        (&["--uri-header", "a:b"], "X-Forwarded-Uri"),
        (&["--listen", "unix:"], "unix:/run/sluice.sock"),
        (&["--metrics", "9090"], "127.0.0.1:8080"),
        (&["--client-timeout", "0"], "0.1 to 86400"),
        (&["--log-keys", "none"], "masked, whole"),
        (&["--check-config"], "--config"),
        (&["--config", "f.json", "--key", "ip"], "cannot be used with"),
        (&["--config", "f.json", "--trusted-proxies", "1"], "cannot be used with"),
        (&["--config", "f.json", "--code", "a"], "cannot be used with"),
    ] {
        let ran = run(&[&["serve"], arguments].concat());
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.err);
        assert!(ran.only_error_line().contains(told), "{arguments:?}: {}", ran.err);
    }
}
