//! Twenty edits of a properties file, nothing to do: krun, bash, and the rivals from PyPI.

use std::{fs, process::Command};

use crate::{
    table::{Row, Times},
    work::{Work, finished, installed, timed, times},
};

const EDITS: usize = 20;

/// krun and all rivals that can be had.
pub fn measure(work: &Work) -> Result<Vec<Row>, String> {
    let file = work.write(
        "edits/server.properties",
        &(0..200)
            .map(|n| format!("other.{n}=x\n"))
            .collect::<String>(),
    )?;
    let path = file.to_string_lossy().into_owned();
    let mut runbook =
        "runbook(#{ name: \"edits\", version: \"1.0.0\", summary: \"edits\" });\nlet before = [];\n".to_owned();
    for n in 0..EDITS {
        runbook.push_str(&format!(
            "before = properties(\"edit-{n}\", #{{ path: \"{path}\", set: #{{ \"key.{n}\": \"{n}\" }}, after: before }});\n"
        ));
    }
    let runbook = work.write("edits.rhai", &runbook)?;
    let runbook = runbook.to_string_lossy().into_owned();
    let krun = || work.krun(&["--quiet", &runbook, "--yes"]);
    finished(&mut krun())?;
    let made = fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let taken = Times::new(times(11, || timed(&mut krun()))?);
    let mut rows = vec![Row::judged(
        "20 property edits, nothing to do, state durable: krun",
        "at most 0.02 s",
        taken.text(),
        taken.median() <= 0.02,
    )];
    let rivals: [(&str, Result<Command, String>); 3] = [
        ("bash with grep", bash(work, &path)),
        ("pyinfra", pyinfra(work, &path)),
        ("ansible-core", ansible(work, &path)),
    ];
    for (name, command) in rivals {
        let what = format!("the same: {name}");
        let measured = command.and_then(|mut command| {
            finished(&mut command)?;
            Ok(Times::new(times(3, || timed(&mut command))?).text())
        });
        rows.push(match measured {
            Ok(text) => Row::beside(&what, text),
            Err(why) => Row::beside(&what, format!("not measured: {why}")),
        });
    }
    let left = fs::read_to_string(&file).map_err(|error| error.to_string())?;
    if left != made {
        return Err("a rival changed the file: it was not asked for the same".to_owned());
    }
    Ok(rows)
}

fn bash(work: &Work, path: &str) -> Result<Command, String> {
    let mut script = "set -eu\n".to_owned();
    for n in 0..EDITS {
        script.push_str(&format!(
            "grep -qx 'key.{n}={n}' '{path}' || echo 'key.{n}={n}' >> '{path}'\n"
        ));
    }
    let script = work.write("edits.sh", &script)?;
    let mut command = Command::new("bash");
    command.arg(script);
    Ok(command)
}

fn ansible(work: &Work, path: &str) -> Result<Command, String> {
    let mut playbook =
        "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n".to_owned();
    for n in 0..EDITS {
        playbook.push_str(&format!(
            "    - ansible.builtin.lineinfile: {{path: {path}, regexp: '^key\\.{n}=', line: 'key.{n}={n}'}}\n"
        ));
    }
    let playbook = work.write("edits.yml", &playbook)?;
    let program = installed(work, "ansible-core", "ansible-playbook")?;
    let python = program.with_file_name("python3");
    let mut command = Command::new(program);
    command
        .args(["-i", "localhost,", "-e"])
        .arg(format!("ansible_python_interpreter={}", python.display()))
        .arg(playbook)
        .env("ANSIBLE_HOME", work.path("ansible"))
        .env("LC_ALL", "C.UTF-8");
    Ok(command)
}

fn pyinfra(work: &Work, path: &str) -> Result<Command, String> {
    let mut deploy = "from pyinfra.operations import files\n".to_owned();
    for n in 0..EDITS {
        deploy.push_str(&format!(
            "files.line(path='{path}', line=r'^key\\.{n}=.*', replace='key.{n}={n}')\n"
        ));
    }
    let deploy = work.write("edits.py", &deploy)?;
    let mut command = Command::new(installed(work, "pyinfra", "pyinfra")?);
    command
        .args(["-y", "@local"])
        .arg(deploy)
        .current_dir(work.path("edits"));
    Ok(command)
}
