//! Before anything runs: Java, the distribution, folders without an earlier cluster.

use krun_model::{ByHand, HandCx, Value};

use super::source;
use crate::{
    distribution::Folders,
    versions::{self, KafkaVersion},
};

fn row(cx: &HandCx<'_>, arg: &str) -> Option<&'static KafkaVersion> {
    match cx.step.args.get(arg) {
        Some(Value::Str(version)) => versions::find(version).ok(),
        _ => None,
    }
}

pub fn java(cx: &HandCx<'_>) -> ByHand {
    let Some(row) = row(cx, "kafka_version") else {
        return ByHand::default();
    };
    let (bin, home) = (cx.output("bin"), cx.output("home"));
    let install = row.java_packages.first().map_or(String::new(), |package| {
        format!("command -v java || sudo apt-get install -y {package}\n")
    });
    ByHand::saying(
        "Kafka's scripts take the Java that JAVA_HOME names.",
        format!(
            "{install}java -version   # Kafka {version}: Java {documented}\n\
             {bin}=$(readlink -f \"$(command -v java)\")\n\
             {home}=${{{bin}%/bin/java}}\n\
             {export}",
            export = match home.as_str() {
                "JAVA_HOME" => "export JAVA_HOME".to_owned(),
                other => format!("export JAVA_HOME=${other}"),
            },
            version = row.version,
            documented = row.java.in_words(),
        ),
    )
}

pub fn distribution(cx: &HandCx<'_>) -> ByHand {
    let Some(row) = row(cx, "version") else {
        return ByHand::default();
    };
    let jar = format!("libs/kafka_{}-{}.jar", row.scala, row.version);
    if let Some(Value::Str(home)) = cx.step.args.get("home") {
        let jar = cx.text(&format!("{home}/{jar}"));
        return ByHand::saying(
            "It is there already; this shows its version.",
            format!("ls {jar}"),
        );
    }
    let Some(Value::Str(to)) = cx.step.args.get("to") else {
        return ByHand::default();
    };
    let archive = format!("{0}/kafka_{1}-{0}.tgz", row.version, row.scala);
    let folders = Folders::of(to.as_str());
    let ls = format!("ls {}", cx.text(&format!("{to}/{jar}")));
    let by_hand = match cx.step.args.get("from") {
        Some(Value::Str(from)) => match source::laid_out(cx, from, to) {
            Some(commands) => ByHand::of(format!("{commands}\n{ls}")),
            None => return ByHand::default(),
        },
        _ => ByHand::saying(
            "krun takes the jars through Maven. By hand, Apache's archive is less work: it holds the \
             same jars, with configuration and scripts. KAFKA_MIRROR may name a mirror that is nearer.",
            format!(
                "{}\n{ls}",
                unpacked(cx, to, "KAFKA_MIRROR", "kafka", &archive)
            ),
        ),
    };
    let Some(Value::Str(data)) = cx.step.args.get("data") else {
        return by_hand;
    };
    by_hand.then(
        BELOW_TMP,
        [
            ("zookeeper.properties", "zookeeper"),
            ("server.properties", "kafka-logs"),
        ]
        .map(|(file, name)| below(cx, folders.config.join(file).as_str(), data, name))
        .join("\n"),
    )
}

pub fn zookeeper_distribution(cx: &HandCx<'_>) -> ByHand {
    let (Some(Value::Str(version)), Some(Value::Str(to))) =
        (cx.step.args.get("version"), cx.step.args.get("to"))
    else {
        return ByHand::default();
    };
    // Since 3.5 the plain name is that of the archive of sources (ZOOKEEPER-3207).
    let archive = match version.starts_with("3.4.") {
        true => format!("zookeeper-{version}/zookeeper-{version}.tar.gz"),
        false => format!("zookeeper-{version}/apache-zookeeper-{version}-bin.tar.gz"),
    };
    let config = Folders::with_config(to.as_str(), "conf").config;
    let [file, sample] =
        ["zoo.cfg", "zoo_sample.cfg"].map(|name| cx.text(config.join(name).as_str()));
    let by_hand = ByHand::saying(
        "krun takes the jars through Maven; Apache's archive holds the same ones. ZOOKEEPER_MIRROR may \
         name a mirror that is nearer.",
        format!(
            "{}\n[ -e {file} ] || cp {sample} {file}",
            unpacked(cx, to, "ZOOKEEPER_MIRROR", "zookeeper", &archive),
        ),
    );
    match cx.step.args.get("data") {
        Some(Value::Str(data)) => {
            let file = config.join("zoo.cfg");
            by_hand.then(BELOW_TMP, below(cx, file.as_str(), data, "zookeeper"))
        }
        _ => by_hand,
    }
}

const BELOW_TMP: &str = "As it comes, the configuration keeps all data below /tmp, which a restart of the machine empties.";

/// The command that unpacks an archive of Apache's into a folder, without the folder at its top.
fn unpacked(cx: &HandCx<'_>, to: &str, mirror: &str, project: &str, archive: &str) -> String {
    let to = cx.text(to);
    format!(
        "mkdir -p {to}\n\
         curl -fL \"${{{mirror}:-https://archive.apache.org/dist/{project}}}/{archive}\" \
         | tar -xz --strip-components=1 -C {to}"
    )
}

/// The command that puts a folder of a configuration below another one than /tmp.
fn below(cx: &HandCx<'_>, file: &str, data: &str, name: &str) -> String {
    let folder = cx.text(&format!("{data}/{name}"));
    let folder = match folder
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
    {
        Some(inner) => inner.to_owned(),
        // A word of another form goes on beside the quotes.
        None => format!("\"{folder}\""),
    };
    format!("sed -i \"s|=/tmp/{name}\\$|={folder}|\" {}", cx.text(file))
}

pub fn zookeeper_snapshot_folders(cx: &HandCx<'_>) -> ByHand {
    let Some(config) = cx.arg("config") else {
        return ByHand::default();
    };
    let (data, log) = (cx.output("data_dir"), cx.output("data_log_dir"));
    let value = |key: &str| format!("$(sed -n 's/^{key}=//p' {config} | tail -n 1)");
    ByHand::of(format!(
        "{data}={}\n{log}={}\n{log}=${{{log}:-${data}}}\necho \"snapshots in ${data}, transaction logs in ${log}\"",
        value("dataDir"),
        value("dataLogDir"),
    ))
}

/// What is set aside gets the time into its name, so that nothing is overwritten.
const ASIDE: &str = "before-$(date +%Y%m%dT%H%M%S)";

pub fn zookeeper_clean(cx: &HandCx<'_>) -> ByHand {
    let (Some(data), Some(log)) = (cx.arg("data_dir"), cx.arg("data_log_dir")) else {
        return ByHand::default();
    };
    let folders = if data == log {
        data
    } else {
        format!("{data} {log}")
    };
    ByHand::saying(
        "ZooKeeper looks at version-2 only, so a folder with another name is out of its way.",
        format!(
            "for folder in {folders}; do\n    mkdir -p \"$folder\"\n    \
             [ ! -e \"$folder/version-2\" ] || mv \"$folder/version-2\" \"$folder/version-2.{ASIDE}\"\n\
             done"
        ),
    )
}

pub fn clean_logs(cx: &HandCx<'_>) -> ByHand {
    let Some(Value::Str(folder)) = cx.step.args.get("log_dir") else {
        return ByHand::default();
    };
    let folder = cx.text(folder.trim_end_matches('/'));
    ByHand::of(format!(
        "[ ! -e {folder} ] || mv {folder} {folder}.{ASIDE}\nmkdir -p {folder}"
    ))
}
