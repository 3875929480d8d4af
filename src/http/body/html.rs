//! A page for people: complete in itself, in light and dark, read aloud well, and without a script.

use super::super::seconds::{Rfc3339, unix};
use super::Denial;
use std::fmt::{self, Write};

const STYLE: &str = include_str!("page.css");

/// A clock's face, which says nothing that the words do not.
const CLOCK: &str = "<svg viewBox=\"0 0 24 24\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"1.75\" \
    stroke-linecap=\"round\" stroke-linejoin=\"round\" aria-hidden=\"true\">\
    <circle cx=\"12\" cy=\"12\" r=\"9\" /><path d=\"M12 7v5l3.5 2\" /></svg>";

/// Well-formed XML too, so that any parser reads it.
pub(super) fn page(denial: &Denial<'_>, out: &mut dyn Write) -> fmt::Result {
    let (title, status) = (denial.answer.reason_phrase(), denial.answer.status());
    let (message, advice) = (Escaped(denial.what_happened()), denial.advice());
    write!(
        out,
        "<!DOCTYPE html>\n\
         <html lang=\"en\">\n\
         <head>\n\
         <meta charset=\"utf-8\" />\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n\
         <meta name=\"color-scheme\" content=\"light dark\" />\n\
         <meta name=\"robots\" content=\"noindex\" />\n\
         <title>{title}</title>\n\
         <style>\n{STYLE}</style>\n\
         </head>\n\
         <body>\n\
         <main>\n\
         {CLOCK}\n\
         <p class=\"status\">Error {status}</p>\n\
         <h1>{title}</h1>\n\
         <p class=\"message\">{message}</p>\n\
         <section>\n\
         <p class=\"advice\">{advice}</p>\n"
    )?;
    if let Some(wait_ns) = denial.answer.wait_ns() {
        // For whoever comes back to a page that has been open for a while.
        let at = Rfc3339(unix(denial.answer.now_unix_ns, wait_ns));
        let shown = at.for_people();
        writeln!(out, "<p class=\"at\">Not before <time datetime=\"{at}\">{shown}</time></p>")?;
    }
    out.write_str("</section>\n</main>\n</body>\n</html>\n")
}

/// A text as HTML shows it, in an element or in a quoted attribute.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in self.0.split_inclusive(SPECIAL) {
            let plain = piece.trim_end_matches(SPECIAL);
            f.write_str(plain)?;
            f.write_str(match &piece[plain.len()..] {
                "&" => "&amp;",
                "<" => "&lt;",
                ">" => "&gt;",
                "\"" => "&quot;",
                "'" => "&#39;",
                none => none,
            })?;
        }
        Ok(())
    }
}

const SPECIAL: [char; 5] = ['&', '<', '>', '"', '\''];

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
