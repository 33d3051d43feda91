//! Lists the language files, so that a new language is one new file under `locales/` and nothing else.

#![expect(clippy::expect_used, reason = "a build that cannot go on says why and stops")]

use std::fmt::Write;
use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=locales");
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("locales");
    let mut tags: Vec<String> = fs::read_dir(&folder)
        .expect("the folder locales/ is there")
        .filter_map(|file| file.ok()?.file_name().to_str()?.strip_suffix(".ftl").map(str::to_owned))
        .collect();
    // English first: it is what every other language falls back to.
    tags.sort_by_key(|tag| (tag != "en", tag.clone()));
    let mut list = String::from("&[");
    for tag in tags {
        let file = folder.join(format!("{tag}.ftl"));
        write!(list, "({tag:?}, include_str!({file:?})), ").expect("a string takes it");
    }
    list.push(']');
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("locales.rs"), list).expect("the output folder can be written");
}
