//! Reads Rust source as far as the architecture test needs it: which paths a file names, comments, strings and its tests apart.

use std::collections::BTreeSet;
use std::path::Path;

/// One source file, its own tests cut off.
pub struct Source {
    /// From `src/` on: `store/sqlite/mod.rs`.
    pub name: String,
    /// Of the file without the `#[cfg(test)]` module at its end.
    pub lines: usize,
    pub first_line: String,
    pub tokens: Vec<Token>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// A word, `::`, or one other character.
    pub text: String,
    pub line: usize,
}

/// A path as it is named somewhere: `crate::base::Time`, with `self` and `super` worked out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    pub segments: Vec<String>,
    pub line: usize,
}

impl Named {
    pub fn text(&self) -> String {
        self.segments.join("::")
    }
}

impl Source {
    pub fn read(root: &Path, path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        Self::new(path.strip_prefix(root).unwrap().to_str().unwrap(), &text)
    }

    pub fn new(name: &str, text: &str) -> Self {
        let mut tokens = tokens(text);
        let mut lines = text.lines().count();
        if name.ends_with("/tests.rs") {
            // Tests that have a file of their own name what those in the file named.
            tokens.clear();
        } else if let Some(start) = start_of_tests(&tokens) {
            lines = tokens[start].line - 1;
            tokens.truncate(start);
        }
        Self { name: name.to_owned(), lines, first_line: text.lines().next().unwrap_or_default().to_owned(), tokens }
    }

    /// The folder or file directly below `src/`: `store`, `main`.
    pub fn part(&self) -> &str {
        self.name.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// Where the file stands as a module: `["store", "sqlite", "line"]`.
    pub fn module(&self) -> Vec<String> {
        let mut module: Vec<String> = self.name.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            module.pop();
        }
        module
    }

    /// Every path the file names, `use` trees taken apart. Ours begin with `crate`, whatever they were written as; the others
    /// are another crate's, a type's or what the file itself brought in.
    pub fn paths(&self) -> Vec<Named> {
        let mut walk = Walk { tokens: &self.tokens, found: Vec::new(), brought_in: BTreeSet::new() };
        walk.all();
        let Walk { found, brought_in, .. } = walk;
        let is_foreign_or_ours = |named: &Named| !brought_in.contains(&named.segments[0]);
        found.into_iter().map(|named| self.resolve(named)).filter(is_foreign_or_ours).collect()
    }

    fn resolve(&self, named: Named) -> Named {
        let mut module = self.module();
        let mut rest = named.segments.as_slice();
        match rest[0].as_str() {
            "crate" | "doorward" => module.clear(),
            "self" | "super" => {}
            _ => return named,
        }
        while let Some(("crate" | "doorward" | "self" | "super", after)) =
            rest.split_first().map(|(first, after)| (first.as_str(), after))
        {
            if rest[0] == "super" {
                module.pop();
            }
            rest = after;
        }
        let segments = std::iter::once("crate".to_owned()).chain(module).chain(rest.iter().cloned()).collect();
        Named { segments, line: named.line }
    }
}

/// `#[cfg(test)] mod ... {`: everything from there on is tests.
fn start_of_tests(tokens: &[Token]) -> Option<usize> {
    let opening = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let starts = |window: &[Token]| window.iter().map(|token| token.text.as_str()).eq(opening);
    tokens.windows(opening.len()).position(starts).filter(|start| tokens.get(start + 9).is_some_and(|token| token.text == "{"))
}

/// Words that may stand before a path and are no part of it.
const KEYWORDS: &[&str] = &["use", "return", "as", "in", "if", "match", "else", "mut", "dyn", "impl", "for", "where", "move"];

struct Walk<'a> {
    tokens: &'a [Token],
    found: Vec<Named>,
    /// Names that are modules of this file or were imported from our own: `http::` may be one of them and not the crate.
    brought_in: BTreeSet<String>,
}

impl<'a> Walk<'a> {
    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map(|token| token.text.as_str()).unwrap_or_default()
    }

    fn is_word(&self, at: usize) -> bool {
        let text = self.text(at);
        text.starts_with(|c: char| c.is_alphabetic() || c == '_') && !KEYWORDS.contains(&text)
    }

    fn all(&mut self) {
        let mut at = 0;
        while at < self.tokens.len() {
            let before = at.checked_sub(1).map(|before| self.text(before)).unwrap_or_default();
            // After `::` a path begins only where no type stands before it: `::http::Uri`.
            let goes_on = before == "::" && at >= 2 && (self.is_word(at - 2) || self.text(at - 2) == ">");
            if before == "mod" {
                self.brought_in.insert(self.text(at).to_owned());
            }
            if self.is_word(at) && before != "." && !goes_on && (self.text(at + 1) == "::" || before == "use") {
                at = self.tree(at, Vec::new(), before == "use");
            } else {
                at += 1;
            }
        }
    }

    /// Reads one path, or a tree of them, and returns where it ends.
    fn tree(&mut self, mut at: usize, mut segments: Vec<String>, is_use: bool) -> usize {
        let line = self.tokens[at].line;
        loop {
            match self.text(at) {
                "{" => {
                    at += 1;
                    while !matches!(self.text(at), "}" | "") {
                        at = if self.text(at) == "," { at + 1 } else { self.tree(at, segments.clone(), true) };
                    }
                    return at + 1;
                }
                "<" => break,
                // `{self, ...}` is the tree's own stem.
                "self" if !segments.is_empty() => {}
                word => segments.push(word.to_owned()),
            }
            at += 1;
            if self.text(at) != "::" {
                break;
            }
            at += 1;
        }
        let mut known_as = segments.last().cloned().unwrap_or_default();
        if is_use && self.text(at) == "as" {
            self.text(at + 1).clone_into(&mut known_as);
            at += 2;
        }
        if is_use && matches!(segments[0].as_str(), "crate" | "self" | "super") {
            self.brought_in.insert(known_as);
        }
        self.found.push(Named { segments, line });
        at
    }
}

/// Words, `::` and single characters with their lines; comments, strings, characters and lifetimes left out.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let skipped = skip(rest);
        let (length, token) = match skipped {
            Some(length) => (length, None),
            None if word > 0 => (word, Some(&rest[..word])),
            None if rest.starts_with("::") => (2, Some("::")),
            None if first.is_whitespace() => (first.len_utf8(), None),
            None => (first.len_utf8(), Some(&rest[..first.len_utf8()])),
        };
        if let Some(token) = token {
            tokens.push(Token { text: token.to_owned(), line });
        }
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

/// The length of a comment, string, character or lifetime that begins here.
fn skip(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(end_of_comment(rest));
    }
    let quote = rest.trim_start_matches(['b', 'c', 'r']).trim_start_matches('#');
    let prefix = &rest[..rest.len() - quote.len()];
    if quote.starts_with('"') && prefix.len() < 10 && (prefix.contains('r') || !prefix.contains('#')) {
        let hashes = prefix.matches('#').count();
        let body = &quote[1..];
        let length = if prefix.contains('r') {
            body.find(&format!("\"{}", "#".repeat(hashes))).map(|end| end + 1 + hashes)
        } else {
            end_of_text(body, '"')
        };
        return Some(prefix.len() + 1 + length.unwrap_or(body.len()));
    }
    let after = rest.strip_prefix("b'").or(rest.strip_prefix('\''))?;
    let opened = rest.len() - after.len();
    let mut letters = after.chars();
    let (first, second) = (letters.next()?, letters.next()?);
    if first == '\\' || second == '\'' {
        return Some(opened + end_of_text(after, '\'').unwrap_or(after.len()));
    }
    Some(opened + after.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(after.len()))
}

fn end_of_text(body: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    body.char_indices()
        .find(|(_, letter)| {
            let ends = *letter == quote && !is_escaped;
            is_escaped = *letter == '\\' && !is_escaped;
            ends
        })
        .map(|(at, letter)| at + letter.len_utf8())
}

/// Comments of this kind nest.
fn end_of_comment(rest: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(name: &str, text: &str) -> Vec<String> {
        Source::new(name, text).paths().iter().map(Named::text).collect()
    }

    #[test]
    fn a_use_tree_is_taken_apart() {
        let text = "use crate::{base::{Time, clock::*}, store::Place as P};\nuse rusqlite;\nuse ::http::Uri;";
        let expected = ["crate::base::Time", "crate::base::clock::*", "crate::store::Place", "rusqlite", "http::Uri"];
        assert_eq!(paths("web/form.rs", text), expected);
    }

    #[test]
    fn paths_in_code_count_and_relative_ones_are_worked_out() {
        let text = "fn f() -> super::super::base::Time { self::g(hyper::Body::<u8>::new()) }";
        let expected = ["crate::base::Time", "crate::store::sqlite::g", "hyper::Body"];
        assert_eq!(paths("store/sqlite/mod.rs", text), expected);
        assert_eq!(paths("store/a.rs", "use super::super::web::X;"), ["crate::web::X"]);
    }

    #[test]
    fn what_is_no_code_names_nothing() {
        let text = r####"
            // crate::a::b
            /* crate::a /* nested */ crate::b::c */
            fn f<'a>() { let x = "crate::a::\"b"; let y = r#"crate::"c"#; let z = ('"', '\'', b'"', b"crate::d"); }
            #[cfg(test)]
            mod tests { use crate::web::X; }
        "####;
        assert_eq!(paths("base/x.rs", text), [""; 0]);
        assert_eq!(Source::new("base/x.rs", text).lines, 4);
    }

    #[test]
    fn a_module_of_ours_is_not_taken_for_a_crate() {
        assert_eq!(paths("dispatch/mod.rs", "mod http; fn f() { http::send() }"), [""; 0]);
        assert_eq!(paths("dispatch/x.rs", "use super::http; fn f() { http::send() }"), ["crate::dispatch::http"]);
    }
}
