//! The HTML part of a mail: the words of the plain one with the code set large. No pictures, no links, no scripts, and no colours of its own,
//! so that it reads well on light and dark.

use crate::base::Secret;
use crate::config::transmitter::Encoder;

/// `text` is the plain part: paragraphs between empty lines, the last line for machines.
pub(super) fn html(text: &str, subject: &str, passcode: &str, language: &str) -> Secret<String> {
    let (words, _) = text.rsplit_once("\n@").unwrap_or((text, ""));
    let mut page = Secret::new(String::with_capacity(4096));
    page.with(|page| {
        page.push_str(&format!(
            "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"supported-color-schemes\" content=\"light dark\">\n<title>{}</title>\n</head>\n\
             <body style=\"margin:0;padding:24px 16px;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;\
             font-size:16px;line-height:1.5\">\n<div style=\"max-width:480px;margin:0 auto\">\n",
            escaped(subject)
        ));
        for paragraph in words.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
            let is_code = !passcode.is_empty() && paragraph.split_whitespace().collect::<String>() == passcode;
            let style = if is_code { CODE } else { WORDS };
            page.push_str(&format!("<p style=\"{style}\">"));
            for (place, line) in paragraph.lines().enumerate() {
                if place > 0 {
                    page.push_str("<br>\n");
                }
                page.push_str(Secret::new(escaped(line)).expose());
            }
            page.push_str("</p>\n");
        }
        page.push_str("</div>\n</body>\n</html>\n");
    });
    page
}

const WORDS: &str = "margin:0 0 16px";
const CODE: &str = "margin:24px 0;font-family:ui-monospace,Consolas,Menlo,monospace;font-size:36px;font-weight:700;line-height:1.2;\
                    letter-spacing:1px";

fn escaped(text: &str) -> String {
    Encoder::Xml.encode(text)
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
        assert!(page.contains("Your code for &lt;b&gt; &amp; co:") && page.contains("Tell it<br>\nto nobody.</p>"), "{page}");
        assert!(page.contains("<title>Your &lt;code&gt;</title>") && !page.contains("482913"), "{page}");
        for no in ["<img", "<a ", "href", "http", "<script", "url(", "color:#", "@mail"] {
            assert!(!page.contains(no), "{no}");
        }
    }
}
