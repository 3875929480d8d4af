//! The picture is well-formed and tells everything, whatever the log holds.

use super::*;
use crate::replay::addresses::Addresses;
use crate::replay::engine::Replay;
use crate::replay::lines::Lines;
use crate::replay::log::{Format, KeyField};
use crate::replay::progress::Progress;

fn picture(log: &str, key: KeyField, policies: &[&str]) -> String {
    let policies: Vec<_> = policies.iter().map(|p| p.parse().unwrap()).collect();
    let mut replay = Replay::new(&policies, &key, Addresses::of(&key, 64).unwrap(), Format::Auto, 1_000).unwrap();
    let progress = Progress::new(None, &Default::default());
    replay.run("test", Lines::new(log.as_bytes()), &progress).unwrap();
    draw(&Summary::new(replay, &key, 10, 1_000, vec!["<&\"'\u{1b}.log".to_owned()]))
}

fn texts(svg: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|n| n.has_tag_name("text"));
    texts.filter_map(|n| n.text().map(str::to_owned)).collect()
}

fn line(user: &str, time: u64) -> String {
    let user = serde_json::to_string(user).unwrap();
    format!("{{\"ts\":{time},\"user\":{user}}}\n")
}

#[test]
fn hostile_keys_leave_the_picture_well_formed() {
    let keys = [
        "<script>alert('x')</script>",
        "\"]]>--><!--",
        "&amp;&#0;",
        "\u{0}\u{7}\u{1b}[2J\u{fffe}\u{ffff}\u{202e}",
        "long long long long long long long long long",
    ];
    let log: String = keys.iter().flat_map(|key| (0..3).map(|at| line(key, 1_431_857_103 + at))).collect();
    let svg = picture(&log, KeyField::User, &["fixed-window 1/1h"]);
    let texts = texts(&svg);
    assert!(texts.iter().any(|t| t.starts_with("<script>alert")));
    assert!(texts.iter().any(|t| t.ends_with('…')));
    assert!(!svg.contains("<script"));
}

#[test]
fn one_line_is_enough_for_a_picture() {
    let svg = picture(&line("ann", 1_431_857_103), KeyField::User, &["fixed-window 5/1h"]);
    let texts = texts(&svg);
    assert!(texts.contains(&"Busiest keys (none was denied)".to_owned()));
    assert!(texts.contains(&"ann".to_owned()));
    assert!(texts.contains(&"10:05:05".to_owned()), "{texts:?}");
}

#[test]
fn a_log_without_keys_still_gives_a_picture() {
    let svg = picture(&line("-", 1_431_857_103), KeyField::User, &["fixed-window 5/1h"]);
    assert!(texts(&svg).iter().any(|t| t.contains("nothing was limited")));
}

#[test]
fn each_policy_has_its_own_panel() {
    let log: String = (0..50).map(|at| line("ann", 1_431_857_103 + at)).collect();
    let svg = picture(&log, KeyField::User, &["fixed-window 5/1h", "token-bucket 1/1m burst=7"]);
    let texts = texts(&svg);
    assert!(texts.contains(&"fixed-window 5/h".to_owned()), "{texts:?}");
    assert!(texts.contains(&"45 of 50".to_owned()));
    assert!(texts.contains(&"43 of 50".to_owned()));
}
