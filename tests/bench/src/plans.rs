//! Plans of many steps, and the time to do nothing.

use std::time::Duration;

use crate::{
    table::{Row, Times},
    work::{Work, timed, timed_with_memory, times},
};

const GIB: u64 = 1 << 30;
/// The exit code of a plan with something in its way: the machine lacks the memory for the processes.
const IN_THE_WAY: i32 = 4;

/// `krun --version`.
pub fn version(work: &Work) -> Result<Vec<Row>, String> {
    let taken = Times::new(times(21, || timed(&mut work.krun(&["--version"])))?);
    let reached = taken.median() <= 0.005;
    Ok(vec![Row::judged(
        "`krun --version`",
        "at most 0.005 s",
        taken.text(),
        reached,
    )])
}

/// The plans.
pub fn measure(work: &Work) -> Result<Vec<Row>, String> {
    let root = work.path("many").to_string_lossy().into_owned();
    let trivial = format!(
        "runbook(#{{ name: \"trivial\", version: \"1.0.0\", summary: \"many\" }});\n\
         for n in 0..100000 {{ file(`f-${{n}}`, #{{ path: `{root}/${{n}}`, content: \"\" }}); }}\n"
    );
    // Each server with a configuration file of its own, which is not there yet; the distribution is a
    // folder with a jar by name and Java the one on the search path.
    let mixed = format!(
        "runbook(#{{ name: \"mixed\", version: \"1.0.0\", summary: \"many\" }});\n\
         let java = kafka::java(\"java\", #{{ kafka_version: \"3.9.1\" }});\n\
         for n in 0..5000 {{\n\
           let root = `{root}/${{n}}`;\n\
           let config = file(`server-${{n}}/config`, #{{ path: `${{root}}/zookeeper.properties`,\n\
             content: `dataDir=${{root}}/data\\nclientPort=${{n + 20000}}\\n` }});\n\
           zookeeper::server(`server-${{n}}`, #{{ config: `${{root}}/zookeeper.properties`, java: java.bin,\n\
             home: `{root}/home`, heap: \"64m\", address: \"127.0.0.1\", port: n + 20000,\n\
             data_dir: `${{root}}/data`, data_log_dir: `${{root}}/data`, log_dir: `${{root}}/logs`, after: config }});\n\
         }}\n"
    );
    work.write("many/home/libs/kafka_2.13-3.9.1.jar", "")?;
    let mixed = work.write("mixed.rhai", &mixed)?;
    let trivial = work.write("trivial.rhai", &trivial)?;
    let plan = |path: &std::path::Path| -> Result<(Times, u64), String> {
        let path = path.to_string_lossy();
        let runs = times(5, || {
            let mut command = work.krun(&["--quiet", "plan", &path]);
            let (time, code, memory) = timed_with_memory(&mut command)?;
            match code {
                Some(0 | IN_THE_WAY) => Ok((time, memory)),
                other => Err(format!("the plan of {path} ended with {other:?}")),
            }
        })?;
        let memory = runs.iter().map(|(_, memory)| *memory).max();
        let taken = Times::new(runs.into_iter().map(|(time, _): (Duration, u64)| time));
        Ok((taken, memory.unwrap_or_default()))
    };
    let row = |what: &str, limit: f64, (taken, memory): (Times, u64)| {
        Row::judged(
            what,
            &format!("under {limit} s and 1 GiB"),
            format!("{}, {} MiB", taken.text(), memory >> 20),
            taken.median() < limit && memory < GIB,
        )
    };
    Ok(vec![
        row(
            "plan of 10,000 steps: 5,000 files and the 5,000 ZooKeeper servers that read them",
            0.3,
            plan(&mixed)?,
        ),
        row(
            "plan of 100,000 trivial steps (empty files)",
            1.0,
            plan(&trivial)?,
        ),
    ])
}
