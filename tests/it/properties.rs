//! Properties files of a real Kafka, read by Java and by krun: the configuration that its servers run
//! from, and every file of that format in its jars.

use std::{path::Path, process::Command};

use krun_properties::Document;

const DUMP: &str = r#"
import java.io.*; import java.nio.charset.*; import java.nio.file.*; import java.util.*; import java.util.zip.*;
public class Dump {
  static String hex(byte[] b) { StringBuilder s = new StringBuilder(); for (byte x : b) s.append(String.format("%02x", x)); return s.toString(); }
  static String hex(String t) { return hex(t.getBytes(StandardCharsets.UTF_8)); }
  static void dump(String name, byte[] bytes) throws IOException {
    Properties p = new Properties(); p.load(new ByteArrayInputStream(bytes));
    System.out.println("file " + hex(name) + " " + hex(bytes));
    for (String k : p.stringPropertyNames()) System.out.println("entry " + hex(k) + " " + hex(p.getProperty(k)));
  }
  public static void main(String[] a) throws IOException {
    for (String folder : a) try (DirectoryStream<Path> d = Files.newDirectoryStream(Paths.get(folder))) {
      for (Path p : d) {
        if (p.toString().endsWith(".properties")) dump(p.toString(), Files.readAllBytes(p));
        if (!p.toString().endsWith(".jar")) continue;
        try (ZipFile z = new ZipFile(p.toFile())) {
          for (ZipEntry e : Collections.list(z.entries()))
            if (e.getName().endsWith(".properties")) dump(p.getFileName() + "!" + e.getName(), z.getInputStream(e).readAllBytes());
        }
      }
    }
  }
}
"#;

/// A properties file and what Java makes of it.
struct Seen {
    name: String,
    bytes: Vec<u8>,
    entries: Vec<(String, String)>,
}

/// Compares what Java and krun read in all properties files of some folders and the jars in them.
pub fn are_read_as_java_reads_them(scratch: &Path, folders: &[&Path]) {
    let program = scratch.join("Dump.java");
    std::fs::write(&program, DUMP).expect("a program");
    let output = Command::new("java")
        .arg(&program)
        .args(folders)
        .output()
        .expect("java");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("hexadecimal");
    let mut files: Vec<Seen> = vec![];
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let string = |at: usize| String::from_utf8(unhex(words[at])).expect("UTF-8");
        match words[0] {
            "file" => files.push(Seen {
                name: string(1),
                bytes: unhex(words[2]),
                entries: vec![],
            }),
            _ => files
                .last_mut()
                .expect("a file first")
                .entries
                .push((string(1), string(2))),
        }
    }
    assert!(files.len() >= 20, "only {} files were found", files.len());
    for Seen {
        name,
        bytes,
        mut entries,
    } in files
    {
        let document = Document::parse(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        entries.sort();
        assert_eq!(
            document.effective().into_iter().collect::<Vec<_>>(),
            entries,
            "{name}"
        );
        assert_eq!(document.to_bytes(), bytes, "{name}");
    }
}

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
    (0..text.len()).step_by(2).map(digit).collect()
}
