//! Commands as the book and krun itself name them, typed into one bash of a lab.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use super::*;

/// A bash in a lab's folder, where `krun` is the one that is tested. It ends with the test.
pub struct Shell {
    bash: Child,
    keys: ChildStdin,
    screen: BufReader<ChildStdout>,
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.bash.kill();
        let _ = self.bash.wait();
    }
}

/// Stands, with the exit code, behind what a command printed.
const END: &str = "--- ended with";

impl Shell {
    /// A shell for programs that must be there, each with what brings it.
    pub fn with(lab: &Lab, needed: &[(&str, &str)]) -> Self {
        let krun = krun_binary();
        let mut path = krun.parent().expect("a folder").as_os_str().to_owned();
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        let mut bash = lab
            .program(Path::new("bash"))
            .arg("--norc")
            .env("PATH", path)
            // What is there already is not asked for again.
            .env("npm_config_prefer_offline", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("bash starts");
        let keys = bash.stdin.take().expect("its input");
        let screen = BufReader::new(bash.stdout.take().expect("its output"));
        let mut shell = Self { bash, keys, screen };
        for (test, from) in needed {
            let (said, code) = shell.tries(test);
            assert_eq!(code, "0", "`{test}` fails: this test needs {from}\n{said}");
        }
        shell
    }

    /// Types a command, which must succeed; what it printed, also as errors.
    #[track_caller]
    pub fn types(&mut self, command: &str) -> String {
        let (said, code) = self.tries(command);
        assert_eq!(code, "0", "$ {command}\n{said}");
        said
    }

    /// The same with a command that need not: what it printed, and its exit code.
    #[track_caller]
    pub fn tries(&mut self, command: &str) -> (String, String) {
        writeln!(
            self.keys,
            "{{ {command}\n}} </dev/null 2>&1\nprintf '\\n%s %s\\n' '{END}' $?"
        )
        .expect("bash reads");
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let read = self.screen.read_line(&mut line).expect("bash prints");
            assert!(read > 0, "bash ended at $ {command}\n{said}");
            match line.trim_end().strip_prefix(END) {
                Some(code) => return (said, code.trim().to_owned()),
                None => said.push_str(&line),
            }
        }
    }
}

/// What is typed in a section of the book's chapter, in order.
pub fn commands(heading: &str) -> Vec<String> {
    let page = repository().join("book/src/plugins.md");
    let page = fs::read_to_string(page).expect("the chapter");
    let rest = page.split_once(&format!("# {heading}\n"));
    let (_, section) = rest.unwrap_or_else(|| panic!("no section `{heading}`"));
    let mut is_session = false;
    let mut is_code = false;
    let mut typed = vec![];
    for line in section.lines() {
        match line.strip_prefix("```") {
            Some(language) => {
                is_session = !is_code && language == "console";
                is_code = !is_code;
            }
            // The next section, of whatever depth.
            None if !is_code && line.starts_with('#') => break,
            None => typed.extend(line.strip_prefix("$ ").filter(|_| is_session)),
        }
    }
    typed.into_iter().map(str::to_owned).collect()
}

/// Types the commands that `krun plugin new` named; the component that the last of them made.
#[track_caller]
pub fn built(lab: &Lab, shell: &mut Shell, new: &str) -> PathBuf {
    let said = shell.types(new);
    let (_, named) = said
        .split_once("these commands build it:\n")
        .unwrap_or_else(|| panic!("$ {new}\n{said}"));
    let commands: Vec<_> = named.lines().map(str::trim).collect();
    let commands: Vec<_> = commands.into_iter().filter(|one| !one.is_empty()).collect();
    let printed = commands.iter().map(|command| shell.types(command)).last();
    let printed = printed.expect("a command");
    // The compilers of other languages have something to say, too.
    let component = printed
        .lines()
        .rfind(|line| line.ends_with(".component.wasm"));
    let component = component.unwrap_or_else(|| panic!("no component in {printed}"));
    lab.path(component.trim())
}

/// What the tests of JavaScript need.
pub const NODE: &[(&str, &str)] = &[
    ("node --version", "Node.js (Debian: nodejs)"),
    ("npm --version", "npm (Debian: npm)"),
];

/// What those of Python need.
pub const PYTHON: &[(&str, &str)] = &[(
    "python3 -c 'import ensurepip, venv'",
    "Python 3 with its virtual environments (Debian: python3 and python3-venv)",
)];
