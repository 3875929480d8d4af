//! What is read from common and combined lines, good and bad.

use super::*;

const NS: u64 = 1_000_000_000;
const TIME: u64 = 1_431_857_103 * NS;
const COMBINED: &str = "83.149.9.216 - frank [17/May/2015:10:05:03 +0000] \"GET /images/a.png?x=1 HTTP/1.1\" 200 203023 \"http://semicomplete.com/\" \"Mozilla/5.0 (Macintosh)\"";

fn key_of(line: &str, key: &str) -> Option<String> {
    let field = KeyField::parse(key).unwrap();
    let mut lines = CommonLines::new(&field);
    let entry = lines.read(line.as_bytes()).unwrap();
    entry.key.map(|k| String::from_utf8_lossy(k).into_owned())
}

fn refusal(line: &str) -> Unreadable {
    CommonLines::new(&KeyField::Ip).read(line.as_bytes()).unwrap_err()
}

#[test]
fn every_field_of_a_combined_line_can_be_the_key() {
    for (key, expected) in [
        ("ip", "83.149.9.216"),
        ("user", "frank"),
        ("path", "/images/a.png"),
        ("field:host", "83.149.9.216"),
        ("field:user", "frank"),
        ("field:method", "GET"),
        ("field:path", "/images/a.png"),
        ("field:status", "200"),
        ("field:referer", "http://semicomplete.com/"),
        ("field:agent", "Mozilla/5.0 (Macintosh)"),
    ] {
        assert_eq!(key_of(COMBINED, key).as_deref(), Some(expected), "{key}");
    }
    let mut lines = CommonLines::new(&KeyField::Ip);
    assert_eq!(lines.read(COMBINED.as_bytes()).unwrap().time, TIME);
}

#[test]
fn a_common_line_has_neither_referer_nor_agent() {
    let line = "::1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.0\" 304 -";
    assert_eq!(key_of(line, "ip").as_deref(), Some("::1"));
    assert_eq!(key_of(line, "user"), None);
    assert_eq!(key_of(line, "field:referer"), None);
    assert_eq!(key_of(line, "field:agent"), None);
}

#[test]
fn a_line_may_end_after_the_status() {
    let line = "::1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.0\" 304";
    assert_eq!(key_of(line, "field:status").as_deref(), Some("304"));
}

#[test]
fn hyphens_and_empty_texts_are_no_keys() {
    let line = "h - - [17/May/2015:10:05:03 +0000] \"-\" 408 0 \"-\" \"\"";
    for key in ["user", "path", "field:method", "field:referer", "field:agent"] {
        assert_eq!(key_of(line, key), None, "{key}");
    }
}

#[test]
fn quotes_in_request_and_agent_may_be_escaped() {
    let line = r#"h - - [17/May/2015:10:05:03 +0000] "GET /say\"hi\" HTTP/1.1" 200 5 "a\"b" "c\\" "more""#;
    assert_eq!(key_of(line, "path").as_deref(), Some(r#"/say\"hi\""#));
    assert_eq!(key_of(line, "field:referer").as_deref(), Some(r#"a\"b"#));
    assert_eq!(key_of(line, "field:agent").as_deref(), Some(r"c\\"));
}

#[test]
fn an_unescaped_quote_in_the_request_does_no_harm() {
    let line = r#"h - - [17/May/2015:10:05:03 +0000] "GET /a"b HTTP/1.0" 404 5"#;
    assert_eq!(key_of(line, "path").as_deref(), Some(r#"/a"b"#));
}

#[test]
fn a_virtual_host_may_come_first() {
    for prefix in ["example.org:443", "example.org"] {
        let line = format!("{prefix} {COMBINED}");
        assert_eq!(key_of(&line, "ip").as_deref(), Some("83.149.9.216"));
        assert_eq!(key_of(&line, "user").as_deref(), Some("frank"));
    }
    let named = "example.org:80 client.example.net - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.0\" 200 1";
    assert_eq!(key_of(named, "ip").as_deref(), Some("client.example.net"));
}

#[test]
fn a_user_may_hold_spaces_and_brackets() {
    let line = "10.0.0.1 - frank [the] tank [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.0\" 200 1";
    assert_eq!(key_of(line, "user").as_deref(), Some("frank [the] tank"));
    assert_eq!(key_of(line, "ip").as_deref(), Some("10.0.0.1"));
}

#[test]
fn ipv6_hosts_are_no_virtual_hosts() {
    let line = "2001:db8::1 - two words [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.0\" 200 1";
    assert_eq!(key_of(line, "ip").as_deref(), Some("2001:db8::1"));
}

#[test]
fn bytes_that_are_no_utf_8_are_kept_as_they_are() {
    let line = b"h - \xff\xfe [17/May/2015:10:05:03 +0000] \"GET /\xe4 HTTP/1.0\" 200 1";
    let mut lines = CommonLines::new(&KeyField::User);
    assert_eq!(lines.read(line).unwrap().key, Some(&b"\xff\xfe"[..]));
}

#[test]
fn damaged_lines_are_told_apart() {
    assert!(matches!(refusal("garbage"), Unreadable::NoTime));
    assert!(matches!(refusal("[17/May/2015:10:05:03 +0000]"), Unreadable::NoTime));
    assert!(matches!(refusal(&COMBINED.replace("May", "Mai")), Unreadable::BadTime));
    assert!(matches!(refusal(&COMBINED.replace("- frank ", "")), Unreadable::NoHost));
    assert!(matches!(refusal(&COMBINED[..COMBINED.find("HTTP").unwrap()]), Unreadable::NoRequest));
    assert!(matches!(refusal(&COMBINED.replace("\" 200", "\" OK")), Unreadable::NoRequest));
}

#[test]
fn a_field_the_format_lacks_is_named_with_those_it_has() {
    let mut lines = CommonLines::new(&KeyField::Named("api_key".to_owned()));
    let told = lines.read(COMBINED.as_bytes()).unwrap_err().to_string();
    assert!(told.contains("api_key") && told.contains("referer"), "{told}");
}

#[test]
fn every_cut_of_a_line_is_read_or_refused_without_harm() {
    for key in ["ip", "user", "path", "field:referer", "field:agent", "field:status"] {
        let mut lines = CommonLines::new(&KeyField::parse(key).unwrap());
        for from in 0..COMBINED.len() {
            for to in from..COMBINED.len() {
                let _ = lines.read(&COMBINED.as_bytes()[from..to]);
            }
        }
    }
}
