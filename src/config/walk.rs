//! What goes along while a document is read: where it stands, what its names mean, and every mistake found so far.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use super::names::{Kind, Names, Sender, Use};
use super::problem::{Lines, Problem};

/// Looks up an environment variable.
pub(super) type Environment<'d> = &'d (dyn Fn(&str) -> Option<String> + 'd);

pub(super) struct Walk<'d> {
    /// Relative paths start here.
    pub(super) folder: &'d Path,
    pub(super) environment: Environment<'d>,
    /// So many of the problems, the first, say that the text is no TOML.
    syntax: usize,
    lines: Lines<'d>,
    problems: RefCell<Vec<(usize, String)>>,
    names: RefCell<Names>,
}

/// More than this helps nobody; what is beyond is left out.
const MOST_PROBLEMS: usize = 500;

impl<'d> Walk<'d> {
    pub(super) fn new(text: &'d str, folder: &'d Path, environment: Environment<'d>, syntax: &[toml::de::Error]) -> Self {
        let place = |error: &toml::de::Error| error.span().map_or(text.len(), |span| span.start);
        let problem = |error: &toml::de::Error| (place(error), format!("not valid TOML: {}", error.message()));
        let problems: Vec<_> = syntax.iter().take(MOST_PROBLEMS).map(problem).collect();
        Self {
            folder,
            environment,
            syntax: problems.len(),
            lines: Lines::new(text),
            problems: RefCell::new(problems),
            names: RefCell::default(),
        }
    }

    /// The text is no TOML somewhere, so that what seems to be missing may only be unreadable.
    pub(super) fn is_broken(&self) -> bool {
        self.syntax > 0
    }

    /// `at` is an offset in bytes.
    pub(super) fn problem(&self, at: usize, message: impl Into<String>) {
        let mut problems = self.problems.borrow_mut();
        if problems.len() < MOST_PROBLEMS {
            problems.push((at, message.into()));
        }
    }

    /// The line of an offset, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.place(at).0
    }

    /// A name is given to something; a name that is taken is a problem.
    pub(super) fn define(&self, kind: Kind, name: &str, at: usize) {
        let earlier = self.names.borrow_mut().define(kind, name, at);
        if let Some(earlier) = earlier {
            let (line, _) = self.lines.place(earlier);
            self.problem(at, format!("{} `{name}` is there already, in line {line}", kind.noun()));
        }
    }

    /// The name of something of this kind could not be read, so that a name which seems undefined may be that one.
    pub(super) fn lose(&self, kind: Kind) {
        self.names.borrow_mut().lose(kind);
    }

    pub(super) fn sender(&self, sender: Sender) {
        self.names.borrow_mut().senders.push(sender);
    }

    pub(super) fn uses(&self, used: Use) {
        self.names.borrow_mut().used.push(used);
    }

    /// Checks the names, and gives everything found, sorted by place. A line that is no TOML has one problem, the first.
    pub(super) fn finish(self) -> Vec<Problem> {
        let found = if self.is_broken() { Vec::new() } else { self.names.borrow().problems(MOST_PROBLEMS) };
        for (at, message) in found {
            self.problem(at, message);
        }
        let mut problems: Vec<Problem> = Vec::new();
        let mut no_toml = BTreeSet::new();
        for (number, (at, message)) in self.problems.into_inner().into_iter().enumerate() {
            let (line, column) = self.lines.place(at);
            let heard = if number < self.syntax { no_toml.insert(line) } else { !no_toml.contains(&line) };
            if heard {
                problems.push(Problem { line, column, message });
            }
        }
        problems.sort();
        problems.dedup();
        problems
    }
}
