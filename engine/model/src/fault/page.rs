//! What the reference says of each kind of fault: one entry a code, in the order of the codes.
//!
//! Owns the prose; `krun doc --errors` makes the page of it. Links are relative to that page.

use super::FaultCode;

/// What the reference says of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultPage {
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub cure: &'static str,
}

impl FaultCode {
    /// All codes.
    pub const ALL: &[Self] = &[
        Self::Usage,
        Self::Script,
        Self::IdentityChanged,
        Self::Prerequisite,
        Self::PortTaken,
        Self::DiskFull,
        Self::Io,
        Self::Command,
        Self::Download,
        Self::ProcessDied,
        Self::Timeout,
        Self::Conflict,
        Self::Drifted,
        Self::PlanStale,
        Self::Cluster,
        Self::ProofFailed,
        Self::NotConverged,
        Self::Locked,
        Self::StateDamaged,
        Self::StateNewer,
        Self::State,
        Self::InDoubt,
        Self::Secret,
        Self::SecretKey,
        Self::Plugin,
        Self::NotGranted,
        Self::NeedsConfirmation,
        Self::Cancelled,
        Self::Internal,
    ];

    /// What the reference says of it.
    pub fn page(self) -> FaultPage {
        let (meaning, cure) = match self {
            Self::Usage => (
                "The command line is wrong, a file of parameters cannot be read, the file of log \
                 patterns has another shape, or you named a deployment or run that is not there.",
                "The help lines say what is there. `krun help` lists the commands, `krun history` \
                 the runs. If a deployment that you know is not found, you are probably looking \
                 into another state folder: see `--state`.",
            ),
            Self::Script => (
                "An argument of a step is refused by its kind, such as a heap that is no amount \
                 of memory or a Kafka version that krun does not know. In a runbook it is shown \
                 with the source underlined.",
                "Correct the argument, or the parameter that it comes from.",
            ),
            Self::IdentityChanged => (
                "A parameter marked `identity` differs from that of the deployment, such as \
                 another `root`. The old and the new value are shown.",
                "Give the new deployment a name of its own with `--as NAME`, or take the old one \
                 back first with `krun rollback`. See [Identity](../parameters.md#identity).",
            ),
            Self::Prerequisite => (
                "The machine lacks something: a Java that this Kafka runs on, Maven, the right to \
                 install a package, memory.",
                "The help lines name the command that gets it, such as `sudo apt-get install -y \
                 …`. For memory: krun asks for the heap of every process it will start plus 150 \
                 MiB each. Give them less, end something else, or take a larger machine. In a \
                 container, the limit of the container counts.",
            ),
            Self::PortTaken => (
                "Somebody else listens on a port that a process of the runbook needs. The process \
                 is named if your user may see it. If it belongs to another deployment of krun, \
                 that is said.",
                "End that process, stop that deployment, or choose other ports by parameter. If \
                 the process belongs to another user, `sudo ss -ltnp` names it.",
            ),
            Self::DiskFull => (
                "A filesystem is full, or has less room than the steps need. This can be the \
                 filesystem of `root`, of the download cache or of the state folder.",
                "Free some room, then give the same command again. Nothing is lost: a file is \
                 either the old one or the new one. To move the state folder elsewhere, use \
                 `--state`; to move `root`, it must be a new deployment.",
            ),
            Self::Io => (
                "A file or folder could not be read or written: missing rights, a read-only \
                 filesystem, a defect of the disk. Before a run it also means that a path which a \
                 step writes is not writable.",
                "Choose a folder that this user can write, or change its rights. For a defect of \
                 the disk see the system's log.",
            ),
            Self::Command => (
                "A command that krun ran, such as `apt-get`, ended with an error. Its last lines \
                 are shown.",
                "Run the command by hand to see more, remove the cause, then run again.",
            ),
            Self::Download => (
                "A download was cut or failed, an archive is not what its checksum says, or \
                 `--offline` forbids what is missing. What was wanted and what came is shown, or \
                 what Maven said. See [Where Kafka comes from](../sources.md).",
                "Give the same command again; Maven goes on from what it has. Behind a proxy or \
                 with a mirror, see `<proxies>` and `<mirrors>` in `~/.m2/settings.xml`. Without \
                 a network, name the folder of an unpacked distribution, in the first runbook \
                 with `--param kafka_home=/absolute/path`.",
            ),
            Self::ProcessDied => (
                "A process ended while it was starting, or said something that is known to keep \
                 it from serving. The lines of its log that matter are shown, with cause and cure \
                 if the error is [known](../errors.md#log-patterns).",
                "Follow the cure. `krun logs STEP` prints more of the log. Then run again: what \
                 was started before is recognised.",
            ),
            Self::Timeout => (
                "Something did not happen in the time given: a process was not ready, a topic did \
                 not become whole, a process did not end.",
                "A process that was not ready goes on; the next run waits for it again. If the \
                 machine is just slow, give it more time, in the first runbook with `--param \
                 start_timeout=300`.",
            ),
            Self::Conflict => (
                "What is there differs from what is wanted in a way that krun does not change by \
                 itself: a folder where a file should be, a topic with other partitions or \
                 replicas, a folder that is to be cleaned while a process uses it, a distribution \
                 of another version, a properties file that Java would refuse. Or what the journal \
                 knows stands in the way: a part is to be taken back that a later run rests on, a \
                 history is to move to an address that has its own.",
                "Decide what is right. Move away what is there, or change the runbook or the \
                 parameter. Take later runs back first, the newest before the others.",
            ),
            Self::Drifted => (
                "A rollback would overwrite what somebody else changed since krun wrote it. Each \
                 target is listed with what krun left and what is there now. Nothing was touched.",
                "Save what you need, then `krun rollback --force`. See [What somebody else \
                 changed](../state-and-rollback.md#what-somebody-else-changed).",
            ),
            Self::PlanStale => (
                "What a plan in a file rests on is no longer so: the machine, or the deployment's \
                 journal, has moved on since `krun plan --out` wrote it. The steps that would now \
                 be done otherwise are listed. If that came out in the middle of a run, what was \
                 done until then stays done.",
                "Make a new plan and look at it. See [A plan in a \
                 file](../plans.md#a-plan-in-a-file).",
            ),
            Self::Cluster => (
                "Kafka or ZooKeeper refused a request, or could not be reached.",
                "`krun status` shows which processes run, `krun start` starts them, `krun logs \
                 STEP` shows what they say. A replication factor needs that many running brokers.",
            ),
            Self::ProofFailed => (
                "A proof found that the cluster is not what it should be: a partition without a \
                 leader or with replicas out of sync, records that did not come back or came back \
                 different.",
                "The lines show what was wanted and what was seen. Look at `krun status \
                 --cluster` and the logs. The proof runs again with the next run.",
            ),
            Self::NotConverged => (
                "A step was applied, and a look right after it still found a difference. The \
                 differences are shown.",
                "Either something else changes the same thing at the same time, such as a \
                 configuration manager, or two steps want different things.",
            ),
            Self::Locked => (
                "Another krun holds the deployment. Its user, host, pid and command are named, \
                 and since when it holds it.",
                "Wait until it has ended. There is no need for an unlock by hand: the lock goes \
                 with the process, however that ends. See [One run at a \
                 time](../state-and-rollback.md#one-run-at-a-time).",
            ),
            Self::StateDamaged => (
                "The state store is not as krun left it: an entry is missing or altered, a blob \
                 is missing or has other content, or the file is something else.",
                "`krun state check` says what is damaged, `krun state repair --plan` what a repair \
                 would keep; a repair copies what is damaged before it does anything. See [Looking \
                 after the state](../state.md). Or restore the folder from a backup, or name \
                 another folder with `--state`. With another folder krun knows nothing of what it \
                 did before: it takes what is there as found, and cannot take it back.",
            ),
            Self::StateNewer => (
                "A newer krun wrote the state store, and this one cannot read it. Nothing was \
                 changed.",
                "Use a krun that is at least as new, or name another state folder.",
            ),
            Self::State => (
                "The state store cannot be read or written: missing rights, a filesystem that \
                 does not lock files, a disk that reports errors.",
                "Let this user write to the folder and the files in it, or name a folder on a \
                 local filesystem with `--state`. An effect whose intent could not be written was \
                 not performed.",
            ),
            Self::InDoubt => (
                "After a crash, an effect had been begun, and what is there now is neither what \
                 was before it nor what was wanted. Somebody changed it since, or the effect was \
                 cut in a way that should not happen. All three states are shown.",
                "Decide with `krun resolve STEP`: `--adopt` takes it as it is found, `--redo` brings \
                 about what was wanted, `--undo` puts back what was before. On a terminal the run \
                 asks. Or put the target back to one of the two by hand and run again. See [Effects \
                 in doubt](../state-and-rollback.md#effects-in-doubt).",
            ),
            Self::Secret => (
                "The value of a secret that the runbook refers to is not where it was looked for: the \
                 environment variable is not set, the file is missing, the command failed or printed \
                 nothing. Nothing was touched.",
                "Set the variable that is named, or say where the value is had from: `--secret \
                 NAME=env:VARIABLE`, `file:PATH` or `command:PROGRAM ARGUMENTS`. See \
                 [Secrets](../secrets.md).",
            ),
            Self::SecretKey => (
                "The journal holds sealed content of files with secrets, and the key that opens it is \
                 missing, is another one, or can be read by others. Nothing is lost: what is sealed \
                 stays as it is, and a rollback takes back everything else.",
                "Put the key back to where it was (`secret.key` in krun's configuration folder), or \
                 name it with `KRUN_KEY_FILE`. See [Secrets](../secrets.md#the-key).",
            ),
            Self::Plugin => (
                "A plugin ended badly: it trapped, computed or grew beyond its limits, or said \
                 something that its contract does not allow; or its file is not the one that \
                 `krun.lock` pins, or is no plugin. The step fails, and nothing else.",
                "The lines below the message name the plugin, its function, and where in the plugin \
                 it was. Report them to its authors. If the file was changed on purpose, look at it \
                 with `krun plugin inspect` and add it again with `krun plugin add`.",
            ),
            Self::NotGranted => (
                "A plugin asked for a file, a command, a server or a cluster that `krun.lock` does \
                 not grant it.",
                "The help line has the grant that is missing. Add it to `krun.lock` if the plugin is \
                 meant to have it; the file is reviewed like code.",
            ),
            Self::NeedsConfirmation => (
                "A person has to agree, and there is no terminal to ask on: before a rollback, \
                 and before steps that cannot be taken back. Where that shows only during a run, \
                 as when the cluster was down while the plan was made, the step is not done, and \
                 the next run asks.",
                "Say yes beforehand with `--yes`. `krun rollback --plan` and `krun plan` show \
                 what you agree to.",
            ),
            Self::Cancelled => (
                "The run was told to stop, by Ctrl-C, SIGTERM or SIGHUP, or the answer to a \
                 question was not yes.",
                "After a stop, what is done stays done. Run again to go on.",
            ),
            Self::Internal => (
                "A defect in krun: something happened that other code was to rule out.",
                "Please report it, with the output of `krun show last`. The journal is written \
                 before each effect, so running again is safe.",
            ),
        };
        FaultPage { meaning, cure }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_listed_once() {
        // A code that is added to the enum has to be added to `page`, or nothing compiles; this finds
        // one that is missing from the list.
        let source = include_str!("../fault.rs");
        let body = source.split("pub enum FaultCode {").nth(1).unwrap();
        let body = body.split("\n}").next().unwrap();
        let names: Vec<_> = body
            .lines()
            .filter_map(|line| line.trim().strip_suffix(','))
            .collect();
        let listed: Vec<_> = FaultCode::ALL.iter().map(|c| format!("{c:?}")).collect();
        assert_eq!(listed, names);
        for code in FaultCode::ALL {
            let FaultPage { meaning, cure } = code.page();
            assert!(meaning.ends_with('.') && cure.ends_with('.'), "{code:?}");
        }
    }
}
