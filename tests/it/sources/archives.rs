//! Archives of Kafka, made of the real jars that Maven brings, laid out as their publishers do.

use super::*;

/// The archive of 3.9.1, without its ending.
pub const NAME: &str = "kafka_2.13-3.9.1";

/// What an archive of 3.9.1 holds beside its jars, in fewer words.
const CONFIG: &[(&str, &str)] = &[
    (
        "server.properties",
        "# the archive's own\nbroker.id=0\nnum.partitions=1\noffsets.topic.replication.factor=1\n\
         log.dirs=/tmp/kafka-logs\nzookeeper.connect=localhost:2181\n",
    ),
    (
        "zookeeper.properties",
        "# the archive's own\ndataDir=/tmp/zookeeper\nclientPort=2181\nmaxClientCnxns=0\nadmin.enableServer=false\n",
    ),
    (
        "log4j.properties",
        "log4j.rootLogger=INFO, stdout\nlog4j.appender.stdout=org.apache.log4j.ConsoleAppender\n\
         log4j.appender.stdout.layout=org.apache.log4j.PatternLayout\n\
         log4j.appender.stdout.layout.ConversionPattern=[%d] %p %m (%c)%n\n",
    ),
    (
        "tools-log4j.properties",
        "log4j.rootLogger=WARN, stderr\nlog4j.appender.stderr=org.apache.log4j.ConsoleAppender\nlog4j.appender.stderr.layout=org.apache.log4j.PatternLayout\nlog4j.appender.stderr.Target=System.err\n",
    ),
];

pub fn run(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A folder, beside this build, that holds the archives of this run of the tests.
pub fn archives() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            let folder = tempfile::tempdir_in(krun_binary().parent().expect("a folder"));
            let folder = folder.expect("a folder");
            jars(folder.path());
            apache(folder.path());
            confluent(folder.path());
            folder
        })
        .path()
}

/// The jars of 3.9.1, as Maven brings them.
fn jars(folder: &Path) {
    let dependency = |group: &str, artifact: &str, version: &str| {
        format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>"
        )
    };
    let pom = format!(
        "<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId>\
         <version>1</version><dependencies>{}{}{}</dependencies></project>",
        dependency("org.apache.kafka", "kafka_2.13", "3.9.1"),
        dependency("org.apache.kafka", "kafka-tools", "3.9.1"),
        dependency("org.slf4j", "slf4j-reload4j", "1.7.36"),
    );
    fs::write(folder.join("pom.xml"), pom).expect("a pom");
    let goal = [
        "-q",
        "-B",
        "dependency:copy-dependencies",
        "-DoutputDirectory=jars",
    ];
    run(Command::new("mvn").args(goal).current_dir(folder));
}

/// `kafka_2.13-3.9.1.tgz`, as Apache packs it, and its checksum file.
fn apache(folder: &Path) {
    let root = folder.join(NAME);
    fs::create_dir_all(root.join("bin/windows")).expect("folders");
    fs::create_dir_all(root.join("config/kraft")).expect("folders");
    for (name, text) in CONFIG {
        fs::write(root.join("config").join(name), text).expect("a file");
    }
    fs::write(
        root.join("config/kraft/server.properties"),
        "process.roles=broker,controller\n",
    )
    .expect("a file");
    fs::write(root.join("LICENSE"), "a licence\n").expect("a file");
    for name in [
        "kafka-topics.sh",
        "connect-standalone.sh",
        "kafka-server-stop.sh",
    ] {
        let text = "#!/bin/sh\necho the archive\\'s own, in $(dirname \"$0\")\n";
        fs::write(root.join("bin").join(name), text).expect("a script");
        run(Command::new("chmod")
            .arg("755")
            .arg(root.join("bin").join(name)));
    }
    run(Command::new("cp")
        .args(["-al", "jars"])
        .arg(root.join("libs"))
        .current_dir(folder));
    run(Command::new("tar")
        .args(["czf", &format!("{NAME}.tgz"), "--owner=kafka", NAME])
        .current_dir(folder));
    let sum = run(Command::new("sha512sum")
        .arg(format!("{NAME}.tgz"))
        .current_dir(folder));
    // In the form that Apache publishes: upper case, in groups, over several lines.
    let digits = sum[..128].to_uppercase();
    let groups: Vec<&str> = (0..16).map(|at| &digits[at * 8..at * 8 + 8]).collect();
    let text = format!(
        "{NAME}.tgz: {}\n  {}\n",
        groups[..8].join(" "),
        groups[8..].join(" ")
    );
    fs::write(folder.join(format!("{NAME}.tgz.sha512")), text).expect("a checksum file");
}

/// `confluent-7.9.1`, as Confluent lays it out: other folders, other names of the same jars.
fn confluent(folder: &Path) {
    let root = folder.join("confluent-7.9.1");
    let libs = root.join("share/java/kafka");
    for below in ["bin", "etc/kafka", "share/java/kafka"] {
        fs::create_dir_all(root.join(below)).expect("folders");
    }
    for (name, text) in CONFIG {
        fs::write(root.join("etc/kafka").join(name), text).expect("a file");
    }
    fs::write(root.join("bin/kafka-topics"), "#!/bin/sh\n").expect("a script");
    for jar in fs::read_dir(folder.join("jars")).expect("jars").flatten() {
        let name = jar.file_name().into_string().expect("UTF-8");
        let theirs = name.replace("-3.9.1.jar", "-7.9.1-ccs.jar");
        fs::hard_link(jar.path(), libs.join(theirs)).expect("a link");
    }
    std::os::unix::fs::symlink("kafka_2.13-7.9.1-ccs.jar", libs.join("kafka.jar")).expect("a link");
    let name = "confluent-community-7.9.1.tar.gz";
    run(Command::new("tar")
        .args(["czf", name, "confluent-7.9.1"])
        .current_dir(folder));
}
