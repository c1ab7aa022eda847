//! Reads and writes compared with a real Java, `java` on the `PATH`, version 17 or later.
//!
//! One Java virtual machine runs for all tests of this file; `java/Harness.java` is its program.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests may panic as tests do; clippy exempts only the tests themselves"
)]

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use krun_properties::{Document, Fault};
use proptest::prelude::*;
use support::{config, file, text};

const REGRESSIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/java.txt");
const HARNESS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/java/Harness.java");
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
const INSTALL: &str = "these tests compare krun-properties with a real Java: install a JDK, \
    version 17 or later (on Debian: apt-get install openjdk-17-jdk-headless), and put its `java` \
    on the PATH";

/// The pipes of the one Java virtual machine; it ends when they close, with this process.
struct Java {
    input: ChildStdin,
    output: ChildStdout,
    _process: Child,
}

type Utf16Pairs = Vec<(Vec<u16>, Vec<u16>)>;

/// What Java made of a file.
struct Loaded {
    /// Every entry in the order of the file.
    entries: Utf16Pairs,
    /// What the `Properties` hold.
    effective: BTreeMap<Vec<u16>, Vec<u16>>,
}

impl Java {
    fn start() -> Self {
        let mut process = Command::new("java")
            .args(["-Xshare:auto", "-XX:TieredStopAtLevel=1", HARNESS])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("failed to start `java`: {error}\n{INSTALL}"));
        let input = process.stdin.take().unwrap();
        let output = process.stdout.take().unwrap();
        Self {
            input,
            output,
            _process: process,
        }
    }

    fn exchange(&mut self, file: &[u8]) -> std::io::Result<String> {
        let length = u32::try_from(file.len()).unwrap();
        self.input.write_all(&length.to_be_bytes())?;
        self.input.write_all(file)?;
        self.input.flush()?;
        let mut length = [0; 4];
        self.output.read_exact(&mut length)?;
        let mut answer = vec![0; u32::from_be_bytes(length) as usize];
        self.output.read_exact(&mut answer)?;
        Ok(String::from_utf8(answer).unwrap())
    }
}

/// The one Java virtual machine, started at the first call.
fn the_java() -> &'static Mutex<Java> {
    static JAVA: OnceLock<Mutex<Java>> = OnceLock::new();
    JAVA.get_or_init(|| Mutex::new(Java::start()))
}

/// The configuration of tests that ask Java. A missing `java` fails them here, outside of any
/// case, so that it is not kept as a failing seed.
fn config_with_java(cases: u32) -> ProptestConfig {
    the_java();
    config(cases, REGRESSIONS)
}

/// What Java reads from a file; `None` if it refuses it.
fn java(file: &[u8]) -> Option<Loaded> {
    let answer = the_java()
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .exchange(file)
        .unwrap_or_else(|error| panic!("`java` stopped answering: {error}\n{INSTALL}"));
    if answer == "refused" {
        return None;
    }
    let (entries, effective) = answer.split_once('|').unwrap();
    Some(Loaded {
        entries: decode(entries),
        effective: decode(effective).into_iter().collect(),
    })
}

fn decode(list: &str) -> Utf16Pairs {
    let units = |hex: &str| -> Vec<u16> {
        let digits: Vec<char> = hex.chars().collect();
        digits
            .chunks(4)
            .map(|unit| u16::from_str_radix(&unit.iter().collect::<String>(), 16).unwrap())
            .collect()
    };
    list.split_terminator(';')
        .map(|entry| {
            let (key, value) = entry.split_once('=').unwrap();
            (units(key), units(value))
        })
        .collect()
}

fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

fn entries(document: &Document) -> Utf16Pairs {
    document
        .entries()
        .map(|(key, value)| (utf16(key), utf16(value)))
        .collect()
}

/// Asserts that this crate reads a file as Java does.
fn assert_read_alike(file: &[u8]) {
    let shown = file.escape_ascii();
    match (Document::parse(file), java(file)) {
        (Ok(document), Some(loaded)) => {
            assert_eq!(entries(&document), loaded.entries, "{shown}");
            let effective = document.effective();
            let effective = effective
                .iter()
                .map(|(key, value)| (utf16(key), utf16(value)));
            assert_eq!(
                effective.collect::<BTreeMap<_, _>>(),
                loaded.effective,
                "{shown}"
            );
        }
        (Ok(document), None) => panic!("only Java refuses {shown}: {document:?}"),
        // The fault named may be a surrogate that stands before what Java refuses.
        (Err(_), None) => {}
        (Err(error), Some(loaded)) => {
            assert_eq!(error.what, Fault::UnpairedSurrogate, "{shown}");
            let unpaired = loaded.entries.iter().any(|(key, value)| {
                String::from_utf16(key).is_err() || String::from_utf16(value).is_err()
            });
            assert!(unpaired, "only this crate refuses {shown}");
        }
    }
}

#[test]
fn files_at_the_edges_are_read_alike() {
    let texts = [
        "",
        "\\",
        " \\",
        "\\\n",
        "\\\r",
        "\\\r\n",
        "\\\n\\",
        "\\\n\\\r\n",
        "\\\n\n",
        "\\\n#a\nb",
        "\\\n #a\\\nb",
        "a\\",
        "a\\\n",
        "a\\\n ",
        "a\\\r\n\n",
        "=\\",
        "= ",
        "\n\\\n\n\\",
        "\\u",
        "\\u0041",
        "\\u00=41",
        "a=\\u004",
        "a\\u003d=\\u0",
        "#\\u",
        "\u{feff}a=b",
        "\\\\=\\\\\\",
    ];
    for text in texts {
        assert_read_alike(text.as_bytes());
    }
    // A block of Java's input ends at 8192 bytes: everything of weight is put around it.
    for (length, text) in (8180..8195).flat_map(|length| texts.map(|text| (length, text))) {
        for start in ["", "#", "k=", "k=\\\n"] {
            let file = [start, &"x".repeat(length), "\n", text].concat();
            assert_read_alike(file.as_bytes());
        }
    }
}

#[test]
fn every_short_file_of_special_bytes_is_read_alike() {
    let alphabet = b"\\=# \n\ra";
    for length in 0..=5_u32 {
        for number in 0..alphabet.len().pow(length) {
            let digits = (0..length).map(|place| number / alphabet.len().pow(place));
            let file: Vec<u8> = digits
                .map(|digit| alphabet[digit % alphabet.len()])
                .collect();
            assert_read_alike(&file);
        }
    }
}

#[test]
fn server_files_are_read_and_edited_alike() {
    fn check(name: &str, edits: &[(&str, &str)], after_line: &[(&str, &str)]) {
        let file = std::fs::read(Path::new(FIXTURES).join(name)).unwrap();
        assert_read_alike(&file);
        let mut document = Document::parse(&file).unwrap();
        let mut expected = document.effective();
        for (key, value) in edits {
            assert!(document.set(key, value), "{name} {key}");
            expected.insert((*key).to_owned(), (*value).to_owned());
        }
        let bytes = document.to_bytes();
        let expected: BTreeMap<_, _> = expected
            .iter()
            .map(|(key, value)| (utf16(key), utf16(value)))
            .collect();
        assert_eq!(java(&bytes).unwrap().effective, expected, "{name}");

        let edited = String::from_utf8(bytes).unwrap();
        for (before, line) in after_line {
            assert!(
                edited.contains(&format!("\n{before}\n{line}\n")),
                "{line}\n{edited}"
            );
        }
        let keys: Vec<_> = edits.iter().map(|(key, _)| format!("{key}=")).collect();
        let kept = |text: &str| -> Vec<String> {
            let set = |line: &str| keys.iter().any(|key| line.starts_with(key));
            text.lines()
                .filter(|line| !set(line))
                .map(str::to_owned)
                .collect()
        };
        assert_eq!(
            kept(&edited),
            kept(str::from_utf8(&file).unwrap()),
            "{name}"
        );
    }
    check(
        "server.properties",
        &[
            ("broker.id", "7"),
            ("listeners", "SASL_SSL://:9093,INTERNAL://:9094"),
            ("log.retention.bytes", "-1"),
            ("zookeeper.connect", "zk1:2181,zk2:2181/kafka"),
            ("inter.broker.protocol.version", "3.9"),
        ],
        &[
            (
                "#listeners=PLAINTEXT://:9092",
                "listeners=SASL_SSL://:9093,INTERNAL://:9094",
            ),
            ("#log.retention.bytes=1073741824", "log.retention.bytes=-1"),
            (
                "group.initial.rebalance.delay.ms=0",
                "inter.broker.protocol.version=3.9",
            ),
        ],
    );
    check(
        "zookeeper.properties",
        &[
            ("dataDir", "C:\\zookeeper data"),
            ("admin.serverPort", "8081"),
            ("tickTime", "2000"),
        ],
        &[(
            "# admin.serverPort=8080",
            "admin.serverPort=8081\ntickTime=2000",
        )],
    );
}

proptest! {
    #![proptest_config(config_with_java(6000))]

    #[test]
    fn any_file_is_read_alike(file in file()) {
        assert_read_alike(&file);
    }

    #[test]
    fn java_reads_what_was_set(
        file in file(), index: prop::sample::Index, other in text(), value in text(), hit: bool,
    ) {
        let Ok(mut document) = Document::parse(&file) else { return Ok(()) };
        let keys: Vec<String> = document.entries().map(|(key, _)| key.to_owned()).collect();
        let key = if hit && !keys.is_empty() { index.get(&keys).clone() } else { other };
        let mut expected = java(&file).unwrap();
        document.set(&key, &value);
        let mut loaded = java(&document.to_bytes()).unwrap();

        let new = (utf16(&key), utf16(&value));
        expected.effective.insert(new.0.clone(), new.1.clone());
        prop_assert_eq!(loaded.effective, expected.effective);
        match expected.entries.iter().rposition(|(name, _)| *name == new.0) {
            Some(at) => expected.entries[at] = new,
            None => {
                let at = loaded.entries.iter().position(|entry| *entry == new).unwrap();
                loaded.entries.remove(at);
            }
        }
        prop_assert_eq!(loaded.entries, expected.entries);
    }

    #[test]
    fn java_misses_only_what_was_removed(file in file(), index: prop::sample::Index) {
        let Ok(mut document) = Document::parse(&file) else { return Ok(()) };
        let keys: Vec<String> = document.entries().map(|(key, _)| key.to_owned()).collect();
        prop_assume!(!keys.is_empty());
        let key = index.get(&keys);
        let mut expected = java(&file).unwrap().entries;
        expected.retain(|(name, _)| *name != utf16(key));
        document.remove(key);
        prop_assert_eq!(java(&document.to_bytes()).unwrap().entries, expected);
    }
}
