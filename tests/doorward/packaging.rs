//! `packaging/build` where tools are missing: what it says, and what it builds all the same. Nothing is compiled: cargo and rustc are scripts.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

const HOST: &str = "x86_64-unknown-linux-gnu";

/// A machine on which nothing is installed but this.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    /// Rust, a C compiler and what every machine has.
    fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        for name in ["bin", "sysroot"] {
            std::fs::create_dir(machine.folder.path().join(name)).unwrap();
        }
        let everywhere = std::env::var_os("PATH").unwrap();
        for name in ["bash", "env", "dirname", "sed", "mkdir", "cp", "rm", "chmod", "cat"] {
            let file = std::env::split_paths(&everywhere).map(|folder| folder.join(name)).find(|file| file.exists()).unwrap();
            symlink(file, machine.path("bin").join(name)).unwrap();
        }
        machine.install("cc", "");
        let sysroot = machine.path("sysroot");
        machine.install("rustc", &format!("if [[ $1 == -vV ]]; then echo 'host: {HOST}'; else echo '{}'; fi", sysroot.display()));
        // Writes down how it was called, and leaves a program.
        machine.install(
            "cargo",
            &format!(
                "echo \"$RUSTFLAGS | $*\" >>'{}'\nfolder=$CARGO_TARGET_DIR/{HOST}/dist\nmkdir -p \"$folder\"\n\
                 printf '#!/usr/bin/env bash\\necho doorward 9.9\\n' >\"$folder/doorward\"\nchmod 755 \"$folder/doorward\"",
                machine.path("builds").display()
            ),
        );
        machine
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn install(&self, name: &str, script: &str) {
        executable(&self.path("bin").join(name), script);
    }

    fn with_profdata(self) -> Self {
        let bin = self.path("sysroot").join("lib/rustlib").join(HOST).join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        executable(&bin.join("llvm-profdata"), "exit 1");
        self
    }

    fn with_load_programs(self) -> Self {
        for name in ["wrk", "h2load", "openssl", "python3"] {
            self.install(name, "exit 1");
        }
        self
    }

    fn without(self, name: &str) -> Self {
        std::fs::remove_file(self.path("bin").join(name)).unwrap();
        self
    }

    fn build(&self) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/build");
        let mut command = Command::new(self.path("bin").join("bash"));
        command.arg(script).env_clear().env("PATH", self.path("bin")).env("CARGO_TARGET_DIR", self.path("target"));
        command.output().unwrap()
    }

    fn builds(&self) -> Vec<String> {
        std::fs::read_to_string(self.path("builds")).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

fn executable(file: &Path, script: &str) {
    std::fs::write(file, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn without_a_tool_for_the_profile_it_builds_without_and_says_what_that_costs() {
    let cases = [
        (Machine::new().with_load_programs(), "llvm-profdata of this toolchain (rustup component add llvm-tools)"),
        (Machine::new().with_profdata().with_load_programs().without("wrk"), "wrk (Debian: wrk)"),
        (Machine::new().with_profdata().with_load_programs().without("h2load"), "h2load (Debian: nghttp2-client)"),
        (Machine::new().with_profdata().with_load_programs().without("python3"), "python3 (Debian: python3)"),
    ];
    for (machine, missing) in cases {
        let output = machine.build();
        let (out, said) = (words(&output.stdout), words(&output.stderr));
        assert!(output.status.success(), "{missing}: {said}");
        let cost = "a request takes about a tenth more CPU time than with the profile (docs/benchmark.md)";
        let expected = format!(
            "packaging/build: building without the profile, for want of {missing}: {cost}\npackaging/build: it was built without the profile: {cost}\n"
        );
        assert_eq!(said, expected);
        assert_eq!(out, "target/dist/doorward is built: doorward 9.9\n");
        assert!(machine.path("target/dist/doorward.service").exists());
        assert_eq!(machine.builds(), [format!("  | build --locked --profile dist --bin doorward --target {HOST}")]);
    }
}

#[test]
fn with_every_tool_it_gathers_a_profile_first_and_a_benchmark_that_fails_is_no_package() {
    let machine = Machine::new().with_profdata().with_load_programs();
    let output = machine.build();
    assert!(!output.status.success(), "{output:?}");
    let gathered = machine.path("target/packaging/gathered");
    assert!(machine.builds()[0].starts_with(&format!(" -Cprofile-generate={} | ", gathered.display())), "{:?}", machine.builds());
    assert!(!machine.path("target/dist").exists() && words(&output.stderr).is_empty(), "{output:?}");
}

#[test]
fn without_a_compiler_nothing_is_begun() {
    for (tool, expected) in
        [("cargo", "cargo is not installed"), ("rustc", "rustc is not installed"), ("cc", "there is no C compiler")]
    {
        let machine = Machine::new().with_profdata().with_load_programs().without(tool);
        let output = machine.build();
        assert_eq!(output.status.code(), Some(69), "{tool}: {output:?}");
        assert!(words(&output.stderr).starts_with(&format!("packaging/build: {expected}")), "{output:?}");
        assert_eq!(machine.builds(), Vec::<String>::new());
    }
}
