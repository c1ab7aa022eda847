//! What programs of the simulated machine do to its files: Java, Maven with a repository of jars, and
//! the errand that makes a class-data archive.
//!
//! Owns just enough of each that what krun finds afterwards is as the real ones leave it, half-done
//! where they are cut off. A program that is not here is refused by whoever asks for it.

use std::{sync::PoisonError, time::Duration};

use camino::Utf8Path;
use krun_model::{Digest, host::CommandOutput};

use crate::{
    fate::{Luck, Now},
    machine::SimMachine,
    tree::Node,
    world::World,
};

/// The Java that is there.
const JAVA: &str = "/usr/lib/jvm/java-17-openjdk-amd64";
const JAVA_VERSION: &str = "17.0.15";
/// How long a download takes, in simulated milliseconds.
const DOWNLOAD_MS: (u64, u64) = (200, 5_000);
/// What marks a folder of jars as whole.
const COMPLETE: &str = ".complete";

/// A machine has a Java from the beginning.
pub fn plant_java(world: &mut World) {
    let home = Utf8Path::new(JAVA);
    let release = format!("IMPLEMENTOR=\"simulated\"\nJAVA_VERSION=\"{JAVA_VERSION}\"\n");
    let files = &mut world.files;
    files.plant(
        &home.join("release"),
        Node::file(release.into_bytes(), 0o644),
    );
    files.plant(&home.join("bin/java"), Node::file(*b"\x7fELF", 0o755));
}

impl World {
    /// A package comes, with the program that it is for.
    pub(crate) fn install(&mut self, name: &str) {
        self.packages.insert(name.to_owned());
        if name == "maven" {
            let path = Utf8Path::new("/usr/bin/mvn");
            self.files.plant(path, Node::file(*b"#!", 0o755));
            self.of_packages.insert(path.to_owned());
        }
    }
}

fn said(code: i32, stdout: &str) -> CommandOutput {
    CommandOutput {
        code: Some(code),
        stdout: stdout.to_owned(),
        stderr: String::new(),
    }
}

impl SimMachine {
    /// What a program says that only looks; none for one that is not known.
    pub(crate) async fn answers(&self, argv: &[String]) -> Option<CommandOutput> {
        self.fate.look().await;
        let words: Vec<_> = argv.iter().map(String::as_str).collect();
        match words.as_slice() {
            [java, "-version"] if java.starts_with(JAVA) => Some(CommandOutput {
                stderr: format!("openjdk version \"{JAVA_VERSION}\"\n"),
                ..said(0, "")
            }),
            ["id", "-u"] => Some(said(0, "0\n")),
            ["apt-cache", "show", name] => Some(said(0, &format!("Package: {name}\n"))),
            _ => None,
        }
    }

    /// What a command does that fills a cache; none for one that is not known.
    pub(crate) async fn fills_a_cache(&self, argv: &[String]) -> Option<CommandOutput> {
        let words: Vec<_> = argv.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["sh", "-c", script, "krun-maven", work, folder, pom, _]
                if script.contains("dependency:copy-dependencies") =>
            {
                Some(self.maven(work.as_ref(), folder.as_ref(), pom).await)
            }
            ["sh", "-c", script, "krun-maven", folder] if script.starts_with("mv ") => {
                let mut world = self.world();
                let aside = world.name("broken");
                let to = format!("{folder}.work-{aside}");
                let moved = world.files.rename(folder.as_ref(), to.as_ref());
                Some(said(i32::from(moved.is_err()), ""))
            }
            _ => None,
        }
    }

    /// Jars are gathered in a folder of their own, which is renamed into place as a whole.
    async fn maven(&self, work: &Utf8Path, folder: &Utf8Path, pom: &str) -> CommandOutput {
        let complete = folder.join("libs").join(COMPLETE);
        let jars = jars(pom);
        let half = jars.len() / 2;
        let take = |world: &mut World, jars: &[String]| {
            for jar in jars {
                let node = Node::file(jar.clone().into_bytes(), 0o644);
                world.files.plant(&work.join("libs").join(jar), node);
            }
        };
        let luck = self.fate.luck("download");
        for part in [&jars[..half], &jars[half..]] {
            let time = self.world().draw(DOWNLOAD_MS);
            tokio::time::sleep(Duration::from_millis(time)).await;
            match self.fate.moment(("within", "download"), || {
                format!("within mvn for {folder}")
            }) {
                Now::Dead => return std::future::pending().await,
                Now::Befalls(mishap) => self.befalls(mishap),
                Now::GoesOn => {}
            }
            if luck == Luck::Fails {
                self.fate.say(|| format!("mvn for {folder} breaks off"));
                return said(1, "[ERROR] Could not transfer artifact: simulated\n");
            }
            take(&mut self.world(), part);
        }
        let mut world = self.world();
        if world.files.get(&complete).is_none() {
            let lines = jars.iter().map(|jar| format!("{} {jar}\n", jar.len()));
            let list: String = lines.collect();
            let list = Node::file(list.into_bytes(), 0o644);
            world.files.plant(&work.join("libs").join(COMPLETE), list);
            if world.files.rename(work, folder).is_err() {
                return said(1, "[ERROR] simulated: the folder is in the way\n");
            }
        }
        drop(world);
        match luck {
            Luck::FailsLate => said(1, "[ERROR] simulated: broken off at the end\n"),
            _ => said(0, ""),
        }
    }

    /// Errands go on when krun has ended, whoever kills it; whether one comes to its end is the seed's.
    pub(crate) async fn do_errands(&self) {
        self.fate.look().await;
        let errands = {
            let mut errands = self.errands.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *errands)
        };
        for errand in errands {
            let words: Vec<_> = errand.argv.iter().map(String::as_str).collect();
            let at = words.iter().position(|word| *word == "krun-archive");
            let Some([folder, name, ..]) = at.and_then(|at| words.get(at + 1..)) else {
                continue;
            };
            let mut world = self.world();
            let folder = Utf8Path::new(folder);
            if self.fate.pick(8) == 0 {
                let failed = folder.join(format!("{name}.failed"));
                world.files.plant(&failed, Node::file(*b"1\n", 0o644));
                continue;
            }
            for role in ["zookeeper", "broker"] {
                let archive = format!("{name}-{role}.jsa");
                let bytes = archive.clone().into_bytes();
                let sum = Digest::of(&bytes).to_string().into_bytes();
                let sum_file = folder.join(format!("{archive}.sha256"));
                world
                    .files
                    .plant(&folder.join(&archive), Node::file(bytes, 0o644));
                world.files.plant(&sum_file, Node::file(sum, 0o644));
            }
            let complete = folder.join(format!("{name}.complete"));
            world.files.plant(&complete, Node::file(*b"", 0o644));
        }
    }
}

/// The jars that a repository has for a pom: each artifact that it names, and one that it depends on.
fn jars(pom: &str) -> Vec<String> {
    let part = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once('<')?.0.to_owned())
    };
    let mut jars = vec![];
    for dependency in pom.split("<dependency>").skip(1) {
        let name = part(dependency, "artifactId").zip(part(dependency, "version"));
        if let Some((artifact, version)) = name {
            jars.push(format!("{artifact}-{version}.jar"));
            jars.push(format!("that-{artifact}-needs-{version}.jar"));
        }
    }
    jars.sort();
    jars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jars_of_a_pom() {
        let pom = "<dependencies><dependency><groupId>g</groupId><artifactId>kafka_2.13</artifactId>\
                   <version>3.9.1</version></dependency></dependencies>";
        assert_eq!(
            jars(pom),
            ["kafka_2.13-3.9.1.jar", "that-kafka_2.13-needs-3.9.1.jar"]
        );
    }
}
