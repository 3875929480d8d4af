//! Whatever stands in a configuration or in a request's target, reading it comes to an end with an answer.

use proptest::collection::vec;
use proptest::prelude::*;

use super::read;
use crate::serve::path::{Path, Pattern};

const EXAMPLE: &str = include_str!("../../../examples/serve.json");

/// Whether a message is one line that names the document and a place in it.
fn names_a_place(message: &str) -> bool {
    let mut parts = message.strip_prefix("f.json:").unwrap_or_default().splitn(3, ':');
    let mut is_number = || parts.next().is_some_and(|part| part.parse::<usize>().is_ok());
    is_number() && is_number() && !message.contains('\n')
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_an_error_with_its_place(text in "\\PC{0,200}|[\\[\\]{}\",:0-9a-z\\\\ \n]{0,100}") {
        if let Err(wrong) = read::config("f.json", &text) {
            prop_assert!(names_a_place(&wrong.to_string()), "{wrong}");
        }
    }

    #[test]
    fn so_is_an_example_in_which_anything_was_changed(at in 0..EXAMPLE.len(), cut in 0..40_usize, new in "\\PC{0,3}|[\\[\\]{}\",:0-9\n]{0,3}") {
        let end = (at + cut).min(EXAMPLE.len());
        let changed = [&EXAMPLE[..at], &new, &EXAMPLE[end..]].concat();
        if let Err(wrong) = read::config("f.json", &changed) {
            prop_assert!(names_a_place(&wrong.to_string()), "{wrong}");
        }
    }

    #[test]
    fn no_path_has_segments_that_mean_something_else(target in vec(prop_oneof![Just(b'/'), Just(b'.'), Just(b'%'), b'0'..=b'f', any::<u8>()], 0..60)) {
        let path = Path::of(&target);
        let bytes = path.as_bytes();
        let segments = bytes.split(|byte| *byte == b'/').skip(1);
        prop_assert!(segments.into_iter().all(|segment| ![&b""[..], b".", b".."].contains(&segment)));
        prop_assert!(bytes.is_empty() || bytes.starts_with(b"/"));
        prop_assert!(Pattern::parse("/**").unwrap().matches(&path));
        let with_more = [&b"/x/..//."[..], b"/", target.split(|byte| b"?#".contains(byte)).next().unwrap(), b"/?y"].concat();
        if target.starts_with(b"/") {
            prop_assert_eq!(Path::of(&with_more), path);
        }
    }

    #[test]
    fn a_pattern_of_plain_segments_matches_its_own_path_alone(segments in vec("[a-z]{1,3}", 0..4), others in vec("[a-z]{1,3}", 0..4)) {
        let text = |segments: &[String]| format!("/{}", segments.join("/"));
        let pattern = Pattern::parse(&text(&segments)).unwrap();
        prop_assert_eq!(pattern.matches(&Path::of(text(&others).as_bytes())), segments == others);
    }
}
