//! Files of one part that need each other in a circle: such files can only be understood together.

use std::collections::{BTreeMap, BTreeSet};

use super::source::Source;

/// The circles of more than `most` files within a part, each sorted.
pub fn circles(sources: &[Source], most: usize) -> Vec<Vec<String>> {
    let files: BTreeMap<Vec<String>, &Source> =
        sources.iter().filter(|source| !is_surface(source)).map(|source| (source.module(), source)).collect();
    let needs: BTreeMap<&Vec<String>, BTreeSet<&Vec<String>>> =
        files.iter().map(|(module, source)| (module, needed(&files, module, source))).collect();
    let reached: BTreeMap<&Vec<String>, BTreeSet<&Vec<String>>> =
        needs.keys().map(|module| (*module, reachable(&needs, module))).collect();
    let mut found = BTreeSet::new();
    for (module, all) in &reached {
        let circle: Vec<String> =
            all.iter().filter(|other| reached[*other].contains(module)).map(|file| file.join("::")).collect();
        if circle.len() > most {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

/// The face of a folder hands on what is in it; nobody needs it for its own sake.
fn is_surface(source: &Source) -> bool {
    source.name.ends_with("mod.rs") || !source.name.contains('/')
}

/// The files of the same part that a file names: the innermost of those that a path leads through.
fn needed<'f>(files: &'f BTreeMap<Vec<String>, &Source>, module: &Vec<String>, source: &Source) -> BTreeSet<&'f Vec<String>> {
    let mut needed = BTreeSet::new();
    for named in source.paths().iter().filter(|named| named.segments[0] == "crate") {
        let path = &named.segments[1..];
        let file = (2..=path.len()).rev().find_map(|length| files.get_key_value(&path[..length]));
        needed.extend(file.map(|(file, _)| file).filter(|file| *file != module && file[0] == module[0]));
    }
    needed
}

fn reachable<'f>(
    needs: &BTreeMap<&'f Vec<String>, BTreeSet<&'f Vec<String>>>,
    from: &'f Vec<String>,
) -> BTreeSet<&'f Vec<String>> {
    let (mut reached, mut waiting) = (BTreeSet::new(), vec![from]);
    while let Some(next) = waiting.pop() {
        waiting.extend(needs[next].iter().filter(|file| reached.insert(**file)));
    }
    reached
}
