//! Secrets: handed on and put into text, never looked at, and nowhere that is journaled or shown.

use krun_model::secret::SecretSource;

use super::{codes, good, wrong};

const S: &str = "let s = secret(\"db\");\n";

/// Reads a script behind the declaration of a secret.
fn after(script: &str) -> Vec<String> {
    codes(&format!("{S}{script}"))
}

#[test]
fn stand_in_what_is_kept() {
    let runbook = good(
        r#"
let s = secret("db", #{env: "DB"});
let t = secret("other", #{command: ["pass", "show", "x"]});
let u = secret("third", #{file: "~/pw"});
let jaas = `user=a password="${s}" other="${t + "x"}";`;
jaas += s;
file("f", #{path: "/f", content: jaas});
file("g", #{path: "/g", content: "x" + u + "y" + s + t});
file("h", #{path: "/h", content: s});
"#,
    );
    let content = |at: usize| runbook.steps[at].args["content"].to_string();
    assert_eq!(
        content(0),
        "user=a password=\"(secret db)\" other=\"(secret other)x\";(secret db)"
    );
    assert_eq!(content(1), "x(secret third)y(secret db)(secret other)");
    assert_eq!(content(2), "(secret db)");
    let sources: Vec<_> = runbook
        .secrets
        .iter()
        .map(|one| one.source.clone())
        .collect();
    assert_eq!(sources[0], Some(SecretSource::Env("DB".into())));
    assert_eq!(sources[2], Some(SecretSource::File("/home/me/pw".into())));
    assert_eq!(runbook.secrets[0].span.to_string(), "test.rhai:3:16");
}

#[test]
fn can_not_be_looked_at() {
    for look in [
        "if s == \"x\" {}",
        "if s != s {}",
        "if \"x\" < s {}",
        "if s {}",
        "if !s {}",
        "let x = s.len();",
        "let x = s - 1;",
        "let x = `${s}`.len;",
        "let x = `${s}`.len();",
        "if `a${s}` == \"ab\" {}",
        "if \"ab\" == `a${s}` {}",
        "if \"a\" in `a${s}` {}",
        "let x = `a${s}`.starts_with(\"a\");",
        "let x = `a${s}`.contains(\"a\");",
        "let x = `a${s}`.index_of(\"a\");",
        "let x = s[0];",
        "for x in s { let y = x; }",
        "switch s { _ => 1 }",
        "switch `a${s}` { _ => 1 }",
        "let x = #{a: s}.to_json();",
        "let x = #{a: `b${s}`}.to_json();",
        "throw s;",
        "throw `a${s}`;",
        "let b = kafka::broker(\"b\", #{config: \"/b\"}); file(\"f\", #{path: \"/f\", when: b.pid == s});",
        "let b = kafka::broker(\"b\", #{config: \"/b\"}); file(\"f\", #{path: \"/f\", when: b.pid == `${s}`});",
    ] {
        let found = after(look);
        let all = found
            .iter()
            .all(|code| code == "krun::secret-value" || code == "krun::secret-place");
        assert!(!found.is_empty() && all, "{look}: {found:?}");
    }
}

#[test]
fn can_not_stand_where_it_would_be_seen() {
    for place in [
        "file(s, #{path: \"/f\"});",
        "file(`f-${s}`, #{path: \"/f\"});",
        "file(\"f\", #{path: s});",
        "file(\"f\", #{path: `/f/${s}`});",
        "file(\"f\", #{path: \"/f\", labels: [s]});",
        "file(\"f\", #{path: \"/f\", tags: [`${s}`]});",
        "file(\"f\", #{path: \"/f\", after: s});",
        "file(\"f\", #{path: \"/f\", serial: #{group: `${s}`}});",
        "file(\"f\", #{path: \"/f\", when: s});",
        "phase(`x ${s}`);",
        "gate(s);",
        "checkpoint(`c${s}`);",
        "let p = param(\"p\", #{type: \"string\", default: s});",
        "kafka::topic::check(\"t\", #{name: s});",
    ] {
        let found = after(place);
        assert!(
            found.iter().any(|code| code == "krun::secret-place"),
            "{place}: {found:?}"
        );
    }
    for damaged in [
        "file(\"f\", #{path: \"/f\", content: `${s}`.sub_string(1)});",
        "let x = `${s}`; x.make_upper(); file(\"f\", #{path: \"/f\", content: x.split(\"B\")[0]});",
    ] {
        assert_eq!(after(damaged), ["krun::arg-type"], "{damaged}");
    }
}

#[test]
fn declared_once_and_well() {
    for (script, expected) in [
        ("secret(\"1\");", 1),
        ("secret(5);", 1),
        ("secret(\"a\", #{});", 1),
        ("secret(\"a\", #{env: \"A\", file: \"/a\"});", 1),
        ("secret(\"a\", #{vault: \"x\"});", 1),
        ("secret(\"a\", #{file: \"a\"});", 1),
        ("secret(\"a\", #{command: \"pass show\"});", 1),
        (
            "secret(\"a\", #{env: \"A\"}); secret(\"a\", #{env: \"B\"});",
            1,
        ),
        ("secret(\"a\", #{env: \"A\"}); secret(\"a\");", 0),
        ("secret(\"a-b\"); secret(\"a_b\");", 1),
    ] {
        assert_eq!(
            codes(script).len(),
            expected,
            "{script}: {:?}",
            codes(script)
        );
    }
}

#[test]
fn says_where_and_what_to_do() {
    insta::assert_snapshot!(wrong(&format!("{S}file(\"f\", #{{path: `/f/${{s}}`}});")), @r#"
    krun::secret-place: `path` of `file` can't hold the secret `db`
      test.rhai:3:19
      | file("f", #{path: `/f/${s}`});
      |                   ^^^^^^^^^ paths are journaled and shown
      help: Put it into the content of a file (`file`, `properties`), for its owner only, or into the environment of a process: what reads it takes it from there.
    "#);
    insta::assert_snapshot!(wrong(&format!("{S}if s == \"x\" {{ }}")), @r#"
    krun::secret-value: a script can't look at the value of the secret `db`
      test.rhai:3:6
      | if s == "x" { }
      |      ^^ its value is not known here
      help: Hand it on as the content of a file, a property's value or a variable of a process, alone or in a text; decide by a parameter instead.
    "#);
}
