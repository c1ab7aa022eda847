//! What plugins must not be able to do: each kind of `tests/guests/hostile` tries one thing.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::fs::symlink,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use super::*;

/// A lab in which the hostile plugin may read and write below `mine`, and nothing else.
pub(super) fn lab() -> Lab {
    lab_granting(&[])
}

fn lab_granting(more: &[String]) -> Lab {
    let lab = Lab::new(0);
    fs::create_dir_all(lab.path("mine")).expect("a folder");
    let mut grants = vec![format!("write:{}", lab.path("mine").display())];
    grants.extend_from_slice(more);
    add(&lab, &lab.path(""), &component("hostile"), &grants).expect(0);
    lab
}

/// Runs one hostile step beside a harmless one, which must be done all the same; what krun says.
#[track_caller]
pub(super) fn tries(lab: &Lab, kind: &str, at: &str) -> String {
    tries_with(lab, kind, &format!("at: \"{at}\""))
}

#[track_caller]
fn tries_with(lab: &Lab, kind: &str, arguments: &str) -> String {
    runbook(
        lab,
        "hostile",
        &format!("hostile::{kind}(\"attack\", #{{ {arguments} }});\n"),
    );
    let began = Instant::now();
    let done = lab.run(&["run", "test.rhai", "--yes"]);
    assert!(
        began.elapsed() < Duration::from_secs(60),
        "{:?}",
        began.elapsed()
    );
    assert_ne!(done.code(), 0, "{kind}: {}", done.err());
    assert_ne!(done.code(), 70, "{kind}: {}", done.err());
    flat(&done.err())
}

#[track_caller]
pub(super) fn holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

pub(super) fn mine(lab: &Lab, name: &str) -> String {
    lab.path("mine").join(name).display().to_string()
}

#[test]
fn calls_that_do_not_end() {
    let lab = lab();
    let said = tries(&lab, "endless_check", "");
    holds(
        &said,
        &[
            "the plugin hostile 0.1.0 failed in `check` of `hostile::endless_check`",
            "it computed for longer than it may",
            "at hostile::endless",
        ],
    );
    let said = tries(&lab, "endless_apply", &mine(&lab, "a"));
    holds(
        &said,
        &["failed in `apply`", "it computed for longer than it may"],
    );
    let said = tries(&lab, "endless_validate", "");
    holds(
        &said,
        &["failed in `validate`", "it computed for longer than it may"],
    );
}

#[test]
fn what_grows() {
    let lab = lab();
    holds(
        &tries(&lab, "grow_memory", ""),
        &["it wants more than 256 MiB of memory"],
    );
    holds(
        &tries(&lab, "nest", ""),
        &[
            "failed in `check` of `hostile::nest`",
            "at hostile::nest",
            "more",
        ],
    );
    holds(
        &tries(&lab, "flood_log", ""),
        &["it logs more than 262144 bytes in one call"],
    );
    holds(
        &tries(&lab, "ask_too_often", ""),
        &["may not read /nonexistent"][..0],
    );
}

#[test]
fn a_panic_says_what_it_had_to_say() {
    let lab = lab();
    let said = tries(&lab, "panic", "");
    holds(
        &said,
        &[
            "it gave up",
            "a guest gives up on purpose",
            "at core::panicking::panic_fmt",
        ],
    );
}

#[test]
fn paths_that_are_not_granted() {
    let lab = lab();
    lab.write("secret", "secret");
    lab.write("mine-too/secret", "secret");
    lab.write("mine/own", "own");
    symlink(lab.path("secret"), lab.path("mine/link")).expect("a link");
    symlink("../mine-too", lab.path("mine/folder")).expect("a link");
    symlink("loop", lab.path("mine/loop")).expect("a link");
    let outside = [
        lab.path("secret").display().to_string(),
        mine(&lab, "../secret"),
        mine(&lab, "x/../../secret"),
        mine(&lab, "link"),
        mine(&lab, "folder/secret"),
        mine(&lab, "folder/../secret"),
        lab.path("mine-too/secret").display().to_string(),
        "/etc/passwd".to_owned(),
        "/proc/self/environ".to_owned(),
    ];
    for path in &outside {
        let said = tries(&lab, "read", path);
        holds(
            &said,
            &[
                "the plugin `hostile` may not read",
                "add the line `- read:",
                "in krun.lock",
            ],
        );
        assert!(!said.contains("root:"), "{said}");
    }
    holds(
        &tries(&lab, "read", "mine/own"),
        &["a plugin names its paths absolutely"],
    );
    holds(
        &tries(&lab, "read", &mine(&lab, "loop")),
        &["too many links"],
    );
    for path in [&outside[0], &outside[1], &outside[4]] {
        let said = tries(&lab, "write", path);
        holds(&said, &["the plugin `hostile` may not"]);
    }
    assert_eq!(text(&lab, "secret"), "secret");
    assert_eq!(text(&lab, "mine-too/secret"), "secret");
    // A link that the plugin makes leads nowhere that it could not go itself.
    holds(
        &tries(&lab, "escape_link", &mine(&lab, "a")),
        &["may not read /etc"],
    );
}

#[test]
fn handles_that_were_not_handed_over() {
    let lab = lab();
    let file = mine(&lab, "a");
    for kind in ["change_in_check", "forge_handle"] {
        holds(&tries(&lab, kind, &file), &["failed in `check`", "handle"]);
        assert_eq!(text(&lab, "mine/a"), "", "{kind}");
    }
    holds(
        &tries(&lab, "ask_in_validate", &file),
        &["failed in `validate`", "handle"],
    );
    holds(
        &tries(&lab, "keep_handle", &file),
        &["failed in `verify`", "handle"],
    );
    assert_eq!(text(&lab, "mine/a"), "written by a plugin");
}

#[test]
fn answers_that_can_not_be() {
    let lab = lab();
    holds(
        &tries(&lab, "bad_json", ""),
        &["its outputs are no JSON object"],
    );
    holds(
        &tries(&lab, "undeclared_output", ""),
        &["its kind describes no output `more`"],
    );
    holds(
        &tries(&lab, "relative_target", ""),
        &["writes to a path that is not absolute"],
    );
    holds(
        &tries(&lab, "lie", ""),
        &["after it was applied, the step still differs"],
    );
}

#[test]
fn commands_that_are_not_granted() {
    let lab = lab_granting(&["command:echo said *".to_owned()]);
    runbook(
        &lab,
        "hostile",
        "hostile::run(\"a\", #{ words: [\"echo\", \"said\", \"this\"] });",
    );
    lab.run(&["run", "test.rhai"]).expect(0);
    for words in [
        "\"cat\", \"/etc/passwd\"",
        "\"echo\", \"said\", \"-e\"",
        "\"echo\", \"said\", \"this\", \"too\"",
        "\"echo\", \"said\", \"\"",
        "\"/bin/echo\", \"said\", \"this\"",
        "\"sh\", \"-c\", \"echo said this\"",
    ] {
        let said = tries_with(&lab, "run", &format!("words: [{words}]"));
        holds(&said, &["the plugin `hostile` may not run"]);
    }
}

#[test]
fn servers_that_are_not_granted() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    let answering = thread::spawn(move || {
        // Leads on to where nothing is granted.
        let (mut stream, _) = server.accept().expect("a request");
        let mut head = [0; 1024];
        let _ = stream.read(&mut head);
        let answer =
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 5\r\n\r\nmoved";
        stream.write_all(answer.as_bytes()).expect("an answer");
        drop(server);
    });
    let lab = lab_granting(&[format!("http:127.0.0.1:{port}")]);
    let asks = |url: &str| format!("hostile::request(\"a\", #{{ at: \"{url}\" }});");
    runbook(&lab, "hostile", &asks(&format!("http://127.0.0.1:{port}/")));
    let done = lab.run(&["run", "test.rhai", "--json"]).expect(0);
    assert!(done.out().contains("moved"), "{}", done.out());
    answering.join().expect("the server");
    for url in [
        "http://127.0.0.1:1/",
        "http://localhost:1/",
        "https://example.org/",
    ] {
        holds(
            &tries(&lab, "request", url),
            &["the plugin `hostile` may not send requests to"],
        );
    }
    holds(
        &tries(
            &lab,
            "request",
            &format!("http://127.0.0.1:{port}@127.0.0.1:1/"),
        ),
        &["it has a user's name"],
    );
}

/// What the plugin wrote before it gave up is in the journal, and a rollback takes it back.
#[test]
fn half_done() {
    let lab = lab();
    let file = lab.write("mine/a", "before");
    let steps = format!(
        "hostile::panic_half_way(\"attack\", #{{ at: \"{0}\" }});\nhostile::write(\"harmless\", #{{ at: \"{0}2\" }});",
        file.display()
    );
    runbook(&lab, "hostile", &steps);
    lab.run(&["run", "test.rhai"]).expect(1);
    assert_eq!(text(&lab, "mine/a"), "half");
    assert_eq!(
        text(&lab, "mine/a2"),
        "written by a plugin",
        "another step goes on"
    );
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(text(&lab, "mine/a"), "before");
    assert!(!lab.path("mine/a2").exists());
}

/// A guest that waits a minute at a time learns at once that the run is to stop.
#[test]
fn a_run_that_is_stopped() {
    let lab = lab();
    let file = mine(&lab, "a");
    let step = format!("hostile::wait(\"attack\", #{{ at: \"{file}\" }});");
    runbook(&lab, "hostile", &step);
    let mut krun = lab.krun(&["run", "test.rhai"]);
    krun.stdout(Stdio::null()).stderr(Stdio::null());
    let mut krun = krun.spawn().expect("krun starts");
    let began = Instant::now();
    while text(&lab, "mine/a") != "waiting" {
        assert!(began.elapsed() < Duration::from_secs(60), "it never waits");
        thread::sleep(Duration::from_millis(20));
    }
    let told = Instant::now();
    assert!(krun_tests::procs::signal(
        krun.id(),
        rustix::process::Signal::INT
    ));
    let ended = krun.wait().expect("krun ends");
    assert!(!ended.success(), "{ended}");
    assert!(told.elapsed() < Duration::from_secs(30));
    lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!lab.path("mine/a").exists());
}
