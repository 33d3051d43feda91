//! A report about many people by the program itself: what it takes of time and memory, in the node and in the command. As many as a
//! large site has with `DOORWARD_LONG=1`; the figures are printed.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use super::section;
use crate::support::client::Watch;
use crate::support::eventually::eventually_blocking;
use crate::support::peers::slapd;
use crate::support::program::{Program, certificate, doorward};
use crate::support::samba::Samba;
use crate::support::toml::Toml;

fn is_long() -> bool {
    std::env::var("DOORWARD_LONG").is_ok_and(|long| long == "1")
}

/// Runs the report of `corp` by a node of its own; names in the order in which they came. Both programs' memory in KiB is bounded.
fn measured(name: &str, directory: &str, (node_most, command_most): (u64, u64)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "door", &["app.example.test"]);
    let config = Toml::site().users("").directory(directory).write(folder.path());
    let program = Program::serve(folder.path());
    let before = program.most_memory();

    let csv = folder.path().join("report.csv");
    let begun = Watch::start();
    let arguments = ["user", "report", "--directory", "corp", "--format", "csv", "--config", config.to_str().unwrap()];
    let mut command = doorward(&arguments);
    let mut child = command.stdout(Stdio::from(File::create(&csv).unwrap())).spawn().unwrap();
    let mut most = 0;
    let status = eventually_blocking("the report ends", || {
        most = most.max(memory(child.id()));
        child.try_wait().unwrap()
    });
    let took = begun.elapsed();
    assert!(status.success(), "{}", program.log());
    let text = std::fs::read_to_string(&csv).unwrap();
    let names: Vec<String> = text.lines().skip(1).map(|line| line.split('"').nth(5).unwrap().to_owned()).collect();
    let after = program.most_memory();
    println!(
        "{name}: {} people reported in {took:?}; the node held at most {after} KiB ({before} before), the command {most} KiB",
        names.len()
    );
    assert!(after < before + node_most && most < command_most, "{before} {after} {most}");
    names
}

/// The most that a process has held; nothing where it is over.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn of_openldap_it_is_sorted_and_costs_the_node_little() {
    let Some(slapd) = slapd(&[]) else { return };
    let count = if is_long() { 50_000 } else { 1_000 };
    let (base, mut ldif) = (slapd.base(), String::new());
    for number in 0..count {
        // In another order than that of the names.
        let number = number * 7919 % count;
        ldif += &format!(
            "dn: uid=u{number:06},ou=people,{base}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: u{number:06}\ncn: u\nsn: u\n\
             displayName: Somebody With A Name\nmail: u{number}@example.test\nmobile: +4520{number:06}\n\n"
        );
    }
    slapd.modify(&ldif);
    let names = measured("OpenLDAP", &section(&slapd), (40_000, 100_000));
    assert!(names.len() >= count && names.is_sorted_by_key(|name| name.to_lowercase()), "{}", names.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_active_directory_too() {
    let Some(samba) = Samba::start().await else { return };
    let count = if is_long() { 2_000 } else { 100 };
    let admin = samba.admin().await;
    for number in 0..count {
        let number = number * 7919 % count;
        let mobile = format!("+4520{number:06}");
        admin.add_member(&format!("u{number:06}"), "Wonder-land1", &[("mobile", &mobile)]).await;
    }
    let section = samba.section("corp");
    let names = tokio::task::spawn_blocking(move || measured("Samba", &section, (40_000, 100_000))).await.unwrap();
    assert!(names.len() >= count && names.is_sorted_by_key(|name| name.to_lowercase()), "{}", names.len());
}
