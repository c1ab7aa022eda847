//! Guests in JavaScript and Python that try to reach what no plugin may, while they declare a runbook: clocks,
//! randomness, the environment, files, servers, the terminal. Their sources are in `tests/guests`.

use std::{
    io::ErrorKind,
    net::TcpListener,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{hostile::holds, typed::Shell, *};

/// What comes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// The call ends with an error, and nothing is declared.
    Ended,
    /// The guest is answered with this.
    With(&'static str),
    /// With something that was made when the component was built, and stays the same.
    Same,
    /// With the time of the build.
    Built,
}

/// What no guest may say where somebody sees it.
const WORD: &str = "word on a terminal";

/// Builds the guest instead of what a project has, and lets it try each attempt twice.
#[track_caller]
pub fn reaches(
    lab: &Lab,
    shell: &mut Shell,
    source: &str,
    build: &str,
    worlds: &[&str],
    attempts: &[(&str, Came)],
) {
    let file = Path::new(source).file_name().expect("a name");
    let guest = match source.ends_with(".js") {
        true => "reaches-js",
        false => "reaches-py",
    };
    let guest = repository().join("tests/guests").join(guest).join(file);
    fs::copy(guest, lab.path(source)).expect("the guest");
    let said = shell.types(build);
    let component = said.lines().rfind(|line| line.ends_with(".component.wasm"));
    let built = lab.path("plugins/reaches.wasm");
    fs::copy(component.expect("a component"), &built).expect("a copy");
    let since = since_the_epoch();
    add(lab, &lab.path(""), &built, &[]).expect(0);
    let shown = lab
        .run(&["plugin", "inspect", "reaches", "--json"])
        .expect(0);
    let shown = &shown.events()[0];
    assert_eq!(shown["worlds"], serde_json::json!(worlds));
    let imports = shown["imports"].as_array().expect("imports");
    let is_krun_s = |name: &serde_json::Value| {
        name.as_str()
            .is_some_and(|name| name.starts_with("krun:plugin/"))
    };
    assert!(imports.iter().all(is_krun_s), "{imports:?}");

    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    server.set_nonblocking(true).expect("a server");
    let port = format!("port={}", server.local_addr().expect("an address").port());
    for (attempt, came) in attempts {
        let file = format!("reached/{attempt}");
        let to = format!("to={}", lab.path(&file).display());
        let attempted = format!("attempt={attempt}");
        let run = || {
            let arguments = ["run", "plugins/reaches.wasm", "--json", "--as", "reaches"];
            let params = ["--param", &attempted, "--param", &port, "--param", &to];
            let mut run = lab.krun(&[&arguments[..], &params].concat());
            run.env("KRUN_TEST_WORD", WORD);
            let done = Done::of(run);
            assert!(!done.err().contains(WORD), "{attempt}: {}", done.err());
            assert!(!done.out().contains(WORD), "{attempt}: {}", done.out());
            done
        };
        let done = run();
        if *came == Came::Ended {
            holds(
                &flat(&done.expect(1).err()),
                &["the plugin reaches 0.1.0 failed in `declare`"],
            );
            assert!(!lab.path(&file).exists(), "{attempt}");
            continue;
        }
        done.expect(0);
        let reached = text(lab, &file);
        match came {
            Came::With(answer) => assert_eq!(reached, *answer, "{attempt}"),
            Came::Built => {
                let millis: u128 = reached
                    .split(' ')
                    .next()
                    .and_then(|one| one.parse().ok())
                    .expect("a time");
                assert!(
                    millis < since,
                    "{attempt}: {reached}, and it was built before {since}"
                );
            }
            Came::Same | Came::Ended => assert!(!reached.is_empty(), "{attempt}"),
        }
        assert_eq!(run().expect(0).finished()["changed"], 0, "{attempt}");
    }
    let asked = server.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(asked, Err(ErrorKind::WouldBlock), "nobody asked the server");
    assert!(!Path::new("/tmp/krun-reached").exists());
}

/// In milliseconds.
fn since_the_epoch() -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a time after 1970").as_millis()
}
