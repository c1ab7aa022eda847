//! Effects, their ways back and their outcomes, in words.

use krun_model::{Effect, TargetState, Undo, journal::Outcome, plugin::PluginAct};

/// What an effect does: `write /etc/x (mode 0644)`.
pub(crate) fn effect_words(effect: &Effect) -> String {
    match effect {
        Effect::WriteFile {
            path,
            content,
            mode,
            ..
        } => format!("write {path} ({}, mode {mode:04o})", content.digest.short()),
        Effect::RemoveFile { path } => format!("remove {path}"),
        Effect::MakeDir { path, mode } => format!("make folder {path} (mode {mode:04o})"),
        Effect::RemoveDir { path } => format!("remove folder {path}"),
        Effect::Link { path, to } => format!("link {path} to {to}"),
        Effect::Move { from, to } => format!("move {from} → {to}"),
        Effect::Claim { path, .. } => format!("claim what will appear in {path}"),
        Effect::Release {
            path, quarantine, ..
        } => format!("set aside what is in {path} → {quarantine}"),
        Effect::StartProcess(spec) => format!("start process {}", spec.id.step),
        Effect::StopProcess { id, .. } => format!("stop process {}", id.step),
        Effect::InstallPackages { names } => format!("install packages {}", names.join(" ")),
        Effect::CreateTopic { topic, spec } => format!(
            "create topic {} ({} partitions × {} replicas)",
            topic.name, spec.partitions, spec.replication_factor
        ),
        Effect::DeleteTopic { topic } => format!("delete topic {}", topic.name),
        Effect::Produce { topic, records, .. } => {
            format!("produce {records} records into topic {}", topic.name)
        }
        Effect::AddPartitions { topic, total } => {
            format!("add partitions to topic {} ({total} in all)", topic.name)
        }
        Effect::AlterConfigs { configs, changes } => {
            let changes: Vec<_> = changes
                .iter()
                .map(|(key, value)| match value {
                    Some(value) => format!("{key}={value}"),
                    None => format!("{key} as by default"),
                })
                .collect();
            format!("set {} of {}", changes.join(", "), configs.of)
        }
        Effect::CommitOffsets { group, offsets } => format!(
            "commit where group {} is in topic {} ({} partitions)",
            group.id,
            group.topic,
            offsets.len()
        ),
        Effect::DeleteGroup { group } => format!("delete group {}", group.id),
        Effect::Reassign {
            moves, throttle, ..
        } => {
            let limit = throttle.map_or(String::new(), |rate| {
                format!(", at most {rate} bytes/s a broker")
            });
            format!("move the replicas of {} partitions{limit}", moves.len())
        }
        Effect::ElectLeaders { leaders, .. } => {
            format!("elect the preferred leader of {} partitions", leaders.len())
        }
        Effect::PluginAct(act) => format!("let {} apply {}", called(act), act.kind),
        Effect::PluginUndo { act, .. } => format!("let {} undo {}", called(act), act.kind),
        Effect::Keep { plugin, kept, .. } => {
            let pairs = kept.pairs.iter();
            let pairs: Vec<_> = pairs
                .map(|(key, value)| format!("{key}={}", few(value)))
                .collect();
            match pairs.is_empty() {
                true => format!("keep nothing more for plugin {plugin}"),
                false => format!("keep for plugin {plugin}: {}", pairs.join(", ")),
            }
        }
    }
}

fn called(act: &PluginAct) -> String {
    let component = act.component.short();
    format!("plugin {} {} ({component})", act.plugin, act.version)
}

/// The beginning of a text that a plugin keeps.
fn few(text: &str) -> String {
    let mut chars = text.chars();
    let begins: String = chars.by_ref().take(80).collect();
    match chars.next() {
        Some(_) => format!("{begins}…"),
        None => begins,
    }
}

/// How an effect is taken back.
pub(crate) fn undo_way(undo: &Undo, before: &TargetState) -> String {
    match undo {
        Undo::By(Effect::WriteFile { path, .. }) => format!("restore {path} ({before})"),
        Undo::By(effect) => effect_words(effect),
        Undo::Contained(target) => format!("goes away with {target}"),
        Undo::Forgotten => "goes with its entry in the journal".to_owned(),
        Undo::Kept => "stays, on purpose".to_owned(),
        Undo::Irreversible(why) => format!("not possible: {why}"),
    }
}

/// How an effect ended.
pub(crate) fn outcome_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(state) => format!("done: {state}"),
        Outcome::Recovered(state) => format!("found done after an interruption: {state}"),
        Outcome::NotDone(why) => format!("not done: {why}"),
    }
}
