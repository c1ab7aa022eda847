//! `krun help`: of a runbook, its prose and parameters; of a command, what clap says.

use std::process::ExitCode;

use camino::Utf8Path;
use clap::CommandFactory as _;
use krun_model::{Fault, FaultCode, ParamSpec, ParamType};
use krun_script::Loader;

use super::Outcome;
use crate::{
    args::{Cli, HelpArgs},
    context::Context,
    registry,
    runbooks::RunbookFile,
};

pub fn help(context: &Context, args: HelpArgs) -> Outcome {
    let mut command = Cli::command();
    let Some(topic) = args.topic else {
        context.print(&command.render_long_help().to_string());
        return Ok(ExitCode::SUCCESS);
    };
    command.build();
    if let Some(verb) = command.find_subcommand_mut(&topic) {
        context.print(&verb.render_long_help().to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if !Utf8Path::new(&topic).is_file() {
        return Err(Fault::new(
            FaultCode::Usage,
            format!("`{topic}` is no command and no runbook"),
        )
        .hint(
            "`krun help` lists the commands; a runbook is a .rhai file, or a plugin's .wasm file.",
        )
        .into());
    }
    let file = RunbookFile::open(context, &topic)?;
    let kinds = registry::kinds_for(context, &file)?.kinds;
    let loader = Loader::new(&kinds, context.path_base()?);
    let about = file.describe(&loader)?;
    if context.global.json {
        let object = serde_json::json!({
            "name": about.name, "version": about.version, "summary": about.summary,
            "doc": about.doc, "params": about.params,
        });
        context.print(&format!("{object}\n"));
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = format!("{} {}: {}\n", about.name, about.version, about.summary);
    if !about.doc.is_empty() {
        text.push_str(&format!("\n{}\n", about.doc.trim()));
    }
    text.push_str("\nParameters:\n");
    for param in &about.params {
        text.push_str(&param_text(param));
    }
    text.push_str(&format!(
        "\nSet them with `--param NAME=VALUE` or `--params FILE.yaml`:\n  krun {topic} --param NAME=VALUE\n"
    ));
    context.print(&text);
    Ok(ExitCode::SUCCESS)
}

fn param_text(param: &ParamSpec) -> String {
    let mut notes = Vec::new();
    match &param.default {
        Some(default) => notes.push(format!("default {default}")),
        None => notes.push("must be given".to_owned()),
    }
    let unit = match param.ty {
        ParamType::String => " characters",
        ParamType::List(_) => " items",
        _ => "",
    };
    if let (Some(min), Some(max)) = (param.min, param.max) {
        notes.push(format!("{min} to {max}{unit}"));
    } else if let Some(min) = param.min {
        notes.push(format!("at least {min}{unit}"));
    } else if let Some(max) = param.max {
        notes.push(format!("at most {max}{unit}"));
    }
    if !param.choices.is_empty() {
        let choices: Vec<_> = param.choices.iter().map(ToString::to_string).collect();
        notes.push(format!("one of {}", choices.join(", ")));
    }
    if param.identity {
        notes.push("identity: can't change while the deployment exists".to_owned());
    }
    let mut text = format!(
        "  {} <{}>  ({})\n",
        param.name,
        param.ty.word(),
        notes.join("; ")
    );
    for line in param.doc.lines() {
        text.push_str(&format!("      {}\n", line.trim()));
    }
    text
}
