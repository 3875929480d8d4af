//! The page in a real browser: headless Chromium, which must show the texts as texts.

use crate::reading::{Asked, SECOND, SUNDAY_NS};
use sluicegate::http::{Answer, BodyFormat, Settings};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the browser is, unless it is on no path.
fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|directory| directory.join("chromium")).find(|file| file.exists());
    if found.is_none() {
        println!("skipped: there is no chromium; tests/run installs it");
    }
    found
}

/// The document that a browser makes of a page, after all scripts there may be have run.
fn document(chromium: &Path, page: &str, name: &str) -> String {
    let directory = std::env::temp_dir().join(format!("sluicegate-page-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("page.html");
    std::fs::write(&file, page).unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .arg(format!("--user-data-dir={}", directory.join("profile").display()))
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap();
    let _ = std::fs::remove_dir_all(&directory);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What stands in the element with a class, as the browser writes it.
fn inside<'a>(document: &'a str, class: &str) -> &'a str {
    let start = format!("<p class=\"{class}\">");
    let after = document.split(&start).nth(1).unwrap_or_else(|| panic!("no {class}: {document}"));
    after.split("</p>").next().unwrap()
}

/// A text as a browser writes it down.
fn serialized(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\u{a0}', "&nbsp;")
}

#[test]
fn a_browser_shows_the_page_and_takes_nothing_in_it_for_markup() {
    let Some(chromium) = chromium() else { return };
    let messages = [
        "You have sent more requests than the limit allows.",
        "<script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">",
        "</p></style></title><h1>not ours</h1> &amp; \" ' &#60; <!-- \u{202e} größer 😀",
    ];
    for (number, message) in messages.into_iter().enumerate() {
        let asked = Asked::new("hourly", "fixed-window 100/30m");
        let now = SUNDAY_NS + SECOND / 2;
        let _ = asked.check(100, now);
        let verdicts = [asked.verdict(1, now)];
        let settings = Settings::builder().message(message).build().unwrap();
        let page = Answer::new(&settings, &verdicts, now).body(BodyFormat::Html).unwrap().text;
        let document = document(&chromium, &page, &number.to_string());
        assert!(document.contains("<title>Too Many Requests</title>"), "{document}");
        assert!(document.contains("<h1>Too Many Requests</h1>"), "{document}");
        assert_eq!(inside(&document, "status"), "Error 429");
        assert_eq!(inside(&document, "message"), serialized(message));
        assert_eq!(inside(&document, "advice"), "Try again in 30 minutes.");
        let at = "Not before <time datetime=\"2026-11-22T00:30:00Z\">2026-11-22 00:30:00 UTC</time>";
        assert_eq!(inside(&document, "at"), at);
        for (element, count) in [("<h1", 1), ("<script", 0), ("<img", 0), ("<style", 1), ("<p ", 4)] {
            assert_eq!(document.matches(element).count(), count, "{element}: {document}");
        }
    }
}
