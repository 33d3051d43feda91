//! The HTML part of a mail: the words of the plain one with the code set large. No pictures, no links, no scripts, and no colours of its own,
//! so that it reads well on light and dark.

use askama::Template;

use crate::base::Secret;

#[derive(Template)]
#[template(path = "message/mail.html")]
struct Mail<'a> {
    language: &'a str,
    subject: &'a str,
    paragraphs: Vec<Paragraph<'a>>,
}

struct Paragraph<'a> {
    text: &'a str,
    /// It is the code, however it is grouped.
    is_code: bool,
}

/// `text` is the plain part: paragraphs between empty lines, the last line for machines.
pub(in crate::dispatch) fn html(text: &str, subject: &str, passcode: &str, language: &str) -> Secret<String> {
    let (words, _) = text.rsplit_once("\n@").unwrap_or((text, ""));
    let paragraph = |text| Paragraph { text, is_code: !passcode.is_empty() && without_blanks(text).expose() == passcode };
    let paragraphs = words.split("\n\n").map(str::trim).filter(|text| !text.is_empty()).map(paragraph).collect();
    let mut page = Secret::new(String::with_capacity(4096));
    page.with(|page| {
        // Writing into a string fails only if a value does, and these are text.
        if let Err(error) = (Mail { language, subject, paragraphs }).render_into(page) {
            tracing::error!(%error, "the HTML part of a mail could not be written");
        }
    });
    page
}

fn without_blanks(text: &str) -> Secret<String> {
    Secret::new(text.split_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_stands_large_and_nothing_is_fetched_or_clicked() {
        let text = "Your code for <b> & co:\n\n482 913\n\nTell it\nto nobody.\n@mail.example.com #482913";
        let page = html(text, "Your <code>", "482913", "en");
        let page = page.expose();
        assert!(page.contains("font-size:36px") && page.contains(">482 913</p>"), "{page}");
        assert!(page.contains("Your code for &#60;b&#62; &#38; co:") && page.contains("Tell it<br>\nto nobody.</p>"), "{page}");
        assert!(page.contains("<title>Your &#60;code&#62;</title>") && !page.contains("482913"), "{page}");
        for no in ["<img", "<a ", "href", "http", "<script", "url(", "color:#", "@mail"] {
            assert!(!page.contains(no), "{no}");
        }
    }
}
