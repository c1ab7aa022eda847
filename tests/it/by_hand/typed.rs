//! Commands as they stand on a page, and a bash that they are typed into.

use std::{fs, process::Command};

use crate::cluster::Cluster;

/// The commands of a guide.
pub struct Commands {
    /// Variables and functions.
    pub shell: Vec<String>,
    /// All up to where things are taken back, the shell's included.
    pub apply: Vec<String>,
    /// Those that take it back.
    pub take_back: Vec<String>,
}

impl Commands {
    /// The blocks of bash on a page, in order.
    pub fn of(page: &str) -> Self {
        let (mut shell, mut apply, mut take_back) = (vec![], vec![], vec![]);
        let (mut section, mut open): (&str, Option<Vec<&str>>) = ("", None);
        for line in page.lines() {
            match (&mut open, line) {
                (None, "```bash") => open = Some(vec![]),
                (None, line) => {
                    if let Some((_, anchor)) =
                        line.strip_prefix("## ").and_then(|l| l.split_once("{#"))
                    {
                        section = anchor;
                    }
                }
                (Some(lines), "```") => {
                    let block = lines.join("\n");
                    match section {
                        "take-it-back}" => take_back.push(block),
                        "before-you-type}" => {
                            shell.push(block.clone());
                            apply.push(block);
                        }
                        _ => apply.push(block),
                    }
                    open = None;
                }
                (Some(lines), line) => lines.push(line),
            }
        }
        Self {
            shell,
            apply,
            take_back,
        }
    }
}

/// Types blocks into one bash with a scratch home. A block that fails ends it.
#[track_caller]
pub fn type_it(cluster: &Cluster, blocks: &[String]) {
    let lab = &cluster.lab;
    let script = lab.write("typed.sh", &blocks.join("\n"));
    let mirror = format!("file://{}", lab.path("mirror").display());
    let output = Command::new("bash")
        .args(["-e", script.to_str().expect("UTF-8")])
        .current_dir(lab.path(""))
        .env("HOME", lab.path("home"))
        .env("KAFKA_MIRROR", format!("{mirror}/kafka"))
        .env("ZOOKEEPER_MIRROR", format!("{mirror}/zookeeper"))
        // What the lab ends when the test fails is what carries this marker.
        .env("KRUN_PROCESS", "by-hand/guide")
        .env_remove("JAVA_HOME")
        // Thirty tools that live for a second each: no time to compile well, nor many threads to start.
        .env("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")
        .env("KAFKA_JVM_PERFORMANCE_OPTS", "-XX:+UseSerialGC")
        .output()
        .expect("bash");
    assert!(
        output.status.success(),
        "{}\n--- typed\n{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        blocks.join("\n"),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Archives in the places and of the shape of Apache's, made of the same jars: none of the registries
/// that tests may use has Apache's own.
pub fn make_archives(cluster: &Cluster, page: &str) {
    let lab = &cluster.lab;
    let places = page.split("https://archive.apache.org/dist/").skip(1);
    let places: Vec<_> = places.filter_map(|rest| rest.split('"').next()).collect();
    assert!(!places.is_empty(), "the page says where the archives are");
    for place in places {
        let (project, place) = place.split_once("}/").expect("a project");
        let (folder, archive) = place.split_once('/').expect("a version's folder");
        let top = lab.path("archives").join(archive);
        let version = folder.trim_start_matches("zookeeper-");
        lab.write(
            "archive.rhai",
            &format!(
                "runbook(#{{ name: \"archive-{project}\", version: \"1\", summary: \"An archive\" }});\n\
                 let java = kafka::java(\"java\", #{{ kafka_version: \"3.9.1\" }});\n\
                 {project}::distribution(\"made\", #{{ version: \"{version}\", to: \"{}\", java: java.bin }});\n",
                top.display()
            ),
        );
        lab.run(&["run", "archive.rhai"]).expect(0);
        let sample = top.join("conf/zoo.cfg");
        if sample.exists() {
            fs::rename(&sample, top.join("conf/zoo_sample.cfg")).expect("a sample");
        }
        let to = lab.path("mirror").join(project).join(folder);
        fs::create_dir_all(&to).expect("a folder");
        let made = Command::new("tar")
            .args([
                "-I",
                "gzip -1",
                "-chf",
                to.join(archive).to_str().expect("UTF-8"),
            ])
            .args(["-C", lab.path("archives").to_str().expect("UTF-8"), archive])
            .status()
            .expect("tar");
        assert!(made.success());
    }
}
