//! The plugin of the book's chapter: it writes files, and has no undo of its own.

use super::*;

fn lab() -> Lab {
    lab_for_writing("owners", "folder")
}

fn owned_by(lab: &Lab, team: &str) {
    let folder = lab.path("folder");
    let step = format!(
        "owners::owner(\"owner\", #{{ folder: \"{}\", team: \"{team}\" }});\n",
        folder.display()
    );
    runbook(lab, "owners", &step);
}

#[test]
fn files_are_planned_written_and_taken_back() {
    let lab = lab();
    lab.write("folder/OWNER", "before");
    owned_by(&lab, "payments");
    let plan = lab.run(&["plan", "test.rhai"]).expect(0).out();
    assert!(plan.contains("another owner is named"), "{plan}");
    assert_eq!(text(&lab, "folder/OWNER"), "before");
    let done = lab.run(&["run", "test.rhai", "--json"]).expect(0);
    assert_eq!(done.changes(), [("owner".to_owned(), "update".to_owned())]);
    assert_eq!(text(&lab, "folder/OWNER"), "payments");
    assert_eq!(
        lab.run(&["run", "test.rhai", "--json"])
            .expect(0)
            .finished()["changed"],
        0
    );
    lab.run(&["rollback", "--yes"]).expect(0);
    assert_eq!(text(&lab, "folder/OWNER"), "before");
}

/// More steps than krun calls plugins for at a time: the others wait for their turn, and all are done.
#[test]
fn many_steps_at_once() {
    let lab = lab();
    let teams: Vec<String> = (0..150).map(|n| format!("folder/{n}/OWNER")).collect();
    for team in &teams {
        lab.write(team, "before");
    }
    let folder = lab.path("folder");
    let steps = format!(
        "for n in 0..150 {{ owners::owner(`o-${{n}}`, #{{ folder: `{}/${{n}}`, team: \"payments\" }}); }}\n",
        folder.display()
    );
    runbook(&lab, "owners", &steps);
    let done = lab.run(&["run", "test.rhai", "--json"]).expect(0);
    assert_eq!(done.finished()["changed"], 150);
    assert!(teams.iter().all(|team| text(&lab, team) == "payments"));
    lab.run(&["status", "--check"]).expect(0);
    lab.run(&["rollback", "--yes"]).expect(0);
    assert!(teams.iter().all(|team| text(&lab, team) == "before"));
}

/// Steps of plugins and of krun know of each other's writes.
#[test]
fn two_steps_that_write_one_file() {
    let lab = lab();
    owned_by(&lab, "payments");
    let folder = lab.path("folder");
    let script = text(&lab, "test.rhai");
    let own = format!(
        "file(\"own\", #{{ path: \"{}/OWNER\", content: \"x\" }});\n",
        folder.display()
    );
    lab.write("test.rhai", &format!("{script}{own}"));
    let done = lab.run(&["check", "test.rhai"]).expect(3);
    assert!(done.err().contains("both write"), "{}", done.err());
}

/// A run has the plugins and the grants that it began with, whatever the lock says later.
#[test]
fn a_run_keeps_its_lock() {
    let lab = lab();
    owned_by(&lab, "payments");
    lab.run(&["run", "test.rhai"]).expect(0);
    let lock = text(&lab, "krun.lock");
    lab.write("krun.lock", &lock.replace("write:", "read:"));
    let status = lab.run(&["status", "test", "--json"]).expect(0).out();
    assert!(status.contains("owner"), "{status}");
    fs::write(lab.path("folder/OWNER"), "somebody").expect("a file");
    let done = lab.run(&["run", "test.rhai"]).expect(1);
    assert!(
        done.err().contains("the plugin `owners` may not change"),
        "{}",
        done.err()
    );
}

/// krun is killed at every record of a run with plugins, goes on, and rolls back.
#[test]
fn killed_anywhere() {
    let lab = lab();
    let script = "let root = param(\"root\", #{ type: \"path\", identity: true });\n\
         let at = directory(\"root\", #{ path: root });\n\
         owners::owner(\"a\", #{ folder: root, team: \"one\", after: at });\n\
         let below = directory(\"below\", #{ path: `${root}/below`, after: at });\n\
         owners::owner(\"b\", #{ folder: below.path, team: \"two\", after: below });\n";
    runbook(&lab, "owners", script);
    let scratch = lab.path("scratch");
    let grants = [format!("write:{}", scratch.display())];
    add(&lab, &lab.path(""), &component("owners"), &grants).expect(0);
    let scratch = scratch.to_str().expect("UTF-8");
    let done = lab.run(&[
        "test",
        "test.rhai",
        "--crash-at-every-record",
        "--json",
        "--scratch",
        scratch,
    ]);
    let done = done.expect(0);
    let last = done.events().pop().expect("totals");
    assert_eq!(last["failed"], 0, "{last}");
}

/// `krun plugin test`: the examples, killed at every record; what lies is found out.
#[test]
fn tested_by_their_own_examples() {
    let lab = lab();
    for plugin in ["owners", "shared-line"] {
        let component = component(plugin);
        let file = component.to_str().expect("UTF-8");
        let done = lab.run(&["plugin", "test", file, "--json", "--one-of-each"]);
        let last = done.expect(0).events().pop().expect("totals");
        assert_eq!(last["failed"], 0, "{last}");
        assert!(
            last["trials"].as_u64().is_some_and(|all| all > 20),
            "{last}"
        );
    }
    let hostile = component("hostile");
    let file = hostile.to_str().expect("UTF-8");
    let fails = |kind: &str| {
        lab.run(&["plugin", "test", file, "--kind", kind])
            .expect(1)
            .err()
    };
    assert!(fails("lie").contains("the undisturbed run ended with"));
    assert!(fails("lie_in_undo").contains("the undisturbed rollback ended with"));
    let said = lab
        .run(&["plugin", "test", file, "--kind", "read"])
        .expect(2);
    assert!(said.err().contains("has no example"), "{}", said.err());
    let quota = component("client-quota");
    let said = lab.run(&["plugin", "test", quota.to_str().expect("UTF-8")]);
    assert!(said.expect(2).err().contains("`--bootstrap HOST:PORT`"));
}

/// A component over the network, and what its bytes must be.
#[test]
fn added_from_a_url() {
    use std::io::{Read as _, Write as _};
    let lab = lab();
    let bytes = fs::read(component("owners")).expect("a component");
    let server = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!(
        "http://{}/owners.wasm",
        server.local_addr().expect("an address")
    );
    let lock = text(&lab, "krun.lock");
    let sha256 = lock.split_once("sha256: ").expect("a sum").1[..64].to_owned();
    let other = "0".repeat(64);
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = server.accept() {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                bytes.len()
            );
            let _ = stream.write_all(answer.as_bytes());
            let _ = stream.write_all(&bytes);
        }
    });
    fs::remove_dir_all(lab.path("plugins")).expect("the plugin goes");
    let refused = lab.run(&["plugin", "add", &url, "--sha256", &other]);
    assert_ne!(refused.code(), 0);
    assert_eq!(text(&lab, "krun.lock"), lock);
    lab.run(&["plugin", "add", &url, "--sha256", &sha256])
        .expect(0);
    assert_eq!(text(&lab, "krun.lock"), lock, "the grants stay");
    lab.run(&["plugin", "verify"]).expect(0);
    let local = component("owners");
    let wrong = [
        "plugin",
        "add",
        local.to_str().expect("UTF-8"),
        "--sha256",
        &other,
    ];
    let said = lab.run(&wrong).expect(1).err();
    assert!(said.contains("not the one that is wanted"), "{said}");
}
