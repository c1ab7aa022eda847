//! Parameters: declaration, defaults, given values.

use serde_json::json;

use super::{load_with, render, wrong};

fn wrong_with(script: &str, given: serde_json::Value) -> String {
    render(&load_with(script, given).expect_err("a value that is refused"))
}

#[test]
fn values_reach_the_script() {
    let script = r#"
let root = param("root", #{type: "path", default: "data"});
let n = param("n", #{type: "int", min: 1, max: 9, default: 3});
let ports = param("ports", #{type: "list<port>"});
let on = param("on", #{type: "bool", default: false});
let heap = param("heap", #{type: "memory", default: "1g"});
let who = param("who", #{type: "string", choices: ["a", "b"], default: "a"});
if on {
    for port in ports {
        file(`f-${port + n}`, #{path: `${root}/${heap}/${who}`});
        n += 10;
        root += "x";
    }
}
"#;
    let given =
        json!({"root": "~/x/../k", "n": "5", "ports": "[1, 2]", "on": "true", "heap": "2G"});
    let runbook = load_with(script, given).unwrap();
    assert_eq!(runbook.steps[1].address.as_str(), "f-17");
    assert_eq!(runbook.steps[0].args["path"], "/home/me/k/2G/a".into());
    assert_eq!(
        json!(runbook.values),
        json!({
            "root": "/home/me/k", "n": 5, "ports": [1, 2], "on": true, "heap": "2G", "who": "a"
        })
    );
    assert_eq!(runbook.params[0].default, Some(json!("data")));
}

#[test]
fn given_values_are_refused_in_words() {
    let script = r#"
let n = param("n", #{type: "int", min: 1, max: 9, default: 3});
let ports = param("ports", #{type: "list<port>", min: 2, default: [1, 2]});
let who = param("who", #{type: "string", choices: ["a", "b"], default: "a"});
let home = param("home", #{type: "path"});
"#;
    let given = json!({"n": "x", "ports": [1], "who": "c", "home": "~you", "prots": 1, "zzz": 1});
    insta::assert_snapshot!(wrong_with(script, given), @r#"
krun::unknown-param: the runbook has no parameter `prots`
  test.rhai:1:1
  | runbook(#{name: "test", version: "1", summary: "a test"});
  | ^^^^^^^
  help: Did you mean `ports`?
krun::unknown-param: the runbook has no parameter `zzz`
  test.rhai:1:1
  | runbook(#{name: "test", version: "1", summary: "a test"});
  | ^^^^^^^
  help: There is `home`, `n`, `ports` and `who`.
krun::param-type: the parameter `n` was given `x`, which is not an int
  test.rhai:3:9
  | let n = param("n", #{type: "int", min: 1, max: 9, default: 3});
  |         ^^^^^ declared here
  help: Give an int from 1 to 9.
krun::param-range: the parameter `ports` was given `[1]`, which is less than 2 items
  test.rhai:4:13
  | let ports = param("ports", #{type: "list<port>", min: 2, default: [1, 2]});
  |             ^^^^^ declared here
  help: Give a list of which each is a port (1 to 65535), with at least 2 items.
krun::param-range: the parameter `who` was given `c`, which is not among its choices
  test.rhai:5:11
  | let who = param("who", #{type: "string", choices: ["a", "b"], default: "a"});
  |           ^^^^^ declared here
  help: Give a string: one of `a` and `b`.
krun::param-type: the parameter `home` was given `~you`, which is of paths with `~` only `~/…` is understood
  test.rhai:6:12
  | let home = param("home", #{type: "path"});
  |            ^^^^^ declared here
  help: Give a path.
"#);
    insta::assert_snapshot!(wrong_with(script, json!({"n": 10})), @r#"
krun::param-range: the parameter `n` was given `10`, which is more than 9
  test.rhai:3:9
  | let n = param("n", #{type: "int", min: 1, max: 9, default: 3});
  |         ^^^^^ declared here
  help: Give an int from 1 to 9.
krun::missing-param: the parameter `home` must be given
  test.rhai:6:18
  | let home = param("home", #{type: "path"});
  |                  ^^^^^^ has no default
  help: Give a path with `--param home=…`, or in a file with `--params`.
"#);
}

#[test]
fn declarations_are_checked() {
    insta::assert_snapshot!(wrong(r#"
param("a", #{type: "strin", default: "x"});
param("b", #{default: 1});
param("c", #{type: "int", default: "many"});
param("d", #{type: "int", default: 10, max: 9});
param("e", #{type: "bool", default: true, min: 1});
param("f", #{type: "string", defualt: "x", doc: 3});
param("g", #{type: "port", choices: [1, 0], default: 1});
param("1", #{type: "int", default: 1});
param("h", 1);
param("i", #{type: "int", default: 1});
param("i", #{type: "int", default: 1});
"#), @r#"
krun::param-spec: there is no type `strin`; did you mean `string`?
  test.rhai:3:20
  | param("a", #{type: "strin", default: "x"});
  |                    ^^^^^^^
krun::missing-key: the parameter `b` has no `type`
  test.rhai:4:1
  | param("b", #{default: 1});
  | ^^^^^
krun::param-default: the default of `b` is not a string: write it in quotes
  test.rhai:4:23
  | param("b", #{default: 1});
  |                       ^
krun::param-default: the default of `c` is not an int
  test.rhai:5:36
  | param("c", #{type: "int", default: "many"});
  |                                    ^^^^^^
krun::param-default: the default of `d` is more than 9
  test.rhai:6:36
  | param("d", #{type: "int", default: 10, max: 9});
  |                                    ^^
krun::param-spec: `min` means nothing for a bool (`true` or `false`)
  test.rhai:7:43
  | param("e", #{type: "bool", default: true, min: 1});
  |                                           ^^^
krun::unknown-key: `param` has no setting `defualt`
  test.rhai:8:30
  | param("f", #{type: "string", defualt: "x", doc: 3});
  |                              ^^^^^^^
  help: Did you mean `default`?
krun::arg-type: `doc` of `param` must be a string
  test.rhai:8:49
  | param("f", #{type: "string", defualt: "x", doc: 3});
  |                                                 ^
krun::param-spec: the choice 0 is not a port (1 to 65535)
  test.rhai:9:37
  | param("g", #{type: "port", choices: [1, 0], default: 1});
  |                                     ^^^^^^
krun::bad-name: a parameter's name must be a word
  test.rhai:10:7
  | param("1", #{type: "int", default: 1});
  |       ^^^
  help: Use letters, digits, `_` and `-`, and begin with a letter.
krun::missing-key: the parameter `h` has no `type`
  test.rhai:11:1
  | param("h", 1);
  | ^^^^^
krun::arg-type: the settings of `param` must be a map
  test.rhai:11:12
  | param("h", 1);
  |            ^
  help: Write them as `#{key: value}`.
krun::duplicate-param: the parameter `i` is declared twice
  test.rhai:13:7
  | param("i", #{type: "int", default: 1});
  |       ^^^
"#);
}

#[test]
fn a_parameter_in_a_branch_is_known() {
    let script = "if false { param(\"x\", #{type: \"int\", default: 1}); }";
    assert!(load_with(script, json!({"x": 1})).is_ok());
}
