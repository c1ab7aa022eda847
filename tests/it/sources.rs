//! Where Kafka comes from: archives by path and URL, Confluent's layout, the cache, `--offline`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use krun_tests::{
    lab::{Done, Lab, krun_binary},
    tree::listing,
    web::{Reply, Web},
};

use crate::cluster::{Cluster, kcat};

mod archives;

use archives::{NAME, archives, run};

/// A cluster of one broker with a cache of its own.
struct Own {
    cluster: Cluster,
}

impl Own {
    fn new() -> Self {
        let cluster = Cluster::of_one(1);
        Self { cluster }
    }

    fn set(mut self, param: impl AsRef<str>) -> Self {
        self.cluster.set(param.as_ref());
        self
    }

    fn cache(&self) -> PathBuf {
        self.cluster.lab.path("cache")
    }

    fn command(&self, verb: &str, more: &[&str]) -> Command {
        let mut command = self.cluster.command(verb, more);
        command.env("XDG_CACHE_HOME", self.cache());
        command
    }

    fn on(&self, verb: &str, more: &[&str]) -> Done {
        Done::of(self.command(verb, more))
    }

    fn path(&self, below_root: &str) -> PathBuf {
        self.cluster.root().join(below_root)
    }

    /// The bytes of a download that have come so far.
    fn part(&self) -> Option<u64> {
        let files = self.cache().join("krun/kafka/archives/files");
        let folder = fs::read_dir(files).ok()?.flatten().next()?.path();
        Some(
            fs::metadata(folder.join(format!("{NAME}.tgz.part")))
                .ok()?
                .len(),
        )
    }
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path.as_ref())
        .unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// Serves the folder of archives; the archive itself is sent until `hold` bytes only while it is held.
fn server(hold: usize, held: Arc<AtomicBool>) -> Web {
    let (archive, sum) = (
        fs::read(archives().join(format!("{NAME}.tgz"))).expect("an archive"),
        read(archives().join(format!("{NAME}.tgz.sha512"))),
    );
    Web::new(move |request| match request.path.rsplit('/').next() {
        Some("kafka_2.13-3.9.1.tgz.sha512") => Reply::text("200 OK", &sum),
        Some("kafka_2.13-3.9.1.tgz") => {
            let reply = Reply::file(&archive, "one", request);
            if held.load(Ordering::Relaxed) {
                reply.stall(hold)
            } else {
                reply
            }
        }
        _ => Reply::text("404 Not Found", "no"),
    })
}

#[test]
fn an_archive_by_url_goes_on_after_sigkill_and_becomes_a_cluster() {
    const HOLD: usize = 20_000_000;
    let held = Arc::new(AtomicBool::new(true));
    let web = server(HOLD, held.clone());
    let own = Own::new().set(format!(
        "kafka_from={}",
        web.url(&format!("/dist/{NAME}.tgz"))
    ));
    let size = fs::metadata(archives().join(format!("{NAME}.tgz")))
        .expect("an archive")
        .len();

    let mut krun = own
        .command("run", &["--json"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("krun starts");
    while own.part().is_none_or(|have| have < HOLD as u64) {
        assert_eq!(krun.try_wait().expect("a child"), None, "krun ended");
        std::thread::yield_now();
    }
    krun.kill().expect("SIGKILL");
    krun.wait().expect("krun is gone");
    assert_eq!(own.part(), Some(HOLD as u64));
    held.store(false, Ordering::Relaxed);

    let last = own.on("run", &["--json"]).expect(0).finished();
    assert_eq!(last["status"], "succeeded", "{last}");
    let asked: Vec<_> = web
        .requests()
        .iter()
        .filter(|r| r.path.ends_with(".tgz"))
        .map(|r| r.from)
        .collect();
    assert_eq!(
        asked,
        [None, Some(HOLD as u64)],
        "what was there was not fetched again"
    );
    let sums = web
        .requests()
        .iter()
        .filter(|r| r.path.ends_with(".sha512"))
        .count();
    assert_eq!(sums, 1);

    // One layout, whatever the source.
    let root = own.cluster.root();
    let libs = fs::canonicalize(root.join("kafka/libs")).expect("libs");
    assert!(
        libs.starts_with(own.cache()) && libs.ends_with(format!("{NAME}/libs")),
        "{libs:?}"
    );
    assert!(read(own.path("kafka/config/server.properties")).contains("# the archive's own"));
    assert!(
        read(own.path("kafka/config/zookeeper.properties"))
            .contains(&format!("dataDir={}/zookeeper", root.display()))
    );
    assert_eq!(
        read(own.path("kafka/config/kraft/server.properties")),
        "process.roles=broker,controller\n"
    );
    assert!(read(own.path("kafka/bin/kafka-topics.sh")).contains("made by krun"));
    let connect = run(Command::new(own.path("kafka/bin/connect-standalone.sh")).arg("x"));
    assert!(
        connect.contains("/kafka/bin"),
        "the archive's own script, found beside libs/: {connect}"
    );
    assert!(!own.path("kafka/bin/kafka-server-stop.sh").exists());
    let bootstrap = own.cluster.bootstrap();
    assert!(
        kcat(&["-b", &bootstrap, "-L", "-t", "test"]).contains("topic \"test\" with 1 partition")
    );
    assert_eq!(own.cluster.records().len(), 100);

    // A rerun asks nobody.
    let requests = web.requests().len();
    assert_eq!(
        own.on("run", &["--json"]).expect(0).finished()["changed"],
        0
    );
    assert_eq!(
        own.on("run", &["--json", "--offline"]).expect(0).finished()["changed"],
        0
    );
    assert_eq!(web.requests().len(), requests);

    // Jars that went are brought again, from what was downloaded.
    fs::remove_file(libs.join("kafka_2.13-3.9.1.jar")).expect("a jar");
    let plan = own.on("plan", &["--offline"]).expect(0);
    assert!(plan.out().contains("kafka/libs"), "{}", plan.out());
    own.on("run", &["--offline", "--json"]).expect(0);
    assert!(libs.join("kafka_2.13-3.9.1.jar").is_file());
    assert_eq!(web.requests().len(), requests);
    assert!(web.sent() < size + 2_000_000, "{} of {size}", web.sent());

    own.cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!root.exists());
}

#[test]
fn confluents_folder_becomes_a_cluster_and_is_left_as_it_is() {
    let folder = archives().join("confluent-7.9.1");
    let own = Own::new().set(format!("kafka_from={}", folder.display()));
    let before = listing(&folder);
    let last = own.on("run", &["--json"]).expect(0).finished();
    assert_eq!(last["status"], "succeeded", "{last}");
    assert_eq!(
        fs::read_link(own.path("kafka/libs")).expect("a link"),
        folder.join("share/java/kafka")
    );
    assert!(read(own.path("kafka/config/server.properties")).contains("# the archive's own"));
    assert_eq!(own.cluster.records().len(), 100);
    assert_eq!(
        own.on("run", &["--json"]).expect(0).finished()["changed"],
        0
    );
    own.cluster.lab.run(&["rollback", "--yes"]).expect(0);
    assert!(!own.cluster.root().exists());
    assert_eq!(listing(&folder), before, "never touched");

    // As an archive, up to the point where it would start.
    let packed = archives().join("confluent-community-7.9.1.tar.gz");
    let own = Own::new().set(format!("kafka_from={}", packed.display()));
    let plan = own.on("plan", &[]).expect(0);
    assert!(
        plan.out().contains("confluent-community-7.9.1.tar.gz"),
        "{}",
        plan.out()
    );
    distribution(&own.cluster.lab, &packed.display().to_string(), "", &[]).expect(0);
    let libs = fs::canonicalize(own.cluster.lab.path("kafka/libs")).expect("libs");
    assert!(
        libs.ends_with("confluent-7.9.1/share/java/kafka"),
        "{libs:?}"
    );
    assert!(
        libs.join("kafka.jar").is_file(),
        "a link of the archive's own"
    );
}

/// Runs a runbook of nothing but the distribution.
fn distribution(lab: &Lab, from: &str, more: &str, arguments: &[&str]) -> Done {
    Done::of(distribution_command(lab, from, more, arguments))
}

fn distribution_command(lab: &Lab, from: &str, more: &str, arguments: &[&str]) -> Command {
    let to = lab.path("kafka");
    let text = format!(
        "runbook(#{{ name: \"only\", version: \"1.0.0\", summary: \"x\" }});\n\
         kafka::distribution(\"kafka\", #{{ version: \"3.9.1\", to: \"{}\", java: \"/usr/bin/java\", from: `{from}`, {more} }});\n",
        to.display()
    );
    let runbook = lab.write("only.rhai", &text);
    let mut all = vec!["run", runbook.to_str().expect("UTF-8"), "--json"];
    all.extend(arguments);
    let mut command = lab.krun(&all);
    command.env("XDG_CACHE_HOME", lab.path("cache"));
    command
}

/// Everything that a failed run printed.
fn said(done: Done) -> String {
    assert_ne!(done.code(), 0, "{}", done.out());
    format!("{}{}", done.out(), done.err())
}

#[test]
fn two_at_once_share_one_download() {
    let web = server(0, Arc::default());
    let labs = [Lab::default(), Lab::default()];
    let cache = labs[0].path("cache");
    let url = web.url(&format!("/{NAME}.tgz"));
    let children: Vec<_> = labs
        .iter()
        .map(|lab| {
            let mut command = distribution_command(lab, &url, "", &[]);
            command.env("XDG_CACHE_HOME", &cache);
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("krun starts")
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("krun ends");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    let archive = web
        .requests()
        .iter()
        .filter(|r| r.path.ends_with(".tgz"))
        .count();
    assert_eq!(archive, 1);
    let libs = labs
        .each_ref()
        .map(|lab| fs::canonicalize(lab.path("kafka/libs")).expect("libs"));
    assert_eq!(libs[0], libs[1]);
}

#[test]
fn what_is_wrong_is_said() {
    let lab = Lab::default();
    let folder = archives();
    let good = folder.join(format!("{NAME}.tgz")).display().to_string();
    let sums = folder
        .join(format!("{NAME}.tgz.sha512"))
        .display()
        .to_string();
    let zeros = "0".repeat(128);
    lab.write(
        "signature.asc",
        "-----BEGIN PGP SIGNATURE-----\n\niQIz\n-----END PGP SIGNATURE-----\n",
    );
    lab.write(
        "page.tgz",
        "<!DOCTYPE html><html><title>mirrors</title></html>",
    );
    lab.write("empty.tgz", "");
    lab.write("one/kafka-3.9.1-src/build.gradle", "");
    lab.write("one/kafka-3.9.1-src/gradlew", "");
    run(Command::new("tar")
        .args(["czf", "sources.tgz", "-C", "one", "kafka-3.9.1-src"])
        .current_dir(lab.path("")));
    lab.write("two/kafka/libs/kafka_2.13-3.8.0.jar", "");
    run(Command::new("tar")
        .args(["czf", "older.tgz", "-C", "two", "kafka"])
        .current_dir(lab.path("")));
    lab.write(
        "three/confluent-7.0.1/share/java/kafka/kafka_2.13-7.0.1-ccs.jar",
        "",
    );
    let whole = fs::read(&good).expect("an archive");
    fs::write(lab.path("cut.tgz"), &whole[..1_000_000]).expect("a file");
    let path = |name: &str| lab.path(name).display().to_string();
    for (from, checksum, texts) in [
        (
            good.clone(),
            zeros.clone(),
            ["the archive is not what its checksum says", &zeros],
        ),
        (
            good.clone(),
            path("signature.asc"),
            ["this is a PGP signature, and no checksum", "gpg --verify"],
        ),
        (
            good.clone(),
            path("nothing.sha512"),
            ["there is no such checksum file", "nothing.sha512"],
        ),
        (
            path("nothing.tgz"),
            String::new(),
            ["there is no such archive", "nothing.tgz"],
        ),
        (
            path("page.tgz"),
            String::new(),
            ["this is no gzip archive", "an HTML page"],
        ),
        (
            path("empty.tgz"),
            String::new(),
            ["this is no gzip archive", "an empty file"],
        ),
        (
            path("cut.tgz"),
            String::new(),
            ["the archive is damaged", "it was cut"],
        ),
        (
            path("sources.tgz"),
            String::new(),
            [
                "this is the source archive of Kafka",
                "kafka_2.13-3.9.1.tgz",
            ],
        ),
        (
            path("older.tgz"),
            String::new(),
            [
                "this is another version of Kafka",
                "3.8.0 was found, 3.9.1 is wanted",
            ],
        ),
        (
            path("three/confluent-7.0.1"),
            String::new(),
            [
                "this is another version of Kafka",
                "Confluent 7.0.1 holds Kafka 3.0, and 3.9.1 is wanted",
            ],
        ),
    ] {
        let more = if checksum.is_empty() {
            String::new()
        } else {
            format!("checksum: `{checksum}`")
        };
        let said = said(distribution(&lab, &from, &more, &[]));
        for text in texts {
            assert!(said.contains(text), "`{text}` for {from} in\n{said}");
        }
        assert!(!lab.path("kafka").exists(), "nothing was begun");
    }
    // The same file with the right sums, in the publisher's form.
    distribution(&lab, &good, &format!("checksum: `{sums}`"), &[]).expect(0);
}

#[test]
fn urls_without_a_checksum_and_offline() {
    let lab = Lab::default();
    let archive = fs::read(archives().join(format!("{NAME}.tgz"))).expect("an archive");
    let web = Web::new(move |request| match request.path.as_str() {
        "/bare/kafka_2.13-3.9.1.tgz" => Reply::file(&archive, "one", request),
        "/page/kafka_2.13-3.9.1.tgz" => Reply::text("200 OK", "<html>a login</html>"),
        _ => Reply::text("404 Not Found", "no"),
    });
    let url = |path: &str| web.url(&format!("/{path}/{NAME}.tgz"));

    let refused = said(distribution(&lab, &url("bare"), "", &[]));
    assert!(
        refused.contains("there is nothing to check the archive against"),
        "{refused}"
    );
    assert!(refused.contains("unverified"), "{refused}");

    let gone = said(distribution(&lab, &url("gone"), "unverified: true", &[]));
    assert!(gone.contains("the server has no such file"), "{gone}");
    let page = said(distribution(&lab, &url("page"), "unverified: true", &[]));
    assert!(page.contains("the server sent an HTML page"), "{page}");

    let offline = said(distribution(
        &lab,
        &url("bare"),
        "unverified: true",
        &["--offline"],
    ));
    assert!(offline.contains("--offline"), "{offline}");
    distribution(&lab, &url("bare"), "unverified: true", &[]).expect(0);
    distribution(&lab, &url("bare"), "unverified: true", &["--offline"]).expect(0);

    // With digits, it says where the file is to be put; put there, it is used.
    let other = Lab::default();
    let sum = run(Command::new("sha512sum").arg(archives().join(format!("{NAME}.tgz"))));
    let more = format!("checksum: `{}`", &sum[..128]);
    let missing = said(distribution(&other, &url("bare"), &more, &["--offline"]));
    let place = missing
        .split("put it there: ")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let place = PathBuf::from(place.unwrap_or_else(|| panic!("{missing}")));
    fs::create_dir_all(place.parent().expect("a parent")).expect("folders");
    fs::copy(archives().join(format!("{NAME}.tgz")), &place).expect("a copy");
    distribution(&other, &url("bare"), &more, &["--offline"]).expect(0);
}

#[test]
fn a_proxy_of_the_environment_is_used() {
    let lab = Lab::default();
    let archive = fs::read(archives().join(format!("{NAME}.tgz"))).expect("an archive");
    let proxy = Web::new(move |request| match request.path.ends_with(".tgz") {
        true => Reply::file(&archive, "one", request),
        false => Reply::text("404 Not Found", "no"),
    });
    let url = format!("http://mirror.invalid/{NAME}.tgz");
    let mut command = distribution_command(&lab, &url, "unverified: true", &[]);
    command
        .env("http_proxy", proxy.url(""))
        .env_remove("no_proxy")
        .env_remove("NO_PROXY");
    Done::of(command).expect(0);
    let requests = proxy.requests();
    let through = requests
        .iter()
        .all(|r| r.tunnel.as_deref() == Some("mirror.invalid:80"));
    assert!(through && !requests.is_empty(), "{requests:?}");
}
