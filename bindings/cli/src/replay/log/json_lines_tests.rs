//! What is read from JSON lines, good and bad.

use super::*;

const NS: u64 = 1_000_000_000;
const TIME: u64 = 1_431_857_103 * NS;

fn read(line: &str, key: &str) -> (u64, Option<String>) {
    let field = KeyField::parse(key).unwrap();
    let mut lines = JsonLines::new(&field);
    let entry = lines.read(line.as_bytes()).unwrap();
    let key = entry.key.map(|k| String::from_utf8_lossy(k).into_owned());
    (entry.time, key)
}

fn key_of(line: &str, key: &str) -> Option<String> {
    read(line, key).1
}

fn refusal(line: &str) -> Unreadable {
    JsonLines::new(&KeyField::Ip).read(line.as_bytes()).unwrap_err()
}

#[test]
fn times_are_found_under_many_names_and_forms() {
    for time in [
        r#""time":"2015-05-17T10:05:03Z""#,
        r#""timestamp":1431857103"#,
        r#""ts":1431857103.0"#,
        r#""@timestamp":"2015-05-17T12:05:03.000+02:00""#,
        r#""time_local":"17/May/2015:10:05:03 +0000""#,
        r#""time_iso8601":"2015-05-17T10:05:03+00:00""#,
        r#""msec":"1431857103.000""#,
        r#""msec":1431857103000"#,
        r#""StartUTC":"2015-05-17T10:05:03.000000000Z""#,
        r#""ts":1431857103000000000"#,
    ] {
        let line = format!(r#"{{"ip":"10.0.0.1",{time},"status":200}}"#);
        assert_eq!(read(&line, "ip"), (TIME, Some("10.0.0.1".to_owned())), "{time}");
    }
}

#[test]
fn fractions_of_seconds_are_kept() {
    let line = r#"{"ts":1431857103.123456,"ip":"a"}"#;
    assert_eq!(read(line, "ip").0, TIME + 123_456_000);
}

#[test]
fn a_duration_called_time_does_not_hide_the_time() {
    let line = r#"{"time":0.003,"time_local":"17/May/2015:10:05:03 +0000","ip":"a"}"#;
    assert_eq!(read(line, "ip").0, TIME);
}

#[test]
fn nginx_lines_are_understood() {
    let line = r#"{"msec":"1431857103.000","remote_addr":"10.1.2.3","remote_user":"bob","request":"GET /a/b?c=d HTTP/1.1","status":"200","host":"example.org"}"#;
    assert_eq!(key_of(line, "ip").as_deref(), Some("10.1.2.3"));
    assert_eq!(key_of(line, "user").as_deref(), Some("bob"));
    assert_eq!(key_of(line, "path").as_deref(), Some("/a/b"));
    assert_eq!(key_of(line, "field:host").as_deref(), Some("example.org"));
}

#[test]
fn caddy_lines_are_understood() {
    let line = r#"{"level":"info","ts":1431857103.0,"logger":"http.log.access","request":{"remote_ip":"10.1.2.3","remote_port":"4711","method":"GET","host":"example.org","uri":"/a?b=c","headers":{"X-Api-Key":["k1","k2"]}},"user_id":"","status":200}"#;
    assert_eq!(key_of(line, "ip").as_deref(), Some("10.1.2.3"));
    assert_eq!(key_of(line, "path").as_deref(), Some("/a"));
    assert_eq!(key_of(line, "user"), None);
    let header = key_of(line, "field:request.headers.X-Api-Key");
    assert_eq!(header.as_deref(), Some("k1"));
}

#[test]
fn traefik_lines_are_understood() {
    let line = r#"{"ClientAddr":"10.1.2.3:4711","ClientHost":"10.1.2.3","ClientUsername":"-","RequestPath":"/a?b","StartUTC":"2015-05-17T10:05:03.5Z","time":"2015-05-17T10:05:04Z"}"#;
    assert_eq!(read(line, "ip"), (TIME + NS / 2, Some("10.1.2.3".to_owned())));
    assert_eq!(key_of(line, "path").as_deref(), Some("/a"));
    assert_eq!(key_of(line, "user"), None);
}

#[test]
fn the_best_name_wins_wherever_it_stands() {
    let line = r#"{"host":"web1","ip":"10.0.0.9","remote_addr":"10.0.0.1","ts":1431857103}"#;
    assert_eq!(key_of(line, "ip").as_deref(), Some("10.0.0.1"));
    let line = r#"{"remote_user":"-","user":"ann","ts":1431857103}"#;
    assert_eq!(key_of(line, "user").as_deref(), Some("ann"));
}

#[test]
fn keys_of_any_scalar_type_count() {
    let line = r#"{"ts":1431857103,"id":42,"neg":-7,"ok":true,"none":null,"x":{"y":"z"},"a.b":"flat"}"#;
    assert_eq!(key_of(line, "field:id").as_deref(), Some("42"));
    assert_eq!(key_of(line, "field:neg").as_deref(), Some("-7"));
    assert_eq!(key_of(line, "field:ok").as_deref(), Some("true"));
    assert_eq!(key_of(line, "field:none"), None);
    assert_eq!(key_of(line, "field:x"), None);
    assert_eq!(key_of(line, "field:x.y").as_deref(), Some("z"));
    assert_eq!(key_of(line, "field:a.b").as_deref(), Some("flat"));
    assert_eq!(key_of(line, "field:ts").as_deref(), Some("1431857103"));
}

#[test]
fn escapes_in_keys_are_undone() {
    let line = r#"{"ts":1431857103,"user":"a\"b\u00e9\n"}"#;
    assert_eq!(key_of(line, "user").as_deref(), Some("a\"bé\n"));
}

#[test]
fn bytes_that_are_no_utf_8_are_kept_in_keys_and_ignored_elsewhere() {
    let line = b"{\"ts\":1431857103,\"agent\":\"\xff\",\"user\":\"j\xf6rg \xc3\xa9\"}";
    let mut lines = JsonLines::new(&KeyField::User);
    let entry = lines.read(line).unwrap();
    assert_eq!((entry.time, entry.key), (TIME, Some(&b"j\xf6rg \xc3\xa9"[..])));
    assert!(lines.read(b"{\"ts\":1431857103,\xff}").is_err());
    assert!(lines.read(line).is_ok());
}

#[test]
fn damaged_lines_are_told_apart() {
    for line in ["{", "{}x", "[1]", "{\"ts\":1", "nonsense", "{\"ts\":1}{}", "\"text\""] {
        assert!(matches!(refusal(line), Unreadable::NotJson(_)), "{line}");
    }
    assert!(matches!(refusal(r#"{"ip":"a"}"#), Unreadable::NoTimeField));
    assert!(matches!(refusal(r#"{"time":"noon","ip":"a"}"#), Unreadable::BadTimeField));
    assert!(matches!(refusal(r#"{"ts":-5,"ip":"a"}"#), Unreadable::BadTimeField));
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let _ = JsonLines::new(&KeyField::Named("x".to_owned())).read(deep.as_bytes());
}

#[test]
fn every_cut_of_a_line_is_refused_without_harm() {
    let line = r#"{"ts":1431857103.5,"user":"a\"b\u00e9","request":{"uri":["/x",{"y":null}]}}"#;
    for key in ["ip", "user", "path", "field:request.uri.y"] {
        let mut lines = JsonLines::new(&KeyField::parse(key).unwrap());
        for to in 0..line.len() {
            assert!(lines.read(&line.as_bytes()[..to]).is_err(), "{to}");
        }
    }
}
