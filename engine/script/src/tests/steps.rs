//! Step functions: arguments, addresses, edges.

use super::{codes, good, wrong};

#[test]
fn arguments_are_held_against_the_schema() {
    insta::assert_snapshot!(wrong(r#"
file("a", #{pth: "/x", content: 1});
file("b", #{path: "relative", mode: "0777", labels: [1]});
file("c", #{
    path: "/c",
    content: 1.5,
    tgas: [],
    zzz: 1,
});
file("d", "/x");
kafka::broker("e", #{config: "/e", port: 70_000});
"#), @r#"
krun::missing-arg: `file` must be given `path`
  test.rhai:3:1
  | file("a", #{pth: "/x", content: 1});
  | ^^^^
  help: It is an absolute path: where it is
krun::unknown-arg: `file` has no argument `pth`
  test.rhai:3:13
  | file("a", #{pth: "/x", content: 1});
  |             ^^^
  help: Did you mean `path`?
krun::arg-type: `path` of `file` must be an absolute path
  test.rhai:4:19
  | file("b", #{path: "relative", mode: "0777", labels: [1]});
  |                   ^^^^^^^^^^ this is "relative"
krun::arg-type: `mode` of `file` must be one of 0600, 0644
  test.rhai:4:37
  | file("b", #{path: "relative", mode: "0777", labels: [1]});
  |                                     ^^^^^^ this is "0777"
krun::arg-type: `labels` of `file` must be a list of which each is a string
  test.rhai:4:53
  | file("b", #{path: "relative", mode: "0777", labels: [1]});
  |                                                     ^^^ this is a list
krun::arg-type: `content` of `file` contains a fraction
  test.rhai:7:14
  |     content: 1.5,
  |              ^^^
  help: Arguments have whole numbers only; write a fraction as a string.
krun::unknown-arg: `file` has no argument `tgas`
  test.rhai:8:5
  |     tgas: [],
  |     ^^^^
  help: Did you mean `tags`?
krun::unknown-arg: `file` has no argument `zzz`
  test.rhai:9:5
  |     zzz: 1,
  |     ^^^
  help: There is `path`, `content`, `labels`, `mode`, `after`, `retries`, `serial`, `tags`, `timeout` and `when`.
krun::arg-type: the arguments of `file` must be a map
  test.rhai:11:11
  | file("d", "/x");
  |           ^^^^
  help: Write them as `#{name: value}`.
krun::arg-type: `port` of `kafka::broker` must be a port (1 to 65535)
  test.rhai:12:42
  | kafka::broker("e", #{config: "/e", port: 70_000});
  |                                          ^^^^^^ this is 70000
"#);
}

#[test]
fn functions_are_checked_before_anything_runs() {
    insta::assert_snapshot!(wrong(r#"
fn helper(a, b) { a + b }
if false {
    fiel("a", #{path: "/a"});
    broker("b", #{});
    kafka::brokr("c", #{});
    kafka::nothing_like_it("c", #{});
    file("d");
    helper(1);
    hleper(1, 2);
    [1].psuh(2);
    let x = Fn("nothing");
}
"#), @r#"
krun::unknown-function: there is no function `fiel`
  test.rhai:5:5
  |     fiel("a", #{path: "/a"});
  |     ^^^^
  help: Did you mean `file`?
krun::unknown-function: there is no function `broker`
  test.rhai:6:5
  |     broker("b", #{});
  |     ^^^^^^
  help: Did you mean `kafka::broker`?
krun::unknown-function: there is no function `kafka::brokr`
  test.rhai:7:5
  |     kafka::brokr("c", #{});
  |     ^^^^^^^^^^^^
  help: Did you mean `kafka::broker`?
krun::unknown-function: there is no function `kafka::nothing_like_it`
  test.rhai:8:5
  |     kafka::nothing_like_it("c", #{});
  |     ^^^^^^^^^^^^^^^^^^^^^^
  help: There is `kafka::broker` and `kafka::topic::check`.
krun::arity: `file` takes 2 arguments and is given 1
  test.rhai:9:5
  |     file("d");
  |     ^^^^
krun::arity: `helper` takes 2 arguments and is given 1
  test.rhai:10:5
  |     helper(1);
  |     ^^^^^^
krun::unknown-function: there is no function `hleper`
  test.rhai:11:5
  |     hleper(1, 2);
  |     ^^^^^^
  help: Did you mean `helper`?
krun::unknown-function: there is no function `psuh`
  test.rhai:12:9
  |     [1].psuh(2);
  |         ^^^^
  help: Did you mean `push`?
krun::unknown-function: there is no function `nothing`
  test.rhai:13:16
  |     let x = Fn("nothing");
  |                ^^^^^^^^^
"#);
}

#[test]
fn addresses() {
    insta::assert_snapshot!(wrong(r#"
file("A b", #{path: "/a"});
file(7, #{path: "/a"});
file("same", #{path: "/1"});
directory("same", #{path: "/2"});
for i in 0..2 {
    file("loop", #{path: `/${i}`});
}
"#), @r#"
krun::bad-address: `A b` is not a name: use lower-case letters, digits, `.`, `_` and `-`, starting with a letter or digit, in segments joined by `/`
  test.rhai:3:6
  | file("A b", #{path: "/a"});
  |      ^^^^^
krun::bad-address: a step's address must be a string
  test.rhai:4:6
  | file(7, #{path: "/a"});
  |      ^
krun::duplicate-address: two steps have the address `same`
  test.rhai:6:11
  | directory("same", #{path: "/2"});
  |           ^^^^^^
  test.rhai:5:1
  | file("same", #{path: "/1"});
  | ^^^^ the first is declared here
  help: Give each step an address of its own.
krun::duplicate-address: two steps have the address `loop`
  test.rhai:8:10
  |     file("loop", #{path: `/${i}`});
  |          ^^^^^^ both are declared here
  help: Put what tells them apart (a broker's id, a host's name) into the address.
"#);
}

#[test]
fn handles_say_what_can_be_computed() {
    let runbook = good(
        r#"
let a = file("a", #{path: "/a"});
if a.path == "/a" && a.address == "a" && `${a}` == "a" {
    a.path.pad(2, 'x');
    let n = a.path.len() + a.digest.type_of().len();
    file("b", #{path: a.path + "/b", content: a.digest, labels: [a.tag, a]});
}
"#,
    );
    assert_eq!(runbook.steps[1].after[0].as_str(), "a");
    insta::assert_debug_snapshot!(runbook.steps[1].args, @r#"
{
    "content": Output {
        step: Address(
            "a",
        ),
        name: "digest",
    },
    "labels": List(
        [
            Output {
                step: Address(
                    "a",
                ),
                name: "tag",
            },
            Str(
                "a",
            ),
        ],
    ),
    "path": Str(
        "/a/b",
    ),
}
"#);
}

#[test]
fn handles_have_no_other_properties() {
    insta::assert_snapshot!(wrong(r#"
let b = kafka::broker("b", #{config: "/b"});
file("a", #{path: "/a", content: b.clustr_id});
b.port = 7;
let broken = file("c", #{});
file("d", #{path: "/d", content: broken.anything});
"#), @r#"
krun::unknown-output: a step of kind `kafka::broker` has no `clustr_id`
  test.rhai:4:36
  | file("a", #{path: "/a", content: b.clustr_id});
  |                                    ^^^^^^^^^
  help: Did you mean `cluster_id`? There is `cluster_id`, `pid` and `address`.
krun::read-only: `port` of a step can't be set
  test.rhai:5:3
  | b.port = 7;
  |   ^^^^
  help: Give it among the arguments of the step.
krun::missing-arg: `file` must be given `path`
  test.rhai:6:14
  | let broken = file("c", #{});
  |              ^^^^
  help: It is an absolute path: where it is
"#);
}

#[test]
fn kinds_can_refuse_arguments() {
    insta::assert_snapshot!(wrong("file(\"a\", #{path: \"/\"});"), @r#"
krun::script: a file can't be the root: it is a folder
  test.rhai:2:1
  | file("a", #{path: "/"});
  | ^^^^
  help: Name a file below it.
"#);
}

#[test]
fn reserved_words_of_rhai_are_names_here() {
    let runbook = good(
        r#"
package("java", #{names: ["java"]});
kafka::broker("b", #{config: "/b", default: true});
"#,
    );
    assert_eq!(runbook.steps[0].kind, "package");
    assert_eq!(codes("let match = 1;"), ["krun::syntax"]);
}

#[test]
fn each_wrong_thing_is_found_in_one_pass() {
    assert_eq!(
        codes(
            r#"
phase(1);
gate(2);
file("a", #{});
file("a b", #{path: "/"});
file("c", #{path: "/c", after: 7});
file("d", #{path: "/d", after: "nobody"});
"#
        ),
        [
            "krun::arg-type",
            "krun::arg-type",
            "krun::missing-arg",
            "krun::bad-address",
            "krun::arg-type",
            "krun::unknown-step"
        ]
    );
}
