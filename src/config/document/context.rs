//! What goes along while a document is read: where it stands, what its names mean, and every mistake found so far.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::names::{Kind, Names, Sender, Use};
use super::problem::{Lines, Problem};
use super::record::Record;

/// Looks up an environment variable.
pub(in crate::config) type Environment<'d> = &'d (dyn Fn(&str) -> Option<String> + 'd);

pub(in crate::config) struct Context<'d> {
    /// Relative paths start here.
    pub(in crate::config) folder: &'d Path,
    pub(in crate::config) environment: Environment<'d>,
    /// So many of the problems, the first, say that the text is no TOML.
    syntax: usize,
    /// Of a preset: what the operator's file is read with.
    above: Option<Above<'d>>,
    /// Takes down what is asked for; nothing while a configuration is read for its own sake.
    pub(in crate::config) record: Option<&'d Record>,
    lines: Lines<'d>,
    problems: RefCell<Vec<(usize, String)>>,
    /// Sections that were not read to their end.
    given_up: RefCell<Vec<(usize, String)>>,
    /// Files that hold secrets.
    secret_files: RefCell<Vec<PathBuf>>,
    names: RefCell<Names>,
}

/// Where the operator names a preset.
pub(in crate::config) struct Above<'d> {
    pub(in crate::config) context: &'d Context<'d>,
    pub(in crate::config) at: usize,
    /// Of the preset.
    pub(in crate::config) name: &'d str,
}

/// More than this helps nobody; what is beyond is left out.
const MOST_PROBLEMS: usize = 500;

impl<'d> Context<'d> {
    pub(in crate::config) fn new(
        text: &'d str,
        folder: &'d Path,
        environment: Environment<'d>,
        syntax: &[toml::de::Error],
    ) -> Self {
        let place = |error: &toml::de::Error| error.span().map_or(text.len(), |span| span.start);
        let problem = |error: &toml::de::Error| (place(error), format!("not valid TOML: {}", error.message()));
        let problems: Vec<_> = syntax.iter().take(MOST_PROBLEMS).map(problem).collect();
        Self {
            folder,
            environment,
            syntax: problems.len(),
            above: None,
            record: None,
            lines: Lines::new(text),
            problems: RefCell::new(problems),
            given_up: RefCell::default(),
            secret_files: RefCell::default(),
            names: RefCell::default(),
        }
    }

    /// Also takes down what is asked for. Files that hold secrets are not read then.
    pub(in crate::config) fn recorded(self, record: &'d Record) -> Self {
        Self { record: Some(record), ..self }
    }

    /// For the text of a preset, which the operator names at this place. Its mistakes are told there, and its names are the file's.
    pub(in crate::config) fn of_preset(above: Above<'d>, text: &'d str, syntax: &[toml::de::Error]) -> Self {
        let (folder, environment) = (above.context.folder, above.context.environment);
        let context = Self { above: Some(above), ..Self::new(text, folder, environment, &[]) };
        for error in syntax {
            context.problem(error.span().map_or(text.len(), |span| span.start), format!("not valid TOML: {}", error.message()));
        }
        context
    }

    /// The text is no TOML somewhere, so that what seems to be missing may only be unreadable.
    pub(in crate::config) fn is_broken(&self) -> bool {
        self.syntax > 0 || self.above.as_ref().is_some_and(|above| above.context.is_broken())
    }

    /// `at` is an offset in bytes.
    pub(in crate::config) fn problem(&self, at: usize, message: impl Into<String>) {
        if let Some(above) = &self.above {
            let line = self.lines.place(at).0;
            return above.context.problem(above.at, format!("in line {line} of the preset {:?}: {}", above.name, message.into()));
        }
        let mut problems = self.problems.borrow_mut();
        if problems.len() < MOST_PROBLEMS {
            problems.push((at, message.into()));
        }
    }

    /// A file that holds a secret.
    pub(in crate::config) fn holds_secret(&self, file: PathBuf) {
        match &self.above {
            Some(above) => above.context.holds_secret(file),
            None => self.secret_files.borrow_mut().push(file),
        }
    }

    pub(in crate::config) fn secret_files(&self) -> Vec<PathBuf> {
        self.secret_files.take()
    }

    /// A section was not read to its end. That is a problem of its own where nothing else says why. A preset's table is only looked into
    /// for what the operator's lacks.
    pub(in crate::config) fn give_up(&self, at: usize, title: &str) {
        if self.above.is_none() {
            self.given_up.borrow_mut().push((at, title.to_owned()));
        }
    }

    /// The line of an offset in the operator's file, from 1.
    pub(in crate::config) fn line(&self, at: usize) -> usize {
        let (file, at) = self.in_file(at);
        file.lines.place(at).0
    }

    /// The reading of the operator's file, and the place in it.
    fn in_file(&self, at: usize) -> (&Context<'d>, usize) {
        self.above.as_ref().map_or((self, at), |above| above.context.in_file(above.at))
    }

    /// A name is given to something; a name that is taken is a problem.
    pub(in crate::config) fn define(&self, kind: Kind, name: &str, at: usize) {
        let (file, at) = self.in_file(at);
        let earlier = file.names.borrow_mut().define(kind, name, at);
        if let Some(earlier) = earlier {
            let (line, _) = file.lines.place(earlier);
            file.problem(at, format!("{} `{name}` is there already, in line {line}", kind.noun()));
        }
    }

    /// The name of something of this kind could not be read, so that a name which seems undefined may be that one.
    pub(in crate::config) fn lose(&self, kind: Kind) {
        self.in_file(0).0.names.borrow_mut().lose(kind);
    }

    pub(in crate::config) fn sender(&self, sender: Sender) {
        self.in_file(0).0.names.borrow_mut().senders.push(sender);
    }

    pub(in crate::config) fn uses(&self, used: Use) {
        let (file, at) = self.in_file(used.at);
        file.names.borrow_mut().used.push(Use { at, ..used });
    }

    /// Checks the names, and gives everything found, sorted by place. A line that is no TOML has one problem, the first.
    pub(in crate::config) fn finish(self) -> Vec<Problem> {
        let found = if self.is_broken() { Vec::new() } else { self.names.borrow().problems(MOST_PROBLEMS) };
        for (at, message) in found {
            self.problem(at, message);
        }
        if self.problems.borrow().is_empty() {
            for (at, title) in self.given_up.take() {
                self.problem(at, format!("{title} cannot be read, and the node must not start without it. Is a key missing?"));
            }
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
