//! A page for people: complete in itself, in light and dark, read aloud well, and without a script.

use super::super::seconds::{rfc3339, unix};
use super::Denial;
use std::fmt;

const STYLE: &str = include_str!("page.css");

pub(super) fn page(denial: &Denial<'_>) -> String {
    let (title, status) = (denial.answer.reason_phrase(), denial.answer.status());
    let message = Escaped(&denial.message);
    let advice = advice(denial);
    format!(
        "<!doctype html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <title>{title}</title>\n\
         <style>\n{STYLE}</style>\n\
         </head>\n\
         <body>\n\
         <main>\n\
         <p class=\"status\">{status}</p>\n\
         <h1>{title}</h1>\n\
         <p>{message}</p>\n\
         {advice}\
         </main>\n\
         </body>\n\
         </html>\n"
    )
}

/// What to do, and at what time, for whoever comes back to a page that has been open for a while.
fn advice(denial: &Denial<'_>) -> String {
    let advice = Escaped(&denial.advice);
    let Some(wait_ns) = denial.answer.wait_ns() else { return format!("<p class=\"advice\">{advice}</p>\n") };
    let at = rfc3339(unix(denial.answer.now_unix_ns, wait_ns));
    let shown = at.replace('T', " ").replace('Z', " UTC");
    format!(
        "<p class=\"advice\">{advice}</p>\n<p class=\"at\">From <time datetime=\"{at}\">{shown}</time> on</p>\n"
    )
}

/// A text as HTML shows it, in an element or in a quoted attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.split_inclusive(['&', '<', '>', '"', '\'']) {
            let (plain, special) = piece.split_at(piece.trim_end_matches(['&', '<', '>', '"', '\'']).len());
            f.write_str(plain)?;
            f.write_str(match special {
                "&" => "&amp;",
                "<" => "&lt;",
                ">" => "&gt;",
                "\"" => "&quot;",
                "'" => "&#39;",
                other => other,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_html_would_take_for_markup_is_escaped() {
        let escaped = |text| Escaped(text).to_string();
        assert_eq!(
            escaped("<script>alert('1')</script> & \"x\""),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;x&quot;"
        );
        assert_eq!(escaped("&&<<"), "&amp;&amp;&lt;&lt;");
        assert_eq!(escaped("&amp; größer"), "&amp;amp; größer");
        assert_eq!(escaped(""), "");
    }
}
