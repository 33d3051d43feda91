//! `[access_log]`: a line for every request. Left out, there is none.

use std::path::PathBuf;

use crate::config::document::Section;

/// `[access_log]`: where one line for each request is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessLog {
    /// Lines are appended to it; made where it is not there, its folder is not.
    pub file: PathBuf,
}

impl AccessLog {
    pub(in crate::config) fn read(section: Section<'_>) -> Option<Self> {
        section.only("format", "json", &[]);
        let file = section.required("file").and_then(|field| field.path());
        section.finish();
        Some(Self { file: file? })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    fn read(keys: &str) -> Result<Option<AccessLog>, Vec<String>> {
        let text = format!("{}\n[access_log]\n{keys}\n", include_str!("../testdata/minimal.toml"));
        let config = parse(&text, Path::new("/etc/doorward"), &|_| None);
        config.map(|config| config.access_log).map_err(|list| list.into_iter().map(|problem| problem.message).collect())
    }

    #[test]
    fn an_access_log_has_a_file_and_one_format() {
        let file = PathBuf::from("/etc/doorward/a.log");
        assert_eq!(read("file = \"a.log\"\nformat = \"json\""), Ok(Some(AccessLog { file })));
        let table = [
            ("", "[access_log] lacks `file`"),
            ("file = 1", "`file`: expected"),
            ("file = \"a\"\nformat = \"combined\"", "`format`: expected"),
            ("file = \"a\"\nmode = 7", "unknown key `mode`"),
        ];
        for (keys, message) in table {
            let found = read(keys).unwrap_err();
            assert!(found.len() == 1 && found.iter().all(|found| found.contains(message)), "{keys}: {found:?}");
        }
    }
}
