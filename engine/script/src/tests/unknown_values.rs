//! Outputs: handed on, never looked at.

use super::{codes, good, wrong};

const B: &str = "let b = kafka::broker(\"b\", #{config: \"/b\"});\n";

#[test]
fn can_be_handed_on() {
    good(&format!(
        r#"{B}
let id = b.cluster_id;
let list = [id, b.pid];
let all = #{{a: id, list: list}};
for x in list {{ all.b = x; }}
let f = |v| v;
let held = b.pid;
let g = || held;
file("g", #{{path: "/g", content: g.call(), after: held}});
kafka::topic::check("t", #{{name: f.call(id), config: all.filter(|k, v| k != "list")}});
file("f", #{{path: "/f", labels: list}});
"#
    ));
}

#[test]
fn can_not_be_looked_at() {
    for look in [
        "if b.pid == 1 {}",
        "if b.pid != 1 {}",
        "if 1 == b.pid {}",
        "if \"a\" == b.pid {}",
        "if b.pid == \"a\" {}",
        "if b.pid == () {}",
        "if b.pid == b.cluster_id {}",
        "if b.pid == true {}",
        "if b.pid < 3 {}",
        "if 3.5 >= b.pid {}",
        "if b.pid {}",
        "while b.pid {}",
        "if !b.pid {}",
        "if b.pid && true {}",
        "if true && b.pid {}",
        "let x = if b.pid { 1 } else { 2 };",
        "let x = b.pid + 1;",
        "let x = 1 + b.pid;",
        "let x = -b.pid;",
        "let x = b.pid * 2;",
        "let x = b.pid + \"x\";",
        "let x = \"x\" + b.pid;",
        "let x = \"x\"; x += b.pid;",
        "let x = 1; x += b.pid;",
        "let x = b.pid; x += 1;",
        "let x = `${b.pid}`;",
        "let x = `${[b.pid]}`;",
        "let x = b.pid.to_string();",
        "let x = b.pid.len();",
        "let x = b.pid.more;",
        "let x = b.pid[0];",
        "let x = [1][b.pid];",
        "let x = #{}; x[b.pid] = 1;",
        "let x = b.pid in [1, 2];",
        "let x = [1, 2].contains(b.pid);",
        "let x = [1, 2].index_of(b.pid);",
        "let x = [b.pid] == [1];",
        "let x = #{a: b.pid}.to_json();",
        "let x = 1..b.pid;",
        "let x = max(1, b.pid);",
        "let x = parse_int(b.pid);",
        "for x in b.pid { let y = x; }",
        "switch `${b.pid}` { _ => 3 }",
        "let x = switch b.pid { 1 => 2, _ => 3 };",
        "let p = b.pid; switch p { 1 => 2, _ => 3 }",
        "switch [1, b.pid] { _ => 3 }",
        "let x = switch 1 { _ => switch b.pid { _ => 2 } };",
        "fn f(p) { p == 1 } f(b.pid);",
        "[b.pid].filter(|x| x > 1);",
        "let p = b.pid; let f = || p == 1; f.call();",
        "let p = b.pid; let f = || p; if p == 1 { }",
        "throw b.pid;",
    ] {
        let found = codes(&format!("{B}{look}"));
        assert!(
            !found.is_empty() && found.iter().all(|code| code == "krun::unknown-value"),
            "{look}: {found:?}"
        );
    }
}

#[test]
fn says_why() {
    insta::assert_snapshot!(wrong(&format!(
        "{B}let x = `a ${{b.pid}}`;\n{}",
        "let y = 1; switch   b.cluster_id { 1 => 2, _ => 3 } switch y { 1 => b.pid + 1, _ => 3 }"
    )), @r#"
krun::unknown-value: `pid` of `b` is known only after that step ran
  test.rhai:3:14
  | let x = `a ${b.pid}`;
  |              ^^^^^ a script can't look at it
  help: Hand it on as an argument of another step, or compare it in a step's `when:`.
krun::unknown-value: `cluster_id` of `b` is known only after that step ran
  test.rhai:4:21
  | let y = 1; switch   b.cluster_id { 1 => 2, _ => 3 } switch y { 1 => b.pid + 1, _ => 3 }
  |                     ^^^^^^^^^^^^ a script can't look at it
  help: Hand it on as an argument of another step, or compare it in a step's `when:`.
krun::unknown-value: `pid` of `b` is known only after that step ran
  test.rhai:4:75
  | let y = 1; switch   b.cluster_id { 1 => 2, _ => 3 } switch y { 1 => b.pid + 1, _ => 3 }
  |                                                                           ^ a script can't look at it
  help: Hand it on as an argument of another step, or compare it in a step's `when:`.
"#);
    insta::assert_snapshot!(wrong(&format!("{B}if b.pid == 1 {{ }}")), @r#"
krun::unknown-value: `pid` of `b` is known only after that step ran
  test.rhai:3:10
  | if b.pid == 1 { }
  |          ^^ a script can't look at it
  help: Hand it on as an argument of another step, or compare it in a step's `when:`.
"#);
    insta::assert_snapshot!(wrong(&format!("{B}if b.pid {{ }}")), @r#"
krun::unknown-value: a step's output is known only after the step ran
  test.rhai:3:6
  | if b.pid { }
  |      ^^^ a script can't look at it
  help: Hand it on as an argument of another step, or compare it in a step's `when:`.
"#);
}

#[test]
fn switch_works_on_what_is_known() {
    let runbook = good(
        r#"
let kind = "b";
let path = switch kind { "a" => "/1", "b" => "/2", _ => "/3" };
file("f", #{path: path});
"#,
    );
    assert_eq!(runbook.steps[0].args["path"], "/2".into());
}
