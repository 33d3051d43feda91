//! Scripts of the tests that node runs: the browser, and WebSockets. A script may ask the test for something in the middle.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A command that runs a script of this repository, if node and these packages are there.
pub fn command(script: &str, packages: &[&str]) -> Option<Command> {
    let modules = modules();
    let missing = packages.iter().find(|package| !modules.join(package).join("package.json").exists());
    if !installed("node") {
        super::skip("node is not installed");
        return None;
    }
    if let Some(missing) = missing {
        super::skip(&format!("the npm package {missing} is not in {}", modules.display()));
        return None;
    }
    let mut command = Command::new("node");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script)).env("DOORWARD_NODE_MODULES", modules);
    Some(command)
}

/// A command that runs a script with Debian's Python, if it has this module.
pub fn python(script: &str, module: &str) -> Option<Command> {
    const PYTHON: &str = "/usr/bin/python3";
    let mut look = Command::new(PYTHON);
    look.args(["-c", &format!("import {module}")]).stderr(Stdio::null());
    if !look.status().is_ok_and(|status| status.success()) {
        super::skip(&format!("the Debian package python3-{} is not installed", module.replace('_', "-")));
        return None;
    }
    let mut command = Command::new(PYTHON);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script));
    Some(command)
}

/// A command that runs a script with the Python packages that `tests/run` puts into an environment of their own.
pub fn environment(script: &str) -> Option<Command> {
    let python = cache().join("doorward-python/bin/python");
    if !python.exists() {
        super::skip(&format!("there is no Python environment at {}; tests/run makes it", python.display()));
        return None;
    }
    let mut command = Command::new(python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script));
    Some(command)
}

/// A command that runs a script which drives Chromium.
pub fn browser(script: &str) -> Option<Command> {
    if !installed("chromium") {
        super::skip("chromium is not installed");
        return None;
    }
    command(script, &["playwright-core", "@axe-core/playwright"])
}

/// Runs a script to its end. A line `? QUESTION` is answered by `answer`; every other is printed. Panics if it fails.
pub fn converse(mut command: Command, answer: impl Fn(&str) -> String) {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        match line.strip_prefix("? ") {
            Some(question) => writeln!(stdin, "{}", answer(question)).unwrap(),
            None => println!("{line}"),
        }
    }
    assert!(child.wait().unwrap().success(), "the script found something wrong, see above");
}

fn installed(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// Where `tests/run` puts them, unless it says otherwise.
fn modules() -> PathBuf {
    if let Some(modules) = std::env::var_os("DOORWARD_NODE_MODULES") {
        return modules.into();
    }
    cache().join("doorward-browser/node_modules")
}

fn cache() -> PathBuf {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from)
}
